import { describe, expect, it } from "vitest";
import { calendar, daysFrom, weeksOf } from "./shifts";

const at = (text: string) => new Date(text);
const day = (date: string, next: string) => ({
  begins: at(`${date}T00:00:00Z`),
  ends: at(`${next}T00:00:00Z`),
});
const shift = (username: string | null, starts_at: string, ends_at: string, isOverride = false) => ({
  username,
  starts_at,
  ends_at,
  stands_in_for: null,
  is_override: isOverride,
});

describe("the calendar of shifts", () => {
  const shifts = [
    shift("anna", "2026-12-01T09:00:00Z", "2026-12-03T09:00:00Z"),
    shift("ben", "2026-12-03T09:00:00Z", "2026-12-03T12:00:00Z", true),
    shift("anna", "2026-12-03T12:00:00Z", "2026-12-04T00:00:00Z"),
  ];
  const days = [
    day("2026-11-30", "2026-12-01"),
    day("2026-12-01", "2026-12-02"),
    day("2026-12-02", "2026-12-03"),
    day("2026-12-03", "2026-12-04"),
    day("2026-12-04", "2026-12-05"),
  ];

  it("has whoever is on call on each day, with the handovers that are within it", () => {
    expect(
      calendar(shifts, days).map(({ onCall }) =>
        onCall.map((each) => [each.username, each.from, each.until]),
      ),
    ).toEqual([
      [],
      [["anna", "2026-12-01T09:00:00Z", null]],
      [["anna", null, null]],
      [
        ["anna", null, "2026-12-03T09:00:00Z"],
        ["ben", "2026-12-03T09:00:00Z", "2026-12-03T12:00:00Z"],
        ["anna", "2026-12-03T12:00:00Z", null],
      ],
      [], // The last shift ends as this day begins.
    ]);
  });

  it("says which is an override", () => {
    expect(calendar(shifts, days)[3]?.onCall.map((each) => each.isOverride)).toEqual([false, true, false]);
  });
});

describe("the days", () => {
  it("begin on Monday, by the browser's clock", () => {
    const days = daysFrom(new Date(2026, 11, 6, 23, 59), 7); // A Sunday.
    expect(days[0]?.begins).toEqual(new Date(2026, 10, 30));
    expect(days[6]?.ends).toEqual(new Date(2026, 11, 7));
    expect(daysFrom(new Date(2026, 11, 7), 1)[0]?.begins).toEqual(new Date(2026, 11, 7));
  });

  it("are as many weeks as the shifts need, five at most", () => {
    const monday = new Date(2026, 10, 30, 12);
    const until = (date: Date) => [shift("anna", monday.toISOString(), date.toISOString())];
    expect(weeksOf([], monday)).toBe(1);
    expect(weeksOf(until(new Date(2026, 11, 7)), monday)).toBe(1);
    expect(weeksOf(until(new Date(2026, 11, 7, 1)), monday)).toBe(2);
    expect(weeksOf(until(new Date(2027, 11, 7)), monday)).toBe(5);
  });
});
