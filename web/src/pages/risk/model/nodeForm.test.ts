import { describe, expect, it } from "vitest";
import { childKindsOf, parentsOf, placesFor } from "./nodeForm";
import { nodeOf } from "./samples";

const firm = nodeOf({ node_id: "firm", kind: "FIRM" });
const deskA = nodeOf({ node_id: "A", parent_id: "firm", kind: "DESK" });
const deskB = nodeOf({ node_id: "B", parent_id: "firm", kind: "DESK" });
const trader = nodeOf({ node_id: "t", parent_id: "A", kind: "TRADER" });
const account = nodeOf({ node_id: "acc", parent_id: "t", kind: "ACCOUNT" });
const strategy = nodeOf({ node_id: "s", parent_id: "acc", kind: "STRATEGY" });
const nodes = [firm, deskA, deskB, trader, account, strategy];
const idsOf = (found: readonly { node_id: string }[]) => found.map((node) => node.node_id);

describe("the tree as it is built", () => {
  it.each([
    ["FIRM", ["DESK", "TRADER"]],
    ["DESK", ["TRADER"]],
    ["TRADER", []],
    ["ACCOUNT", ["STRATEGY", "API_KEY"]],
    ["STRATEGY", ["API_KEY"]],
    ["API_KEY", []],
  ])("has below a %s %j", (kind, kinds) => {
    expect(childKindsOf(kind)).toEqual(kinds);
  });

  it("has a way to each node", () => {
    expect(idsOf(parentsOf(account, nodes))).toEqual(["firm", "A", "t"]);
    expect(parentsOf(firm, nodes)).toEqual([]);
  });

  it("lets a node move to where its kind may stand, never below itself", () => {
    expect(idsOf(placesFor(trader, nodes))).toEqual(["firm", "A", "B"]);
    expect(idsOf(placesFor(account, nodes))).toEqual(["firm", "A", "B", "t"]);
    expect(idsOf(placesFor(strategy, nodes))).toEqual(["acc"]);
    expect(idsOf(placesFor(deskA, nodes))).toEqual(["firm"]);
  });
});
