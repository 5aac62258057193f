import type { Node } from "../parts/directory";

const LEVELS_MAX = 12;

/** The nodes above one, from the firm down: "Harbour Trading / Desk A / Trader 1". */
export function wayTo(node: Node | undefined, nodes: readonly Node[]): string {
  const names: string[] = [];
  let above = node?.parent_id ?? null;
  for (let level = 0; above !== null && level < LEVELS_MAX; level += 1) {
    const found = nodes.find((each) => each.node_id === above);
    if (found === undefined) break;
    names.unshift(found.name);
    above = found.parent_id;
  }
  return names.join(" / ");
}
