import { Alert, Button, Group, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { formProblem } from "../../ui/formProblem";
import { useAction } from "../../ui/useAction";
import { type Consumer, type ReplayRequest, replayRequest } from "./replay";

const FIELDS = ["consumer", "since", "until", "account_id"];
const CONSUMERS: readonly { value: Consumer; label: string }[] = [
  { value: "projections", label: "projections: books what was never booked" },
  { value: "alerts", label: "alerts: stores an alert that was lost, and tells nobody" },
  { value: "notifications", label: "notifications: tries all but the push" },
];

/** Events of a period go to one consumer again, account by account in the order of their feeds. */
export function Replays() {
  const { api } = usePlatform();
  const [consumer, setConsumer] = useState<Consumer>("projections");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const [accountId, setAccountId] = useState("");
  const [asked, ask] = useState<ReplayRequest | null>(null);
  const [sent, count] = useState({ messages: 0, next: null as ReplayRequest | null, isAny: false });
  const replaying = useAction((request: ReplayRequest) => answerOf(api.POST("/replays", { body: request })), {
    changes: [["consumers"]],
    onDone: (answer, request) => {
      count((before) => ({
        messages: (request.cursor == null ? 0 : before.messages) + answer.sent,
        next: answer.next_cursor === null ? null : { ...request, cursor: answer.next_cursor },
        isAny: true,
      }));
      ask(null);
    },
  });
  const problem = formProblem(replaying.error, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    replaying.reset();
    ask(replayRequest({ consumer, since, until, accountId }, crypto.randomUUID()));
  };
  return (
    <Stack maw={560}>
      <Text size="sm" c="dimmed">
        Events of your own organisation go to a consumer&apos;s queue again. What it has done already it does
        not do twice.
      </Text>
      <form onSubmit={submit}>
        <Stack>
          <Select
            label="Consumer"
            data={CONSUMERS}
            value={consumer}
            onChange={(chosen) => setConsumer((chosen as Consumer | null) ?? "projections")}
            allowDeselect={false}
            error={problem.fields.consumer}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="From"
              type="datetime-local"
              required
              value={since}
              onChange={(event) => setSince(event.currentTarget.value)}
              error={problem.fields.since}
            />
            <TextInput
              label="Until"
              type="datetime-local"
              required
              value={until}
              onChange={(event) => setUntil(event.currentTarget.value)}
              error={problem.fields.until}
            />
          </SimpleGrid>
          <TextInput
            label="Account"
            description="Its id; empty: all of them"
            value={accountId}
            onChange={(event) => setAccountId(event.currentTarget.value)}
            error={problem.fields.account_id}
          />
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button type="submit">Replay</Button>
          </Group>
        </Stack>
      </form>
      {sent.isAny && (
        <Alert color="teal" role="status">
          <Group justify="space-between">
            <Text size="sm">
              {sent.messages} events were sent again{sent.next === null ? "." : "; there are more."}
            </Text>
            {sent.next !== null && (
              <Button
                size="compact-sm"
                variant="light"
                loading={replaying.isRunning}
                onClick={() => sent.next !== null && replaying.run(sent.next)}
              >
                Send the next
              </Button>
            )}
          </Group>
        </Alert>
      )}
      {asked !== null && (
        <ConfirmDialog
          title="Replay events"
          confirm="Replay"
          error={problem.rest === null && Object.keys(problem.fields).length === 0 ? null : replaying.error}
          isRunning={replaying.isRunning}
          onConfirm={() => replaying.run(asked)}
          onClose={() => ask(null)}
        >
          Events from {since.replace("T", " ")} to {until.replace("T", " ")} go to {asked.consumer} again. On
          the queue of trade events an account waits behind what it has in the queue already.
        </ConfirmDialog>
      )}
    </Stack>
  );
}
