/** Bars as the engine tells them in Binance's dialect: `GET /api/v3/klines`, which needs no key. */
import type { Bar, History } from "./bars";
import { type Interval, partsOf } from "./intervals";

const OWN_BARS = 500;
/** As many as a part's bars fit into the next longer one, and some to spare; an hour's for the longest, a month. */
const PART_BARS: Readonly<Partial<Record<Interval, number>>> = { "1h": 760, "1m": 90, "1s": 90 };
const TIMEOUT_MS = 10_000;

/** "ETH/USDT" as that dialect has it. */
export function pairOf(symbol: string): string {
  return symbol.replace("/", "");
}

export async function fetchBars(
  engineUrl: string,
  symbol: string,
  interval: Interval,
  limit: number,
): Promise<readonly Bar[]> {
  const query = new URLSearchParams({ symbol: pairOf(symbol), interval, limit: String(limit) });
  const answer = await fetch(`${engineUrl}/api/v3/klines?${query}`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`The engine has no bars of ${symbol}: it answered ${answer.status}.`);
  return readBars(await answer.json());
}

export async function fetchHistory(engineUrl: string, symbol: string, interval: Interval): Promise<History> {
  const [own, ...parts] = await Promise.all([
    fetchBars(engineUrl, symbol, interval, OWN_BARS),
    ...partsOf(interval).map((part) => fetchBars(engineUrl, symbol, part, PART_BARS[part] ?? OWN_BARS)),
  ]);
  return { own, parts };
}

/** Rows of ten and more: open time, open, high, low, close, volume, and what is not drawn. */
export function readBars(rows: unknown): readonly Bar[] {
  if (!Array.isArray(rows)) throw new Error("The engine's bars are not a list.");
  return rows.map((row: unknown) => {
    const [openMs, open, high, low, close, volume] = Array.isArray(row) ? (row as unknown[]) : [];
    return {
      openMs: Number(openMs),
      open: withoutZeros(String(open)),
      high: withoutZeros(String(high)),
      low: withoutZeros(String(low)),
      close: withoutZeros(String(close)),
      volume: withoutZeros(String(volume)),
    };
  });
}

/** That dialect writes 8 decimals always: zeros at the end say nothing. */
export function withoutZeros(amount: string): string {
  return amount.includes(".") ? amount.replace(/\.?0+$/, "") : amount;
}
