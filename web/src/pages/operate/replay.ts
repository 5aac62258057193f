/** The terms of a replay as they are typed, made into what is sent. */
import type { components } from "../../api/schema";

export type Consumer = components["schemas"]["ConsumerName"];

export interface ReplayTerms {
  readonly consumer: Consumer;
  /** As `<input type="datetime-local">` has them: of the user's own zone, without one. */
  readonly since: string;
  readonly until: string;
  readonly accountId: string;
}

export type ReplayRequest = components["schemas"]["ReplayRequest"];

/** Null while a time is missing. The same id again sends the same messages: each period that is typed has its own. */
export function replayRequest(terms: ReplayTerms, replayId: string): ReplayRequest | null {
  const [since, until] = [terms.since, terms.until].map(inUtc);
  if (since == null || until == null) return null;
  return {
    replay_id: replayId,
    consumer: terms.consumer,
    since,
    until,
    account_id: terms.accountId.trim() === "" ? null : terms.accountId.trim(),
    cursor: null,
  };
}

/** What was typed without a zone is of the user's own. */
export function inUtc(typed: string): string | null {
  const moment = new Date(typed);
  return typed === "" || Number.isNaN(moment.getTime()) ? null : moment.toISOString();
}
