import { expect, it } from "vitest";
import type { ShownOrder } from "./merge";
import { replaceProblems, replaceTerms } from "./replace";

const ETH = {
  symbol: "ETH/USDT",
  base_asset: "ETH",
  quote_asset: "USDT",
  tick_size: "0.01",
  lot_size: "0.0001",
  notional_min: "5",
};
const ORDER = { quantity: "1.50", price: "2600", cum_qty: "0.5" } as ShownOrder;

it("only what differs is asked for, however it is written", () => {
  expect(replaceTerms({ quantity: "1.5", price: "2600.00" }, ORDER, "r")).toBeNull();
  expect(replaceTerms({ quantity: "1.5", price: "2601" }, ORDER, "r")).toEqual({
    replace_id: "r",
    quantity: null,
    price: "2601",
  });
  expect(replaceTerms({ quantity: "2", price: "2600" }, ORDER, "r")).toMatchObject({
    quantity: "2",
    price: null,
  });
});

it("a quantity has to leave something to trade, in whole steps", () => {
  expect(replaceProblems({ quantity: "0.5", price: "2600" }, ORDER, ETH).quantity).toMatch(
    /cancel it instead/,
  );
  expect(replaceProblems({ quantity: "1.00001", price: "2600.001" }, ORDER, ETH)).toEqual({
    quantity: "Quantities go in steps of 0.0001 ETH.",
    price: "Prices go in steps of 0.01.",
  });
  expect(replaceProblems({ quantity: "0.6", price: "2600" }, ORDER, ETH)).toEqual({});
});
