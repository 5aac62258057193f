import { describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../../../api/problem";
import { inTreeOrder, isConfirmed, outcomeOfKill, refusalWords, stoppedOf, stopsOf } from "./stopping";

const killed = { name: "Desk A", canceled: ["1", "2"], failed: [], leases_not_stopped: [] };

describe("stopping a node", () => {
  it("needs a reason, and the name of a firm", () => {
    const desk = { kind: "DESK", name: "Desk A" };
    const firm = { kind: "FIRM", name: "Harbour Trading" };
    expect(isConfirmed(desk, "  ", "")).toBe(false);
    expect(isConfirmed(desk, "drill", "")).toBe(true);
    expect(isConfirmed(firm, "drill", "harbour trading")).toBe(false);
    expect(isConfirmed(firm, "drill", " Harbour Trading ")).toBe(true);
  });

  it("never makes it looser, and a kill may be repeated", () => {
    expect(stopsOf("ACTIVE")).toEqual(["KILLED", "SUSPENDED", "REDUCE_ONLY"]);
    expect(stopsOf("SUSPENDED")).toEqual(["KILLED"]);
    expect(stopsOf("REDUCE_ONLY")).toEqual(["KILLED", "SUSPENDED"]);
    expect(stopsOf("KILLED")).toEqual(["KILLED"]);
  });

  it("says what was cancelled and what could not be", () => {
    expect(outcomeOfKill(killed)).toEqual({
      words: "Desk A takes no new orders; 2 open orders cancelled.",
      isComplete: true,
    });
    const partly = outcomeOfKill({
      ...killed,
      canceled: ["1"],
      failed: [{ order_id: "x", reason: "venue silent" }],
      leases_not_stopped: ["l"],
    });
    expect(partly.isComplete).toBe(false);
    expect(partly.words).toMatch(
      /1 open order cancelled; 1 order may still be open and is being cancelled; .* 1 lease/,
    );
  });

  it("that is refused says in words what to do", () => {
    const outstanding = new Problem(409, { code: "CANCELS_OUTSTANDING", detail: "still being cancelled" });
    expect(refusalWords(outstanding, "Desk A")).toMatch(
      /Desk A is still being carried out.*Try again in some seconds/,
    );
    expect(refusalWords(new Problem(409, { code: "NODE_STOPPED" }), "Desk A")).toMatch(/Re-arm it first/);
    expect(refusalWords(new Problem(404, { detail: "no such node" }), "Desk A")).toMatch(/not yours to stop/);
    expect(refusalWords(new Unreachable(), "Desk A")).toMatch(/nobody knows whether/);
  });
});

describe("nodes", () => {
  const node = (
    node_id: string,
    parent_id: string | null,
    state: "ACTIVE" | "KILLED" | "REDUCE_ONLY" = "ACTIVE",
  ) => ({
    node_id,
    parent_id,
    name: node_id,
    state,
  });

  it("that are stopped are named, the strictest first", () => {
    const nodes = [node("a", null, "REDUCE_ONLY"), node("b", null), node("c", null, "KILLED")];
    expect(stoppedOf(nodes).map((each) => each.node_id)).toEqual(["c", "a"]);
  });

  it("stand below their parents, also where the caller does not see the root", () => {
    const nodes = [node("b2", "b"), node("a", "unseen"), node("b", "unseen"), node("b1", "b")];
    expect(inTreeOrder(nodes).map(({ node: each, depth }) => [each.node_id, depth])).toEqual([
      ["a", 0],
      ["b", 0],
      ["b1", 1],
      ["b2", 1],
    ]);
  });
});
