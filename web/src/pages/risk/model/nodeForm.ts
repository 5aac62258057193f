/** How the tree is built: what may stand below what, and where a node may move to. */
import type { ScopeNode } from "./types";

const LEVELS = ["FIRM", "DESK", "TRADER", "ACCOUNT", "STRATEGY", "API_KEY"];

export type NewKind = "DESK" | "TRADER" | "STRATEGY" | "API_KEY";
const NEW_KINDS: readonly NewKind[] = ["DESK", "TRADER", "STRATEGY", "API_KEY"];

export const KIND_WORDS: Readonly<Record<NewKind, string>> = {
  DESK: "Desk",
  TRADER: "Trader",
  STRATEGY: "Strategy",
  API_KEY: "API key",
};

/** A level may be left out; strategies and keys stand below an account alone. */
export function childKindsOf(kind: string): readonly NewKind[] {
  return NEW_KINDS.filter((child) => mayStandBelow(child, kind));
}

function mayStandBelow(child: string, parent: string): boolean {
  if (LEVELS.indexOf(child) <= LEVELS.indexOf(parent)) return false;
  const isBelowAccount = LEVELS.indexOf(child) > LEVELS.indexOf("ACCOUNT");
  return !isBelowAccount || LEVELS.indexOf(parent) >= LEVELS.indexOf("ACCOUNT");
}

/** From the root to the node's parent. */
export function parentsOf(
  node: Pick<ScopeNode, "parent_id">,
  nodes: readonly ScopeNode[],
): readonly ScopeNode[] {
  const byId = new Map(nodes.map((each) => [each.node_id, each]));
  const parents: ScopeNode[] = [];
  let parent = node.parent_id === null ? undefined : byId.get(node.parent_id);
  while (parent !== undefined && !parents.includes(parent)) {
    parents.unshift(parent);
    parent = parent.parent_id === null ? undefined : byId.get(parent.parent_id);
  }
  return parents;
}

/** Where the node may stand: not below itself, and a strategy or key only where it is. */
export function placesFor(node: ScopeNode, nodes: readonly ScopeNode[]): readonly ScopeNode[] {
  const isTied = LEVELS.indexOf(node.kind) > LEVELS.indexOf("ACCOUNT");
  return nodes.filter((place) => {
    if (place.node_id === node.parent_id) return true;
    if (isTied || place.node_id === node.node_id || !mayStandBelow(node.kind, place.kind)) return false;
    return !parentsOf(place, nodes).some((parent) => parent.node_id === node.node_id);
  });
}
