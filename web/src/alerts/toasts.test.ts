import { describe, expect, it } from "vitest";
import type { LiveAlert } from "../live/alerts";
import { closed, EMPTY, stays, TOASTS_MAX, told } from "./toasts";

function alert(id: string, changed: Partial<LiveAlert> = {}): LiveAlert {
  return {
    what: "RAISED",
    alert_id: id,
    kind: "k",
    severity: "ERROR",
    title: id,
    body: "",
    account_id: null,
    at: 0,
    acknowledged_by: null,
    ...changed,
  };
}

const FULL = ["1", "2", "3", "4", "5"].map((id) => alert(id)).reduce(told, EMPTY);

describe("toasts", () => {
  it("are three at most, and the rest is counted", () => {
    expect(FULL.shown.map((each) => each.alert_id)).toEqual(["1", "2", "3"]);
    expect([FULL.shown.length, FULL.more]).toEqual([TOASTS_MAX, 2]);
  });

  it("make place for the next, and nothing is counted any more when all are closed", () => {
    const one = closed(FULL, "2");
    expect([one.shown.length, one.more]).toEqual([2, 2]);
    expect(closed(closed(one, "1"), "3")).toEqual(EMPTY);
    expect(closed(FULL, "unknown")).toBe(FULL);
  });

  it("go when somebody has taken the alert up, and say nothing twice", () => {
    expect(told(FULL, alert("1", { what: "ACKNOWLEDGED" })).shown.map((each) => each.alert_id)).toEqual([
      "2",
      "3",
    ]);
    expect(told(FULL, alert("1", { what: "INCIDENT" }))).toBe(FULL);
    expect(told(EMPTY, alert("1", { what: "ESCALATED" }))).toEqual(EMPTY);
  });

  it("stay where it is serious", () => {
    expect(
      ["INFO", "WARNING", "ERROR", "CRITICAL"].map((severity) =>
        stays(alert("1", { severity } as Partial<LiveAlert>)),
      ),
    ).toEqual([false, false, true, true]);
  });
});
