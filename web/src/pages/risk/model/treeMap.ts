/** The accounts of the tree as tiles: how large each is, and how near to its limits. */
import { byGreatest, forDrawing, magnitude, sumOf } from "./exact";
import { notionalOf } from "./exposures";
import { groupOf, hottestBelow, worstBelow } from "./limitTree";
import type { UseLevel } from "./limitUse";
import type { AccountPortfolio, Limit, TreeNode } from "./types";

export type Measure = "exposure" | "equity" | "usage";

export const MEASURES: Readonly<Record<Measure, string>> = {
  exposure: "Exposure: positions at mark, longs and shorts added up",
  equity: "Equity",
  usage: "Highest usage",
};

export interface Tile {
  readonly nodeId: string;
  readonly name: string;
  readonly desk: string;
  /** In the account's base currency, or percent; null where it is not known. */
  readonly size: string | null;
  readonly hottest: Limit | null;
  readonly level: UseLevel;
}

/** A tile for each account, the largest first. */
export function tilesOf(
  roots: readonly TreeNode[],
  accounts: readonly AccountPortfolio[],
  measure: Measure,
): readonly Tile[] {
  const portfolios = new Map(accounts.map((account) => [account.account_id, account]));
  const tiles: Tile[] = [];
  const look = (node: TreeNode, way: readonly TreeNode[]): void => {
    const here = [...way, node];
    if (node.account_id !== null) {
      const hottest = hottestBelow(node);
      tiles.push({
        nodeId: node.node_id,
        name: node.name,
        desk: groupOf(here, "DESK")?.name ?? "",
        size: sizeOf(measure, portfolios.get(node.account_id), hottest),
        hottest,
        level: worstBelow(node),
      });
    }
    for (const child of node.children) look(child, here);
  };
  for (const root of roots) look(root, []);
  return tiles.sort((one, other) => byGreatest(one.size, other.size));
}

function sizeOf(
  measure: Measure,
  account: AccountPortfolio | undefined,
  hottest: Limit | null,
): string | null {
  if (measure === "usage") return hottest?.usage_pct ?? "0";
  if (account === undefined) return null;
  if (measure === "equity") return account.equity;
  return sumOf(
    account.positions.map((position) => {
      const notional = notionalOf(position);
      return notional === null ? null : magnitude(notional);
    }),
  );
}

/** Those that have an area: a map cannot show nothing. */
export function drawnTiles(tiles: readonly Tile[]): readonly (Tile & { readonly area: number })[] {
  return tiles.map((tile) => ({ ...tile, area: forDrawing(tile.size) })).filter((tile) => tile.area > 0);
}
