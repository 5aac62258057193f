import { expect, it } from "vitest";
import { shownSpan } from "./durations";

it.each([
  [-5, "0 ms"],
  [17.4, "17 ms"],
  [999, "999 ms"],
  [4_240, "4.2 s"],
  [60_000, "1 min"],
  [61_000, "1 min 1 s"],
  [3 * 3_600_000 + 5 * 60_000, "3 h 5 min"],
  [2 * 86_400_000, "2 d"],
  [86_400_000 + 3_600_000, "1 d 1 h"],
])("%d ms is read as %s", (milliseconds, shown) => {
  expect(shownSpan(milliseconds)).toBe(shown);
});
