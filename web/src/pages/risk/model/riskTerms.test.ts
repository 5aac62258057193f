import { describe, expect, it } from "vitest";
import { termsBySymbol, termsDraftOf, termsSettingOf } from "./riskTerms";

const eth = {
  symbol: "ETH/USDT",
  average_daily_qty: "120000",
  initial_margin: null,
  sector: "L1",
  daily_volatility: "0.03",
  as_of: "2026-11-28",
};

describe("risk terms", () => {
  it("have a row for every instrument", () => {
    const rows = termsBySymbol(["ETH/USDT", "BTC/USDT"], [eth]);
    expect(rows.map((row) => [row.symbol, row.average_daily_qty])).toEqual([
      ["BTC/USDT", null],
      ["ETH/USDT", "120000"],
    ]);
  });

  it("are sent as typed, and what is empty as not known", () => {
    expect(termsSettingOf("ETH/USDT", termsDraftOf(eth))).toEqual(eth);
    expect(termsSettingOf("ETH/USDT", { ...termsDraftOf(eth), sector: " " }).sector).toBeNull();
  });
});
