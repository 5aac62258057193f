import { Anchor, Badge, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { shownTime } from "../ui/times";
import { Acknowledge } from "./Acknowledge";
import { type Alert, COLOURS, isOpen, spoken } from "./alerts";
import classes from "./alerts.module.css";

/** One alert of a list: how bad, what, when, and who has taken it up. */
export function AlertRow({ alert }: { alert: Alert }) {
  const colour = COLOURS[alert.severity];
  return (
    <li className={classes.row} style={{ borderLeftColor: `var(--mantine-color-${colour}-6)` }}>
      <div className={classes.what}>
        <Group gap="xs">
          <SeverityBadge severity={alert.severity} />
          <Text size="xs" c="dimmed">
            {shownTime(alert.created_at)} · {spoken(alert.category)}
          </Text>
        </Group>
        <Anchor component={Link} to={`/alerts/${alert.alert_id}`} c="inherit" fw={500}>
          {alert.title}
        </Anchor>
      </div>
      {isOpen(alert) ? <Acknowledge alert={alert} /> : <TakenUp alert={alert} />}
    </li>
  );
}

export function SeverityBadge({ severity }: { severity: Alert["severity"] }) {
  return (
    <Badge
      variant={severity === "CRITICAL" ? "filled" : "light"}
      color={severity === "CRITICAL" ? "red.9" : COLOURS[severity]}
      c={severity === "CRITICAL" ? "white" : "var(--mantine-color-text)"}
    >
      {severity}
    </Badge>
  );
}

export function TakenUp({ alert }: { alert: Alert }) {
  return (
    <Text size="sm" c="dimmed">
      taken up by {alert.acknowledged_by}
      {alert.acknowledged_at != null && `, ${shownTime(alert.acknowledged_at)}`}
    </Text>
  );
}
