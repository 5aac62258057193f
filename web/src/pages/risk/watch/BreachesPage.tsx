import { Badge, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Failed, Loading } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAddress } from "../../../ui/useAddress";
import { breachName, breachWords, isBefore, isOfState, kindOf, passes } from "../model/breaches";
import { typeWords } from "../model/limitWords";
import { momentOf } from "../model/moments";
import { inTreeOrder } from "../model/stopping";
import type { Breach } from "../model/types";
import { NodeLink, OrderLink } from "../shared/NodeLink";
import { useLimitTypes, useNodes } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";

const LOOK_EVERY_MS = 5_000;
const PAGE_SIZE = 50;
/** So many pages are read by themselves for a filter that finds little; then one asks for more. */
const SOUGHT_PAGES_MAX = 5;
const ENOUGH_ROWS = 20;
const KINDS = {
  REFUSED: { words: "refused", color: "red" },
  CROSSED: { words: "crossed", color: "red" },
  WARNED: { words: "warned", color: "orange" },
  STATE: { words: "state", color: "blue" },
} as const;

/** What limits refused and warned of, and how nodes changed their state, the newest first. */
export default function BreachesPage() {
  const { api } = usePlatform();
  const [nodeId, setNodeId] = useAddress("node", "");
  const [what, setWhat] = useAddress("what", "");
  const [from, setFrom] = useAddress("from", "");
  const [to, setTo] = useAddress("to", "");
  const filter = { what, since: from === "" ? null : momentOf(from), until: to === "" ? null : momentOf(to) };
  const breaches = useInfiniteQuery({
    queryKey: ["limits", "breaches", nodeId],
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET("/limits/breaches", {
          params: {
            query: {
              limit: PAGE_SIZE,
              ...(nodeId === "" ? {} : { node_id: nodeId }),
              ...(pageParam === null ? {} : { cursor: pageParam }),
            },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    // With many pages on the screen all of them would be read again.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : LOOK_EVERY_MS),
  });
  const pages = breaches.data?.pages ?? [];
  const read = pages.flatMap((page) => page.items);
  const rows = read.filter((breach) => passes(breach, filter));
  const hasMore = breaches.hasNextPage && !isBefore(read.at(-1), filter.since);
  const seeks = hasMore && rows.length < ENOUGH_ROWS && pages.length < SOUGHT_PAGES_MAX && isFiltered(filter);
  const { isFetching, fetchNextPage } = breaches;
  useEffect(() => {
    if (seeks && !isFetching) void fetchNextPage();
  }, [seeks, isFetching, fetchNextPage]);
  return (
    <RiskFrame title="Breaches" answeredAt={pages.length > 1 ? 0 : breaches.dataUpdatedAt}>
      <Filters
        values={{ nodeId, what, from, to }}
        set={{ nodeId: setNodeId, what: setWhat, from: setFrom, to: setTo }}
      />
      {breaches.error !== null && <Failed error={breaches.error} tryAgain={() => void breaches.refetch()} />}
      {breaches.isPending && breaches.error === null ? <Loading /> : <BreachTable rows={rows} />}
      {hasMore && (
        <Group>
          <Button
            variant="default"
            loading={breaches.isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            More
          </Button>
          <Text size="sm" c="dimmed">
            {read.length} looked at
          </Text>
        </Group>
      )}
    </RiskFrame>
  );
}

function isFiltered(filter: { what: string; since: string | null; until: string | null }): boolean {
  return filter.what !== "" || filter.since !== null || filter.until !== null;
}

type FilterName = "nodeId" | "what" | "from" | "to";

function Filters({
  values,
  set,
}: {
  values: Readonly<Record<FilterName, string>>;
  set: Readonly<Record<FilterName, (value: string) => void>>;
}) {
  const nodes = inTreeOrder(useNodes().data?.items ?? []);
  const types = useLimitTypes().data?.items ?? [];
  return (
    <Group align="flex-end">
      <Select
        label="At and below"
        searchable
        clearable
        placeholder="The whole tree"
        value={values.nodeId === "" ? null : values.nodeId}
        onChange={(value) => set.nodeId(value ?? "")}
        data={nodes.map(({ node, depth }) => ({
          value: node.node_id,
          label: `${"\u00a0\u00a0".repeat(depth)}${node.name}`,
        }))}
      />
      <Select
        label="What"
        searchable
        clearable
        placeholder="Everything"
        value={values.what === "" ? null : values.what}
        onChange={(value) => set.what(value ?? "")}
        data={[
          { value: "STATE", label: "State of nodes" },
          ...types.map((type) => ({ value: type.limit_type, label: typeWords(type.limit_type) })),
        ]}
      />
      <TextInput
        label="From"
        type="datetime-local"
        value={values.from}
        onChange={(event) => set.from(event.currentTarget.value)}
      />
      <TextInput
        label="Until"
        type="datetime-local"
        value={values.to}
        onChange={(event) => set.to(event.currentTarget.value)}
      />
    </Group>
  );
}

function BreachTable({ rows }: { rows: readonly Breach[] }) {
  return (
    <DataTable
      label="Breaches"
      rows={rows}
      keyOf={(breach) => breach.event_id}
      empty="Nothing was refused, warned of or crossed, and no node changed its state."
      minWidth={860}
      columns={[
        { name: "Time", show: (breach) => shownTime(breach.occurred_at) },
        {
          name: "Kind",
          show: (breach) => {
            const { words, color } = KINDS[kindOf(breach)];
            return (
              <Badge miw="max-content" color={color} variant="light">
                {!isOfState(breach) && kindOf(breach) === "WARNED"
                  ? `${words} ${breach.threshold_pct} %`
                  : words}
              </Badge>
            );
          },
        },
        { name: "Node", show: (breach) => <NodeLink nodeId={breach.node_id}>{breach.node_name}</NodeLink> },
        { name: "Limit", show: breachName },
        {
          name: "What happened",
          show: (breach) => (
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {breachWords(breach)}
            </Text>
          ),
        },
        {
          name: "Order",
          show: (breach) =>
            !isOfState(breach) && breach.order_id !== null && <OrderLink orderId={breach.order_id} />,
        },
      ]}
    />
  );
}
