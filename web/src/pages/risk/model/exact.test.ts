import { describe, expect, it } from "vitest";
import { byGreatest, roundedForEye, sumOf, times } from "./exact";

describe("exact amounts", () => {
  it("are added without a float's error", () => {
    expect(sumOf(["0.1", "0.2", "123456789012345678.000000000000000001"])).toBe(
      "123456789012345678.300000000000000001",
    );
    expect(times("0.1", "0.2")).toBe("0.02");
    expect(sumOf([])).toBe("0");
  });

  it("have no sum where one of them is not known", () => {
    expect(sumOf(["1", null])).toBeNull();
  });

  it("are sorted with the greatest first and the unknown last", () => {
    expect([null, "9", "10", "-1"].sort(byGreatest)).toEqual(["10", "9", "-1", null]);
  });

  it.each([
    ["1234.5678", "1234.57"],
    ["1234.50", "1234.50"],
    ["1.234567", "1.2346"],
    ["0.1234567891", "0.12345679"],
    ["-99.99999", "-100"],
    ["0", "0"],
  ])("%s is rounded for the eye to %s", (amount, shown) => {
    expect(roundedForEye(amount)).toBe(shown);
  });
});
