/** The list of an account's orders, from a snapshot and the words that follow it. */
import Big from "big.js";
import type { LiveEvent, LiveFill, LiveOrder } from "./messages";

const TRADE_EXECUTED = "trades.TradeExecuted.v1";
/** Of the router's children and its measuring: they are not orders of the account's list. */
const NOT_OF_THE_LIST = new Set([
  "orders.ChildOrderChanged.v1",
  "orders.ChildOrderFilled.v1",
  "orders.ExecutionMeasured.v1",
]);
const FINAL = new Set<LiveOrder["status"]>(["FILLED", "CANCELED", "REJECTED", "EXPIRED"]);
const AVERAGE_DECIMALS = 8;
/** Of the quotient before it is rounded. */
const QUOTIENT_DECIMALS = 40;
const Exact = Big();
Exact.DP = QUOTIENT_DECIMALS;
const NS_PER_MS = 1_000_000;

/** Orders that are kept; the oldest of those that are over go first. */
export const ORDERS_MAX = 1_000;

/** What an event's payload says of the order: events.OrderState. */
export interface OrderState {
  readonly order_id: string;
  readonly client_order_id: string;
  readonly account_id: string;
  readonly symbol: string;
  readonly side: LiveOrder["side"];
  readonly type: LiveOrder["type"];
  readonly time_in_force: LiveOrder["time_in_force"];
  readonly venue: string;
  readonly status: LiveOrder["status"];
  readonly quantity: string;
  readonly price: string | null;
  readonly cum_qty: string;
  readonly leaves_qty: string;
  readonly cum_notional: string;
  readonly reject_code: string | null;
  readonly reject_reason: string | null;
  /** Orders the states of one order. */
  readonly engine_seq: number;
  readonly transact_time_ns: number;
}

/** The order that an event of the account's list tells of. */
export function orderStateOf(event: LiveEvent): OrderState | null {
  if (NOT_OF_THE_LIST.has(event.topic)) return null;
  if (event.topic !== TRADE_EXECUTED && !event.topic.startsWith("orders.")) return null;
  const order = event.payload.order;
  return typeof order === "object" && order !== null ? (order as OrderState) : null;
}

export function fillOf(event: LiveEvent): LiveFill | null {
  const order = event.topic === TRADE_EXECUTED ? orderStateOf(event) : null;
  if (order === null) return null;
  const { trade_id, last_qty, last_px, liquidity, fee, fee_currency } = event.payload as Record<
    string,
    string
  >;
  return {
    trade_id: trade_id ?? event.event_id,
    order_id: order.order_id,
    account_id: order.account_id,
    symbol: order.symbol,
    side: order.side,
    last_qty: last_qty ?? "0",
    last_px: last_px ?? "0",
    liquidity: liquidity ?? "",
    fee: fee ?? "0",
    fee_currency: fee_currency ?? "",
    venue: order.venue,
    transact_time: timeOf(order.transact_time_ns),
  };
}

/** Orders by their id. Later words come later; what a snapshot has already seen does not undo it. */
export class OrderList {
  private readonly orders = new Map<string, LiveOrder>();
  private readonly engineSeqs = new Map<string, number>();

  begin(items: readonly LiveOrder[]): void {
    this.orders.clear();
    this.engineSeqs.clear();
    for (const item of items) {
      this.orders.set(item.order_id, { ...item, reject_code: null, reject_reason: null });
    }
  }

  /** False where it changes nothing. */
  take(event: LiveEvent): boolean {
    const state = orderStateOf(event);
    if (state === null) return false;
    const known = this.orders.get(state.order_id);
    if (known !== undefined) {
      const isOlder = state.engine_seq < (this.engineSeqs.get(state.order_id) ?? state.engine_seq);
      // Told before the snapshot was made, and heard after it: an order that is over stays so.
      if (isOlder || (FINAL.has(known.status) && !FINAL.has(state.status))) return false;
    }
    this.engineSeqs.set(state.order_id, state.engine_seq);
    this.orders.set(state.order_id, merged(known, state, event));
    this.forgetOldest();
    return true;
  }

  /** Newest first. */
  list(): readonly LiveOrder[] {
    return [...this.orders.values()].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  }

  private forgetOldest(): void {
    if (this.orders.size <= ORDERS_MAX) return;
    const over = this.list().filter((order) => FINAL.has(order.status));
    for (const order of over.slice(-Math.ceil(ORDERS_MAX / 10))) {
      this.orders.delete(order.order_id);
      this.engineSeqs.delete(order.order_id);
    }
  }
}

function merged(known: LiveOrder | undefined, state: OrderState, event: LiveEvent): LiveOrder {
  const at = timeOf(state.transact_time_ns);
  return {
    order_id: state.order_id,
    client_order_id: state.client_order_id,
    account_id: state.account_id,
    symbol: state.symbol,
    side: state.side,
    type: state.type,
    status: state.status,
    quantity: state.quantity,
    price: state.price,
    cum_qty: state.cum_qty,
    leaves_qty: state.leaves_qty,
    avg_px: averagePrice(state.cum_notional, state.cum_qty),
    time_in_force: state.time_in_force,
    venue: state.venue,
    is_leased: known?.is_leased ?? event.topic === "orders.OrderLeased.v1",
    created_at: known?.created_at ?? at,
    updated_at: at,
    correlation_id: known?.correlation_id ?? event.correlation_id,
    reject_code: state.reject_code,
    reject_reason: state.reject_reason,
  };
}

/** As the server does it: rounded half even to 8 decimals; null before the first fill. */
export function averagePrice(cumNotional: string, cumQty: string): string | null {
  if (!/[1-9]/.test(cumQty)) return null;
  return new Exact(cumNotional).div(cumQty).round(AVERAGE_DECIMALS, Exact.roundHalfEven).toFixed();
}

/** RFC 3339 in UTC with milliseconds: the number has lost its last digits on the way through JSON. */
export function timeOf(ns: number): string {
  return new Date(ns / NS_PER_MS).toISOString();
}
