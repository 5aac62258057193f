/** An entry with its exit: two orders, the second of which works no more than the first has filled. */
import { Problem } from "../../../api/problem";
import type { components } from "../../../api/schema";
import { isFinal } from "../orderWords";
import { isUnknown } from "./refusals";
import { DEFAULT_VENUE, type OrderTerms, type Side, type TicketTerms } from "./terms";

type Order = components["schemas"]["Order"];

export const OTHER_SIDE: Readonly<Record<Side, Side>> = { BUY: "SELL", SELL: "BUY" };

export function entryId(bracketId: string): string {
  return `${bracketId}-entry`;
}

export function entryTerms(terms: TicketTerms, bracketId: string): OrderTerms {
  const price = terms.price.trim() === "" ? null : terms.price.trim();
  return {
    client_order_id: entryId(bracketId),
    account_id: terms.account_id,
    symbol: terms.symbol,
    side: terms.side,
    type: price === null ? "MARKET" : "LIMIT",
    quantity: terms.quantity.trim(),
    price,
    post_only: false,
    reduce_only: false,
    located: terms.located,
    venue: terms.venue.trim().toUpperCase() || DEFAULT_VENUE,
  };
}

/** `entry`: null while there is none yet, for a preview. */
export function exitTerms(terms: TicketTerms, bracketId: string, entry: Order | null): OrderTerms {
  const venue = terms.venue.trim().toUpperCase() || DEFAULT_VENUE;
  return {
    client_order_id: `${bracketId}-exit`,
    account_id: terms.account_id,
    symbol: terms.symbol,
    side: OTHER_SIDE[terms.side],
    type: "LIMIT",
    // Once the entry has ended, what it has filled: an exit from more is refused.
    quantity: entry !== null && isFinal(entry.status) ? entry.cum_qty : terms.quantity.trim(),
    price: terms.target_px.trim(),
    post_only: false,
    reduce_only: false,
    located: false,
    venue: "SOR",
    execution: {
      algorithm: "OCO",
      venues: [venue],
      trigger_by: "LAST",
      stop_px: terms.stop_px.trim(),
      stop_limit_px: terms.stop_limit_px.trim() === "" ? null : terms.stop_limit_px.trim(),
      after: entry?.order_id ?? null,
    },
  };
}

export interface OrderCalls {
  readonly place: (terms: OrderTerms) => Promise<Order>;
  readonly order: (orderId: string) => Promise<Order>;
  readonly cancel: (orderId: string) => Promise<Order>;
  readonly wait: () => Promise<void>;
}

export interface Bracket {
  readonly entry: Order;
  /** Null where the entry ended without a fill, or is not known to have been taken. */
  readonly exit: Order | null;
  /** The exit was refused; the entry was cancelled, or is said to live still. */
  readonly refusal: Problem | null;
  readonly note: string | null;
}

const LOOKS_MAX = 30;

/**
 * Sent again with the same id it goes on where it was. Throws the entry's Problem, and Unreachable where nobody knows.
 */
export async function placeBracket(
  terms: TicketTerms,
  bracketId: string,
  calls: OrderCalls,
): Promise<Bracket> {
  const entry = await resolved(await calls.place(entryTerms(terms, bracketId)), calls);
  if (entry.status === "PENDING_NEW" || entry.status === "UNKNOWN") {
    return {
      entry,
      exit: null,
      refusal: null,
      note: "The entry is not known to have been taken: send it again for its exit.",
    };
  }
  if (isFinal(entry.status) && !/[1-9]/.test(entry.cum_qty)) {
    return {
      entry,
      exit: null,
      refusal: null,
      note: "The entry ended without a fill, so there is nothing to exit.",
    };
  }
  try {
    return { entry, exit: await calls.place(exitTerms(terms, bracketId, entry)), refusal: null, note: null };
  } catch (error) {
    if (!(error instanceof Problem) || isUnknown(error)) throw error;
    return { ...(await takenBack(entry, calls)), exit: null, refusal: error };
  }
}

/** Once it is known whether it was taken: an exit from an order that the engine has not heard of would end. */
async function resolved(placed: Order, calls: OrderCalls): Promise<Order> {
  let order = placed;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (order.status !== "PENDING_NEW" && order.status !== "UNKNOWN") break;
    await calls.wait();
    order = await calls.order(order.order_id);
  }
  return order;
}

async function takenBack(entry: Order, calls: OrderCalls): Promise<{ entry: Order; note: string }> {
  try {
    const ended = isFinal(entry.status) ? entry : await calls.cancel(entry.order_id);
    const filled = /[1-9]/.test(ended.cum_qty) ? ` What it has filled, ${ended.cum_qty}, has no exit.` : "";
    return { entry: ended, note: `The exit was refused, and the entry does not rest any more.${filled}` };
  } catch {
    return {
      entry,
      note: "The exit was refused, and the entry could not be cancelled: it may still fill. Look after it.",
    };
  }
}
