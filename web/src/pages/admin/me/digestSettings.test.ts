import { expect, it } from "vitest";
import { digestForm, digestRequest } from "./digestSettings";

const settings = {
  daily: true,
  weekly: false,
  hour: 6,
  time_zone: "Asia/Kolkata",
  own: { daily: null, weekly: false, hour: 6, time_zone: "Asia/Kolkata" },
  organisation_time_zone: "UTC",
  day_starts_at: "00:00",
  next_daily_at: null,
  next_weekly_at: null,
  email: "a@example.com",
  mail: "ON",
};

it("what is as for the role stays so, though it is on", () => {
  expect(digestRequest(digestForm(settings))).toEqual({
    daily: null,
    weekly: false,
    hour: 6,
    time_zone: "Asia/Kolkata",
  });
});

it("what was not said of the clock is the organisation's", () => {
  const own = { daily: true, weekly: null, hour: null, time_zone: null };
  expect(digestForm({ ...settings, hour: 7, time_zone: "UTC", own })).toEqual({
    daily: "ON",
    weekly: "DEFAULT",
    hour: "7",
    timeZone: null,
  });
});

it.each([
  ["ON", true],
  ["OFF", false],
  ["DEFAULT", null],
] as const)("%s is sent as %s", (weekly, sent) => {
  expect(digestRequest({ ...digestForm(settings), weekly }).weekly).toBe(sent);
});
