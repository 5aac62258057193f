/** Bars of an interval: closed ones as the engine tells them, the open one put together from parts and trades, each once. */
import Big from "big.js";
import type { Trade } from "../../../live/messages";
import { barStart, type Interval, nextStart } from "./intervals";

export interface Bar {
  readonly openMs: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  /** In the base asset. */
  readonly volume: string;
}

/** Bars that are kept: more than anybody scrolls back to. */
export const BARS_MAX = 1_500;

/** What was asked of the engine: the interval's own bars, and those of its parts, the longest first. */
export interface History {
  readonly own: readonly Bar[];
  readonly parts: readonly (readonly Bar[])[];
}

export class BarSeries {
  private bars: Bar[] = [];
  /** What happened before is in the bars already. */
  private boundaryMs: number;
  private lastTradeId = Number.NEGATIVE_INFINITY;

  /**
   * The last bar of each list is open yet, and nobody knows up to which trade it was told. So it is left out, and put
   * together from the closed bars of its parts; the trades after those make the rest.
   */
  constructor(
    private readonly interval: Interval,
    { own, parts }: History,
  ) {
    this.bars = own.slice(0, -1);
    this.boundaryMs = own.at(-1)?.openMs ?? Number.NEGATIVE_INFINITY;
    for (const part of parts) {
      const closed = part.slice(0, -1).filter((bar) => bar.openMs >= this.boundaryMs);
      for (const bar of closed) this.add(bar);
      if (closed.length > 0) this.boundaryMs = part.at(-1)?.openMs ?? this.boundaryMs;
    }
  }

  /** Whether these trades, oldest first, leave nothing out between what the bars have and now. */
  isFollowedBy(trades: readonly Trade[], isWholeBuffer: boolean): boolean {
    const first = trades[0];
    return first === undefined || !isWholeBuffer || Date.parse(first.at) <= this.boundaryMs;
  }

  /** How many bars changed or came: the last ones. */
  take(trades: readonly Trade[]): number {
    const before = this.bars.length;
    let isChanged = false;
    // They are in the order of their ids, and most are known: only the end is looked at.
    let from = trades.length;
    while (from > 0 && (trades[from - 1]?.trade_id ?? 0) > this.lastTradeId) from -= 1;
    for (const trade of trades.slice(from)) {
      this.lastTradeId = trade.trade_id;
      const openMs = Date.parse(trade.at);
      if (openMs < this.boundaryMs) continue;
      const { price } = trade;
      isChanged = this.add({
        openMs,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: trade.quantity,
      });
    }
    return isChanged ? Math.max(this.bars.length - before + 1, 1) : 0;
  }

  list(): readonly Bar[] {
    return this.bars;
  }

  private add(part: Bar): boolean {
    const openMs = barStart(this.interval, part.openMs);
    const last = this.bars.at(-1);
    if (last !== undefined && openMs < last.openMs) return false;
    if (last?.openMs === openMs) this.bars[this.bars.length - 1] = joined(last, part);
    else {
      if (last !== undefined) this.fill(last, openMs);
      this.bars.push({ ...part, openMs });
    }
    if (this.bars.length > BARS_MAX) this.bars = this.bars.slice(-BARS_MAX);
    return true;
  }

  /** Where nothing traded a bar is flat. */
  private fill(last: Bar, untilMs: number): void {
    const { close } = last;
    let openMs = nextStart(this.interval, last.openMs);
    for (let count = 0; openMs < untilMs && count < BARS_MAX; count += 1) {
      this.bars.push({ openMs, open: close, high: close, low: close, close, volume: "0" });
      openMs = nextStart(this.interval, openMs);
    }
  }
}

function joined(bar: Bar, part: Bar): Bar {
  return {
    openMs: bar.openMs,
    open: bar.open,
    high: new Big(part.high).gt(bar.high) ? part.high : bar.high,
    low: new Big(part.low).lt(bar.low) ? part.low : bar.low,
    close: part.close,
    volume: new Big(bar.volume).plus(part.volume).toFixed(),
  };
}
