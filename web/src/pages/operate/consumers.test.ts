import { describe, expect, it } from "vitest";
import { inOrderOfTrouble, lagBar } from "./consumers";

describe("the bar of a lag", () => {
  it("begins empty, grows, and is full at ten minutes", () => {
    const percents = [0, 1, 30, 120, 600, 100_000].map((lag) => lagBar(lag).percent);
    expect(percents[0]).toBe(0);
    expect(percents.at(-1)).toBe(100);
    expect(percents.at(-2)).toBe(100);
    expect(percents).toEqual(percents.toSorted((one, other) => one - other));
    expect(new Set(percents.slice(0, 5)).size).toBe(5);
  });

  it("is late when the platform says so: after two minutes", () => {
    expect([119, 120, 121].map((lag) => lagBar(lag).isLate)).toEqual([false, false, true]);
  });
});

it("who is late comes before who has dead letters, and both before the rest", () => {
  const consumer = (queue: string, state: "OK" | "LATE", dead_letters = 0) => ({
    queue,
    state,
    dead_letters,
    lag_s: 0,
    visible: 0,
    in_flight: 0,
    delayed: 0,
    sampled_at: "",
  });
  const told = [consumer("b", "OK"), consumer("a", "OK"), consumer("d", "OK", 2), consumer("c", "LATE")];
  expect(inOrderOfTrouble(told).map((each) => each.queue)).toEqual(["c", "d", "a", "b"]);
});
