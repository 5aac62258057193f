import { describe, expect, it } from "vitest";
import { closedAtFirst, groupOf, hottestBelow, moveBy, rowsOf, wayTo, worstBelow } from "./limitTree";
import { limitOf, nodeOf } from "./samples";

const collar = limitOf({ limit_id: "collar", usage_pct: null });
const count = limitOf({ limit_id: "count", usage_pct: "20" });
const long = limitOf({ limit_id: "long", usage_pct: "95" });
const account = nodeOf({ node_id: "account", kind: "ACCOUNT", account_id: "acc", limits: [long] });
const desk = nodeOf({ node_id: "desk", limits: [count, collar], children: [account] });
const other = nodeOf({ node_id: "other" });
const firm = nodeOf({ node_id: "firm", kind: "FIRM", children: [desk, other] });

const keys = (shown: "measured" | "all" | "none", closed: string[] = []) =>
  rowsOf([firm], shown, new Set(closed)).map((row) => row.key);

describe("the rows of the scope tree", () => {
  it("are nodes, each with the limits that are asked for, and what is below it", () => {
    expect(keys("none")).toEqual(["firm", "desk", "account", "other"]);
    expect(keys("measured")).toEqual(["firm", "desk", "count", "account", "long", "other"]);
    expect(keys("all")).toEqual(["firm", "desk", "count", "collar", "account", "long", "other"]);
  });

  it("leave out what is below a closed node", () => {
    expect(keys("measured", ["desk"])).toEqual(["firm", "desk", "other"]);
  });

  it("know their place among their siblings, and whether there is something to open", () => {
    const rows = rowsOf([firm], "measured", new Set());
    expect(rows.map((row) => [row.key, row.level, row.place, row.siblings])).toEqual([
      ["firm", 1, 1, 1],
      ["desk", 2, 1, 2],
      ["count", 3, 1, 2],
      ["account", 3, 2, 2],
      ["long", 4, 1, 1],
      ["other", 2, 2, 2],
    ]);
    expect(rows.at(-1)).toMatchObject({ isOpen: null, hottest: null });
    expect(rows[4]).toMatchObject({ kind: "LIMIT", parentKey: "account" });
  });

  it("name the node above that stops them", () => {
    const killed = nodeOf({ node_id: "firm", children: [{ ...desk, state: "KILLED" }, other] });
    const rows = rowsOf([killed], "none", new Set());
    expect(rows.map((row) => row.kind === "NODE" && row.stoppedBy?.node_id)).toEqual([
      undefined,
      undefined,
      "desk",
      undefined,
    ]);
  });

  it("are all open in a small firm, and the topmost alone in a large one", () => {
    expect(closedAtFirst([firm]).size).toBe(0);
    const many = Array.from({ length: 200 }, (_, index) => nodeOf({ node_id: `d${index}` }));
    const closed = closedAtFirst([nodeOf({ node_id: "large", children: many })]);
    expect(closed.has("large")).toBe(false);
    expect(closed.size).toBe(200);
  });
});

describe("the keys of the tree", () => {
  const rows = rowsOf([firm], "measured", new Set());
  const closed = rowsOf([firm], "measured", new Set(["desk"]));

  it.each([
    ["ArrowDown", "firm", { kind: "GO", key: "desk" }],
    ["ArrowUp", "firm", null],
    ["End", "firm", { kind: "GO", key: "other" }],
    ["Home", "other", { kind: "GO", key: "firm" }],
    ["ArrowRight", "desk", { kind: "GO", key: "count" }],
    ["ArrowRight", "count", null],
    ["ArrowLeft", "desk", { kind: "CLOSE", key: "desk" }],
    ["ArrowLeft", "long", { kind: "GO", key: "account" }],
    ["ArrowLeft", "other", { kind: "GO", key: "firm" }],
    ["Enter", "long", { kind: "FOLLOW", key: "account" }],
    ["x", "desk", null],
    ["ArrowDown", "gone", null],
  ])("%s at %s", (pressed, current, move) => {
    expect(moveBy(pressed, rows, current)).toEqual(move);
  });

  it("open what is closed", () => {
    expect(moveBy("ArrowRight", closed, "desk")).toEqual({ kind: "OPEN", key: "desk" });
    expect(moveBy("ArrowLeft", closed, "desk")).toEqual({ kind: "GO", key: "firm" });
  });
});

describe("a node", () => {
  it("is as near to its limits as the worst of those below it", () => {
    expect(worstBelow(firm)).toBe("HIGH");
    expect(worstBelow(other)).toBe("CALM");
    expect(hottestBelow(firm)?.limit_id).toBe("long");
  });

  it("has its way from the root, and the desk it belongs to", () => {
    const way = wayTo([firm], "account");
    expect(way.map((node) => node.node_id)).toEqual(["firm", "desk", "account"]);
    expect(groupOf(way, "DESK")?.node_id).toBe("desk");
    expect(groupOf([firm, account], "DESK")?.node_id).toBe("firm");
    expect(wayTo([firm], "gone")).toEqual([]);
  });
});
