/** Rows of the HTTP API with the words that came since: the rows have all of an order, the words are newer. */
import Big from "big.js";
import type { LiveOrder } from "../../../live/messages";
import { isFinal, type Order } from "../orderWords";

/** An order of which only words were heard so far lacks what only its row has. */
export type ShownOrder = Omit<
  Order,
  "execution" | "post_only" | "cum_notional" | "exchange_order_id" | "expire_time"
> &
  Partial<Pick<Order, "execution" | "post_only">>;

/** Newest first. An order that is in `live` alone is added where `isAdded` says so. */
export function mergedOrders(
  rows: readonly Order[],
  live: readonly LiveOrder[],
  isAdded: (order: LiveOrder) => boolean = () => false,
): readonly ShownOrder[] {
  const words = new Map(live.map((order) => [order.order_id, order]));
  const known = new Set(rows.map((row) => row.order_id));
  const merged: ShownOrder[] = rows.map((row) => {
    const word = words.get(row.order_id);
    return word === undefined ? row : newer(row, word);
  });
  merged.push(...live.filter((order) => !known.has(order.order_id) && isAdded(order)));
  return merged.sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
}

/**
 * A row is read later than it was written, and a word may come before or after that, so that no time says which is the
 * newer one. What an order goes through does: an end is the end, and fills only grow.
 */
function newer(row: Order, word: LiveOrder): ShownOrder {
  const isBehind = (isFinal(row.status) && !isFinal(word.status)) || new Big(word.cum_qty).lt(row.cum_qty);
  if (isBehind) return row;
  return {
    ...row,
    status: word.status,
    quantity: word.quantity,
    price: word.price,
    cum_qty: word.cum_qty,
    leaves_qty: word.leaves_qty,
    avg_px: word.avg_px,
    reject_reason: word.reject_reason ?? row.reject_reason,
  };
}
