import { describe, expect, it } from "vitest";
import { KINDS, type Kind } from "./kinds";
import {
  atPrice,
  momentOf,
  newTerms,
  ofKind,
  secondsOf,
  type TicketTerms,
  toOrderTerms,
  venuesOf,
} from "./terms";

const terms = (kind: Kind, more: Partial<TicketTerms> = {}): TicketTerms => ({
  ...ofKind(newTerms("ETH/USDT", "acc"), kind),
  quantity: " 0.50 ",
  ...more,
});

describe("a ticket becomes", () => {
  it("a limit order with every digit as it was typed", () => {
    expect(toOrderTerms(terms("LIMIT", { price: "2600.10", post_only: true }), "id")).toMatchObject({
      client_order_id: "id",
      type: "LIMIT",
      quantity: "0.50",
      price: "2600.10",
      time_in_force: "GTC",
      post_only: true,
      venue: "SIM",
      execution: null,
    });
  });

  it("a market order, and with a worst price one that takes no more than that", () => {
    expect(toOrderTerms(terms("MARKET"), "id")).toMatchObject({
      type: "MARKET",
      price: null,
      time_in_force: "IOC",
    });
    expect(toOrderTerms(terms("MARKET", { price: "2700" }), "id")).toMatchObject({
      type: "LIMIT",
      price: "2700",
      time_in_force: "IOC",
    });
  });

  it("an order that ends at a time, and without one where it is chosen no more", () => {
    const told = terms("LIMIT", { price: "1", time_in_force: "GTD", expire_time: "2026-12-01T16:00" });
    const sent = toOrderTerms({ ...told, post_only: true }, "id");
    expect(sent).toMatchObject({ time_in_force: "GTD", post_only: true });
    expect(new Date(sent.expire_time ?? 0).getTime()).toBe(new Date(2026, 11, 1, 16).getTime());
    expect(toOrderTerms({ ...told, time_in_force: "DAY" }, "id").expire_time).toBeNull();
    expect(toOrderTerms(ofKind(told, "OCO"), "id").expire_time).toBeNull();
  });

  it("no post-only order that could not rest", () => {
    const told = terms("LIMIT", { price: "1", post_only: true, time_in_force: "IOC" });
    expect(toOrderTerms(told, "id").post_only).toBe(false);
  });

  it("an exit at the router", () => {
    const told = terms("STOP_LIMIT", {
      price: "2490",
      stop_px: "2500",
      trigger_by: "BEST",
      venues: "sim, binance",
    });
    expect(toOrderTerms(told, "id")).toMatchObject({
      type: "LIMIT",
      venue: "SOR",
      time_in_force: null,
      execution: {
        algorithm: "STOP",
        stop_px: "2500",
        trigger_by: "BEST",
        after: null,
        venues: ["SIM", "BINANCE"],
      },
    });
    expect(toOrderTerms(terms("STOP", { price: "2490", stop_px: "2500" }), "id").type).toBe("MARKET");
  });

  it("one that is worked over time", () => {
    expect(toOrderTerms(terms("TWAP", { duration_s: "2h", slices: "4" }), "id").execution).toEqual({
      algorithm: "TWAP",
      venues: [],
      duration_s: 7_200,
      slices: 4,
      start_at: null,
    });
    expect(toOrderTerms(terms("POV", { percent: "10", duration_s: "1d" }), "id").execution).toMatchObject({
      percent: "10",
      duration_s: 86_400,
    });
  });

  it.each(Object.keys(KINDS) as Kind[])("one that names its own algorithm alone: %s", (kind) => {
    const { execution } = toOrderTerms(terms(kind, { stop_px: "1", display_qty: "1", percent: "1" }), "id");
    expect(execution?.algorithm ?? null).toBe(KINDS[kind].algorithm);
  });
});

describe("another kind", () => {
  it("forgets what it would mean something else by", () => {
    const limit = terms("LIMIT", { price: "2600", time_in_force: "FOK", post_only: true });
    expect(ofKind(limit, "MARKET")).toMatchObject({ price: "", time_in_force: "IOC", post_only: false });
    expect(ofKind(limit, "ICEBERG").price).toBe("2600");
  });

  it("is chosen where a price is pointed at from a market order", () => {
    expect(atPrice(terms("MARKET"), "2600")).toMatchObject({
      kind: "LIMIT",
      price: "2600",
      time_in_force: "GTC",
    });
    expect(atPrice(terms("OCO"), "2600").kind).toBe("OCO");
  });
});

it.each([
  ["600", 600],
  ["90s", 90],
  ["10m", 600],
  ["2h", 7_200],
  ["1d", 86_400],
  ["1.5h", null],
  ["soon", null],
])("the duration %s is %s seconds", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

it("venues are names between commas or spaces", () => {
  expect(venuesOf(" sim, binance  book ")).toEqual(["SIM", "BINANCE", "BOOK"]);
  expect(venuesOf("")).toEqual([]);
});

it("a local time is told in UTC", () => {
  expect(momentOf("2026-11-30T08:00")).toBe(new Date(2026, 10, 30, 8, 0).toISOString());
  expect(momentOf("")).toBeNull();
  expect(momentOf("never")).toBeNull();
});
