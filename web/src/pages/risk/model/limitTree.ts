/** The scope tree as rows that one can open and close, and the way between them by keys. */
import { hottestOf, levelOf, type UseLevel, worseLevel } from "./limitUse";
import type { Limit, TreeNode } from "./types";

/** Which limits have rows of their own: those with a use, all, or none. */
export type LimitsShown = "measured" | "all" | "none";

interface RowPlace {
  readonly key: string;
  /** From 1, for aria-level, as the place among its siblings is. */
  readonly level: number;
  readonly place: number;
  readonly siblings: number;
  readonly parentKey: string | null;
}

export interface NodeRow extends RowPlace {
  readonly kind: "NODE";
  readonly node: TreeNode;
  /** Null where there is nothing below it. */
  readonly isOpen: boolean | null;
  readonly hottest: Limit | null;
  /** The nearest node above that does not trade as usual: this one does not either, whatever its own state. */
  readonly stoppedBy: TreeNode | null;
}

export interface LimitRow extends RowPlace {
  readonly kind: "LIMIT";
  readonly node: TreeNode;
  readonly limit: Limit;
}

export type TreeRow = NodeRow | LimitRow;

/** More nodes than these are not opened by themselves beyond the firm's own. */
const OPENED_NODES_MAX = 150;

export function* nodesOf(roots: readonly TreeNode[]): Generator<TreeNode> {
  for (const root of roots) {
    yield root;
    yield* nodesOf(root.children);
  }
}

/** From a root down to the node; empty where there is no such node. */
export function wayTo(roots: readonly TreeNode[], nodeId: string): readonly TreeNode[] {
  for (const root of roots) {
    if (root.node_id === nodeId) return [root];
    const below = wayTo(root.children, nodeId);
    if (below.length > 0) return [root, ...below];
  }
  return [];
}

/** The ids that are closed at first: none in a small firm, all but the topmost in a large one. */
export function closedAtFirst(roots: readonly TreeNode[]): ReadonlySet<string> {
  const all = [...nodesOf(roots)];
  if (all.length <= OPENED_NODES_MAX) return new Set();
  const top = new Set(roots.map((root) => root.node_id));
  return new Set(all.filter((node) => !top.has(node.node_id)).map((node) => node.node_id));
}

export function rowsOf(
  roots: readonly TreeNode[],
  shown: LimitsShown,
  closed: ReadonlySet<string>,
): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (
    node: TreeNode,
    level: number,
    place: number,
    siblings: number,
    parentKey: string | null,
    stoppedBy: TreeNode | null,
  ) => {
    const limits = node.limits.filter((limit) => isShown(limit, shown));
    const below = limits.length + node.children.length;
    const isOpen = below === 0 ? null : !closed.has(node.node_id);
    rows.push({
      kind: "NODE",
      key: node.node_id,
      node,
      level,
      place,
      siblings,
      parentKey,
      isOpen,
      hottest: hottestOf(node.limits),
      stoppedBy,
    });
    if (isOpen !== true) return;
    limits.forEach((limit, index) => {
      rows.push({
        kind: "LIMIT",
        key: limit.limit_id,
        node,
        limit,
        level: level + 1,
        place: index + 1,
        siblings: below,
        parentKey: node.node_id,
      });
    });
    node.children.forEach((child, index) => {
      const stopped = node.state === "ACTIVE" ? stoppedBy : node;
      add(child, level + 1, limits.length + index + 1, below, node.node_id, stopped);
    });
  };
  roots.forEach((root, index) => {
    add(root, 1, index + 1, roots.length, null, null);
  });
  return rows;
}

function isShown(limit: Limit, shown: LimitsShown): boolean {
  if (shown === "all") return true;
  return shown === "measured" && (limit.usage_pct !== null || limit.missing !== null);
}

/** What a key does in a tree grid, as ARIA's authoring practices say. */
export type KeyMove =
  | { readonly kind: "GO"; readonly key: string }
  | { readonly kind: "OPEN" | "CLOSE" | "FOLLOW"; readonly key: string };

export function moveBy(pressed: string, rows: readonly TreeRow[], current: string): KeyMove | null {
  const index = rows.findIndex((row) => row.key === current);
  const row = rows[index];
  if (row === undefined) return null;
  const go = (to: TreeRow | undefined): KeyMove | null =>
    to === undefined ? null : { kind: "GO", key: to.key };
  const isOpen = row.kind === "NODE" ? row.isOpen : null;
  switch (pressed) {
    case "ArrowDown":
      return go(rows[index + 1]);
    case "ArrowUp":
      return go(rows[index - 1]);
    case "Home":
      return go(rows[0]);
    case "End":
      return go(rows.at(-1));
    case "ArrowRight":
      if (isOpen === false) return { kind: "OPEN", key: row.key };
      return isOpen === true ? go(rows[index + 1]) : null;
    case "ArrowLeft":
      if (isOpen === true) return { kind: "CLOSE", key: row.key };
      return row.parentKey === null ? null : { kind: "GO", key: row.parentKey };
    case "Enter":
      return { kind: "FOLLOW", key: row.node.node_id };
    default:
      return null;
  }
}

/** The worst level at the node and all that is below it. */
export function worstBelow(node: TreeNode): UseLevel {
  let worst: UseLevel = "CALM";
  for (const each of nodesOf([node])) {
    for (const limit of each.limits) worst = worseLevel(worst, levelOf(limit) ?? "CALM");
  }
  return worst;
}

/** The limit nearest to its value at the node and all that is below it. */
export function hottestBelow(node: TreeNode): Limit | null {
  return hottestOf([...nodesOf([node])].flatMap((each) => each.limits));
}

/** The ancestor of this kind, or the nearest one above an account where the firm left that level out. */
export function groupOf(way: readonly TreeNode[], kind: string): TreeNode | undefined {
  return way.find((node) => node.kind === kind) ?? way[0];
}
