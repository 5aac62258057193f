import { expect, it } from "vitest";
import { detailOf, holdersOf } from "./engine";

it("what nobody holds is named first", () => {
  const shards = ["b", "a", null, "b"].map((holder) => ({ holder }));
  expect(holdersOf(shards)).toEqual([
    { holder: null, shards: 1 },
    { holder: "a", shards: 1 },
    { holder: "b", shards: 2 },
  ]);
});

it("figures stand with their units", () => {
  expect(detailOf({ commit_latency_ms: "30.6", left_s: "7", held: "16", oldest_first: "x" })).toBe(
    "commit latency 30.6 ms, left 7 s, held 16, oldest first x",
  );
  expect(detailOf({})).toBe("");
});
