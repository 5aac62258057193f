import { describe, expect, it } from "vitest";
import { assetsOf, type Finding, largestPassing, nameOf, sentenceOf, usageOf } from "./verdicts";

const finding = (told: Partial<Finding>): Finding => ({
  node_id: "n",
  node_name: "Trader 1",
  limit_id: "l",
  limit_type: "MAX_ORDER_QTY",
  instrument: "*",
  limit: "50",
  used: "0",
  reserved: "0",
  attempted: "51",
  largest_passing_quantity: "50",
  action: "REJECT",
  missing: null,
  ...told,
});
const ETH = assetsOf("ETH/USDT");

describe("a refusal in a sentence", () => {
  it("says who refuses, why, and by how much", () => {
    expect(sentenceOf(finding({}), ETH)).toBe(
      "Trader 1 lets no single order be so large: 50 ETH at most, and this order has 51 ETH.",
    );
  });

  it("says what is in use before it", () => {
    const told = finding({
      limit_type: "LONG_POSITION",
      limit: "4000",
      used: "3000.5",
      reserved: "100",
      attempted: "1000",
    });
    expect(sentenceOf(told, ETH)).toBe(
      "Trader 1 lets nobody hold so much: 4,000 ETH at most, 3,100.5 ETH in use, and this order adds 1,000 ETH.",
    );
  });

  it("says money in the currency and shares in percent", () => {
    expect(
      sentenceOf(finding({ limit_type: "MAX_ORDER_NOTIONAL", limit: "1000000", attempted: "2600.126" }), ETH),
    ).toMatch(/1,000,000 USDT at most, and this order has 2,600\.13 USDT/);
    const collar = finding({
      limit_type: "PRICE_COLLAR",
      limit: "0.10",
      attempted: "0",
      largest_passing_quantity: null,
    });
    expect(sentenceOf(collar, ETH)).toBe("Trader 1 lets no price lie so far from the market: 10 % at most.");
  });

  it("has no figures where nothing is measured, and says what could not be known", () => {
    expect(sentenceOf(finding({ limit_type: "KILL_SWITCH" }), ETH)).toBe(
      "Trader 1 is stopped, or takes only what reduces a position, until it is armed again.",
    );
    expect(sentenceOf(finding({ missing: "a fresh price of ETH/USDT" }), ETH)).toBe(
      "Trader 1 cannot judge it without a fresh price of ETH/USDT.",
    );
  });

  it("names a type that is newer than these words", () => {
    expect(nameOf("MOON_PHASE")).toBe("moon phase");
    expect(sentenceOf(finding({ limit_type: "MOON_PHASE" }), ETH)).toBe("Trader 1 refuses it by MOON_PHASE.");
  });
});

it("usage is what there would be with the order", () => {
  expect(usageOf(finding({ used: "1", reserved: "2", attempted: "3" }), ETH)).toBe("6 ETH of 50 ETH");
  expect(usageOf(finding({ limit_type: "KILL_SWITCH" }), ETH)).toBeNull();
});

describe("the largest quantity that passes", () => {
  it("is the least of all that look at it, compared as amounts", () => {
    const quantities = ["100", "9.5", "50"].map((largest) => finding({ largest_passing_quantity: largest }));
    expect(largestPassing(quantities)).toBe("9.5");
  });

  it("is none where one refuses whatever it is", () => {
    expect(largestPassing([finding({}), finding({ largest_passing_quantity: null })])).toBeNull();
    expect(largestPassing([finding({ largest_passing_quantity: "0" })])).toBeNull();
    expect(largestPassing([])).toBeNull();
  });
});
