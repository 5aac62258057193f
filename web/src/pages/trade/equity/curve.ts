/** What an equity curve comes to: exactly, from decimal strings. */
import Big from "big.js";
import type { components } from "../../../api/schema";

export type EquityPoint = components["schemas"]["EquityPoint"];

export interface CurvePoint {
  readonly at: string;
  readonly equity: string;
  /** How far below the highest point so far: zero or negative. */
  readonly drawdown: string;
  readonly isStale: boolean;
}

export interface Curve {
  readonly points: readonly CurvePoint[];
  readonly last: string;
  /** From the first point to the last. */
  readonly change: string;
  /** In percent of the first point; null where that is not above zero. */
  readonly changePct: string | null;
  readonly drawdownMax: string;
  /** In percent of the peak before it; null where that is not above zero. */
  readonly drawdownMaxPct: string | null;
}

const PCT_DIGITS = 2;

/** Null without a point. `points`: oldest first. */
export function curveOf(points: readonly EquityPoint[]): Curve | null {
  const [first] = points;
  const newest = points.at(-1);
  if (first === undefined || newest === undefined) return null;
  let peak = new Big(first.equity);
  let deepest = new Big(0);
  let peakBeforeDeepest = peak;
  const shown = points.map((point) => {
    const equity = new Big(point.equity);
    if (equity.gt(peak)) peak = equity;
    const drawdown = equity.minus(peak);
    if (drawdown.lt(deepest)) {
      deepest = drawdown;
      peakBeforeDeepest = peak;
    }
    return { at: point.at, equity: point.equity, drawdown: drawdown.toFixed(), isStale: point.stale };
  });
  const change = new Big(newest.equity).minus(first.equity);
  return {
    points: shown,
    last: newest.equity,
    change: change.toFixed(),
    changePct: percentOf(change, new Big(first.equity)),
    drawdownMax: deepest.toFixed(),
    drawdownMaxPct: percentOf(deepest, peakBeforeDeepest),
  };
}

function percentOf(part: Big, whole: Big): string | null {
  return whole.gt(0) ? part.times(100).div(whole).toFixed(PCT_DIGITS, Big.roundHalfEven) : null;
}

export type RangeName = "1h" | "1d" | "1w" | "1m" | "1y";

export interface Range {
  readonly label: string;
  readonly hours: number;
  readonly interval: "1m" | "5m" | "15m" | "1h" | "1d";
}

export const RANGES: Readonly<Record<RangeName, Range>> = {
  "1h": { label: "1 hour", hours: 1, interval: "1m" },
  "1d": { label: "1 day", hours: 24, interval: "5m" },
  "1w": { label: "1 week", hours: 7 * 24, interval: "15m" },
  "1m": { label: "1 month", hours: 31 * 24, interval: "1h" },
  "1y": { label: "1 year", hours: 365 * 24, interval: "1d" },
};

export function rangeOf(name: string): RangeName {
  return name in RANGES ? (name as RangeName) : "1d";
}
