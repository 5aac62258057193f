import { describe, expect, it } from "vitest";
import { shareUp, stripsOf, troubleOf } from "./healthStrip";

const MINUTE = 60_000;
const NOON = Date.parse("2026-11-30T12:00:00Z");

function period(state: "UP" | "DEGRADED" | "DOWN", began: number, until: number, dependency = "engine") {
  const text = (minute: number) => new Date(NOON + minute * MINUTE).toISOString();
  return { dependency, state, detail: "", began_at: text(began), seen_until: text(until) };
}

function strip(...periods: ReturnType<typeof period>[]) {
  const [found] = stripsOf(periods, { from: NOON, to: NOON + 60 * MINUTE, lookedEveryMs: MINUTE });
  if (found === undefined) throw new Error("there is no strip");
  return found;
}

function minutes(...periods: ReturnType<typeof period>[]) {
  return strip(...periods).pieces.map((piece) => [
    piece.state,
    (piece.from - NOON) / MINUTE,
    (piece.to - NOON) / MINUTE,
  ]);
}

describe("a strip", () => {
  it("has a piece for each state, whatever the order it is told in", () => {
    expect(minutes(period("DOWN", 20, 29), period("UP", 30, 59), period("UP", 0, 19))).toEqual([
      ["UP", 0, 20],
      ["DOWN", 20, 30],
      ["UP", 30, 60],
    ]);
  });

  it("says where nobody looked, at its ends too", () => {
    expect(minutes(period("UP", 10, 19), period("UP", 40, 44))).toEqual([
      ["UNKNOWN", 0, 10],
      ["UP", 10, 20],
      ["UNKNOWN", 20, 40],
      ["UP", 40, 45],
      ["UNKNOWN", 45, 60],
    ]);
  });

  it("takes a look that was a little late for no gap", () => {
    expect(minutes(period("UP", 0, 19), period("DOWN", 20.5, 59)).map(([state]) => state)).toEqual([
      "UP",
      "DOWN",
    ]);
  });

  it("is cut at its beginning and end", () => {
    expect(minutes(period("UP", -30, 90))).toEqual([["UP", 0, 60]]);
  });

  it("is one for each dependency, by name", () => {
    const found = stripsOf([period("UP", 0, 9), period("UP", 0, 9, "database")], {
      from: NOON,
      to: NOON + MINUTE,
      lookedEveryMs: MINUTE,
    });
    expect(found.map((each) => each.dependency)).toEqual(["database", "engine"]);
  });
});

describe("the share of time in which it was up", () => {
  it("is of what is known, and never rounded up", () => {
    expect(shareUp(strip(period("UP", 0, 29)))).toBe("100.00 %");
    expect(shareUp(strip(period("UP", 0, 58), period("DOWN", 59, 59)))).toBe("98.33 %");
    expect(
      shareUp({ dependency: "x", pieces: [{ state: "UNKNOWN", from: 0, to: 1, detail: "" }] }),
    ).toBeNull();
    const brief = { state: "DOWN", from: 9_999_999, to: 10_000_000, detail: "" } as const;
    expect(
      shareUp({ dependency: "x", pieces: [{ ...brief, state: "UP", from: 0, to: 9_999_999 }, brief] }),
    ).toBe("99.99 %");
  });
});

describe("what is not well", () => {
  it.each([
    [{ state: "UP", latency_ms: 3 } as const, ""],
    [{ state: "DOWN", latency_ms: 3 } as const, "does not answer"],
    [{ state: "DEGRADED", latency_ms: 3, unserved_shards: [3, 7] } as const, "nobody serves the shards 3, 7"],
    [{ state: "DEGRADED", latency_ms: 3, late: ["alerts"] } as const, "late: alerts"],
  ])("is said in words", (dependency, said) => {
    expect(troubleOf({ ...dependency } as Parameters<typeof troubleOf>[0])).toBe(said);
  });
});
