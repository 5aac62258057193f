import { describe, expect, it } from "vitest";
import { decimalsOf, fromScaled, toScaled } from "./scaled";

describe("a decimal as a whole number of steps", () => {
  it.each([
    ["12.5", 2, 1250n, "12.50"],
    ["-0.01", 2, -1n, "-0.01"],
    ["7", 0, 7n, "7"],
    ["1.5000", 1, 15n, "1.5"],
    ["123456789012345678.123456789", 9, 123456789012345678123456789n, "123456789012345678.123456789"],
  ])("%s with %i decimals is exact", (amount, decimals, whole, written) => {
    expect(toScaled(amount, decimals)).toBe(whole);
    expect(fromScaled(whole, decimals)).toBe(written);
  });

  it("is refused where it would not be exact", () => {
    expect(() => toScaled("1.005", 2)).toThrow(RangeError);
    expect(() => toScaled("1e5", 2)).toThrow(RangeError);
  });

  it("has the decimals of its step", () => {
    expect([decimalsOf("0.01"), decimalsOf("5"), decimalsOf("0.00001")]).toEqual([2, 0, 5]);
  });
});
