import { Alert, Button, Group, NumberInput, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { Found } from "../../../ui/states";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { shownSeconds } from "../parts/moments";
import { plainProblem } from "../parts/plainProblem";
import { Section } from "../parts/Section";

type View = components["schemas"]["EscalationView"];
type Body = components["schemas"]["EscalationBody"];

const ESCALATION = ["admin", "escalation"] as const;

/** Who is told at which stage: the platform's own matrix, docs/escalation.md. */
const STAGES = [
  ["info", "WebSocket, webhooks", "nothing more", "nothing more"],
  ["warning", "as the routes say", "those told at once by Slack", "nothing more"],
  [
    "error",
    "as the routes say",
    "managers by mail, Slack, Telegram",
    "those told at once, managers and who is on call by text message",
  ],
  [
    "critical",
    "as the routes say",
    "executives by mail, Slack, text message, Telegram",
    "incident call: executives, managers and who is on call by mail, text message, Telegram",
  ],
] as const;

export function Escalation() {
  const { api } = usePlatform();
  const escalation = useQuery({
    queryKey: ESCALATION,
    queryFn: () => answerOf(api.GET("/alerts/escalation")),
  });
  return (
    <Found query={escalation}>
      {(found) => (
        <>
          <Section title="When nobody acknowledges">
            <Stages view={found} />
          </Section>
          {/* Made anew when another one is in force: the fields begin with what was saved. */}
          <Times key={JSON.stringify(found)} view={found} />
        </>
      )}
    </Found>
  );
}

function Stages({ view }: { view: View }) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table aria-label="Stages by severity">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Severity</Table.Th>
            <Table.Th scope="col">At once</Table.Th>
            <Table.Th scope="col">After {shownSeconds(view.first_s)}</Table.Th>
            <Table.Th scope="col">After {shownSeconds(view.second_s)}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {STAGES.map(([severity, atOnce, first, second]) => (
            <Table.Tr key={severity}>
              <Table.Th scope="row">{severity}</Table.Th>
              <Table.Td>{atOnce}</Table.Td>
              <Table.Td>{first}</Table.Td>
              <Table.Td>{second}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Times({ view }: { view: View }) {
  const { api } = usePlatform();
  const mayChange = useMay()("alerts:manage");
  const [first, setFirst] = useState<number | string>(view.first_s);
  const [second, setSecond] = useState<number | string>(view.second_s);
  const [bridge, setBridge] = useState(view.incident_bridge ?? "");
  const save = useAction((body: Body) => answerOf(api.PUT("/alerts/escalation", { body })), {
    changes: [ESCALATION],
  });
  const problem = plainProblem(save.error, ["first_s", "second_s", "incident_bridge"], {
    incident_bridge: "an https address, or a telephone number with + and its country",
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typeof first !== "number" || typeof second !== "number") return;
    save.run({
      first_s: first,
      second_s: second,
      incident_bridge: bridge.trim() === "" ? null : bridge.trim(),
    });
  };
  return (
    <Section title="How long, and where people meet">
      <form onSubmit={submit}>
        <Stack maw={420}>
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
            </Alert>
          )}
          <NumberInput
            label="First stage after, in seconds"
            required
            allowDecimal={false}
            min={1}
            disabled={!mayChange}
            value={first}
            error={problem.fields.first_s}
            onChange={setFirst}
          />
          <NumberInput
            label="Second stage after, in seconds"
            description="Both count from when people were told"
            required
            allowDecimal={false}
            min={1}
            disabled={!mayChange}
            value={second}
            error={problem.fields.second_s}
            onChange={setSecond}
          />
          <TextInput
            label="Incident bridge"
            description="An https address or a telephone number. Empty: the message names who is on call"
            placeholder="https://meet.example.com/incident"
            maxLength={200}
            disabled={!mayChange}
            value={bridge}
            error={problem.fields.incident_bridge}
            onChange={(event) => setBridge(event.currentTarget.value)}
          />
          <Text size="sm" c="dimmed">
            What is under way goes on as it began.
          </Text>
          {mayChange && (
            <Group justify="flex-end">
              <Button type="submit" loading={save.isRunning}>
                Save
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Section>
  );
}
