/** What the depth ladder shows of a side. */
import type { Level } from "../../../live/book";
import { decimalsOf, fromScaled } from "../../../live/scaled";

export interface LadderRow {
  readonly price: string;
  readonly quantity: string;
  /** Of this level and all better ones, exact. */
  readonly cumulative: string;
  /** Of the deepest one shown, in percent; for the bar alone. */
  readonly percent: number;
  readonly isOwn: boolean;
}

export interface Ladder {
  /** Best first. */
  readonly bids: readonly LadderRow[];
  readonly asks: readonly LadderRow[];
}

/** Both sides to a depth, their bars by one scale so that they can be compared. */
export function ladderOf(
  bids: readonly Level[],
  asks: readonly Level[],
  depth: number,
  lotSize: string,
  ownPrices: { readonly bids: ReadonlySet<string>; readonly asks: ReadonlySet<string> },
): Ladder {
  const bidSums = sumsOf(bids.slice(0, depth));
  const askSums = sumsOf(asks.slice(0, depth));
  const deepest = [bidSums.at(-1) ?? 0n, askSums.at(-1) ?? 0n].reduce((one, other) =>
    one > other ? one : other,
  );
  const decimals = decimalsOf(lotSize);
  const rows = (levels: readonly Level[], sums: readonly bigint[], own: ReadonlySet<string>): LadderRow[] =>
    sums.flatMap((sum, at) => {
      const level = levels[at];
      if (level === undefined) return [];
      const percent = deepest === 0n ? 0 : Number((sum * 1_000n) / deepest) / 10;
      const { price, quantity } = level;
      return [{ price, quantity, cumulative: fromScaled(sum, decimals), percent, isOwn: own.has(price) }];
    });
  return { bids: rows(bids, bidSums, ownPrices.bids), asks: rows(asks, askSums, ownPrices.asks) };
}

/** Of the best and the best of the other side; null where one is missing. */
export function spreadOf(bid: Level | undefined, ask: Level | undefined, tickSize: string): string | null {
  if (bid === undefined || ask === undefined) return null;
  return fromScaled(ask.priceScaled - bid.priceScaled, decimalsOf(tickSize));
}

function sumsOf(levels: readonly Level[]): bigint[] {
  let sum = 0n;
  return levels.map((level) => {
    sum += level.quantityScaled;
    return sum;
  });
}

/** Prices of one's open orders of a side, as the book writes them. */
export function ownPrices(
  orders: readonly { readonly side: string; readonly price: string | null }[],
  side: "BUY" | "SELL",
  tickSize: string,
): ReadonlySet<string> {
  const decimals = decimalsOf(tickSize);
  return new Set(
    orders.flatMap((order) =>
      order.side === side && order.price !== null ? [withDecimals(order.price, decimals)] : [],
    ),
  );
}

function withDecimals(price: string, decimals: number): string {
  const [whole, fraction = ""] = price.split(".");
  const kept = fraction.replace(/0+$/, "").padEnd(decimals, "0");
  return kept === "" ? `${whole}` : `${whole}.${kept}`;
}
