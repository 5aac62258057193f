import { Alert, Anchor, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { shownAmount } from "../../../ui/amounts";
import { isFinal, type Order, STATUS_COLOURS, statusWords } from "../orderWords";
import type { Attempt } from "./attempts";
import { entryId } from "./bracket";
import { Refusals } from "./Refusals";
import { explained } from "./refusals";
import type { Placed } from "./usePlacing";

const LOOK_EVERY_MS = 1_000;
const LOOK_FOR_EVERY_MS = 2_000;

/** What became of what was sent last. */
export function Outcome({
  placed,
  onTake,
  onArrived,
  onAgain,
  onForget,
}: {
  placed: Placed;
  onTake: (quantity: string) => void;
  onArrived: (order: Order) => void;
  onAgain: (attempt: Attempt) => void;
  onForget: () => void;
}) {
  switch (placed.kind) {
    case "PLACED":
      return (
        <Stack gap="xs" role="status">
          {placed.orders.map((order) => (
            <PlacedOrder key={order.order_id} placed={order} />
          ))}
          {placed.note !== null && (
            <Alert color="orange" p="xs">
              <Text size="sm">{placed.note}</Text>
            </Alert>
          )}
          {placed.refusal !== null && (
            <Refused error={placed.refusal} symbol={placed.orders[0]?.symbol ?? ""} />
          )}
        </Stack>
      );
    case "REFUSED":
      return <Refused error={placed.error} symbol={placed.terms.symbol} onTake={onTake} />;
    case "UNKNOWN":
      return (
        <NobodyKnows
          attempt={placed.attempt}
          detail={placed.detail}
          onArrived={onArrived}
          onAgain={onAgain}
          onForget={onForget}
        />
      );
  }
}

/** The order as it stands, until it has ended. */
function PlacedOrder({ placed }: { placed: Order }) {
  const { api } = usePlatform();
  const path = { order_id: placed.order_id };
  const found = useQuery({
    queryKey: ["orders", "one", placed.order_id],
    queryFn: () => answerOf(api.GET("/orders/{order_id}", { params: { path } })),
    initialData: placed,
    refetchInterval: (query) =>
      query.state.data && isFinal(query.state.data.status) ? false : LOOK_EVERY_MS,
  });
  const order = found.data;
  return (
    <Alert color={STATUS_COLOURS[order.status]} p="xs">
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {order.side === "BUY" ? "Buy" : "Sell"} {shownAmount(order.quantity)} {order.symbol}
        </Text>
        <Badge variant="light" color={STATUS_COLOURS[order.status]}>
          {statusWords(order.status)}
        </Badge>
      </Group>
      <Text size="sm">
        {shownAmount(order.cum_qty)} filled
        {order.avg_px !== null && ` at ${shownAmount(order.avg_px)}`}
        {order.reject_reason !== null && `: ${order.reject_reason}`}
        {order.status === "UNKNOWN" &&
          ": the exchange has not answered. The platform asks on; do not send it again."}
      </Text>
      <Anchor component={Link} to={`/orders/${order.order_id}`} size="sm">
        Its story
      </Anchor>
    </Alert>
  );
}

function Refused({
  error,
  symbol,
  onTake,
}: {
  error: Error;
  symbol: string;
  onTake?: (quantity: string) => void;
}) {
  const { title, detail, refusals, correlationId } = explained(error);
  return (
    <Alert color="red" p="xs" title={title} role="alert">
      <Stack gap={4}>
        {refusals.length > 0 ? (
          <Refusals refusals={refusals} symbol={symbol} {...(onTake === undefined ? {} : { onTake })} />
        ) : (
          <Text size="sm">{detail}</Text>
        )}
        {correlationId !== null && (
          <Text size="xs" c="dimmed">
            For support: {correlationId}
          </Text>
        )}
      </Stack>
    </Alert>
  );
}

/** It is looked for under its client order id. Sent again under the same it can never become two. */
function NobodyKnows({
  attempt,
  detail,
  onArrived,
  onAgain,
  onForget,
}: {
  attempt: Attempt;
  detail: string;
  onArrived: (order: Order) => void;
  onAgain: (attempt: Attempt) => void;
  onForget: () => void;
}) {
  const { api } = usePlatform();
  const isBracket = attempt.terms.kind === "BRACKET";
  const clientOrderId = isBracket ? entryId(attempt.clientOrderId) : attempt.clientOrderId;
  const looked = useQuery({
    queryKey: ["orders", "looked-for", clientOrderId],
    queryFn: async () => {
      const query = { account_id: attempt.terms.account_id, client_order_id: clientOrderId };
      const page = await answerOf(api.GET("/orders", { params: { query } }));
      return page.items[0] ?? null;
    },
    refetchInterval: LOOK_FOR_EVERY_MS,
  });
  const order = looked.data ?? null;
  useEffect(() => {
    if (order !== null && !isBracket) onArrived(order);
  }, [order, isBracket, onArrived]);
  return (
    <Alert color="orange" p="xs" title="Nobody knows whether it arrived" role="alert">
      <Stack gap="xs">
        <Text size="sm">{detail}</Text>
        <Text size="sm">
          {order !== null
            ? "The entry arrived. Send it again for its exit: what is there is not placed twice."
            : looked.data === null
              ? "The platform answers again and has no such order so far. It may still be on its way."
              : "It is being looked for."}
        </Text>
        <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          Its client order id: {clientOrderId}
        </Text>
        <Group gap="xs">
          <Button size="compact-sm" color="orange" onClick={() => onAgain(attempt)}>
            Send the same again
          </Button>
          <Button size="compact-sm" variant="default" onClick={onForget}>
            Leave it
          </Button>
        </Group>
        <Text size="xs" c="dimmed">
          Sent again it is the same order, never a second one. Once left, look into the list of orders before
          you place another.
        </Text>
      </Stack>
    </Alert>
  );
}
