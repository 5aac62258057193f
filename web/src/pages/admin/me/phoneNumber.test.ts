import { expect, it } from "vitest";
import { phoneNumber } from "./phoneNumber";

it.each([
  ["+49 (151) 123-45.67", "+491511234567"],
  ["0049 151 1234567", "+491511234567"],
  ["0151 1234567", "01511234567"],
  ["call me", "callme"],
])("%s is sent as %s", (typed, sent) => {
  expect(phoneNumber(typed)).toBe(sent);
});
