/** What the engine's channels and the notifications say, as far as the app uses it (docs/market-data.md, docs/alerts.md). */
import type { components } from "../api/schema";

/** Price and quantity, as the server wrote them. */
export type WireLevel = readonly [string, string];

export interface Trade {
  readonly trade_id: number;
  readonly at: string;
  /** The side that took: a BUY lifted the asks. */
  readonly taker: "BUY" | "SELL";
  readonly price: string;
  readonly quantity: string;
}

interface OfMarket {
  readonly channel: "markets";
  readonly venue: string;
  readonly symbol: string;
}

export interface MarketSnapshot extends OfMarket {
  readonly type: "snapshot";
  readonly sequence: number;
  readonly at: string;
  readonly bids: readonly WireLevel[];
  readonly asks: readonly WireLevel[];
  readonly trades: readonly Trade[];
  /** Not told where the whole book stands in place of changes that were missed. */
  readonly tick_size?: string;
  readonly lot_size?: string;
}

export interface MarketUpdate extends OfMarket {
  readonly type: "update";
  readonly previous_sequence: number;
  readonly sequence: number;
  readonly at: string;
  readonly bids: readonly WireLevel[];
  readonly asks: readonly WireLevel[];
}

export interface MarketTrades extends OfMarket {
  readonly type: "trades";
  /** Came before these, and are not told. */
  readonly lost: number;
  readonly trades: readonly Trade[];
}

export interface MarketClosed extends OfMarket {
  readonly type: "closed";
  readonly reason: string;
}

export type MarketMessage = MarketSnapshot | MarketUpdate | MarketTrades | MarketClosed;

/** An event in its envelope; what the payload has depends on the topic (docs/events.md). */
export interface LiveEvent {
  readonly event_id: string;
  readonly topic: string;
  readonly account_id: string | null;
  readonly aggregate_id: string;
  readonly correlation_id: string;
  readonly occurred_at_ns: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type AccountChannelName = "orders" | "positions";

interface OfAccount {
  readonly channel: AccountChannelName;
  readonly account_id: string;
  readonly sequence: number;
}

export type AccountMessage =
  | (OfAccount & {
      readonly type: "snapshot";
      readonly items: readonly unknown[];
      readonly is_complete: boolean;
    })
  | (OfAccount & { readonly type: "resumed" })
  | (OfAccount & { readonly type: "update"; readonly previous_sequence: number; readonly event: LiveEvent })
  | (OfAccount & { readonly type: "closed"; readonly reason: string });

export interface ErrorMessage {
  readonly type: "error";
  readonly code: string;
  readonly detail: string;
}

type Order = components["schemas"]["Order"];

/** An order as the orders channel tells it: what `Order` of the HTTP API has, without its execution and numbers. */
export interface LiveOrder
  extends Pick<
    Order,
    | "order_id"
    | "client_order_id"
    | "account_id"
    | "symbol"
    | "side"
    | "type"
    | "status"
    | "quantity"
    | "price"
    | "cum_qty"
    | "leaves_qty"
    | "avg_px"
    | "time_in_force"
    | "venue"
    | "is_leased"
    | "created_at"
    | "updated_at"
    | "correlation_id"
  > {
  /** Of a refused or rejected one, once it was told; a snapshot does not have it. */
  readonly reject_code: string | null;
  readonly reject_reason: string | null;
}

/** A fill, as it is heard of by the orders channel. */
export type LiveFill = Omit<components["schemas"]["Trade"], "realised_pnl">;

/** A position as the positions channel tells it: mark and unrealised profit are what the HTTP API adds. */
export type LivePosition = Pick<
  components["schemas"]["Position"],
  "account_id" | "symbol" | "quantity" | "average_price" | "realised_pnl" | "updated_at"
>;

/** More is not read: no message of the platform is nearly so long. */
export const MESSAGE_CHARACTERS_MAX = 4 * 1024 * 1024;

/** The message's members, or null where it is none that the app could understand: it is left out then. */
export function readMessage(text: unknown): ({ readonly type: string } & Record<string, unknown>) | null {
  if (typeof text !== "string" || text.length > MESSAGE_CHARACTERS_MAX) return null;
  try {
    const told: unknown = JSON.parse(text);
    if (typeof told !== "object" || told === null || Array.isArray(told)) return null;
    const members = told as Record<string, unknown>;
    return typeof members.type === "string" ? (members as { type: string }) : null;
  } catch {
    return null;
  }
}
