import { describe, expect, it } from "vitest";
import { limitOf, nodeOf } from "./samples";
import { drawnTiles, tilesOf } from "./treeMap";
import type { AccountPortfolio } from "./types";

const account = (id: string, usage_pct: string) =>
  nodeOf({
    node_id: `n-${id}`,
    name: id,
    kind: "ACCOUNT",
    account_id: id,
    children: [nodeOf({ node_id: `s-${id}`, kind: "STRATEGY", limits: [limitOf({ usage_pct })] })],
  });
const firm = nodeOf({
  node_id: "firm",
  kind: "FIRM",
  children: [
    nodeOf({ node_id: "A", name: "Desk A", children: [account("a", "10"), account("b", "95")] }),
    account("c", "0"),
  ],
});
const portfolio = (account_id: string, equity: string | null, quantities: string[]) =>
  ({
    account_id,
    equity,
    positions: quantities.map((quantity) => ({ quantity, mark_price: "2" })),
  }) as AccountPortfolio;
const portfolios = [portfolio("a", "100", ["3", "-1"]), portfolio("b", null, ["0.5"])];

describe("the tiles of the map", () => {
  it("are accounts by exposure, longs and shorts added up", () => {
    const tiles = tilesOf([firm], portfolios, "exposure");
    expect(tiles.map((tile) => [tile.name, tile.size, tile.level])).toEqual([
      ["a", "8", "CALM"],
      ["b", "1", "HIGH"],
      ["c", null, "CALM"],
    ]);
    expect(tiles.map((tile) => tile.desk)).toEqual(["Desk A", "Desk A", "firm"]);
  });

  it("may be sized by equity or by the highest usage", () => {
    expect(tilesOf([firm], portfolios, "equity").map((tile) => tile.size)).toEqual(["100", null, null]);
    expect(tilesOf([firm], portfolios, "usage").map((tile) => tile.name)).toEqual(["b", "a", "c"]);
  });

  it("have an area where there is something to show", () => {
    expect(drawnTiles(tilesOf([firm], portfolios, "usage")).map((tile) => tile.area)).toEqual([95, 10]);
  });
});
