import { Button, List } from "@mantine/core";
import { useState } from "react";
import { type Api, answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import type { ShownOrder } from "./merge";

interface What {
  readonly orders: readonly ShownOrder[];
  readonly symbol: string | undefined;
}

/** Every open order that is listed: of a symbol one by one, else of each account at once, also those not listed. */
export function CancelAll({
  orders,
  symbol,
}: {
  orders: readonly ShownOrder[];
  symbol?: string | undefined;
}) {
  const { api } = usePlatform();
  const may = useMay();
  const [isAsked, setAsked] = useState(false);
  const [failed, setFailed] = useState<readonly string[]>([]);
  const action = useAction((what: What) => cancelAll(api, what), {
    changes: [["orders"]],
    onDone: (reasons) => {
      setFailed(reasons);
      if (reasons.length === 0) setAsked(false);
    },
  });
  if (!may("orders:cancel") || orders.length === 0) return null;
  const accounts = new Set(orders.map((order) => order.account_id)).size;
  return (
    <>
      <Button
        size="compact-sm"
        variant="light"
        color="red"
        onClick={() => {
          setFailed([]);
          action.reset();
          setAsked(true);
        }}
      >
        Cancel all{symbol === undefined ? "" : ` of ${symbol}`}
      </Button>
      {isAsked && (
        <ConfirmDialog
          title="Cancel all orders"
          confirm="Cancel them"
          isRunning={action.isRunning}
          error={action.error}
          onConfirm={() => action.run({ orders, symbol })}
          onClose={() => setAsked(false)}
        >
          {orders.length} open {orders.length === 1 ? "order" : "orders"}
          {symbol === undefined ? "" : ` of ${symbol}`} in {accounts}{" "}
          {accounts === 1 ? "account" : "accounts"}. What has filled stays filled.
          {failed.length > 0 && (
            <List size="sm" mt="xs" c="red" aria-label="Not cancelled">
              {failed.map((reason) => (
                <List.Item key={reason}>{reason}</List.Item>
              ))}
            </List>
          )}
        </ConfirmDialog>
      )}
    </>
  );
}

/** Why some were not cancelled. */
async function cancelAll(api: Api, { orders, symbol }: What): Promise<readonly string[]> {
  const failed: string[] = [];
  if (symbol === undefined) {
    for (const accountId of new Set(orders.map((order) => order.account_id))) {
      const query = { account_id: accountId };
      const answer = await answerOf(api.DELETE("/orders", { params: { query } }));
      failed.push(...answer.failed.map(({ order_id, reason }) => `${order_id}: ${reason}`));
    }
    return failed;
  }
  for (const { order_id } of orders) {
    try {
      await answerOf(api.DELETE("/orders/{order_id}", { params: { path: { order_id } } }));
    } catch (error) {
      failed.push(`${order_id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed;
}
