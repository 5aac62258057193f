import { expect, it } from "vitest";
import { momentOfNs, shownTopic } from "./records";

it("a record's time is that of its nanoseconds", () => {
  expect(momentOfNs(1_796_025_139_900_040_000)).toBe("2026-11-30T07:52:19.900Z");
});

it.each([
  ["identity.ApiKeyRotated.v1", "Api key rotated"],
  ["identity.SignedIn.v1", "Signed in"],
  ["orders.OrderPlaced.v1", "Order placed"],
  ["strange", "Strange"],
])("%s is shown as %s", (topic, shown) => {
  expect(shownTopic(topic)).toBe(shown);
});
