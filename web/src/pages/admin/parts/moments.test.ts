import { describe, expect, it } from "vitest";
import { listOf, momentOf, shownSeconds, typedMoment } from "./moments";

describe("what is typed", () => {
  it("of date and time is meant by the browser's clock and sent as UTC", () => {
    expect(momentOf("2026-12-24T08:30")).toBe(new Date(2026, 11, 24, 8, 30).toISOString());
    expect(momentOf("2026-12-24T08:30")).toMatch(/Z$/);
  });

  it("is nothing where the field is empty or unreadable", () => {
    expect(momentOf("")).toBeNull();
    expect(momentOf("tomorrow")).toBeNull();
  });

  it("comes back as it was typed", () => {
    expect(typedMoment(new Date(momentOf("2026-03-01T07:05") ?? ""))).toBe("2026-03-01T07:05");
  });

  it("on lines and between commas is a list without blanks and doubles", () => {
    expect(listOf(" 203.0.113.0/24\n\n198.51.100.7, 203.0.113.0/24 ")).toEqual([
      "203.0.113.0/24",
      "198.51.100.7",
    ]);
    expect(listOf(" \n")).toEqual([]);
  });
});

it.each([
  [0, "at once"],
  [60, "1 minute"],
  [5_400, "1 hour 30 minutes"],
  [172_801, "2 days 1 second"],
])("%i seconds are shown as %s", (seconds, shown) => {
  expect(shownSeconds(seconds)).toBe(shown);
});
