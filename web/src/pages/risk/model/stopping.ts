/** Stopping a scope and letting it trade again, in words. */
import { Problem, Unreachable } from "../../../api/problem";
import type { KilledNode, NodeState, ScopeNode } from "./types";

/** How it is stopped. None of them makes a node looser: only a re-arm does. */
export type Stop = "KILLED" | "SUSPENDED" | "REDUCE_ONLY";

export interface StopWords {
  readonly name: string;
  readonly does: string;
}

export const STOPS: Readonly<Record<Stop, StopWords>> = {
  KILLED: {
    name: "Kill",
    does: "No new orders here and below; all open orders are cancelled, and leases to the engine are stopped.",
  },
  SUSPENDED: { name: "Suspend", does: "No new orders here and below; open orders stay." },
  REDUCE_ONLY: {
    name: "Only reduce",
    does: "Here and below only orders that bring a position nearer to zero; open orders stay.",
  },
};

const STRICTNESS: readonly NodeState[] = ["ACTIVE", "REDUCE_ONLY", "SUSPENDED", "KILLED"];

/** What may still be done to a node: a brake never lets go, and a kill may be repeated. */
export function stopsOf(state: NodeState): readonly Stop[] {
  const stops: readonly Stop[] = ["KILLED", "SUSPENDED", "REDUCE_ONLY"];
  return stops.filter((stop) => stop === "KILLED" || STRICTNESS.indexOf(stop) > STRICTNESS.indexOf(state));
}

/** The firm is stopped only by somebody who types its name. */
export function asksForName(node: Pick<ScopeNode, "kind">): boolean {
  return node.kind === "FIRM";
}

export function isConfirmed(node: Pick<ScopeNode, "kind" | "name">, reason: string, typed: string): boolean {
  return reason.trim() !== "" && (!asksForName(node) || typed.trim() === node.name);
}

/** What a kill came to. `isComplete`: nothing is left that may still trade. */
export interface KillOutcome {
  readonly words: string;
  readonly isComplete: boolean;
}

export function outcomeOfKill(
  killed: Pick<KilledNode, "name" | "canceled" | "failed" | "leases_not_stopped">,
): KillOutcome {
  const parts = [
    `${killed.name} takes no new orders`,
    `${counted(killed.canceled.length, "open order")} cancelled`,
  ];
  if (killed.failed.length > 0) {
    parts.push(
      `${counted(killed.failed.length, "order")} may still be open and ${are(killed.failed.length)} being cancelled`,
    );
  }
  if (killed.leases_not_stopped.length > 0) {
    parts.push(
      `the engine has not answered for ${counted(killed.leases_not_stopped.length, "lease")}: it may go by what it was given for some seconds, or have orders of it open`,
    );
  }
  return {
    words: `${parts.join("; ")}.`,
    isComplete: killed.failed.length === 0 && killed.leases_not_stopped.length === 0,
  };
}

/** A no to a re-arm or a stop, in words that say what to do. */
export function refusalWords(error: Error, name: string): string {
  if (error instanceof Unreachable) {
    return `The platform did not answer: nobody knows whether it was done. Look at the state of ${name} and send it again; that does no harm.`;
  }
  if (!(error instanceof Problem)) return error.message;
  if (error.code === "CANCELS_OUTSTANDING") {
    return `The kill of ${name} is still being carried out: its open orders are being cancelled, and a re-arm now would let the next orders be cancelled with them. Try again in some seconds.`;
  }
  if (error.code === "NODE_STOPPED") return `${name} is stopped by more than that already. Re-arm it first.`;
  if (error.status === 403) return `You may not do that: ${error.message}.`;
  if (error.status === 404) return `${name} is not yours to stop, or is there no more.`;
  return error.message;
}

/** The nodes that do not trade as usual, the strictest first. */
export function stoppedOf<Node extends Pick<ScopeNode, "state">>(nodes: readonly Node[]): readonly Node[] {
  return nodes
    .filter((node) => node.state !== "ACTIVE")
    .sort((one, other) => STRICTNESS.indexOf(other.state) - STRICTNESS.indexOf(one.state));
}

/** With how deep each node lies below those that are in the list, parents before their children. */
export function inTreeOrder<Node extends Pick<ScopeNode, "node_id" | "parent_id" | "name">>(
  nodes: readonly Node[],
): readonly { readonly node: Node; readonly depth: number }[] {
  const ids = new Set(nodes.map((node) => node.node_id));
  const children = new Map<string | null, Node[]>();
  for (const node of nodes) {
    const parentId = node.parent_id !== null && ids.has(node.parent_id) ? node.parent_id : null;
    children.set(parentId, [...(children.get(parentId) ?? []), node]);
  }
  const below = (parentId: string | null, depth: number): { node: Node; depth: number }[] =>
    (children.get(parentId) ?? [])
      .toSorted((one, other) => one.name.localeCompare(other.name))
      .flatMap((node) => [{ node, depth }, ...below(node.node_id, depth + 1)]);
  return below(null, 0);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function are(count: number): string {
  return count === 1 ? "is" : "are";
}
