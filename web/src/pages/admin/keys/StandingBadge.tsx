import { Badge, Stack, Text } from "@mantine/core";
import { shownTime } from "../../../ui/times";
import type { Standing } from "./newKey";

const SHOWN: Record<Standing, readonly [string, string]> = {
  WORKS: ["works", "teal"],
  ENDS: ["replaced", "yellow"],
  EXPIRED: ["expired", "gray"],
  REVOKED: ["revoked", "gray"],
};

export function StandingBadge({ standing, until }: { standing: Standing; until: string | null }) {
  const [word, colour] = SHOWN[standing];
  return (
    <Stack gap={2} align="flex-start">
      <Badge variant="light" color={colour}>
        {word}
      </Badge>
      {until !== null && standing !== "REVOKED" && (
        <Text size="xs" c="dimmed">
          until {shownTime(until)}
        </Text>
      )}
    </Stack>
  );
}

/** When and whence it was last used. */
export function LastUse({ at, from }: { at: string | null; from: string | null }) {
  if (at === null) {
    return (
      <Text size="sm" c="dimmed">
        never
      </Text>
    );
  }
  return (
    <Stack gap={0}>
      <Text size="sm">{shownTime(at)}</Text>
      {from !== null && (
        <Text size="xs" c="dimmed">
          from {from}
        </Text>
      )}
    </Stack>
  );
}
