import { Anchor, Badge, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { shownAmount } from "../../../ui/amounts";
import type { Column } from "../../../ui/DataTable";
import { shownTime } from "../../../ui/times";
import { STATUS_COLOURS, statusWords, typeWords } from "../orderWords";
import { reasonInWords } from "../ticket/verdicts";
import type { ShownOrder } from "./merge";

/** What every list of orders shows. */
export function orderColumns(accountName: ((accountId: string) => string) | null): Column<ShownOrder>[] {
  const account: Column<ShownOrder> = {
    name: "Account",
    show: (order) => accountName?.(order.account_id) ?? "",
  };
  return [
    {
      name: "Time",
      show: (order) => (
        <Anchor
          component={Link}
          to={`/orders/${order.order_id}`}
          size="sm"
          aria-label={`${shownTime(order.created_at)}: story of ${label(order)}`}
        >
          {shownTime(order.created_at)}
        </Anchor>
      ),
    },
    ...(accountName === null ? [] : [account]),
    { name: "Symbol", show: (order) => order.symbol },
    { name: "Side", show: (order) => <SideWord side={order.side} /> },
    {
      name: "Type",
      show: (order) => (
        <Text span size="sm">
          {typeWords({ ...order, execution: order.execution ?? null, post_only: order.post_only ?? false })}
        </Text>
      ),
    },
    { name: "Quantity", isNumber: true, show: (order) => shownAmount(order.quantity) },
    {
      name: "Price",
      isNumber: true,
      show: (order) => (order.price === null ? "market" : shownAmount(order.price)),
    },
    { name: "Filled", isNumber: true, show: (order) => shownAmount(order.cum_qty) },
    {
      name: "Average",
      isNumber: true,
      show: (order) => (order.avg_px === null ? "–" : shownAmount(order.avg_px)),
    },
    { name: "Status", show: (order) => <StatusWord order={order} /> },
  ];
}

export function SideWord({ side }: { side: ShownOrder["side"] }) {
  return (
    <Text span size="sm" fw={600} c={side === "BUY" ? "teal" : "red"}>
      {side === "BUY" ? "Buy" : "Sell"}
    </Text>
  );
}

function StatusWord({ order }: { order: ShownOrder }) {
  return (
    <>
      <Badge variant="light" color={STATUS_COLOURS[order.status]} tt="none">
        {statusWords(order.status)}
      </Badge>
      {order.reject_reason !== null && (
        <Text size="xs" c="dimmed" maw={240}>
          {reasonInWords(order.reject_reason)}
        </Text>
      )}
    </>
  );
}

/** "buy 1 ETH/USDT": what a button about this order is called. */
export function label(order: Pick<ShownOrder, "side" | "quantity" | "symbol">): string {
  return `${order.side === "BUY" ? "buy" : "sell"} ${shownAmount(order.quantity)} ${order.symbol}`;
}
