import type { Person, ScopeNode } from "./types";

export interface Assigned {
  readonly person: Person;
  readonly by: string;
}

/** Those who are given this node, or the account that stands here. */
export function peopleAt(
  node: Pick<ScopeNode, "node_id" | "account_id">,
  people: readonly Person[],
): readonly Assigned[] {
  return people.flatMap((person): Assigned[] => {
    if (person.node_ids.includes(node.node_id)) return [{ person, by: "this node" }];
    const { account_id } = node;
    if (account_id === null || person.sees_all_accounts || !person.account_ids.includes(account_id))
      return [];
    return [
      {
        person,
        by: person.given_account_ids.includes(account_id) ? "this account" : "a group or a node above",
      },
    ];
  });
}
