import { describe, expect, it } from "vitest";
import { peopleAt } from "./people";
import type { Person } from "./types";

const personOf = (username: string, told: Partial<Person>): Person => ({
  user_id: username,
  username,
  email: "",
  role: "trader",
  is_disabled: false,
  sees_all_accounts: false,
  account_ids: [],
  given_account_ids: [],
  node_ids: [],
  group_ids: [],
  created_at: "2026-11-30T00:00:00Z",
  ...told,
});
const people = [
  personOf("head", { role: "desk_head", node_ids: ["desk"], account_ids: ["acc"] }),
  personOf("trader", { account_ids: ["acc"], given_account_ids: ["acc"] }),
  personOf("risk", { sees_all_accounts: true, account_ids: ["acc"] }),
  personOf("other", {}),
];
const namesAt = (node_id: string, account_id: string | null) =>
  peopleAt({ node_id, account_id }, people).map(({ person, by }) => [person.username, by]);

describe("who is on a node", () => {
  it("are those who are given it", () => {
    expect(namesAt("desk", null)).toEqual([["head", "this node"]]);
  });

  it("are at an account those who have it, and by what, but not who sees everything", () => {
    expect(namesAt("n", "acc")).toEqual([
      ["head", "a group or a node above"],
      ["trader", "this account"],
    ]);
  });
});
