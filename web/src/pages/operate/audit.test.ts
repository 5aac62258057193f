import { describe, expect, it } from "vitest";
import {
  anchoredAt,
  changesOf,
  factsOf,
  searchOf,
  shownTopic,
  summaryOf,
  timeOf,
  verificationOf,
} from "./audit";

describe("a record", () => {
  const payload = {
    limit_id: "l",
    value: "10",
    value_before: "5",
    state: "ACTIVE",
    state_before: "ACTIVE",
    note: null,
  };

  it("shows what it changed, and nothing that stayed", () => {
    expect(changesOf(payload)).toEqual([{ name: "value", before: "5", after: "10" }]);
    expect(changesOf({ mode: { a: 1 }, mode_before: null })).toEqual([
      { name: "mode", before: "nothing", after: '{"a":1}' },
    ]);
    expect(changesOf({ value_before: "5" })).toEqual([]);
  });

  it("shows the rest once", () => {
    expect(factsOf(payload)).toEqual([
      ["limit id", "l"],
      ["state", "ACTIVE"],
      ["state before", "ACTIVE"],
    ]);
  });

  it("shows its moments in nanoseconds as times", () => {
    expect(factsOf({ ends_at_ns: 1796040000000000000, took_ns: 5, starts_at_ns: 0 })).toEqual([
      ["ends at", "2026-11-30T12:00:00.000Z"],
      ["took ns", "5"],
      ["starts at ns", "0"],
    ]);
  });

  it("is told in a line without its ids", () => {
    const alert = {
      kind: "OVERRIDE",
      alert_id: "x",
      raised_at_ns: 5,
      stage: 2,
      is_new: true,
      title: "last",
      audiences: [],
    };
    expect(summaryOf(alert)).toBe("kind OVERRIDE, stage 2, is new true");
    expect(summaryOf({ order_ids: [] })).toBe("");
  });

  it("has a time and a topic that one can read", () => {
    expect(timeOf({ occurred_at_ns: 1796026292574869000 })).toBe("2026-11-30T08:11:32.574Z");
    expect(shownTopic("limits.LimitChanged.v1")).toBe("limits: limit changed");
    expect(shownTopic("odd")).toBe("odd");
  });
});

describe("how far the trail is vouched for", () => {
  it.each([
    [0, 0, true, /no records/],
    [9, 9, true, /all of them/],
    [9, 8, true, /1 newer one waits/],
    [9, 7, true, /2 newer ones wait/],
    [7, 9, false, /2 anchored records are missing/],
  ])("%d records, anchored to %d", (sequence, anchored, isWhole, said) => {
    const found = verificationOf(sequence, anchored);
    expect(found.isWhole).toBe(isWhole);
    expect(found.said).toMatch(said);
  });

  it("is dated by the anchor itself", () => {
    expect(anchoredAt('{"anchored_at":"2026-11-30T08:12:28.576743Z"}')).toBe("2026-11-30T08:12:28.576743Z");
    expect(anchoredAt("no JSON")).toBeNull();
    expect(anchoredAt("null")).toBeNull();
  });
});

it("what is asked for is what can be asked for", () => {
  const none = { actor: "", topic: "", aggregateId: "", since: "", until: "" };
  expect(searchOf(none)).toEqual({});
  expect(searchOf({ ...none, actor: " risk ", aggregateId: "half-typed", since: "never" })).toEqual({
    actor: "risk",
  });
  const id = "7d0c1f52-5f3e-4c6a-9a55-0d6f3f0a0007";
  expect(searchOf({ ...none, aggregateId: id, until: "2026-11-30T12:00:00Z" })).toEqual({
    aggregate_id: id,
    until: "2026-11-30T12:00:00.000Z",
  });
});
