import { ActionIcon, useComputedColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";
import { type ComponentProps, lazy, Suspense, useEffect, useState } from "react";

/** A menu's code is large, and few open this one. */
const ColourMenu = lazy(() => import("./ColourMenu"));

const BAR_COLOURS = { light: "#ffffff", dark: "#242424" };

/** Dark, light, or as the system says; the browser remembers it. */
export function ColourScheme() {
  const [isWanted, setWanted] = useState(false);
  const shown = useComputedColorScheme("light");
  useEffect(() => {
    // The bar that a phone draws around the app.
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
      meta.setAttribute("content", BAR_COLOURS[shown]);
    }
  }, [shown]);
  const Chosen = shown === "dark" ? IconMoon : IconSun;
  const icon = <Chosen size={20} />;
  const before = (
    <ColourButton aria-haspopup="menu" aria-expanded={false} onClick={() => setWanted(true)}>
      {icon}
    </ColourButton>
  );
  if (!isWanted) return before;
  return (
    <Suspense fallback={before}>
      <ColourMenu>
        <ColourButton ref={takeFocus}>{icon}</ColourButton>
      </ColourMenu>
    </Suspense>
  );
}

/** It stands where the one stood that was pressed. */
const takeFocus = (button: HTMLButtonElement | null) => button?.focus();

function ColourButton(properties: ComponentProps<typeof ActionIcon<"button">>) {
  return <ActionIcon variant="subtle" size="lg" aria-label="Dark or light" {...properties} />;
}
