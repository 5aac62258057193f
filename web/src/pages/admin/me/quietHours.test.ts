import { expect, it } from "vitest";
import { quietForm, quietRequest } from "./quietHours";

const quiet = { time_zone: "Europe/Berlin", begins: "22:00", until: "07:00", days: [1, 5] };

it("quiet hours come back as they were", () => {
  expect(quietRequest(quietForm(quiet))).toEqual(quiet);
});

it("days are sent in the order of the week, however they were chosen", () => {
  expect(quietRequest({ ...quietForm(quiet), days: ["7", "2"] })?.days).toEqual([2, 7]);
});

it("switched off there are none, and the fields keep what they had", () => {
  const form = { ...quietForm(quiet), isOn: false };
  expect(quietRequest(form)).toBeNull();
  expect(quietRequest({ ...form, isOn: true })).toEqual(quiet);
  expect(quietForm(null)).toMatchObject({ isOn: false, days: ["1", "2", "3", "4", "5", "6", "7"] });
});
