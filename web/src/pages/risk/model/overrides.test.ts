import { describe, expect, it } from "vitest";
import { localOf } from "./moments";
import { overrideRequestOf, stepsOf } from "./overrides";

const draft = {
  limitId: "l",
  value: " 800.5 ",
  startsAt: "",
  endsAt: localOf("2026-12-01T10:00:00.000Z"),
  reason: " month end ",
};

describe("a request for an override", () => {
  it("has the value as typed, in UTC", () => {
    expect(overrideRequestOf(draft)).toEqual({
      limit_id: "l",
      value: "800.5",
      is_exempt: false,
      starts_at: null,
      ends_at: "2026-12-01T10:00:00.000Z",
      reason: "month end",
    });
  });

  it("says at each field what is wrong", () => {
    const wrong = overrideRequestOf({ ...draft, value: "much", startsAt: "x", endsAt: "", reason: " " });
    expect("errors" in wrong && Object.keys(wrong.errors).sort()).toEqual([
      "ends_at",
      "reason",
      "starts_at",
      "value",
    ]);
    expect(overrideRequestOf({ ...draft, value: "" })).toHaveProperty("errors.value");
  });
});

describe("what one may do with an override", () => {
  const requested = { state: "REQUESTED", requested_by: "risk" };

  it("is to approve what another asked for, never one's own", () => {
    expect(stepsOf(requested, "admin", () => true)).toEqual({ mayApprove: true, mayEnd: true, isOwn: false });
    expect(stepsOf(requested, "risk", () => true)).toEqual({ mayApprove: false, mayEnd: true, isOwn: true });
  });

  it("is nothing without permission, or once it has ended", () => {
    expect(stepsOf(requested, "viewer", () => false)).toEqual({
      mayApprove: false,
      mayEnd: false,
      isOwn: false,
    });
    expect(stepsOf({ ...requested, state: "ENDED" }, "admin", () => true).mayEnd).toBe(false);
    expect(stepsOf({ ...requested, state: "ACTIVE" }, "admin", () => true)).toMatchObject({
      mayApprove: false,
      mayEnd: true,
    });
  });
});
