/** A market's book as it was told: levels best first, ordered by whole ticks. */
import type { WireLevel } from "./messages";
import { toScaled } from "./scaled";

export interface Level {
  /** As the server wrote them. */
  readonly price: string;
  readonly quantity: string;
  /** In steps of the last decimal, to compare and to add up exactly. */
  readonly priceScaled: bigint;
  readonly quantityScaled: bigint;
}

/** The server tells as many of a side; those that were beyond come only as they change. */
const LEVELS_MAX = 2_000;

/** One side. Levels are replaced, never changed, so that what was handed out stays as it was. */
export class BookSide {
  private levels: Level[] = [];

  constructor(
    private readonly isBids: boolean,
    private readonly priceDecimals: number,
    private readonly quantityDecimals: number,
  ) {}

  get best(): Level | null {
    return this.levels[0] ?? null;
  }

  /** The best `count`. */
  top(count: number): readonly Level[] {
    return this.levels.slice(0, count);
  }

  /** The whole side in place of what there was. */
  begin(told: readonly WireLevel[]): void {
    this.levels = [];
    this.change(told);
  }

  /** New quantities; zero: the level went. */
  change(told: readonly WireLevel[]): void {
    for (const [price, quantity] of told) {
      const priceScaled = toScaled(price, this.priceDecimals);
      const quantityScaled = toScaled(quantity, this.quantityDecimals);
      const place = this.placeOf(priceScaled);
      const isThere = this.levels[place]?.priceScaled === priceScaled;
      if (quantityScaled === 0n) {
        if (isThere) this.levels.splice(place, 1);
      } else {
        this.levels.splice(place, isThere ? 1 : 0, { price, quantity, priceScaled, quantityScaled });
      }
    }
    this.levels.length = Math.min(this.levels.length, LEVELS_MAX);
  }

  private placeOf(priceScaled: bigint): number {
    let low = 0;
    let high = this.levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = this.levels[middle]?.priceScaled ?? 0n;
      if (this.isBids ? there > priceScaled : there < priceScaled) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
