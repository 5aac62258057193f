import { describe, expect, it } from "vitest";
import type { Kind } from "./kinds";
import { newTerms, ofKind, type TicketTerms } from "./terms";
import { problemsOf } from "./validation";

const ETH = {
  symbol: "ETH/USDT",
  base_asset: "ETH",
  quote_asset: "USDT",
  tick_size: "0.01",
  lot_size: "0.0001",
  notional_min: "5",
};

const wrong = (kind: Kind, more: Partial<TicketTerms>): string[] =>
  Object.keys(
    problemsOf({ ...ofKind(newTerms("ETH/USDT", "acc"), kind), quantity: "1", ...more }, ETH),
  ).sort();

describe("a ticket", () => {
  it.each<[Kind, Partial<TicketTerms>]>([
    ["LIMIT", { price: "2600.01" }],
    ["LIMIT", { price: "2600", time_in_force: "GTD", expire_time: "2026-12-01T16:00" }],
    ["LIMIT", { price: "2600", time_in_force: "DAY" }],
    ["MARKET", {}],
    ["MARKET", { price: "2700" }],
    ["STOP", { stop_px: "2500" }],
    ["TRAILING_STOP", { percent: "1.5" }],
    ["TRAILING_STOP", { side: "SELL", offset: "10", entry_px: "2600", target_px: "2700" }],
    ["OCO", { side: "SELL", price: "2800", stop_px: "2500", stop_limit_px: "2490" }],
    ["BRACKET", { price: "2600", target_px: "2800", stop_px: "2500", stop_limit_px: "2490" }],
    ["BRACKET", { side: "SELL", target_px: "2400", stop_px: "2800" }],
    ["ICEBERG", { price: "2600", display_qty: "0.1" }],
    ["TWAP", { duration_s: "10s", slices: "2" }],
    ["VWAP", { duration_s: "1m" }],
    ["POV", { percent: "10" }],
    ["IMPROVE", {}],
  ])("of %s is right: %o", (kind, more) => {
    expect(wrong(kind, more)).toEqual([]);
  });

  it.each<[Kind, Partial<TicketTerms>, string[]]>([
    ["LIMIT", {}, ["price"]],
    ["LIMIT", { price: "2600.001" }, ["price"]],
    ["LIMIT", { price: "2600", time_in_force: "GTD" }, ["expire_time"]],
    ["LIMIT", { price: "2600", quantity: "0.00005" }, ["quantity"]],
    ["LIMIT", { price: "2600", quantity: "0.0001" }, ["quantity"]], // Worth less than 5 USDT.
    ["LIMIT", { price: "2600", quantity: "-1" }, ["quantity"]],
    ["LIMIT", { price: "1,000", quantity: "1e3" }, ["price", "quantity"]],
    ["LIMIT", { price: "2600", venue: "no venue" }, ["venue"]],
    ["MARKET", { quantity: "0" }, ["quantity"]],
    ["STOP", {}, ["stop_px"]],
    ["TRAILING_STOP", {}, ["offset"]],
    ["TRAILING_STOP", { offset: "1", percent: "1" }, ["offset"]],
    ["TRAILING_STOP", { side: "SELL", offset: "1", entry_px: "2700", target_px: "2600" }, ["target_px"]],
    ["OCO", { side: "SELL", price: "2500", stop_px: "2800" }, ["stop_px"]],
    ["BRACKET", { price: "2600", target_px: "2500", stop_px: "2400" }, ["target_px"]],
    ["BRACKET", { price: "2600", target_px: "2800", stop_px: "2700" }, ["stop_px"]],
    ["ICEBERG", { price: "2600", display_qty: "2" }, ["display_qty"]],
    ["TWAP", { duration_s: "9s", slices: "1" }, ["duration_s", "slices"]],
    ["VWAP", { duration_s: "59" }, ["duration_s"]],
    ["POV", { percent: "100" }, ["percent"]],
    ["POV", {}, ["percent"]],
    ["BEST", { venues: "SIM SIM" }, ["venues"]],
    ["BEST", { venues: "SOR" }, ["venues"]],
    ["STOP", { stop_px: "2500", after: "4be1" }, ["after"]],
  ])("of %s is wrong: %o", (kind, more, fields) => {
    expect(wrong(kind, more)).toEqual(fields);
  });

  it("counts steps exactly where floats would not", () => {
    // 0.29 / 0.01 is 28.999999999999996, and 2^53 steps are beyond what a float counts.
    expect(wrong("LIMIT", { price: "0.29", quantity: "100" })).toEqual([]);
    expect(wrong("LIMIT", { price: "90071992547409.93", quantity: "1" })).toEqual([]);
    expect(wrong("LIMIT", { price: "90071992547409.935", quantity: "1" })).toEqual(["price"]);
  });
});
