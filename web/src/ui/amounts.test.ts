import { describe, expect, it } from "vitest";
import { shownAmount, signOf } from "./amounts";

describe("an amount", () => {
  it.each([
    ["0", "0"],
    ["999", "999"],
    ["1000", "1,000"],
    ["-1234567.50", "\u22121,234,567.50"],
    ["123456789012345678.123456789012345678", "123,456,789,012,345,678.123456789012345678"],
    ["n/a", "n/a"],
  ])("%s is shown with every digit as %s", (amount, shown) => {
    expect(shownAmount(amount)).toBe(shown);
  });

  it.each([
    ["0.00", 0],
    ["-0.0", 0],
    ["-0.01", -1],
    ["12", 1],
  ])("%s has the sign %i", (amount, sign) => {
    expect(signOf(amount)).toBe(sign);
  });
});
