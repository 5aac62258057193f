import { expect, it } from "vitest";
import { closingTerms, isFlat } from "./closing";

it("a position is closed by the other side, with every digit, and never beyond", () => {
  expect(closingTerms({ quantity: "0.00000001" })).toMatchObject({
    side: "SELL",
    quantity: "0.00000001",
    reduce_only: true,
    kind: "MARKET",
  });
  expect(closingTerms({ quantity: "-1234567890123456.5" })).toMatchObject({
    side: "BUY",
    quantity: "1234567890123456.5",
  });
  expect(isFlat({ quantity: "0.000" })).toBe(true);
  expect(isFlat({ quantity: "-0.1" })).toBe(false);
});
