import { describe, expect, it } from "vitest";
import { changePercent, readFigures } from "./dayFigures";

describe("the day of a market", () => {
  it.each([
    ["100", "101.25", "+1.25"],
    ["100", "99.5", "\u22120.50"],
    ["2683.78000000", "2683.78", "0.00"],
    ["0.00000000", "5", null],
    [undefined, "5", null],
  ])("from %s to %s is %s", (open, last, change) => {
    expect(changePercent(open, last)).toBe(change);
  });

  it("is found by its pair, and what is no list has none", () => {
    const row = { symbol: "ETHUSDT", openPrice: "1", highPrice: "3", lowPrice: "0.5", volume: "7", other: 1 };
    expect(readFigures([row]).get("ETHUSDT")).toEqual({
      openPrice: "1",
      highPrice: "3",
      lowPrice: "0.5",
      volume: "7",
    });
    expect(readFigures({ code: -1121 }).size).toBe(0);
  });
});
