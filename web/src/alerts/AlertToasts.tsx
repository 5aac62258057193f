import { Anchor, Notification, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
import type { LiveAlert } from "../live/alerts";
import { useAlertsChannel } from "../live/hooks";
import { COLOURS } from "./alerts";
import classes from "./alerts.module.css";
import { closed, EMPTY, stays, told } from "./toasts";

const SHOWN_MS = 8_000;

/** Alerts as they are raised, in a corner: three at most, the rest counted. The serious ones stay until one closes them. */
export function AlertToasts({ isAboveBar }: { isAboveBar: boolean }) {
  const queries = useQueryClient();
  const [board, setBoard] = useState(EMPTY);
  useAlertsChannel((alert) => {
    setBoard((before) => told(before, alert));
    void queries.invalidateQueries({ queryKey: ["alerts"] });
  });
  const close = useCallback((alertId: string) => setBoard((before) => closed(before, alertId)), []);
  return (
    <Stack
      className={classes.toasts}
      data-above-bar={isAboveBar || undefined}
      role="status"
      aria-live="polite"
    >
      {board.shown.map((alert) => (
        <Toast key={alert.alert_id} alert={alert} onClose={close} />
      ))}
      {board.more > 0 && (
        <Notification withBorder withCloseButton={false}>
          <Anchor component={Link} to="/alerts" onClick={() => setBoard(EMPTY)}>
            {board.more === 1 ? "One more alert" : `${board.more} more alerts`}
          </Anchor>
        </Notification>
      )}
    </Stack>
  );
}

function Toast({ alert, onClose }: { alert: LiveAlert; onClose: (alertId: string) => void }) {
  useEffect(() => {
    if (stays(alert)) return;
    const timer = setTimeout(() => onClose(alert.alert_id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [alert, onClose]);
  return (
    <Notification
      role="none"
      withBorder
      color={COLOURS[alert.severity]}
      title={alert.severity}
      closeButtonProps={{ "aria-label": `Close: ${alert.title}` }}
      onClose={() => onClose(alert.alert_id)}
    >
      <Anchor
        component={Link}
        to={`/alerts/${alert.alert_id}`}
        c="var(--mantine-color-text)"
        onClick={() => onClose(alert.alert_id)}
      >
        <Text span size="sm" lineClamp={3}>
          {alert.title}
        </Text>
      </Anchor>
    </Notification>
  );
}
