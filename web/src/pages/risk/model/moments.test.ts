import { describe, expect, it } from "vitest";
import { daysBetween, localIn, localOf, momentOf } from "./moments";

describe("moments of a form", () => {
  it("come back as the same moment", () => {
    const moment = "2026-11-30T14:05:00.000Z";
    expect(momentOf(localOf(moment))).toBe(moment);
    expect(localOf(null)).toBe("");
    expect(momentOf("soon")).toBeNull();
  });

  it("lie so many hours ahead", () => {
    const now = Date.parse("2026-11-30T14:05:59.000Z");
    expect(momentOf(localIn(2, now))).toBe("2026-11-30T16:05:00.000Z");
  });
});

describe("the days of a period", () => {
  it("are all of them, over the end of a month", () => {
    expect(daysBetween("2026-11-29", "2026-12-01", 7)).toEqual(["2026-11-29", "2026-11-30", "2026-12-01"]);
  });

  it("are none where it ends before it begins, and no more than asked for", () => {
    expect(daysBetween("2026-12-01", "2026-11-30", 7)).toEqual([]);
    expect(daysBetween("2026-11-01", "2026-11-30", 2)).toEqual(["2026-11-01", "2026-11-02"]);
    expect(daysBetween("", "", 7)).toEqual([]);
  });
});
