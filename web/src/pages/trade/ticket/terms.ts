/** What stands in the ticket, and the request that it becomes. Fields have the API's names: its problems name them. */
import type { components } from "../../../api/schema";
import { KINDS, type Kind } from "./kinds";

export type OrderTerms = components["schemas"]["OrderTerms"];
export type Side = components["schemas"]["Side"];
export type TimeInForce = components["schemas"]["TimeInForce"];
type Execution = NonNullable<OrderTerms["execution"]>;

/** As it was typed: amounts, durations and names are text until the order is made of them. */
export interface TicketTerms {
  readonly kind: Kind;
  readonly account_id: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: string;
  readonly price: string;
  readonly time_in_force: TimeInForce;
  /** Of one that is GTD, as `start_at`. */
  readonly expire_time: string;
  readonly post_only: boolean;
  readonly reduce_only: boolean;
  readonly located: boolean;
  /** Of an order that is not worked by the router. */
  readonly venue: string;
  /** Of one that is: names with commas between them; none means all. */
  readonly venues: string;
  readonly stop_px: string;
  readonly stop_limit_px: string;
  readonly offset: string;
  readonly percent: string;
  readonly entry_px: string;
  readonly target_px: string;
  readonly trigger_by: "LAST" | "BEST";
  readonly after: string;
  readonly display_qty: string;
  /** "600", "90s", "10m", "2h", "1d". */
  readonly duration_s: string;
  readonly patience_s: string;
  readonly slices: string;
  /** Of an input of the browser: local time without a zone. */
  readonly start_at: string;
}

export const DEFAULT_VENUE = "SIM";

export function newTerms(symbol: string, accountId: string): TicketTerms {
  return {
    kind: "LIMIT",
    account_id: accountId,
    symbol,
    side: "BUY",
    quantity: "",
    price: "",
    time_in_force: "GTC",
    expire_time: "",
    post_only: false,
    reduce_only: false,
    located: false,
    venue: DEFAULT_VENUE,
    venues: "",
    stop_px: "",
    stop_limit_px: "",
    offset: "",
    percent: "",
    entry_px: "",
    target_px: "",
    trigger_by: "LAST",
    after: "",
    display_qty: "",
    duration_s: "10m",
    patience_s: "5s",
    slices: "",
    start_at: "",
  };
}

export function mayRest(timeInForce: TimeInForce): boolean {
  return timeInForce !== "IOC" && timeInForce !== "FOK";
}

/** Whether it asks for the moment at which it ends. */
export function asksForEnd(terms: TicketTerms): boolean {
  return terms.time_in_force === "GTD" && KINDS[terms.kind].timesInForce.includes("GTD");
}

/** With another kind: what the new one does not have, or means something else by, is put back; nothing unseen is sent. */
export function ofKind(terms: TicketTerms, kind: Kind): TicketTerms {
  const rules = KINDS[kind];
  return {
    ...terms,
    kind,
    price: rules.price === "REQUIRED" ? terms.price : "",
    time_in_force: rules.timesInForce[0] ?? "GTC",
    expire_time: "",
    post_only: rules.mayBePostOnly && terms.post_only,
  };
}

/** With a price that was pointed at: whoever does so wants to trade at it, not at any. */
export function atPrice(terms: TicketTerms, price: string): TicketTerms {
  return { ...(terms.kind === "MARKET" ? ofKind(terms, "LIMIT") : terms), price };
}

const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3_600, d: 86_400 };

/** Null for what is no duration. */
export function secondsOf(duration: string): number | null {
  const [, count, unit] = /^(\d{1,9})\s*([smhd]?)$/.exec(duration.trim()) ?? [];
  return count === undefined ? null : Number(count) * (SECONDS[unit ?? ""] ?? 1);
}

export function venuesOf(names: string): string[] {
  return names
    .split(/[\s,]+/)
    .filter((name) => name !== "")
    .map((name) => name.toUpperCase());
}

/** The body of POST /orders and of its preview. The terms were checked before: see `problemsOf`. */
export function toOrderTerms(terms: TicketTerms, clientOrderId: string): OrderTerms {
  const rules = KINDS[terms.kind];
  const price = rules.price === "NONE" ? null : optional(terms.price);
  const execution = executionOf(terms);
  return {
    client_order_id: clientOrderId,
    account_id: terms.account_id,
    symbol: terms.symbol,
    side: terms.side,
    type: price === null ? "MARKET" : "LIMIT",
    quantity: terms.quantity.trim(),
    price,
    time_in_force: rules.timesInForce.length > 0 ? terms.time_in_force : null,
    expire_time: asksForEnd(terms) ? momentOf(terms.expire_time) : null,
    post_only: rules.mayBePostOnly && price !== null && mayRest(terms.time_in_force) && terms.post_only,
    reduce_only: terms.reduce_only,
    located: terms.located,
    venue: execution === null ? terms.venue.trim().toUpperCase() : "SOR",
    execution,
  };
}

function executionOf(terms: TicketTerms): Execution | null {
  const { algorithm } = KINDS[terms.kind];
  const venues = venuesOf(terms.venues);
  const exit = { venues, trigger_by: terms.trigger_by, after: optional(terms.after) };
  switch (algorithm) {
    case null:
      return null;
    case "STOP":
    case "TAKE_PROFIT":
      return { ...exit, algorithm, stop_px: terms.stop_px.trim() };
    case "TRAILING_STOP":
      return {
        ...exit,
        algorithm,
        offset: optional(terms.offset),
        percent: optional(terms.percent),
        entry_px: optional(terms.entry_px),
        target_px: optional(terms.target_px),
      };
    case "OCO":
      return {
        ...exit,
        algorithm,
        stop_px: terms.stop_px.trim(),
        stop_limit_px: optional(terms.stop_limit_px),
      };
    case "ICEBERG":
      return { venues, algorithm, display_qty: terms.display_qty.trim() };
    case "TWAP":
      return {
        venues,
        algorithm,
        duration_s: secondsOf(terms.duration_s) ?? 0,
        slices: terms.slices.trim() === "" ? null : Number(terms.slices),
        start_at: momentOf(terms.start_at),
      };
    case "VWAP":
      return {
        venues,
        algorithm,
        duration_s: secondsOf(terms.duration_s) ?? 0,
        start_at: momentOf(terms.start_at),
      };
    case "POV":
      return {
        venues,
        algorithm,
        percent: terms.percent.trim(),
        duration_s: secondsOf(terms.duration_s) ?? 0,
      };
    default:
      return { venues, algorithm, patience_s: secondsOf(terms.patience_s) ?? 0 };
  }
}

/** UTC, of the local time that a date and time input has. Null for none, and for what is no time. */
export function momentOf(local: string): string | null {
  if (local === "") return null;
  const moment = new Date(local);
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString();
}

function optional(text: string): string | null {
  return text.trim() === "" ? null : text.trim();
}
