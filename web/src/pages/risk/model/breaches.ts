/** What limits refused and warned of, and how nodes changed their state: the events of GET /limits/breaches. */
import { shownAmount } from "../../../ui/amounts";
import { plus, roundedForEye } from "./exact";
import { instrumentWords, typeWords } from "./limitWords";
import type { Breach, LimitBreach, NodeStateChange } from "./types";

export function isOfState(breach: Breach): breach is NodeStateChange {
  return breach.topic === "limits.NodeStateChanged.v1";
}

export function kindOf(breach: Breach): "REFUSED" | "WARNED" | "CROSSED" | "STATE" {
  if (isOfState(breach)) return "STATE";
  // Where no order was asked none was refused.
  if (breach.order_id === null && breach.threshold_pct === 100) return "CROSSED";
  return breach.action === "REJECT" ? "REFUSED" : "WARNED";
}

export interface BreachFilter {
  /** A limit type, "STATE" for changes of state, or "" for all. */
  readonly what: string;
  /** RFC 3339, or null for no bound. */
  readonly since: string | null;
  readonly until: string | null;
}

export function passes(breach: Breach, filter: BreachFilter): boolean {
  const what = isOfState(breach) ? "STATE" : breach.limit_type;
  if (filter.what !== "" && filter.what !== what) return false;
  const at = Date.parse(breach.occurred_at);
  if (filter.since !== null && at < Date.parse(filter.since)) return false;
  return filter.until === null || at <= Date.parse(filter.until);
}

/** Breaches come newest first: those that are older than the filter's beginning need not be fetched. */
export function isBefore(breach: Breach | undefined, since: string | null): boolean {
  return breach !== undefined && since !== null && Date.parse(breach.occurred_at) < Date.parse(since);
}

export function breachName(breach: Breach): string {
  if (isOfState(breach)) return "State of the node";
  const where = breach.instrument === "*" ? "" : ` ${instrumentWords(breach.instrument)}`;
  return `${typeWords(breach.limit_type)}${where}`;
}

/** What happened, in a sentence. */
export function breachWords(breach: Breach): string {
  if (isOfState(breach)) {
    const { state_before, state, changed_by, reason } = breach;
    return `${stateWords(state_before)} \u2192 ${stateWords(state)}, by ${changed_by}: ${reason}`;
  }
  const { order_id, symbol } = breach;
  const amounts = amountWords(breach);
  if (order_id === null) return `${amounts ?? "Its limit"} lost, by prices and fills`;
  return amounts ?? `An order in ${symbol}: the node takes none now`;
}

/** Null where the node itself was stopped: then no limit was asked. */
function amountWords({ limit, used, reserved, attempted, instrument, symbol }: LimitBreach): string | null {
  if (limit === null || used === null || reserved === null || attempted === null) return null;
  const amount = (exact: string) => shownAmount(roundedForEye(exact));
  const more = /[1-9]/.test(attempted) ? `${amount(attempted)} more on ` : "";
  const where = symbol === null || instrument === symbol ? "" : `, ${symbol}`;
  return `${more}${amount(plus(used, reserved))} of ${amount(limit)}${where}`;
}

export function stateWords(state: string): string {
  return state.toLowerCase().replaceAll("_", " ");
}
