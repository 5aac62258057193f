import { Badge, Button, Group, Table, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { Empty, Found } from "../../ui/states";
import { shownTime } from "../../ui/times";

type Order = components["schemas"]["Order"];

const OPEN = new Set<Order["status"]>(["PENDING_NEW", "NEW", "PARTIALLY_FILLED", "UNKNOWN"]);
const LOOK_EVERY_MS = 2_000;

export default function OrdersPage() {
  const { api } = usePlatform();
  const orders = useQuery({
    queryKey: ["orders"],
    queryFn: () => answerOf(api.GET("/orders")),
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <>
      <Title order={2} mb="md">
        Orders
      </Title>
      <Found query={orders}>
        {(page) =>
          page.items.length === 0 ? <Empty>No orders yet.</Empty> : <OrdersTable orders={page.items} />
        }
      </Found>
    </>
  );
}

function OrdersTable({ orders }: { orders: readonly Order[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table stickyHeader verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Time</Table.Th>
            <Table.Th>Symbol</Table.Th>
            <Table.Th>Side</Table.Th>
            <Table.Th>Type</Table.Th>
            <Table.Th ta="right">Quantity</Table.Th>
            <Table.Th ta="right">Price</Table.Th>
            <Table.Th ta="right">Filled</Table.Th>
            <Table.Th>Status</Table.Th>
            <Table.Th />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {orders.map((order) => (
            <Table.Tr key={order.order_id}>
              <Table.Td>{shownTime(order.created_at)}</Table.Td>
              <Table.Td>{order.symbol}</Table.Td>
              <Table.Td c={order.side === "BUY" ? "teal" : "red"}>{order.side}</Table.Td>
              <Table.Td>{order.type}</Table.Td>
              <Table.Td ta="right">{shownAmount(order.quantity)}</Table.Td>
              <Table.Td ta="right">{order.price === null ? "market" : shownAmount(order.price)}</Table.Td>
              <Table.Td ta="right">{shownAmount(order.cum_qty)}</Table.Td>
              <Table.Td>
                <Badge variant="light" color={OPEN.has(order.status) ? "blue" : "gray"}>
                  {order.status.replaceAll("_", " ")}
                </Badge>
              </Table.Td>
              <Table.Td>{OPEN.has(order.status) && <Cancel orderId={order.order_id} />}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Cancel({ orderId }: { orderId: string }) {
  const { api } = usePlatform();
  const queries = useQueryClient();
  const cancelling = useMutation({
    mutationFn: () => answerOf(api.DELETE("/orders/{order_id}", { params: { path: { order_id: orderId } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["orders"] }),
  });
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      {cancelling.error !== null && <span role="alert">{cancelling.error.message}</span>}
      <Button
        size="compact-xs"
        variant="light"
        loading={cancelling.isPending}
        onClick={() => cancelling.mutate()}
      >
        Cancel
      </Button>
    </Group>
  );
}
