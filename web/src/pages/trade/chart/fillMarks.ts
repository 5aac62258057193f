/** Where one's own fills stand in the chart. */
import type { FillMark } from "./drawing";
import { barStart, type Interval } from "./intervals";

export interface Fill {
  readonly trade_id: string;
  readonly symbol: string;
  readonly side: "BUY" | "SELL";
  readonly transact_time: string;
}

/** One mark for all fills of a side in a bar, in the order of time; none for those before the first bar. */
export function fillMarks(fills: readonly Fill[], interval: Interval, firstMs: number): readonly FillMark[] {
  const marks = new Map<string, FillMark>();
  for (const { side, transact_time } of fills) {
    const openMs = barStart(interval, Date.parse(transact_time));
    const id = `${openMs} ${side}`;
    if (openMs >= firstMs) marks.set(id, { id, openMs, side });
  }
  return [...marks.values()].sort((one, other) => one.openMs - other.openMs);
}

/** Those that were read and those that were heard of, each once. */
export function allFills(read: readonly Fill[], heard: readonly Fill[], symbol: string): readonly Fill[] {
  const fills = new Map<string, Fill>();
  for (const fill of [...read, ...heard]) if (fill.symbol === symbol) fills.set(fill.trade_id, fill);
  return [...fills.values()];
}
