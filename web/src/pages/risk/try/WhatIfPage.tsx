import {
  Alert,
  Badge,
  Button,
  CloseButton,
  Group,
  Paper,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { Empty } from "../../../ui/states";
import { useAction } from "../../../ui/useAction";
import { useAddress } from "../../../ui/useAddress";
import { limitName, settingWords } from "../model/limitWords";
import { daysBetween } from "../model/moments";
import { inTreeOrder } from "../model/stopping";
import type { TriedLimit, WhatIfDay } from "../model/types";
import { type Outcome, outcomeOf } from "../model/whatIf";
import { useLimitTypes, useNodes } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { ChangeDialog } from "./ChangeDialog";
import { WhatIfAnswer } from "./WhatIfAnswer";

const DAYS_MAX = 7;

interface Question {
  readonly days: readonly string[];
  readonly nodeId: string;
  readonly changes: readonly TriedLimit[];
}

/** A recorded day's orders, or a week's, against other limits. It changes nothing. */
export default function WhatIfPage() {
  const { api } = usePlatform();
  const nodes = useNodes().data?.items ?? [];
  const today = new Date().toISOString().slice(0, 10);
  const [first, setFirst] = useAddress("from", today);
  const [last, setLast] = useAddress("to", today);
  const [nodeId, setNodeId] = useAddress("node", "");
  const [changes, setChanges] = useState<readonly TriedLimit[]>([]);
  const [isAdding, setAdding] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const days = daysBetween(first, last, DAYS_MAX + 1);
  const action = useAction(
    // One after the other: each is as much work for the platform as a whole day of orders.
    async ({ days: asked, nodeId: of, changes: tried }: Question): Promise<Outcome> => {
      const told: WhatIfDay[] = [];
      for (const day of asked) {
        const body = { day, changes: [...tried], ...(of === "" ? {} : { node_id: of }) };
        told.push(await answerOf(api.POST("/limits/what-if", { body })));
      }
      return outcomeOf(told);
    },
    { changes: [], onDone: setOutcome },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.run({ days, nodeId, changes });
  };
  const problem = formProblem(action.error, ["day", "node_id", ...changes.map((_, index) => placeOf(index))]);
  const isReady = changes.length > 0 && days.length > 0 && days.length <= DAYS_MAX;
  return (
    <RiskFrame title="What if">
      <form onSubmit={submit}>
        <Stack>
          <Group align="flex-start">
            <TextInput
              label="From"
              description="A day in UTC"
              type="date"
              max={today}
              value={first}
              error={problem.fields.day}
              onChange={(event) => setFirst(event.currentTarget.value)}
            />
            <TextInput
              label="To"
              description={`${DAYS_MAX} days at most`}
              type="date"
              max={today}
              value={last}
              error={
                days.length === 0 ? "Not before its beginning" : days.length > DAYS_MAX && "Too many days"
              }
              onChange={(event) => setLast(event.currentTarget.value)}
            />
            <Select
              label="Orders of"
              description="All below this node"
              searchable
              clearable
              placeholder="The whole tree"
              value={nodeId === "" ? null : nodeId}
              error={problem.fields.node_id}
              onChange={(value) => setNodeId(value ?? "")}
              data={inTreeOrder(nodes).map(({ node, depth }) => ({
                value: node.node_id,
                label: `${"\u00a0\u00a0".repeat(depth)}${node.name}`,
              }))}
            />
          </Group>
          <Changes
            changes={changes}
            problemOf={(index) => problem.fields[placeOf(index)]}
            remove={(index) => {
              action.reset(); // Those behind it have other places now.
              setChanges(changes.filter((_, each) => each !== index));
            }}
            nameOf={(id) => nodes.find((node) => node.node_id === id)?.name ?? "a node"}
          />
          <Group>
            <Button variant="default" onClick={() => setAdding(true)}>
              Change a limit
            </Button>
            <Button type="submit" disabled={!isReady} loading={action.isRunning}>
              Run it
            </Button>
          </Group>
        </Stack>
      </form>
      {problem.rest !== null && (
        <Alert color="red" role="alert">
          {problem.rest}
        </Alert>
      )}
      <div aria-live="polite">
        {outcome !== null && (
          <WhatIfAnswer
            outcome={outcome}
            nameOf={(id) => nodes.find((node) => node.node_id === id)?.name ?? id}
          />
        )}
      </div>
      {isAdding && (
        <ChangeDialog
          nodes={nodes}
          onClose={() => setAdding(false)}
          add={(change) => {
            setChanges([...changes, change]);
            setAdding(false);
          }}
        />
      )}
    </RiskFrame>
  );
}

/** As the server names it. */
function placeOf(index: number): string {
  return `changes.${index}`;
}

function Changes({
  changes,
  problemOf,
  remove,
  nameOf,
}: {
  changes: readonly TriedLimit[];
  problemOf: (index: number) => string | undefined;
  remove: (index: number) => void;
  nameOf: (nodeId: string) => string;
}) {
  const types = useLimitTypes().data?.items ?? [];
  if (changes.length === 0) return <Empty>Say which limit would have been another one.</Empty>;
  return (
    <Stack gap="xs" component="ul" p={0} m={0} style={{ listStyle: "none" }} aria-label="Changed limits">
      {changes.map((change, index) => {
        const unit = types.find((type) => type.limit_type === change.limit_type)?.unit ?? "";
        const words = settingWords({ ...change, value: change.value ?? null }, unit);
        return (
          <Paper key={JSON.stringify(change)} component="li" withBorder p="xs">
            <Group justify="space-between" wrap="nowrap">
              <Group gap="xs">
                <Text size="sm" fw={600}>
                  {limitName(change)}
                </Text>
                <Text size="sm">of {nameOf(change.node_id)}</Text>
                <Badge variant="light" tt="none">
                  {change.is_removed === true ? "taken away" : words === "" ? "set" : words}
                </Badge>
              </Group>
              <CloseButton aria-label={`Leave out ${limitName(change)}`} onClick={() => remove(index)} />
            </Group>
            {problemOf(index) !== undefined && (
              <Text size="xs" c="red" role="alert">
                {problemOf(index)}
              </Text>
            )}
          </Paper>
        );
      })}
    </Stack>
  );
}
