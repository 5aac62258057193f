/** Answers of POST /limits/what-if, of one day or several, as one. */
import { larger, magnitude, plus } from "./exact";
import { limitName } from "./limitWords";

export interface JudgedOrder {
  readonly orderId: string;
  readonly accountId: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: string;
  /** Null: at market. */
  readonly price: string | null;
  readonly placedAt: string;
  /** Which limits would have refused it, in words; "" for one that would have passed. */
  readonly why: string;
}

export interface Peak {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly symbol: string;
  readonly peakPosition: string;
  readonly peakOpenNotional: string;
}

export interface AccountPnl {
  readonly accountId: string;
  readonly nodeId: string;
  readonly actual: string;
  readonly whatIf: string;
}

export interface DayPnl {
  readonly day: string;
  readonly actual: string;
  readonly whatIf: string;
}

export interface Outcome {
  readonly judgedCount: number;
  readonly refusedCount: number;
  readonly passedCount: number;
  readonly refused: readonly JudgedOrder[];
  readonly passed: readonly JudgedOrder[];
  readonly peaks: readonly Peak[];
  readonly pnl: readonly AccountPnl[];
  readonly byDay: readonly DayPnl[];
  readonly assumptions: readonly string[];
}

type Told = Readonly<Record<string, unknown>>;

export interface ToldDay {
  readonly day: string;
  readonly judged_count: number;
  readonly refused_count: number;
  readonly refused: readonly Told[];
  readonly passed_count: number;
  readonly passed: readonly Told[];
  readonly exposure: readonly Told[];
  readonly pnl: readonly Told[];
  readonly assumptions: readonly string[];
}

/** Counts and profits are summed, and of peaks the greater is kept. */
export function outcomeOf(days: readonly ToldDay[]): Outcome {
  const peaks = new Map<string, Peak>();
  const pnl = new Map<string, AccountPnl>();
  for (const day of days) {
    for (const peak of day.exposure.map(peakOf)) {
      const key = `${peak.nodeId}/${peak.symbol}`;
      peaks.set(key, higher(peaks.get(key), peak));
    }
    for (const of of day.pnl.map(pnlOf)) {
      const before = pnl.get(of.accountId);
      pnl.set(
        of.accountId,
        before === undefined
          ? of
          : { ...of, actual: plus(before.actual, of.actual), whatIf: plus(before.whatIf, of.whatIf) },
      );
    }
  }
  return {
    judgedCount: days.reduce((sum, day) => sum + day.judged_count, 0),
    refusedCount: days.reduce((sum, day) => sum + day.refused_count, 0),
    passedCount: days.reduce((sum, day) => sum + day.passed_count, 0),
    refused: days.flatMap((day) => day.refused.map(orderOf)),
    passed: days.flatMap((day) => day.passed.map(orderOf)),
    peaks: [...peaks.values()],
    pnl: [...pnl.values()],
    byDay: days.map((day) => ({
      day: day.day,
      actual: day.pnl.map(pnlOf).reduce((sum, of) => plus(sum, of.actual), "0"),
      whatIf: day.pnl.map(pnlOf).reduce((sum, of) => plus(sum, of.whatIf), "0"),
    })),
    assumptions: [...new Set(days.flatMap((day) => day.assumptions))],
  };
}

function higher(before: Peak | undefined, peak: Peak): Peak {
  if (before === undefined) return peak;
  const isHigher =
    larger(magnitude(peak.peakPosition), magnitude(before.peakPosition)) !== magnitude(before.peakPosition);
  return {
    ...before,
    peakPosition: isHigher ? peak.peakPosition : before.peakPosition,
    peakOpenNotional: larger(before.peakOpenNotional, peak.peakOpenNotional),
  };
}

const text = (told: Told, name: string): string =>
  typeof told[name] === "string" ? (told[name] as string) : "";
const amount = (told: Told, name: string): string => text(told, name) || "0";

function peakOf(told: Told): Peak {
  return {
    nodeId: text(told, "node_id"),
    nodeName: text(told, "node_name"),
    symbol: text(told, "symbol"),
    peakPosition: amount(told, "peak_position"),
    peakOpenNotional: amount(told, "peak_open_notional"),
  };
}

function pnlOf(told: Told): AccountPnl {
  return {
    accountId: text(told, "account_id"),
    nodeId: text(told, "node_id"),
    actual: amount(told, "actual"),
    whatIf: amount(told, "what_if"),
  };
}

function orderOf(told: Told): JudgedOrder {
  return {
    orderId: text(told, "order_id"),
    accountId: text(told, "account_id"),
    symbol: text(told, "symbol"),
    side: text(told, "side"),
    quantity: amount(told, "quantity"),
    price: text(told, "price") || null,
    placedAt: text(told, "placed_at"),
    why: whyOf(told),
  };
}

function whyOf(told: Told): string {
  const missing = text(told, "missing");
  if (missing !== "") return `not known: ${missing}`;
  const refusals: readonly Told[] = Array.isArray(told.refusals) ? told.refusals : [];
  return refusals
    .map((refusal) => {
      const name = limitName({
        limit_type: text(refusal, "limit_type"),
        instrument: text(refusal, "instrument") || "*",
      });
      return `${name} of ${text(refusal, "node_name")}`;
    })
    .join(", ");
}
