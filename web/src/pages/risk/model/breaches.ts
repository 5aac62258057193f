/** What limits refused and warned of, and how nodes changed their state: the events of GET /limits/breaches. */
import { shownAmount } from "../../../ui/amounts";
import { plus, roundedForEye } from "./exact";
import { instrumentWords, typeWords } from "./limitWords";

export interface LimitBreach {
  readonly kind: "REFUSED" | "WARNED";
  readonly limitType: string;
  readonly instrument: string;
  readonly symbol: string;
  readonly orderId: string;
  readonly thresholdPct: string;
  /** Null where the node itself was stopped: then no limit was asked. */
  readonly amounts: {
    readonly limit: string;
    readonly used: string;
    readonly reserved: string;
    readonly attempted: string;
  } | null;
}

export interface StateChanged {
  readonly kind: "STATE";
  readonly before: string;
  readonly state: string;
  readonly reason: string;
  readonly changedBy: string;
}

export type Breach = (LimitBreach | StateChanged) & {
  readonly eventId: string;
  readonly occurredAt: string;
  readonly nodeId: string;
  readonly nodeName: string;
};

type Told = Readonly<Record<string, unknown>>;

const text = (told: Told, name: string): string => {
  const value = told[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
};

/** The API describes the events as objects of any shape: what is missing in one is shown as nothing. */
export function breachOf(told: Told): Breach {
  const common = {
    eventId: text(told, "event_id"),
    occurredAt: text(told, "occurred_at"),
    nodeId: text(told, "node_id"),
    nodeName: text(told, "node_name"),
  };
  if ("state" in told) {
    return {
      ...common,
      kind: "STATE",
      before: text(told, "state_before"),
      state: text(told, "state"),
      reason: text(told, "reason"),
      changedBy: text(told, "changed_by"),
    };
  }
  const [limit, used] = [text(told, "limit"), text(told, "used")];
  const [reserved, attempted] = [text(told, "reserved"), text(told, "attempted")];
  return {
    ...common,
    kind: told.action === "REJECT" ? "REFUSED" : "WARNED",
    limitType: text(told, "limit_type"),
    instrument: text(told, "instrument"),
    symbol: text(told, "symbol"),
    orderId: text(told, "order_id"),
    thresholdPct: text(told, "threshold_pct"),
    amounts: [limit, used, reserved, attempted].includes("") ? null : { limit, used, reserved, attempted },
  };
}

export interface BreachFilter {
  /** A limit type, "STATE" for changes of state, or "" for all. */
  readonly what: string;
  /** RFC 3339, or null for no bound. */
  readonly since: string | null;
  readonly until: string | null;
}

export function passes(breach: Breach, filter: BreachFilter): boolean {
  const what = breach.kind === "STATE" ? "STATE" : breach.limitType;
  if (filter.what !== "" && filter.what !== what) return false;
  const at = Date.parse(breach.occurredAt);
  if (filter.since !== null && at < Date.parse(filter.since)) return false;
  return filter.until === null || at <= Date.parse(filter.until);
}

/** Breaches come newest first: those that are older than the filter's beginning need not be fetched. */
export function isBefore(breach: Breach | undefined, since: string | null): boolean {
  return breach !== undefined && since !== null && Date.parse(breach.occurredAt) < Date.parse(since);
}

export function breachName(breach: Breach): string {
  if (breach.kind === "STATE") return "State of the node";
  const where =
    breach.instrument === "*" || breach.instrument === "" ? "" : ` ${instrumentWords(breach.instrument)}`;
  return `${typeWords(breach.limitType)}${where}`;
}

/** What happened, in a sentence. */
export function breachWords(breach: Breach): string {
  if (breach.kind === "STATE") {
    return `${stateWords(breach.before)} \u2192 ${stateWords(breach.state)}, by ${breach.changedBy}: ${breach.reason}`;
  }
  if (breach.amounts === null) return `An order in ${breach.symbol}: the node takes none now`;
  const { limit, used, reserved, attempted } = breach.amounts;
  const amount = (exact: string) => shownAmount(roundedForEye(exact));
  const inUse = plus(used, reserved);
  const more = /[1-9]/.test(attempted) ? `${amount(attempted)} more on ` : "";
  const where = breach.instrument === breach.symbol ? "" : `, ${breach.symbol}`;
  return `${more}${amount(inUse)} of ${amount(limit)}${where}`;
}

export function stateWords(state: string): string {
  return state.toLowerCase().replaceAll("_", " ");
}
