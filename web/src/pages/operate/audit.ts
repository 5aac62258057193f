/** Records of the audit trail as people read them. */
import type { components } from "../../api/schema";

type AuditRecord = components["schemas"]["AuditRecord"];

export interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

const NS_PER_MS = 1_000_000;
const BEFORE = "_before";

/** The time of a record: nanoseconds since 1970, of which a number keeps the microseconds. */
export function timeOf(record: Pick<AuditRecord, "occurred_at_ns">): string {
  return new Date(record.occurred_at_ns / NS_PER_MS).toISOString();
}

/** "limits.LimitChanged.v1" as "limits: Limit Changed". */
export function shownTopic(topic: string): string {
  const [area, name] = topic.split(".");
  if (area === undefined || name === undefined) return topic;
  return `${area}: ${name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase()}`;
}

/** What an event says of before and after: each member with its `…_before`, where they differ. */
export function changesOf(payload: Readonly<Record<string, unknown>>): readonly Change[] {
  return Object.keys(payload)
    .filter((name) => name.endsWith(BEFORE))
    .map((name) => ({ name: name.slice(0, -BEFORE.length), before: payload[name] }))
    .filter(({ name }) => name in payload)
    .map(({ name, before }) => ({ name, before: shownValue(before), after: shownValue(payload[name]) }))
    .filter(({ before, after }) => before !== after);
}

/** The rest of what it says, the parts of changes left out. */
export function factsOf(payload: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  const changed = new Set(changesOf(payload).flatMap(({ name }) => [name, `${name}${BEFORE}`]));
  return Object.entries(payload)
    .filter(([name, value]) => !changed.has(name) && value !== null)
    .map(([name, value]) => {
      const moment = momentOf(name, value);
      const plain = moment === null ? name : name.replace(/_ns$/, "");
      return [plain.replaceAll("_", " "), moment ?? shownValue(value)] as const;
    });
}

/** The RFC 3339 of a member that holds a moment in nanoseconds; null for any other. */
function momentOf(name: string, value: unknown): string | null {
  const isMoment = /_(at|since|until)_ns$/.test(name) && typeof value === "number" && value > 0;
  return isMoment ? new Date(value / NS_PER_MS).toISOString() : null;
}

const SHORT_MAX = 3;
const NOT_SHORT = /_ids?$|_ns$|^version$|^sequence$/;

/** A few of its facts in a line; ids and nanoseconds are for those who look at the whole. */
export function summaryOf(payload: Readonly<Record<string, unknown>>): string {
  return Object.entries(payload)
    .filter(
      ([name, value]) => !NOT_SHORT.test(name) && ["string", "number", "boolean"].includes(typeof value),
    )
    .slice(0, SHORT_MAX)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${shownValue(value)}`)
    .join(", ");
}

export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export interface Verification {
  readonly isWhole: boolean;
  readonly said: string;
}

/** How far the trail is vouched for: everything after the newest anchor is younger than a minute or two. */
export function verificationOf(sequence: number, anchoredSequence: number): Verification {
  if (sequence === 0) return { isWhole: true, said: "The trail has no records yet." };
  if (anchoredSequence > sequence) {
    const lost = anchoredSequence - sequence;
    return {
      isWhole: false,
      said: `${lost} anchored ${lost === 1 ? "record is" : "records are"} missing from the database: anchors reach to record ${anchoredSequence}, the trail ends at ${sequence}.`,
    };
  }
  const behind = sequence - anchoredSequence;
  const rest =
    behind === 0
      ? "That is all of them."
      : `${behind} newer ${behind === 1 ? "one waits" : "ones wait"} for the next anchor.`;
  return { isWhole: true, said: `Records 1 to ${anchoredSequence} are anchored. ${rest}` };
}

/** When an anchor was made, as its signed document says; null for what is none. */
export function anchoredAt(document: string): string | null {
  try {
    const told: unknown = JSON.parse(document);
    if (typeof told !== "object" || told === null || !("anchored_at" in told)) return null;
    return typeof told.anchored_at === "string" ? told.anchored_at : null;
  } catch {
    return null;
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What the address asks for, with what cannot be asked left out: a half-typed id finds nothing, and is no error. */
export function searchOf(filters: {
  readonly actor: string;
  readonly topic: string;
  readonly aggregateId: string;
  readonly since: string;
  readonly until: string;
}): Record<string, string> {
  const [since, until] = [filters.since, filters.until].map((typed) => {
    const moment = new Date(typed);
    return typed === "" || Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
  });
  const asked = {
    actor: filters.actor.trim(),
    topic: filters.topic.trim(),
    aggregate_id: UUID.test(filters.aggregateId.trim()) ? filters.aggregateId.trim() : "",
    since: since ?? "",
    until: until ?? "",
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ""));
}
