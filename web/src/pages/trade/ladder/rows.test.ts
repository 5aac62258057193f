import { describe, expect, it } from "vitest";
import { BookSide } from "../../../live/book";
import { ladderOf, ownPrices, spreadOf } from "./rows";

function side(isBids: boolean, levels: [string, string][]) {
  const made = new BookSide(isBids, 2, 4);
  made.begin(levels);
  return made.top(50);
}

describe("a depth ladder", () => {
  const bids = side(true, [
    ["99.90", "0.1000"],
    ["99.80", "0.2000"],
    ["99.70", "5.0000"],
  ]);
  const asks = side(false, [["100.10", "0.6000"]]);

  it("adds up exactly, to its depth, with bars of one scale", () => {
    const own = { bids: new Set(["99.80"]), asks: new Set<string>() };
    const ladder = ladderOf(bids, asks, 2, "0.0001", own);
    expect(ladder.bids.map((row) => [row.price, row.cumulative, row.percent, row.isOwn])).toEqual([
      ["99.90", "0.1000", 16.6, false],
      ["99.80", "0.3000", 50, true],
    ]);
    expect(ladder.asks.map((row) => row.percent)).toEqual([100]);
  });

  it("has a spread where both sides have a price", () => {
    expect(spreadOf(bids[0], asks[0], "0.01")).toBe("0.20");
    expect(spreadOf(undefined, asks[0], "0.01")).toBeNull();
  });

  it("knows one's own prices however they were written", () => {
    const orders = [
      { side: "BUY", price: "99.9" },
      { side: "BUY", price: "100.000" },
      { side: "SELL", price: "101" },
      { side: "BUY", price: null },
    ];
    expect([...ownPrices(orders, "BUY", "0.01")]).toEqual(["99.90", "100.00"]);
    expect([...ownPrices(orders, "SELL", "1")]).toEqual(["101"]);
  });
});
