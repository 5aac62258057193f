/** Answers of POST /limits/what-if, of one day or several, as one. */
import { larger, magnitude, plus } from "./exact";
import { limitName } from "./limitWords";
import type { AccountPnl, JudgedOrder, Peak, RefusedOrder, WhatIfDay } from "./types";

export interface DayPnl {
  readonly day: string;
  /** Null where it is not known: a day's prices may not lead into the currency. */
  readonly actual: string | null;
  readonly what_if: string | null;
}

export interface Outcome {
  readonly judgedCount: number;
  readonly refusedCount: number;
  readonly passedCount: number;
  readonly refused: readonly RefusedOrder[];
  readonly passed: readonly JudgedOrder[];
  readonly peaks: readonly Peak[];
  readonly pnl: readonly AccountPnl[];
  readonly byDay: readonly DayPnl[];
  /** Of all profits. */
  readonly currency: string;
  readonly assumptions: readonly string[];
}

/** Counts and profits are summed, and of peaks the greater is kept. */
export function outcomeOf(days: readonly WhatIfDay[]): Outcome {
  const peaks = new Map<string, Peak>();
  const pnl = new Map<string, AccountPnl>();
  for (const day of days) {
    for (const peak of day.exposure) {
      const key = `${peak.node_id}/${peak.symbol}`;
      peaks.set(key, higher(peaks.get(key), peak));
    }
    for (const of of day.pnl) {
      const before = pnl.get(of.account_id);
      pnl.set(of.account_id, before === undefined ? of : { ...of, ...summed([before, of]) });
    }
  }
  return {
    judgedCount: days.reduce((sum, day) => sum + day.judged_count, 0),
    refusedCount: days.reduce((sum, day) => sum + day.refused_count, 0),
    passedCount: days.reduce((sum, day) => sum + day.passed_count, 0),
    refused: days.flatMap((day) => day.refused),
    passed: days.flatMap((day) => day.passed),
    peaks: [...peaks.values()],
    pnl: [...pnl.values()],
    byDay: days.map(({ day, pnl: ofAccounts }) => ({ day, ...summed(ofAccounts) })),
    currency: days[0]?.currency ?? "",
    assumptions: [...new Set(days.flatMap((day) => day.assumptions))],
  };
}

function summed(pnl: readonly Pick<AccountPnl, "actual" | "what_if">[]) {
  return {
    actual: sumOf(pnl.map((of) => of.actual)),
    what_if: sumOf(pnl.map((of) => of.what_if)),
  };
}

/** Null as soon as one is not known: a sum of the others would look like the whole. */
function sumOf(amounts: readonly (string | null)[]): string | null {
  return amounts.reduce((sum, of) => (sum === null || of === null ? null : plus(sum, of)), "0");
}

function higher(before: Peak | undefined, peak: Peak): Peak {
  if (before === undefined) return peak;
  const [known, other] = [magnitude(before.peak_position), magnitude(peak.peak_position)];
  return {
    ...before,
    peak_position: larger(other, known) === known ? before.peak_position : peak.peak_position,
    peak_open_notional: larger(before.peak_open_notional, peak.peak_open_notional),
  };
}

/** Which limits would have refused the order, or what it could not be judged without. */
export function whyOf({ missing, refusals }: RefusedOrder): string {
  if (missing !== null) return `not known: ${missing}`;
  return refusals.map((refusal) => `${limitName(refusal)} of ${refusal.node_name}`).join(", ");
}
