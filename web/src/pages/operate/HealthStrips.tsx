import { Box, Group, Stack, Text, Tooltip } from "@mantine/core";
import { shownTime } from "../../ui/times";
import { shownSpan } from "./durations";
import { type Piece, type Strip, type StripState, shareUp } from "./healthStrip";

const COLOURS: Readonly<Record<StripState, string>> = {
  UP: "var(--mantine-color-teal-6)",
  DEGRADED: "var(--mantine-color-orange-6)",
  DOWN: "var(--mantine-color-red-6)",
  UNKNOWN: "light-dark(var(--mantine-color-gray-3), var(--mantine-color-dark-4))",
};
const WORDS: Readonly<Record<StripState, string>> = {
  UP: "up",
  DEGRADED: "degraded",
  DOWN: "down",
  UNKNOWN: "not known",
};

/** A strip for each dependency, and what the colours mean. What they show stands in the table below as well. */
export function HealthStrips({ strips, from, to }: { strips: readonly Strip[]; from: number; to: number }) {
  return (
    <Stack gap="sm">
      {strips.map((strip) => (
        <Box key={strip.dependency}>
          <Group justify="space-between" mb={2}>
            <Text size="sm" fw={500}>
              {strip.dependency}
            </Text>
            <Text size="sm" c="dimmed">
              {shareUp(strip) === null ? "not known" : `up for ${shareUp(strip)} of what is known`}
            </Text>
          </Group>
          <Box
            role="img"
            aria-label={`${strip.dependency}: ${said(strip)}`}
            style={{ display: "flex", height: 26, borderRadius: 4, overflow: "hidden" }}
          >
            {strip.pieces.map((piece) => (
              <Tooltip key={piece.from} label={label(piece)}>
                <Box
                  style={{
                    flexGrow: piece.to - piece.from,
                    flexBasis: 0,
                    minWidth: piece.state === "UP" || piece.state === "UNKNOWN" ? 0 : 3,
                    background: COLOURS[piece.state],
                  }}
                />
              </Tooltip>
            ))}
          </Box>
        </Box>
      ))}
      <Group justify="space-between">
        {[from, to].map((moment) => (
          <Text key={moment} size="xs" c="dimmed">
            {shownTime(new Date(moment).toISOString())}
          </Text>
        ))}
      </Group>
      <Group gap="md">
        {(["UP", "DEGRADED", "DOWN", "UNKNOWN"] as const).map((state) => (
          <Group key={state} gap={6}>
            <Box w={10} h={10} style={{ background: COLOURS[state], borderRadius: 2 }} />
            <Text size="xs">{WORDS[state]}</Text>
          </Group>
        ))}
      </Group>
    </Stack>
  );
}

function label(piece: Piece): string {
  const when = `${shownTime(new Date(piece.from).toISOString())}, for ${shownSpan(piece.to - piece.from)}`;
  return `${WORDS[piece.state]}${piece.detail === "" ? "" : `: ${piece.detail}`} — ${when}`;
}

function said(strip: Strip): string {
  const count = (state: StripState) => strip.pieces.filter((piece) => piece.state === state).length;
  return `up ${shareUp(strip) ?? "for an unknown time"}, ${count("DEGRADED")} times degraded, ${count("DOWN")} times down`;
}
