/** Mantine's colours, where they are too faint to be read: text has a contrast of at least 4.5 to what it stands on. */
import { type CSSVariablesResolver, createTheme } from "@mantine/core";

export const THEME = createTheme({
  primaryShade: 8,
  respectReducedMotion: true,
  // Black or white on a filled colour, whichever is the further from it: they are equally far at this luminance.
  autoContrast: true,
  luminanceThreshold: 0.179,
  // What scrolls is reached by the keyboard, too.
  components: { ScrollArea: { defaultProps: { viewportProps: { tabIndex: 0 } } } },
});

export const readableColours: CSSVariablesResolver = (theme) => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-placeholder": "var(--mantine-color-gray-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    ...Object.fromEntries(
      Object.keys(theme.colors)
        .filter((name) => name !== "dark" && name !== "gray")
        .flatMap((name) =>
          // As text, the darkest shade of yellow or green is still too light on white.
          ["text", "light-color", "outline"].map((use) => [
            `--mantine-color-${name}-${use}`,
            `color-mix(in srgb, var(--mantine-color-${name}-9), black 30%)`,
          ]),
        ),
    ),
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-placeholder": "var(--mantine-color-dark-1)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
  },
});
