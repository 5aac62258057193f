import { describe, expect, it } from "vitest";
import { queryOf, receiverOf, restOf, spoken } from "./alerts";

describe("the list's query", () => {
  it("has what the address says", () => {
    expect(queryOf({ state: "open", severity: "ERROR", category: "RISK" })).toEqual({
      is_open: true,
      severity: "ERROR",
      category: "RISK",
    });
    expect(queryOf({ state: "acknowledged", severity: "all", category: "all" })).toEqual({ is_open: false });
  });

  it("leaves out what is no word of ours", () => {
    expect(queryOf({ state: "x", severity: "BAD", category: "<script>" })).toEqual({});
  });
});

it("says the title once", () => {
  expect(restOf({ title: "Desk A is KILLED", body: "Desk A is KILLED.\n\nReason: runaway" })).toBe(
    "Reason: runaway",
  );
  expect(restOf({ title: "T", body: "something else" })).toBe("something else");
});

it("names a receiver", () => {
  expect(receiverOf({ channel: "PUSH", destination: "6b7f" })).toBe("a browser");
  expect(receiverOf({ channel: "EMAIL", destination: "a@b.example" })).toBe("a@b.example");
  expect(receiverOf({ channel: "EMAIL", destination: "hidden" })).toBe("somebody");
  expect(spoken("TRADE_FAILURE")).toBe("Trade failure");
});
