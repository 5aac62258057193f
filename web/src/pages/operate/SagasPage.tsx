import {
  Anchor,
  Button,
  Card,
  Group,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { DataTable } from "../../ui/DataTable";
import { PageFrame } from "../../ui/PageFrame";
import { Failed, Loading } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useAddress } from "../../ui/useAddress";
import { shownSpan } from "./durations";
import { StateBadge } from "./StateBadge";
import { fromOf, isLong, lastStep, MEANINGS, type SagaState, STATES, stateOf } from "./sagas";

type Saga = components["schemas"]["SagaView"];
type Page = components["schemas"]["SagaPage"];

const LOOK_EVERY_MS = 15_000;
const SPANS = [
  { value: "1", label: "1 hour" },
  { value: "24", label: "24 hours" },
  { value: "168", label: "7 days" },
];

export default function SagasPage() {
  const { api } = usePlatform();
  const [asked, choose] = useAddress("state", "");
  const [hours, chooseHours] = useAddress("hours", "24");
  const state = stateOf(asked);
  const sagas = useInfiniteQuery({
    queryKey: ["sagas", state, hours],
    queryFn: ({ pageParam: { cursor, from } }) =>
      answerOf(
        api.GET("/sagas", {
          params: {
            query: { from, ...(state === null ? {} : { state }), ...(cursor === null ? {} : { cursor }) },
          },
        }),
      ),
    // What is older than the first page's beginning is in none of its later pages.
    initialPageParam: { cursor: null as string | null, from: fromOf(hours, Date.now()) },
    getNextPageParam: (last: Page) =>
      last.next_cursor === null ? undefined : { cursor: last.next_cursor, from: last.from_at },
    refetchInterval: LOOK_EVERY_MS,
  });
  const first = sagas.data?.pages[0];
  return (
    <PageFrame title="Sagas">
      <Text size="sm" c="dimmed">
        How the placing of each order went: limits reserved, sent to the engine, confirmed. Shown are those
        that have not ended well; choose a state to see its own.
      </Text>
      <SegmentedControl
        aria-label="How far back"
        data={SPANS}
        value={SPANS.some((span) => span.value === hours) ? hours : "24"}
        onChange={chooseHours}
        style={{ alignSelf: "flex-start" }}
      />
      {sagas.error !== null && (
        <Failed error={sagas.error} tryAgain={() => void sagas.refetch()} isTrying={sagas.isFetching} />
      )}
      {first === undefined ? (
        sagas.error === null && <Loading />
      ) : (
        <Stack>
          <Counts page={first} chosen={state} choose={choose} />
          <DataTable
            label="Sagas"
            rows={sagas.data?.pages.flatMap((page) => page.items) ?? []}
            keyOf={(saga) => saga.order_id}
            minWidth={900}
            empty={state === null ? "Every saga has ended well." : `None is ${state.toLowerCase()}.`}
            columns={COLUMNS}
          />
          {sagas.hasNextPage && (
            <Button
              variant="default"
              loading={sagas.isFetchingNextPage}
              onClick={() => void sagas.fetchNextPage()}
            >
              More
            </Button>
          )}
          <Text size="xs" c="dimmed">
            Of orders since {shownTime(first.from_at)}, of the accounts that you see.
          </Text>
        </Stack>
      )}
    </PageFrame>
  );
}

function Counts({
  page,
  chosen,
  choose,
}: {
  page: Page;
  chosen: SagaState | null;
  choose: (state: string) => void;
}) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
      {STATES.map((state) => (
        <UnstyledButton
          key={state}
          onClick={() => choose(state === chosen ? "" : state)}
          aria-pressed={state === chosen}
        >
          <Card
            withBorder
            padding="sm"
            h="100%"
            style={state === chosen ? { borderColor: "var(--mantine-primary-color-filled)" } : undefined}
          >
            <Group justify="space-between" wrap="nowrap" align="flex-start">
              <Text fw={700} size="xl">
                {shownAmount(String(page.counts[state] ?? 0))}
              </Text>
              <StateBadge state={state} />
            </Group>
            <Text size="xs" c="dimmed">
              {MEANINGS[state]}
            </Text>
          </Card>
        </UnstyledButton>
      ))}
    </SimpleGrid>
  );
}

const COLUMNS = [
  { name: "Begun", show: (saga: Saga) => shownTime(saga.started_at) },
  { name: "State", show: (saga: Saga) => <StateBadge state={saga.state} /> },
  { name: "Symbol", show: (saga: Saga) => saga.symbol },
  {
    name: "Order",
    show: (saga: Saga) => (
      <Anchor
        component={Link}
        to={`/orders/${saga.order_id}` as never}
        size="sm"
        style={{ overflowWrap: "anywhere" }}
      >
        {saga.client_order_id}
      </Anchor>
    ),
  },
  { name: "Order's status", show: (saga: Saga) => saga.order_status.toLowerCase().replaceAll("_", " ") },
  { name: "Newest step", show: (saga: Saga) => lastStep(saga) },
  {
    name: "Took",
    isNumber: true,
    show: (saga: Saga) => (
      <Text span size="sm" {...(isLong(saga) ? { c: "red", fw: 600 } : {})}>
        {shownSpan(saga.took_ms)}
      </Text>
    ),
  },
];
