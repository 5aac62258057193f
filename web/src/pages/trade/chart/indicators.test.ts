import { describe, expect, it } from "vitest";
import { bollinger, ema, macd, rsi, sma, vwap } from "./indicators";

describe("an indicator", () => {
  it("the plain average is of the last ones", () => {
    expect(sma([1, 2, 3, 4], 2)).toEqual([null, 1.5, 2.5, 3.5]);
  });

  it("the exponential one begins with the plain one", () => {
    expect(ema([1, 2, 3, 4, 8], 3)).toEqual([null, null, 2, 3, 5.5]);
    expect(ema([1, 2], 3)).toEqual([null, null]);
  });

  it("bands stand two deviations away", () => {
    const { upper, middle, lower } = bollinger([2, 4], 2);
    expect([upper[1], middle[1], lower[1]]).toEqual([5, 3, 1]);
    expect(upper[0]).toBeNull();
  });

  it("the price by volume begins anew each day", () => {
    const of = (openMs: number, close: number, volume: number) => ({
      openMs,
      high: close,
      low: close,
      close,
      volume,
    });
    expect(vwap([of(0, 10, 1), of(1, 20, 3), of(86_400_000, 30, 1), of(172_800_000, 40, 0)])).toEqual([
      10,
      17.5,
      30,
      null,
    ]);
  });

  it("the strength smooths gains and losses as Wilder does", () => {
    // Gains 1, 0, 2 and losses 0, 1, 0: averages of 0.5 each, and then 1.25 and 0.25.
    const line = rsi([1, 2, 1, 3], 2);
    expect(line.slice(0, 3)).toEqual([null, null, 50]);
    expect(line[3]).toBeCloseTo(100 * (1.25 / 1.5), 9);
    expect(rsi([5, 5, 5], 2)[2]).toBe(50);
    expect(rsi([], 2)).toEqual([]);
  });

  it("the convergence is the difference of two averages, and its signal their average", () => {
    const closes = Array.from({ length: 60 }, (_, at) => 100 + at);
    const { macd: line, signal, histogram } = macd(closes);
    expect(line.findIndex((value) => value !== null)).toBe(25);
    expect(signal.findIndex((value) => value !== null)).toBe(33);
    expect(line[59]).toBeCloseTo(7, 6); // Of a straight line: half the difference of both lengths.
    expect(histogram[59]).toBeCloseTo(0, 6);
    expect(macd([1, 2]).signal).toEqual([null, null]);
  });
});
