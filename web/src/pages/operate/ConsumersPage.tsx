import { Anchor, Progress, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { DataTable } from "../../ui/DataTable";
import { PageFrame } from "../../ui/PageFrame";
import { Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { inOrderOfTrouble, lagBar } from "./consumers";
import { shownSpan } from "./durations";
import { StateBadge } from "./StateBadge";

type Consumer = components["schemas"]["Consumer"];

const LOOK_EVERY_MS = 10_000;

export default function ConsumersPage() {
  const { api } = usePlatform();
  const consumers = useQuery({
    queryKey: ["consumers"],
    queryFn: () => answerOf(api.GET("/consumers")),
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <PageFrame title="Consumers">
      <Text size="sm" c="dimmed">
        How far behind each consumer of events is: about how old the oldest message is that it is not done
        with. “outbox” is what the engine has still to publish. A consumer is late after two minutes.
      </Text>
      <Found query={consumers}>
        {(found) => (
          <Stack>
            <DataTable
              label="Consumers"
              rows={inOrderOfTrouble(found.items)}
              keyOf={(consumer) => consumer.queue}
              minWidth={760}
              empty="There are no consumers."
              columns={COLUMNS}
            />
            {found.items[0] !== undefined && (
              <Text size="xs" c="dimmed">
                Looked at {shownTime(found.items[0].sampled_at)}
              </Text>
            )}
          </Stack>
        )}
      </Found>
    </PageFrame>
  );
}

const COLUMNS = [
  { name: "Queue", show: (consumer: Consumer) => consumer.queue },
  { name: "State", show: (consumer: Consumer) => <StateBadge state={consumer.state} /> },
  { name: "Behind by", show: (consumer: Consumer) => <Lag consumer={consumer} /> },
  { name: "Waiting", isNumber: true, show: (consumer: Consumer) => shownAmount(String(consumer.visible)) },
  {
    name: "In flight",
    isNumber: true,
    show: (consumer: Consumer) => shownAmount(String(consumer.in_flight)),
  },
  { name: "Not due", isNumber: true, show: (consumer: Consumer) => shownAmount(String(consumer.delayed)) },
  { name: "Dead letters", isNumber: true, show: (consumer: Consumer) => <Dead consumer={consumer} /> },
];

function Lag({ consumer }: { consumer: Consumer }) {
  const bar = lagBar(consumer.lag_s);
  const said = consumer.lag_s === 0 ? "nothing" : shownSpan(consumer.lag_s * 1_000);
  return (
    <Stack gap={2} miw={140}>
      <Text size="sm">{said}</Text>
      <Progress
        value={bar.percent}
        color={bar.isLate ? "orange" : "teal"}
        aria-label={`${consumer.queue} is behind by ${said}`}
        size="sm"
      />
    </Stack>
  );
}

function Dead({ consumer }: { consumer: Consumer }) {
  const count = shownAmount(String(consumer.dead_letters));
  if (consumer.dead_letters === 0) return count;
  return (
    <Anchor
      component={Link}
      to="/dead-letters"
      search={{ queue: consumer.queue } as never}
      c="red"
      size="sm"
      aria-label={`${count} dead letters of ${consumer.queue}`}
    >
      {count}
    </Anchor>
  );
}
