import { Alert, List, Stack, Text, Title } from "@mantine/core";
import { DataTable } from "../../../ui/DataTable";
import { shownTime } from "../../../ui/times";
import { forDrawing } from "../model/exact";
import type { JudgedOrder } from "../model/types";
import { type Outcome, whyOf } from "../model/whatIf";
import { Amount, Profit } from "../shared/Amount";
import { AmountBars } from "../shared/AmountBars";
import { OrderLink } from "../shared/NodeLink";

const WAS = "As it was";
const WOULD = "As it would have been";

/** Which orders, which exposure and which profit would have followed; below each chart its table. */
export function WhatIfAnswer({ outcome, nameOf }: { outcome: Outcome; nameOf: (nodeId: string) => string }) {
  const { judgedCount, refusedCount, passedCount } = outcome;
  const peaks = outcome.peaks.filter((peak) => forDrawing(peak.peak_open_notional) > 0);
  return (
    <Stack>
      <Alert color={refusedCount > 0 ? "orange" : "blue"}>
        Of {judgedCount} orders {refusedCount} would have been refused, and {passedCount} that were refused
        would have passed.
      </Alert>
      <Orders title="Would have been refused" orders={outcome.refused} count={refusedCount} whyOf={whyOf} />
      <Orders title="Would have passed" orders={outcome.passed} count={passedCount} />
      <Title order={2} size="h4">
        Profit and loss, {outcome.currency}
      </Title>
      <AmountBars
        label="Profit and loss by account"
        unit={outcome.currency}
        series={[WAS, WOULD]}
        rows={outcome.pnl.map((of) => ({
          name: nameOf(of.node_id),
          amounts: { [WAS]: of.actual, [WOULD]: of.what_if },
        }))}
      />
      <DataTable
        label="Profit and loss by account"
        rows={outcome.pnl}
        keyOf={(of) => of.account_id}
        empty="No account."
        columns={[
          { name: "Account", show: (of) => nameOf(of.node_id) },
          { name: WAS, isNumber: true, show: (of) => <Profit amount={of.actual} /> },
          { name: WOULD, isNumber: true, show: (of) => <Profit amount={of.what_if} /> },
        ]}
      />
      {outcome.byDay.length > 1 && (
        <DataTable
          label="Profit and loss by day"
          rows={outcome.byDay}
          keyOf={(of) => of.day}
          empty=""
          columns={[
            { name: "Day", show: (of) => of.day },
            { name: WAS, isNumber: true, show: (of) => <Profit amount={of.actual} /> },
            { name: WOULD, isNumber: true, show: (of) => <Profit amount={of.what_if} /> },
          ]}
        />
      )}
      <Title order={2} size="h4">
        Exposure that would have followed
      </Title>
      {peaks.length > 0 && (
        <AmountBars
          label="Peak of open orders by node and symbol"
          unit=""
          series={["Peak of open orders"]}
          rows={peaks.map((peak) => ({
            name: `${peak.node_name} ${peak.symbol}`,
            amounts: { "Peak of open orders": peak.peak_open_notional },
          }))}
        />
      )}
      <DataTable
        label="Peak exposure"
        rows={outcome.peaks}
        keyOf={(peak) => `${peak.node_id}/${peak.symbol}`}
        empty="No node would have held anything."
        columns={[
          { name: "Node", show: (peak) => peak.node_name },
          { name: "Symbol", show: (peak) => peak.symbol },
          { name: "Peak position", isNumber: true, show: (peak) => <Amount amount={peak.peak_position} /> },
          {
            name: "Peak of open orders",
            isNumber: true,
            show: (peak) => <Amount amount={peak.peak_open_notional} />,
          },
        ]}
      />
      <Text size="sm" fw={600}>
        Assumed
      </Text>
      <List size="sm" c="dimmed">
        {outcome.assumptions.map((assumption) => (
          <List.Item key={assumption}>{assumption}</List.Item>
        ))}
      </List>
    </Stack>
  );
}

const SHOWN_MAX = 100;

function Orders<Order extends JudgedOrder>({
  title,
  orders,
  count,
  whyOf,
}: {
  title: string;
  orders: readonly Order[];
  count: number;
  whyOf?: (order: Order) => string;
}) {
  if (count === 0) return null;
  return (
    <Stack gap="xs" component="section" aria-label={title}>
      <Title order={2} size="h4">
        {title}
      </Title>
      <DataTable
        label={title}
        rows={orders.slice(0, SHOWN_MAX)}
        keyOf={(order) => order.order_id}
        empty=""
        minWidth={780}
        columns={[
          { name: "Placed", show: (order) => shownTime(order.placed_at) },
          { name: "Symbol", show: (order) => order.symbol },
          { name: "Side", show: (order) => order.side },
          { name: "Quantity", isNumber: true, show: (order) => <Amount amount={order.quantity} /> },
          {
            name: "Price",
            isNumber: true,
            show: (order) => (order.price === null ? "market" : <Amount amount={order.price} />),
          },
          ...(whyOf === undefined ? [] : [{ name: "Why", show: whyOf }]),
          { name: "Order", show: (order) => <OrderLink orderId={order.order_id} /> },
        ]}
      />
      {count > SHOWN_MAX && (
        <Text size="sm" c="dimmed">
          The first {Math.min(SHOWN_MAX, orders.length)} of {count}.
        </Text>
      )}
    </Stack>
  );
}
