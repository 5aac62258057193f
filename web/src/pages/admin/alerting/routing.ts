/** Changes of the routing matrix: what a draft says otherwise than what is in force. */
import { type FormProblem, formProblem } from "../../../ui/formProblem";
import type { Role } from "../parts/roles";
import {
  AUDIENCES,
  type Audience,
  CATEGORY_NAMES,
  type Category,
  type Channel,
  type Routes,
  SEVERITIES,
  type Severity,
} from "./words";

export interface Difference {
  /** Of what, such as the category RISK. */
  readonly of: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** What the server says of the tables' rows, as "channels.CRITICAL", and what of none of them. */
export function routesProblem(error: Error | null): FormProblem {
  return formProblem(error, [
    ...CATEGORY_NAMES.map((name) => `routes.${name}`),
    ...AUDIENCES.map((name) => `audiences.${name}`),
    ...SEVERITIES.map((name) => `channels.${name}`),
  ]);
}

export function withAudience(
  routes: Routes,
  category: Category,
  audience: Audience,
  isTold: boolean,
): Routes {
  const told = routes.routes[category] ?? [];
  return { ...routes, routes: { ...routes.routes, [category]: changed(told, audience, isTold) } };
}

export function withChannel(routes: Routes, severity: Severity, channel: Channel, isUsed: boolean): Routes {
  const used = routes.channels[severity] ?? [];
  return { ...routes, channels: { ...routes.channels, [severity]: changed(used, channel, isUsed) } };
}

export function withRoles(routes: Routes, audience: Audience, roles: readonly Role[]): Routes {
  const members = { roles: [...roles], group_ids: routes.audiences[audience]?.group_ids ?? [] };
  return { ...routes, audiences: { ...routes.audiences, [audience]: members } };
}

export function withGroups(routes: Routes, audience: Audience, groupIds: readonly string[]): Routes {
  const members = { roles: routes.audiences[audience]?.roles ?? [], group_ids: [...groupIds] };
  return { ...routes, audiences: { ...routes.audiences, [audience]: members } };
}

/** What differs, in the order of the tables; the version is no difference. */
export function differences(
  before: Routes,
  after: Routes,
  groupName: (id: string) => string,
): readonly Difference[] {
  const members = (routes: Routes, audience: Audience) => [
    ...(routes.audiences[audience]?.roles ?? []),
    ...(routes.audiences[audience]?.group_ids ?? []).map(groupName),
  ];
  return [
    ...CATEGORY_NAMES.map((each) => difference(each, before.routes[each], after.routes[each])),
    ...AUDIENCES.map((each) => difference(each, members(before, each), members(after, each))),
    ...SEVERITIES.map((each) => difference(each, before.channels[each], after.channels[each])),
  ].filter((each) => each.added.length > 0 || each.removed.length > 0);
}

function difference(of: string, before: readonly string[] = [], after: readonly string[] = []): Difference {
  return {
    of,
    added: after.filter((each) => !before.includes(each)),
    removed: before.filter((each) => !after.includes(each)),
  };
}

function changed<Word>(words: readonly Word[], word: Word, isIn: boolean): Word[] {
  const others = words.filter((each) => each !== word);
  return isIn ? [...others, word] : others;
}
