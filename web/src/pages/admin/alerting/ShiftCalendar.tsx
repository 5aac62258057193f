import { Box, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import type { components } from "../../../api/schema";
import { calendar, daysFrom, type OnCall, weeksOf } from "./shifts";

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

export function ShiftCalendar({ shifts }: { shifts: readonly components["schemas"]["RotaShift"][] }) {
  const now = new Date();
  const days = calendar(shifts, daysFrom(now, 7 * weeksOf(shifts, now))).filter(({ day }) => day.ends > now);
  const first = days[0]?.day.begins.getDay() ?? 1;
  return (
    <SimpleGrid cols={{ base: 2, sm: 7 }} spacing={6} component="ul" p={0} m={0}>
      {/* The first day stands below its weekday, where there is a column for each. */}
      {Array.from({ length: (first + 6) % 7 }, (_, at) => at).map((at) => (
        <Box key={at} component="li" aria-hidden visibleFrom="sm" style={{ listStyle: "none" }} />
      ))}
      {days.map(({ day, onCall }) => (
        <Paper
          key={day.begins.toISOString()}
          component="li"
          withBorder
          p={6}
          style={{ listStyle: "none", minHeight: 64 }}
          {...(day.begins <= now ? { bg: "var(--mantine-primary-color-light)" } : {})}
        >
          <Text size="xs" c="dimmed">
            {DAY.format(day.begins)}
          </Text>
          <Stack gap={2}>
            {onCall.map((each) => (
              <Part key={`${each.username} ${each.from}`} part={each} />
            ))}
            {onCall.length === 0 && (
              <Text size="xs" c="dimmed">
                later
              </Text>
            )}
          </Stack>
        </Paper>
      ))}
    </SimpleGrid>
  );
}

function Part({ part }: { part: OnCall }) {
  const clock = (at: string) => CLOCK.format(new Date(at));
  const times = [
    part.from === null ? "" : `from ${clock(part.from)}`,
    part.until === null ? "" : `until ${clock(part.until)}`,
  ];
  return (
    <Text size="sm" fw={part.isOverride ? 700 : 500} {...(part.username === null ? { c: "red" } : {})}>
      {part.username ?? "nobody"}{" "}
      <Text span size="xs" c="dimmed">
        {times.filter((each) => each !== "").join(" ")}
        {part.isOverride && " (override)"}
        {part.standsInFor !== null && ` (for ${part.standsInFor})`}
      </Text>
    </Text>
  );
}
