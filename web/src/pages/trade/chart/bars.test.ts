import { describe, expect, it } from "vitest";
import type { Trade } from "../../../live/messages";
import { type Bar, BarSeries } from "./bars";
import { readBars } from "./history";
import { barStart, nextStart, partsOf } from "./intervals";

const MINUTE = 60_000;

function bar(openMs: number, close: string, volume = "1"): Bar {
  return { openMs, open: close, high: close, low: close, close, volume };
}

function trade(trade_id: number, atMs: number, price: string, quantity = "1"): Trade {
  return { trade_id, at: new Date(atMs).toISOString(), taker: "BUY", price, quantity };
}

describe("where bars begin", () => {
  it("is a Monday for weeks, the first day for months, counted from 1970 for three days", () => {
    const at = Date.UTC(2026, 10, 30, 12, 34, 56); // A Monday.
    expect(barStart("1w", at)).toBe(Date.UTC(2026, 10, 30));
    expect(barStart("1w", at - 86_400_000)).toBe(Date.UTC(2026, 10, 23));
    expect(barStart("1M", at)).toBe(Date.UTC(2026, 10, 1));
    expect(nextStart("1M", Date.UTC(2026, 11, 1))).toBe(Date.UTC(2027, 0, 1));
    expect(barStart("15m", at)).toBe(Date.UTC(2026, 10, 30, 12, 30));
    expect(barStart("3d", 5 * 86_400_000)).toBe(3 * 86_400_000);
  });

  it("has shorter parts", () => {
    expect(partsOf("1M")).toEqual(["1h", "1m", "1s"]);
    expect(partsOf("1h")).toEqual(["1m", "1s"]);
    expect(partsOf("1s")).toEqual([]);
  });
});

describe("a series of bars", () => {
  // An hour's bar is open since 0; two of its minutes and, of the third, two seconds are over.
  const history = {
    own: [bar(-60 * MINUTE, "90"), bar(0, "1", "999")],
    parts: [
      [bar(-MINUTE, "91", "50"), bar(0, "100", "10"), bar(MINUTE, "110", "20"), bar(2 * MINUTE, "7", "999")],
      [
        bar(2 * MINUTE - 1_000, "7", "50"),
        bar(2 * MINUTE, "105", "3"),
        bar(2 * MINUTE + 1_000, "95", "4"),
        bar(2 * MINUTE + 2_000, "7", "999"),
      ],
    ],
  };

  it("puts the open one together from its parts that are over, and then from trades, each once", () => {
    const series = new BarSeries("1h", history);
    const end = 2 * MINUTE + 2_000;
    const trades = [
      trade(1, end - 1, "1", "500"),
      trade(2, end, "120", "0.1"),
      trade(3, end + 5, "101", "0.2"),
    ];
    expect(series.isFollowedBy(trades, true)).toBe(true);
    expect(series.take(trades)).toBe(1);
    expect(series.take(trades)).toBe(0);
    expect(series.list()).toEqual([
      history.own[0],
      { openMs: 0, open: "100", high: "120", low: "95", close: "101", volume: "37.3" },
    ]);
  });

  it("says when trades are missing between them and it", () => {
    const series = new BarSeries("1h", history);
    expect(series.isFollowedBy([trade(9, 3 * MINUTE, "1")], true)).toBe(false);
    expect(series.isFollowedBy([trade(9, 3 * MINUTE, "1")], false)).toBe(true);
  });

  it("begins another with the first trade in it, and where nothing traded a bar is flat", () => {
    const series = new BarSeries("1m", { own: [bar(0, "10"), bar(MINUTE, "7")], parts: [[]] });
    expect(series.take([trade(1, MINUTE, "11"), trade(2, 4 * MINUTE + 1, "12")])).toBe(5);
    expect(series.list().map((each) => [each.openMs / MINUTE, each.close, each.volume])).toEqual([
      [0, "10", "1"],
      [1, "11", "1"],
      [2, "11", "0"],
      [3, "11", "0"],
      [4, "12", "1"],
    ]);
  });

  it("compares prices as amounts and not as text", () => {
    const series = new BarSeries("1m", { own: [], parts: [] });
    series.take([trade(1, 0, "9.5"), trade(2, 1, "10.5"), trade(3, 2, "9.6")]);
    expect(series.list()[0]).toMatchObject({ high: "10.5", low: "9.5", close: "9.6" });
  });

  it("is read from the engine's rows", () => {
    expect(
      readBars([[5, "10.50000000", "11.00000000", "9.00000000", "100.00000000", "0.00000000", 6]]),
    ).toEqual([{ openMs: 5, open: "10.5", high: "11", low: "9", close: "100", volume: "0" }]);
  });
});
