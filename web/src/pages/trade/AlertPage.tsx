import { Anchor, Badge, Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Acknowledge, AcknowledgeGroup } from "../../alerts/Acknowledge";
import { SeverityBadge, TakenUp } from "../../alerts/AlertRow";
import { type Alert, type Delivery, isOpen, receiverOf, restOf, spoken } from "../../alerts/alerts";
import classes from "../../alerts/alerts.module.css";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";
import { DataTable } from "../../ui/DataTable";
import { PageFrame } from "../../ui/PageFrame";
import { Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useMay } from "../../ui/useMe";

export default function AlertPage() {
  const { alertId = "" } = useParams({ strict: false }) as { alertId?: string };
  const { api } = usePlatform();
  const history = useQuery({
    queryKey: ["alerts", "one", alertId],
    queryFn: () => answerOf(api.GET("/alerts/{alert_id}", { params: { path: { alert_id: alertId } } })),
  });
  return (
    <PageFrame
      title="Alert"
      actions={
        <Button component={Link} to="/alerts" variant="default">
          All alerts
        </Button>
      }
    >
      <Found query={history}>
        {({ alert, deliveries }) => (
          <>
            <WhatHappened alert={alert} />
            <WhoWasTold deliveries={deliveries} />
          </>
        )}
      </Found>
    </PageFrame>
  );
}

function WhatHappened({ alert }: { alert: Alert }) {
  const rest = restOf(alert);
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group gap="xs">
          <SeverityBadge severity={alert.severity} />
          <Text size="sm" c="dimmed">
            {shownTime(alert.created_at)} · {spoken(alert.category)} · {spoken(alert.kind)}
          </Text>
        </Group>
        <Title order={2} size="h3" className={classes.title}>
          {alert.title}
        </Title>
        {rest !== "" && (
          <Text size="sm" className={classes.body}>
            {rest}
          </Text>
        )}
        {alert.gathered_in != null && (
          <Text size="sm" c="dimmed">
            Told by the message of{" "}
            <Anchor component={Link} to={`/alerts/${alert.gathered_in}`}>
              the first of its group
            </Anchor>
            .
          </Text>
        )}
        {isOpen(alert) ? (
          <TakeUp alert={alert} />
        ) : (
          <>
            <TakenUp alert={alert} />
            {alert.acknowledged_note != null && <Text size="sm">Note: {alert.acknowledged_note}</Text>}
          </>
        )}
      </Stack>
    </Paper>
  );
}

function TakeUp({ alert }: { alert: Alert }) {
  const [note, setNote] = useState("");
  const may = useMay();
  if (!may("alerts:acknowledge")) return <Text size="sm">Nobody has taken it up yet.</Text>;
  return (
    <Stack gap="xs">
      <TextInput
        label="Note"
        description="What you will do, for those who come later; it may be empty"
        maw={420}
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <Group>
        <Acknowledge alert={alert} note={note} />
        <AcknowledgeGroup alert={alert} note={note} />
      </Group>
    </Stack>
  );
}

const STATE_COLOURS: Readonly<Record<Delivery["state"], string>> = {
  DUE: "blue",
  SENT: "teal",
  FAILED: "red",
  SUPPRESSED: "gray",
};

function WhoWasTold({ deliveries }: { deliveries: readonly Delivery[] }) {
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Who was told
      </Title>
      <DataTable
        label="Who was told"
        rows={deliveries}
        keyOf={(delivery) => delivery.delivery_id}
        empty="Nobody was sent a message: it is seen here, by the live connection and by webhooks."
        columns={[
          { name: "Whom", show: receiverOf },
          { name: "By", show: (delivery) => spoken(delivery.channel) },
          {
            name: "When",
            show: (delivery) => (delivery.stage === 0 ? "at once" : `after ${delivery.stage} minutes`),
          },
          {
            name: "State",
            show: (delivery) => (
              <Badge variant="light" color={STATE_COLOURS[delivery.state]}>
                {delivery.state}
              </Badge>
            ),
          },
          { name: "At", show: (delivery) => shownTime(delivery.sent_at ?? delivery.due_at) },
          { name: "Tries", isNumber: true, show: (delivery) => delivery.attempts },
          { name: "Why", show: (delivery) => delivery.reason ?? "" },
        ]}
      />
    </Stack>
  );
}
