import { Badge } from "@mantine/core";
import { useEffect, useState } from "react";
import { shownTime } from "../../../ui/times";

const LATE_AFTER_MS = 8_000;

/**
 * Says when what is shown is old. `at`: when it was last answered, in milliseconds since the epoch; 0 before the first
 * answer.
 */
export function StaleSince({ at }: { at: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(clock);
  }, []);
  const isStale = at > 0 && now - at > LATE_AFTER_MS;
  return (
    <span role="status">
      {isStale ? (
        <Badge color="orange" variant="filled">
          Stale since {shownTime(new Date(at).toISOString())}
        </Badge>
      ) : (
        at > 0 && (
          <Badge color="teal" variant="dot">
            Live
          </Badge>
        )
      )}
    </span>
  );
}
