import { ActionIcon, Indicator } from "@mantine/core";
import { IconBell } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answerOf } from "../api/client";
import { usePlatform } from "../platform";

const SHOWN_MAX = 99;
const LOOK_EVERY_MS = 60_000; // Where nothing is told live.

/** How many alerts nobody has taken up. */
export function AlertBell() {
  const { api } = usePlatform();
  const open = useQuery({
    queryKey: ["alerts", "count"],
    queryFn: () => answerOf(api.GET("/alerts/summary")),
    refetchInterval: LOOK_EVERY_MS,
  });
  const count = open.data?.open ?? 0;
  const shown = count > SHOWN_MAX ? `${SHOWN_MAX}+` : String(count);
  return (
    <Indicator label={shown} size={18} disabled={count === 0} color="red.9" offset={9}>
      <ActionIcon
        component={Link}
        to="/alerts"
        variant="subtle"
        size="lg"
        aria-label={count === 0 ? "Alerts: none is open" : `Alerts: ${shown} open`}
      >
        <IconBell size={20} />
      </ActionIcon>
    </Indicator>
  );
}
