import { Button, Select, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Failed, Loading } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAddress } from "../../../ui/useAddress";
import { inTreeOrder } from "../model/stopping";
import { Amount } from "../shared/Amount";
import { OrderLink } from "../shared/NodeLink";
import { LOOK_EVERY_MS, useNodes } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { LeaseTable } from "./LeaseTable";

const PAGE_SIZE = 50;

/** What open orders hold of the limits now, and what is leased to the engine. */
export default function ReservationsPage() {
  const { api } = usePlatform();
  const nodes = useNodes().data?.items ?? [];
  const [nodeId, setNodeId] = useAddress("node", "");
  const reservations = useInfiniteQuery({
    queryKey: ["limits", "reservations", nodeId],
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET("/limits/reservations", {
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
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : LOOK_EVERY_MS),
  });
  const pages = reservations.data?.pages ?? [];
  const names = new Map(nodes.map((node) => [node.account_id, node.name]));
  return (
    <RiskFrame title="Reservations and leases" answeredAt={pages.length > 1 ? 0 : reservations.dataUpdatedAt}>
      <Select
        label="At and below"
        maw={320}
        searchable
        clearable
        placeholder="The whole tree"
        value={nodeId === "" ? null : nodeId}
        onChange={(value) => setNodeId(value ?? "")}
        data={inTreeOrder(nodes).map(({ node, depth }) => ({
          value: node.node_id,
          label: `${"\u00a0\u00a0".repeat(depth)}${node.name}`,
        }))}
      />
      <Stack gap="xs" component="section" aria-label="Leases">
        <Title order={2} size="h4">
          Leases to the engine
        </Title>
        <Text size="sm" c="dimmed">
          A piece of what the limits leave, in which the engine takes an account's orders without asking.
        </Text>
        <LeaseTable nodeId={nodeId} names={names} />
      </Stack>
      <Stack gap="xs" component="section" aria-label="Reservations">
        <Title order={2} size="h4">
          Held by open orders
        </Title>
        {reservations.error !== null && (
          <Failed error={reservations.error} tryAgain={() => void reservations.refetch()} />
        )}
        {reservations.isPending && reservations.error === null ? (
          <Loading />
        ) : (
          <DataTable
            label="Reservations"
            rows={pages.flatMap((page) => page.items)}
            keyOf={(held) => held.order_id}
            empty="No open order holds anything."
            minWidth={900}
            columns={[
              { name: "Placed", show: (held) => shownTime(held.created_at) },
              { name: "Account", show: (held) => names.get(held.account_id) ?? held.account_id.slice(0, 8) },
              { name: "Symbol", show: (held) => held.symbol },
              { name: "Venue", show: (held) => held.venue },
              { name: "Side", show: (held) => held.side },
              { name: "Open", isNumber: true, show: (held) => <Amount amount={held.open_qty} /> },
              { name: "Of", isNumber: true, show: (held) => <Amount amount={held.quantity} /> },
              {
                name: "At most at",
                isNumber: true,
                show: (held) => <Amount amount={held.valuation_price} />,
              },
              { name: "Holds", isNumber: true, show: (held) => <Amount amount={held.open_notional} /> },
              { name: "State", show: (held) => held.state.toLowerCase() },
              { name: "Order", show: (held) => <OrderLink orderId={held.order_id} /> },
            ]}
          />
        )}
        {reservations.hasNextPage && (
          <Button
            variant="default"
            style={{ alignSelf: "flex-start" }}
            loading={reservations.isFetchingNextPage}
            onClick={() => void reservations.fetchNextPage()}
          >
            More
          </Button>
        )}
      </Stack>
    </RiskFrame>
  );
}
