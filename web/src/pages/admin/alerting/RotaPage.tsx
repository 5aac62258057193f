import { Alert, Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { Problem } from "../../../api/problem";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { PageFrame } from "../../../ui/PageFrame";
import { Empty, Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMay, useMe } from "../../../ui/useMe";
import { Section } from "../parts/Section";
import { OverrideDialog } from "./OverrideDialog";
import { ROTA, RotaDialog } from "./RotaDialog";
import { ShiftCalendar } from "./ShiftCalendar";

type Rota = components["schemas"]["RotaView"];

const LOOK_EVERY_MS = 60_000;

export default function RotaPage() {
  const { api } = usePlatform();
  const may = useMay();
  const [asked, setAsked] = useState<"SET" | "OVERRIDE" | null>(null);
  const rota = useQuery({
    queryKey: ROTA,
    queryFn: async (): Promise<Rota | null> => {
      try {
        return await answerOf(api.GET("/alerts/rota"));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null; // None is set yet.
        throw error;
      }
    },
    refetchInterval: LOOK_EVERY_MS,
  });
  const close = () => setAsked(null);
  return (
    <PageFrame
      title="On call"
      actions={
        <>
          {may("alerts:acknowledge") && rota.data != null && (
            <Button variant="default" onClick={() => setAsked("OVERRIDE")}>
              {may("alerts:manage") ? "Put somebody in" : "Take over"}
            </Button>
          )}
          {may("alerts:manage") && <Button onClick={() => setAsked("SET")}>Set the rota</Button>}
        </>
      }
    >
      <Found query={rota}>
        {(found) => (
          <>
            {found === null ? (
              <Empty>
                No rota is set: nobody is on call, and alerts for whoever is reach administrators.
              </Empty>
            ) : (
              <RotaParts rota={found} />
            )}
            {asked === "SET" && <RotaDialog rota={found} onClose={close} />}
            {asked === "OVERRIDE" && <OverrideDialog onClose={close} />}
          </>
        )}
      </Found>
    </PageFrame>
  );
}

function RotaParts({ rota }: { rota: Rota }) {
  const now = rota.shifts[0];
  const missing = rota.people.filter((person) => !person.is_available);
  return (
    <>
      <Section title="Now">
        {now === undefined || now.username === null ? (
          <Alert color="red">Nobody is left who could be called.</Alert>
        ) : (
          <Group gap="xs">
            <Text size="xl" fw={700}>
              {now.username}
            </Text>
            <Text c="dimmed">
              until {shownTime(now.ends_at)}
              {now.is_override && ", by an override"}
              {now.stands_in_for !== null && `, in place of ${now.stands_in_for}`}
            </Text>
          </Group>
        )}
        <Text size="sm">
          {rota.people.map((person) => person.username).join(", ")} take turns of {rota.turn_days} days,
          handed over at {rota.handover_at.slice(0, 5)} ({rota.time_zone}).
        </Text>
        {missing.length > 0 && (
          <Alert color="orange">
            {missing.map((person) => person.username).join(", ")} cannot be called, being disabled or not
            allowed to acknowledge: the next one stands in.
          </Alert>
        )}
      </Section>
      <Section title="Coming shifts">
        <ShiftCalendar shifts={rota.shifts} />
      </Section>
      <Section title="Overrides">
        <Overrides rota={rota} />
      </Section>
    </>
  );
}

function Overrides({ rota }: { rota: Rota }) {
  const { api } = usePlatform();
  const may = useMay();
  const me = useMe();
  const cancel = useAction(
    (override_id: string) =>
      answerOf(api.DELETE("/alerts/rota/overrides/{override_id}", { params: { path: { override_id } } })),
    { changes: [ROTA] },
  );
  return (
    <>
      {cancel.error !== null && (
        <Alert color="red" role="alert">
          {cancel.error.message}
        </Alert>
      )}
      <DataTable
        label="Overrides"
        rows={rota.overrides}
        keyOf={(override) => override.override_id}
        empty="None: everybody takes his turn."
        columns={[
          { name: "Who", show: (override) => override.username },
          { name: "From", show: (override) => shownTime(override.starts_at) },
          { name: "Until", show: (override) => shownTime(override.ends_at) },
          { name: "Said by", show: (override) => override.made_by },
          {
            name: "Actions",
            show: (override) =>
              (may("alerts:manage") || (may("alerts:acknowledge") && override.user_id === me?.user_id)) && (
                <Group justify="flex-end">
                  <Button
                    size="compact-sm"
                    variant="light"
                    color="red"
                    loading={cancel.isRunning}
                    onClick={() => cancel.run(override.override_id)}
                    aria-label={`Cancel the override of ${override.username}`}
                  >
                    Cancel
                  </Button>
                </Group>
              ),
          },
        ]}
      />
    </>
  );
}
