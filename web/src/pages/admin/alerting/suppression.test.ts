import { describe, expect, it } from "vitest";
import { standingOf, suppressionRequest } from "./suppression";

const form = {
  category: "VENUE" as const,
  kind: " node_state ",
  nodeId: null,
  includesCritical: false,
  starts: "",
  ends: "2027-01-10T06:00",
  reason: " new network cards ",
};

it("a suppression is asked for from now until the moment that is meant by the browser's clock", () => {
  expect(suppressionRequest(form)).toEqual({
    category: "VENUE",
    kind: "NODE_STATE",
    node_id: null,
    includes_critical: false,
    starts_at: null,
    ends_at: new Date(2027, 0, 10, 6).toISOString(),
    reason: "new network cards",
  });
  expect(suppressionRequest({ ...form, kind: " " }).kind).toBeNull();
});

describe("a suppression", () => {
  const now = new Date("2026-12-01T12:00:00Z");
  it.each([
    ["2026-12-01T11:00:00Z", "2026-12-01T13:00:00Z", null, "IN_FORCE"],
    ["2026-12-01T12:00:01Z", "2026-12-01T13:00:00Z", null, "COMING"],
    ["2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z", null, "OVER"],
    ["2026-12-01T11:00:00Z", "2026-12-01T13:00:00Z", "admin", "OVER"],
  ] as const)("from %s to %s, ended by %s, is %s", (starts_at, ends_at, ended_by, standing) => {
    expect(standingOf({ starts_at, ends_at, ended_by }, now)).toBe(standing);
  });
});
