import { Alert, Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { DataTable } from "../../ui/DataTable";
import { PageFrame } from "../../ui/PageFrame";
import { Found } from "../../ui/states";
import { shownSpan } from "./durations";
import { detailOf, holdersOf } from "./engine";
import { StateBadge } from "./StateBadge";

type Engine = components["schemas"]["EngineView"];
type Shard = components["schemas"]["EngineShard"];

const LOOK_EVERY_MS = 5_000;

export default function EnginePage() {
  const { api } = usePlatform();
  const engine = useQuery({
    queryKey: ["engine"],
    queryFn: () => answerOf(api.GET("/engine")),
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <PageFrame title="Engine">
      <Found query={engine}>{(found) => <Shown engine={found} />}</Found>
    </PageFrame>
  );
}

function Shown({ engine }: { engine: Engine }) {
  if (engine.engine_id === null) {
    return (
      <Alert color="red" role="alert" title="No engine answers">
        {engine.said}. While that lasts no order is taken; what the engine holds is safe in its journal.
      </Alert>
    );
  }
  return (
    <Stack>
      <Group gap="xs">
        <StateBadge state={engine.state} />
        <Text>{engine.said}</Text>
        <Text c="dimmed" size="sm">
          as {engine.engine_id} sees it
        </Text>
      </Group>
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
        {holdersOf(engine.shards).map(({ holder, shards }) => (
          <Card key={holder ?? ""} withBorder padding="sm">
            <Text size="xs" c="dimmed" truncate>
              {holder ?? "nobody"}
            </Text>
            <Text fw={700}>
              {shards} {shards === 1 ? "shard" : "shards"}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
      <Section title="Shards">
        <DataTable
          label="Shards"
          rows={engine.shards}
          keyOf={(shard) => shard.shard}
          minWidth={760}
          empty="The engine has no shards yet: it is starting."
          columns={SHARD_COLUMNS}
        />
      </Section>
      <Section title="Dependencies">
        <DataTable
          label="The engine's dependencies"
          rows={engine.dependencies}
          keyOf={(dependency) => dependency.name}
          minWidth={480}
          empty="It names none."
          columns={[
            { name: "Dependency", show: (dependency) => dependency.name.replaceAll("_", " ") },
            { name: "State", show: (dependency) => <StateBadge state={dependency.status} /> },
            { name: "Figures", show: (dependency) => detailOf(dependency.detail) },
          ]}
        />
      </Section>
      <Section title="Markets">
        <DataTable
          label="Markets"
          rows={engine.markets}
          keyOf={(market) => market.market}
          minWidth={360}
          empty="This engine serves no market."
          columns={[
            { name: "Market", show: (market) => market.market },
            { name: "Last heard", isNumber: true, show: (market) => <Age milliseconds={market.age_ms} /> },
            {
              name: "Book changed",
              isNumber: true,
              show: (market) => <Age milliseconds={market.book_age_ms} />,
            },
          ]}
        />
      </Section>
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Stack gap="xs" component="section" aria-label={title}>
      <Title order={2} size="h4">
        {title}
      </Title>
      {children}
    </Stack>
  );
}

const SILENT_MS = 10_000;

function Age({ milliseconds }: { milliseconds: number | null }) {
  if (milliseconds === null)
    return (
      <Text span size="sm">
        nothing yet
      </Text>
    );
  return (
    <Text span size="sm" {...(milliseconds > SILENT_MS ? { c: "orange" } : {})}>
      {shownSpan(milliseconds)} ago
    </Text>
  );
}

const countOf = (count: number | null) => (count === null ? "elsewhere" : shownAmount(String(count)));

const SHARD_COLUMNS = [
  { name: "Shard", isNumber: true, show: (shard: Shard) => shard.shard },
  { name: "Here", show: (shard: Shard) => <StateBadge state={shard.status} /> },
  { name: "Lease held by", show: (shard: Shard) => shard.holder ?? "nobody" },
  { name: "Epoch", isNumber: true, show: (shard: Shard) => shownAmount(String(shard.epoch)) },
  { name: "Journal position", isNumber: true, show: (shard: Shard) => shownAmount(String(shard.last_seq)) },
  { name: "Queue", isNumber: true, show: (shard: Shard) => countOf(shard.inbox_depth) },
  { name: "Open orders", isNumber: true, show: (shard: Shard) => countOf(shard.open_orders) },
  { name: "Failure", show: (shard: Shard) => shard.failure ?? "" },
];
