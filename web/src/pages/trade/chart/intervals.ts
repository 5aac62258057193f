/** The intervals of bars that the engine keeps, and where their bars begin. */

export const INTERVALS = [
  ...(["1s", "1m", "3m", "5m", "15m", "30m"] as const),
  ...(["1h", "2h", "4h", "6h", "8h", "12h"] as const),
  ...(["1d", "3d", "1w", "1M"] as const),
];
export type Interval = (typeof INTERVALS)[number];

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
/** The first Monday after 1 January 1970. */
const MONDAY_MS = 4 * 86_400_000;

export function intervalOf(text: string): Interval {
  return INTERVALS.find((interval) => interval === text) ?? "1m";
}

/** Of the bar that a moment is in: weeks begin on Monday, months on their first day, in UTC. */
export function barStart(interval: Interval, atMs: number): number {
  if (interval === "1M") {
    const at = new Date(atMs);
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
  }
  const lengthMs = lengthOf(interval);
  const offsetMs = interval === "1w" ? MONDAY_MS : 0;
  return Math.floor((atMs - offsetMs) / lengthMs) * lengthMs + offsetMs;
}

export function nextStart(interval: Interval, startMs: number): number {
  if (interval !== "1M") return startMs + lengthOf(interval);
  const start = new Date(startMs);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1);
}

/** Intervals of whose bars an open one is put together, the longest first. */
export function partsOf(interval: Interval): readonly Interval[] {
  const parts: readonly Interval[] = ["1h", "1m", "1s"];
  const length = interval === "1M" ? Number.POSITIVE_INFINITY : lengthOf(interval);
  return parts.filter((part) => lengthOf(part) < length);
}

function lengthOf(interval: Interval): number {
  return Number.parseInt(interval, 10) * (UNIT_MS[interval.slice(-1)] ?? 0);
}
