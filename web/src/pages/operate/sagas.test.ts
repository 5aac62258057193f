import { describe, expect, it } from "vitest";
import { fromOf, isLong, lastStep, stateOf } from "./sagas";

describe("a saga", () => {
  it("is long when it has no outcome after its client has given up", () => {
    expect(isLong({ state: "UNDER_WAY", took_ms: 30_001 })).toBe(true);
    expect(isLong({ state: "UNDER_WAY", took_ms: 30_000 })).toBe(false);
    expect(isLong({ state: "UNRESOLVED", took_ms: 60_000 })).toBe(true);
    expect(isLong({ state: "REJECTED", took_ms: 60_000 })).toBe(false);
  });

  it.each([
    [{ step: null, outcome: null, detail: null }, "no step has ended yet"],
    [{ step: "reserve_limits", outcome: "DONE", detail: null }, "reserve limits: done"],
    [
      { step: "reserve_limits", outcome: "REJECTED", detail: "LIMIT_EXCEEDED" },
      "reserve limits: rejected, LIMIT_EXCEEDED",
    ],
  ])("says what its newest step came to", (saga, said) => {
    expect(lastStep(saga)).toBe(said);
  });
});

it("an address with a state that there is not asks for none", () => {
  expect(stateOf("REJECTED")).toBe("REJECTED");
  expect(stateOf("")).toBeNull();
  expect(stateOf("<b>")).toBeNull();
});

it.each([
  ["24", 24],
  ["100000", 168],
  ["-3", 1],
  ["soon", 24],
])("%s hours of the address are %d", (hours, meant) => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  expect(now - Date.parse(fromOf(hours, now))).toBe(meant * 3_600_000);
});
