import { describe, expect, it } from "vitest";
import { barOf, isAt, pageAt } from "./bar";
import type { Page } from "./page";
import type { Area } from "./pages";

function page(path: string): Page {
  return { path, name: path, permission: "p", load: async () => ({ default: () => null }) };
}

const AREAS: readonly Area[] = [
  { name: "Trade", pages: [page("/orders"), page("/alerts"), page("/alerts/$alertId"), page("/watch")] },
  { name: "Risk", pages: [page("/kill")] },
];

describe("the bar of a phone", () => {
  it("has what there is, in its own order", () => {
    expect(barOf(AREAS).map((each) => each.path)).toEqual(["/watch", "/alerts", "/kill"]);
  });
});

describe("where one is", () => {
  it.each([
    ["/alerts", "/alerts"],
    ["/alerts/1", "/alerts/$alertId"],
    ["/alerts/1/", "/alerts/$alertId"],
    ["/nowhere", undefined],
    ["/alerts/1/2", undefined],
  ])("%s is the page %s", (path, found) => {
    expect(pageAt(path, AREAS)?.path).toBe(found);
  });

  it("is marked in the menu below a page too, and not at one that begins alike", () => {
    expect([isAt("/alerts/1", page("/alerts")), isAt("/alerts-x", page("/alerts"))]).toEqual([true, false]);
  });
});
