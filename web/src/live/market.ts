/** One market as it was told so far, and what pages see of it: the same object until something changed. */
import { BookSide, type Level } from "./book";
import type { MarketMessage, MarketSnapshot, Trade } from "./messages";
import { decimalsOf } from "./scaled";

/** Levels of a side that a page sees. */
export const LEVELS_SHOWN_MAX = 50;
export const TRADES_MAX = 500;

interface Seen {
  readonly symbol: string;
  /** LOADING: nothing was told yet. */
  readonly state: "LOADING" | "READY" | "FAILED";
  /** Why there is nothing, as the server said it. */
  readonly error: string | null;
  /** Milliseconds since 1970 by this device's clock, when the market last said something; null before. */
  readonly heardAt: number | null;
}

/** What a list of markets shows. */
export interface QuoteView extends Seen {
  readonly bid: Level | null;
  readonly ask: Level | null;
  readonly last: Trade | null;
}

export interface MarketView extends QuoteView {
  readonly tickSize: string | null;
  readonly lotSize: string | null;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** Oldest first; ids rise. */
  readonly trades: readonly Trade[];
  /** Counts the times that trades were missed: what was made of them begins anew. */
  readonly gaps: number;
}

/** GAP: something was missed, so it is to be subscribed again. */
export type Taken = "TAKEN" | "GAP";

export class Market {
  private sides: { readonly bids: BookSide; readonly asks: BookSide } | null = null;
  private steps: { readonly tick: string; readonly lot: string } | null = null;
  private sequence: number | null = null;
  private trades: readonly Trade[] = [];
  private gaps = 0;
  private error: string | null = null;
  private heardAt: number | null = null;
  private quote: QuoteView | null = null;
  private whole: MarketView | null = null;

  constructor(readonly symbol: string) {}

  take(message: MarketMessage, now: number): Taken {
    this.forgetViews();
    if (message.type === "closed") return "GAP";
    this.heardAt = now;
    switch (message.type) {
      case "snapshot":
        return this.begin(message);
      case "update": {
        if (this.sides === null || message.previous_sequence !== this.sequence) return "GAP";
        this.sequence = message.sequence;
        this.sides.bids.change(message.bids);
        this.sides.asks.change(message.asks);
        return "TAKEN";
      }
      case "trades":
        if (message.lost > 0) this.gaps += 1;
        this.addTrades(message.trades);
        return "TAKEN";
    }
  }

  fail(error: string): void {
    this.error = error;
    this.forgetViews();
  }

  quoteView(): QuoteView {
    this.quote ??= {
      ...this.seen(),
      bid: this.sides?.bids.best ?? null,
      ask: this.sides?.asks.best ?? null,
      last: this.trades.at(-1) ?? null,
    };
    return this.quote;
  }

  view(): MarketView {
    this.whole ??= {
      ...this.quoteView(),
      tickSize: this.steps?.tick ?? null,
      lotSize: this.steps?.lot ?? null,
      bids: this.sides?.bids.top(LEVELS_SHOWN_MAX) ?? [],
      asks: this.sides?.asks.top(LEVELS_SHOWN_MAX) ?? [],
      trades: this.trades,
      gaps: this.gaps,
    };
    return this.whole;
  }

  private begin(message: MarketSnapshot): Taken {
    if (message.tick_size !== undefined && message.lot_size !== undefined) {
      const price = decimalsOf(message.tick_size);
      const quantity = decimalsOf(message.lot_size);
      this.steps = { tick: message.tick_size, lot: message.lot_size };
      this.sides = {
        bids: new BookSide(true, price, quantity),
        asks: new BookSide(false, price, quantity),
      };
    }
    if (this.sides === null) return "GAP";
    this.error = null;
    this.sequence = message.sequence;
    this.sides.bids.begin(message.bids);
    this.sides.asks.begin(message.asks);
    const known = this.trades.at(-1);
    const first = message.trades[0];
    // Of a snapshot that does not reach back to what is known, nobody can tell what lies between.
    if (known !== undefined && first !== undefined && first.trade_id > known.trade_id) {
      this.trades = [];
      this.gaps += 1;
    } else if (known !== undefined && (message.trades.at(-1)?.trade_id ?? known.trade_id) < known.trade_id) {
      this.trades = []; // Another engine has taken over, and counts from the beginning.
      this.gaps += 1;
    }
    this.addTrades(message.trades);
    return "TAKEN";
  }

  /** Each once: a snapshot and the news after it may tell the same. */
  private addTrades(told: readonly Trade[]): void {
    const known = this.trades.at(-1)?.trade_id ?? Number.NEGATIVE_INFINITY;
    const fresh = told.filter((trade) => trade.trade_id > known);
    if (fresh.length > 0) this.trades = [...this.trades, ...fresh].slice(-TRADES_MAX);
  }

  private seen(): Seen {
    const state = this.error !== null ? "FAILED" : this.sides === null ? "LOADING" : "READY";
    return { symbol: this.symbol, state, error: this.error, heardAt: this.heardAt };
  }

  private forgetViews(): void {
    this.quote = null;
    this.whole = null;
  }
}
