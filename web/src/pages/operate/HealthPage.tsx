import { Card, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { DataTable } from "../../ui/DataTable";
import { PageFrame } from "../../ui/PageFrame";
import { Empty, Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useAddress } from "../../ui/useAddress";
import { shownSpan } from "./durations";
import { HealthStrips } from "./HealthStrips";
import { stripsOf, troubleOf } from "./healthStrip";
import { StateBadge } from "./StateBadge";

type Health = components["schemas"]["Health"];
type History = components["schemas"]["HealthHistory"];

const LOOK_EVERY_MS = 5_000;
const HISTORY_EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;
const SPANS = [
  { value: "24", label: "24 hours" },
  { value: "168", label: "7 days" },
];

export default function HealthPage() {
  return (
    <PageFrame title="Health">
      <Now />
      <Past />
    </PageFrame>
  );
}

function Now() {
  const { api } = usePlatform();
  const health = useQuery({
    queryKey: ["health"],
    // 503 has the same document: something is down, which is what this page is for.
    queryFn: async (): Promise<Health> => {
      const asked = api.GET("/health");
      const { error } = await asked;
      return isHealth(error) ? error : answerOf(asked);
    },
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <Found query={health}>
      {(found) => (
        <Stack>
          <Text>
            The platform is <StateBadge state={found.status} />
          </Text>
          <DataTable
            label="Dependencies"
            rows={Object.entries(found.dependencies)}
            keyOf={([name]) => name}
            minWidth={420}
            empty="The platform names no dependencies."
            columns={[
              { name: "Dependency", show: ([name]) => name },
              { name: "State", show: ([, dependency]) => <StateBadge state={dependency.state} /> },
              { name: "What is not well", show: ([, dependency]) => troubleOf(dependency) },
              {
                name: "Answered in",
                isNumber: true,
                show: ([, dependency]) => shownSpan(dependency.latency_ms),
              },
            ]}
          />
        </Stack>
      )}
    </Found>
  );
}

function isHealth(told: unknown): told is Health {
  return typeof told === "object" && told !== null && "dependencies" in told;
}

function Past() {
  const { api } = usePlatform();
  const [asked, choose] = useAddress("hours", "24");
  const hours = asked === "168" ? 168 : 24;
  const history = useQuery({
    queryKey: ["health-history", hours],
    queryFn: async () => {
      const told = await answerOf(api.GET("/health/history", { params: { query: { hours } } }));
      return { told, at: Date.now() };
    },
    refetchInterval: HISTORY_EVERY_MS,
  });
  return (
    <Card withBorder component="section" aria-label="History">
      <Stack>
        <Title order={2} size="h4">
          History
        </Title>
        <SegmentedControl
          aria-label="How far back"
          data={SPANS}
          value={String(hours)}
          onChange={choose}
          style={{ alignSelf: "flex-start" }}
        />
        <Found query={history}>
          {({ told, at }) => <Shown history={told} from={at - hours * HOUR_MS} to={at} />}
        </Found>
      </Stack>
    </Card>
  );
}

function Shown({ history, from, to }: { history: History; from: number; to: number }) {
  if (history.items.length === 0) {
    return <Empty>Nobody has looked yet: the platform looks once a minute.</Empty>;
  }
  const lookedEveryMs = history.looked_every_s * 1_000;
  const strips = stripsOf(history.items, { from, to, lookedEveryMs });
  return (
    <>
      <HealthStrips strips={strips} from={from} to={to} />
      <Text size="xs" c="dimmed">
        Looked at every {history.looked_every_s} s. Where it is not known, nobody looked, or the database was
        down and nothing could be written.
      </Text>
      <DataTable
        label="What was not well"
        rows={history.items.filter((item) => item.state !== "UP")}
        keyOf={(item) => `${item.dependency} ${item.began_at}`}
        empty="All was well whenever it was looked at."
        columns={[
          { name: "Dependency", show: (item) => item.dependency },
          { name: "State", show: (item) => <StateBadge state={item.state} /> },
          { name: "From", show: (item) => shownTime(item.began_at) },
          {
            name: "For",
            isNumber: true,
            show: (item) =>
              shownSpan(Date.parse(item.seen_until) - Date.parse(item.began_at) + lookedEveryMs),
          },
          { name: "What was not well", show: (item) => item.detail || "did not answer" },
        ]}
      />
    </>
  );
}
