import { describe, expect, it } from "vitest";
import { moved, readWatched, WATCHED_MAX } from "./choice";

describe("a watch list", () => {
  it("has all symbols until somebody chose, and then those, in his order", () => {
    expect(readWatched(null, ["A/B", "C/D"])).toEqual(["A/B", "C/D"]);
    expect(readWatched('["C/D","A/B","C/D","GONE/X",7]', ["A/B", "C/D"])).toEqual(["C/D", "A/B"]);
    expect(readWatched("[]", ["A/B"])).toEqual([]);
  });

  it("does not trust what was kept", () => {
    expect(readWatched("{", ["A/B"])).toEqual(["A/B"]);
    expect(readWatched('{"a":1}', ["A/B"])).toEqual(["A/B"]);
  });

  it("is bounded", () => {
    expect(
      readWatched(
        null,
        Array.from({ length: 200 }, (_, at) => `${at}/X`),
      ),
    ).toHaveLength(WATCHED_MAX);
  });

  it("is put in order one place at a time", () => {
    expect(moved(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
    expect(moved(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b"], "a", -1)).toEqual(["a", "b"]);
    expect(moved(["a", "b"], "b", 1)).toEqual(["a", "b"]);
  });
});
