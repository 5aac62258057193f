/** Names for the ids of accounts, nodes, people and groups, and what is chosen from in forms. */
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useMay } from "../../../ui/useMe";

type Schemas = components["schemas"];
export type Account = Schemas["Account"];
export type Node = Schemas["NodeView"];
export type Person = Schemas["Person"];
export type Group = Schemas["Group"];

export const ACCOUNTS = ["admin", "accounts"] as const;
export const NODES = ["admin", "nodes"] as const;
export const PEOPLE = ["admin", "people"] as const;
export const GROUPS = ["admin", "groups"] as const;

const PEOPLE_PER_PAGE = 200;
const PEOPLE_PAGES_MAX = 5;
const KEPT_MS = 30_000;

/** `isAsked` true: of a page about them, which shows the server's no; elsewhere their names are merely not known. */
export function useAccounts(isAsked = false) {
  const { api } = usePlatform();
  const may = useMay();
  return useQuery({
    queryKey: ACCOUNTS,
    queryFn: async () => (await answerOf(api.GET("/accounts"))).items,
    enabled: isAsked || may("portfolio:read"),
    staleTime: KEPT_MS,
  });
}

export function useNodes() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: NODES,
    queryFn: async () => (await answerOf(api.GET("/limits/nodes"))).items,
    enabled: useMay()("limits:read"),
    staleTime: KEPT_MS,
  });
}

/** `isAsked`: as of accounts. */
export function useGroups(isAsked = false) {
  const { api } = usePlatform();
  const may = useMay();
  return useQuery({
    queryKey: [...GROUPS, "list"],
    queryFn: async () => (await answerOf(api.GET("/groups"))).items,
    enabled: isAsked || may("users:read"),
    staleTime: KEPT_MS,
  });
}

/** Whom one can choose: the first thousand, because the server finds nobody by his name. */
export function usePeople() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: [...PEOPLE, "choice"],
    queryFn: async () => {
      const people: Person[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < PEOPLE_PAGES_MAX; page += 1) {
        const query: { limit: number; cursor: string | null } = { limit: PEOPLE_PER_PAGE, cursor };
        const answer: Schemas["People"] = await answerOf(api.GET("/users", { params: { query } }));
        people.push(...answer.items);
        cursor = answer.next_cursor;
        if (cursor === null) break;
      }
      return people;
    },
    enabled: useMay()("users:read"),
    staleTime: KEPT_MS,
  });
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

const byLabel = (one: Choice, other: Choice) => one.label.localeCompare(other.label);

export function accountChoices(accounts: readonly Account[] | undefined): Choice[] {
  return (accounts ?? []).map((each) => ({ value: each.account_id, label: each.name })).sort(byLabel);
}

export function nodeChoices(nodes: readonly Node[] | undefined): Choice[] {
  const shown = (each: Node) => `${each.name} (${each.kind.toLowerCase().replaceAll("_", " ")})`;
  return (nodes ?? []).map((each) => ({ value: each.node_id, label: shown(each) }));
}

export function personChoices(people: readonly Person[] | undefined): Choice[] {
  return (people ?? [])
    .filter((each) => !each.is_disabled)
    .map((each) => ({ value: each.user_id, label: each.username }))
    .sort(byLabel);
}

export function groupChoices(groups: readonly Group[] | undefined): Choice[] {
  return (groups ?? []).map((each) => ({ value: each.group_id, label: each.name })).sort(byLabel);
}

/** The name of an id; its beginning where the name is not known, which is better than nothing. */
export function nameOf(id: string, choices: readonly Choice[]): string {
  return choices.find((each) => each.value === id)?.label ?? id.slice(0, 8);
}
