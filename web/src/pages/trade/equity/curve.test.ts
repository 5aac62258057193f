import { expect, it } from "vitest";
import { curveOf, type EquityPoint, rangeOf } from "./curve";

const points = (...equities: string[]): EquityPoint[] =>
  equities.map((equity, minute) => ({
    at: `2026-11-30T08:0${minute}:00.000000Z`,
    equity,
    realised_pnl: "0",
    unrealised_pnl: "0",
    fees: "0",
    stale: false,
  }));

it("a drawdown is from the highest point before, exactly", () => {
  const curve = curveOf(points("100", "120.1", "90.000000000000000001", "130", "125"));
  expect(curve?.points.map((point) => point.drawdown)).toEqual([
    "0",
    "0",
    "-30.099999999999999999",
    "0",
    "-5",
  ]);
  expect(curve).toMatchObject({
    last: "125",
    change: "25",
    changePct: "25.00",
    drawdownMax: "-30.099999999999999999",
    drawdownMaxPct: "-25.06",
  });
});

it("a curve that only rises has no drawdown, and one of nothing has no percent", () => {
  expect(curveOf(points("1", "2"))).toMatchObject({ drawdownMax: "0", drawdownMaxPct: "0.00" });
  expect(curveOf(points("0", "2"))).toMatchObject({ changePct: null, drawdownMaxPct: "0.00" });
  expect(curveOf([])).toBeNull();
});

it("an unknown range is a day", () => {
  expect(rangeOf("1w")).toBe("1w");
  expect(rangeOf("for ever")).toBe("1d");
});
