import { Badge } from "@mantine/core";

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Says since when what is shown is old: "stale since 12:03:10". Nothing where it is not. Milliseconds since 1970. */
export function StaleSince({ since }: { since: number | null }) {
  return (
    <span role="status" aria-live="polite">
      {since !== null && (
        <Badge color="orange" variant="light" tt="none" radius="sm">
          stale since {CLOCK.format(since)}
        </Badge>
      )}
    </span>
  );
}
