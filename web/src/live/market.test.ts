import { describe, expect, it } from "vitest";
import { Market } from "./market";
import type { MarketSnapshot, MarketUpdate, Trade } from "./messages";

const OF = {
  channel: "markets",
  venue: "SIM",
  symbol: "ETH/USDT",
  at: "2026-01-02T03:04:05.000000Z",
} as const;

function trade(trade_id: number): Trade {
  return { trade_id, at: OF.at, taker: "BUY", price: "100.00", quantity: "1.0" };
}

function snapshot(sequence: number, trades: readonly Trade[] = []): MarketSnapshot {
  return {
    ...OF,
    type: "snapshot",
    sequence,
    bids: [
      ["99.90", "1.0"],
      ["99.80", "2.0"],
    ],
    asks: [["100.10", "3.0"]],
    trades,
    tick_size: "0.01",
    lot_size: "0.1",
  };
}

function update(previous: number, bids: MarketUpdate["bids"], asks: MarketUpdate["asks"] = []): MarketUpdate {
  return { ...OF, type: "update", previous_sequence: previous, sequence: previous + 1, bids, asks };
}

function prices(levels: readonly { readonly price: string }[]): string[] {
  return levels.map((level) => level.price);
}

describe("a market", () => {
  it("orders its levels by price and not by their text", () => {
    const market = new Market("ETH/USDT");
    market.take(snapshot(7), 1);
    market.take(update(7, [["100.00", "1.0"]], [["1000.00", "1.0"]]), 2);
    expect(prices(market.view().bids)).toEqual(["100.00", "99.90", "99.80"]);
    expect(prices(market.view().asks)).toEqual(["100.10", "1000.00"]);
    expect(market.quoteView().bid?.price).toBe("100.00");
  });

  it("replaces a level, and takes away one without quantity", () => {
    const market = new Market("ETH/USDT");
    market.take(snapshot(7), 1);
    market.take(update(7, [["99.90", "0.5"]]), 2);
    expect(market.view().bids[0]?.quantity).toBe("0.5");
    market.take(update(8, [["99.90", "0.0"]]), 3);
    market.take(update(9, [["99.70", "0.0"]]), 3);
    expect(prices(market.view().bids)).toEqual(["99.80"]);
  });

  it("notices what it has missed, and begins anew with a snapshot", () => {
    const market = new Market("ETH/USDT");
    expect(market.take(update(3, []), 0)).toBe("GAP");
    market.take(snapshot(7), 1);
    expect(market.take(update(8, [["99.95", "1.0"]]), 2)).toBe("GAP");
    expect(market.take(snapshot(9), 3)).toBe("TAKEN");
    expect(prices(market.view().bids)).toEqual(["99.90", "99.80"]);
    expect(market.take(update(9, []), 4)).toBe("TAKEN");
  });

  it("takes the whole book in place of changes that were too many, with the steps that it knows", () => {
    const market = new Market("ETH/USDT");
    market.take(snapshot(7, [trade(1)]), 1);
    const { tick_size: _, lot_size: __, ...whole } = snapshot(90);
    expect(market.take(whole, 2)).toBe("TAKEN");
    expect(market.view().tickSize).toBe("0.01");
    expect(market.view().trades).toHaveLength(1);
    expect(market.view().gaps).toBe(0);
  });

  it("has each trade once, whoever tells of it again", () => {
    const market = new Market("ETH/USDT");
    market.take(snapshot(7, [trade(1), trade(2)]), 1);
    market.take({ ...OF, type: "trades", lost: 0, trades: [trade(2), trade(3)] }, 2);
    market.take(snapshot(8, [trade(2), trade(3), trade(4)]), 3);
    expect(market.view().trades.map((each) => each.trade_id)).toEqual([1, 2, 3, 4]);
    expect(market.view().gaps).toBe(0);
  });

  it("counts a gap where trades were lost, or a snapshot does not reach back to what it knew", () => {
    const market = new Market("ETH/USDT");
    market.take(snapshot(7, [trade(1)]), 1);
    market.take({ ...OF, type: "trades", lost: 4, trades: [trade(6)] }, 2);
    expect(market.view().gaps).toBe(1);
    market.take(snapshot(8, [trade(20)]), 3);
    expect(market.view().gaps).toBe(2);
    expect(market.view().trades.map((each) => each.trade_id)).toEqual([20]);
  });

  it("is the same object until something changed", () => {
    const market = new Market("ETH/USDT");
    market.take(snapshot(7), 1);
    expect(market.view()).toBe(market.view());
    const before = market.view();
    market.take(update(7, []), 2);
    expect(market.view()).not.toBe(before);
  });
});
