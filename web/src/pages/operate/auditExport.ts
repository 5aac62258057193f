/** An export of the audit trail fetched whole: what it is, its lines, and the anchors that vouch for them. */
import { type Api, answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import type { Anchor } from "./auditVerifier";
import { type Entry, zipOf } from "./zip";

export const RECORDS_MAX = 100_000; // A browser holds it all at once: more is for `breakwater audit export`.
const LINES_AT_ONCE = 2_000;

export type Export = components["schemas"]["AuditExport"];

export interface Fetched {
  readonly told: Export;
  readonly lines: ReadonlyMap<number, string>;
  readonly anchors: readonly Anchor[];
}

/** `onProgress`: the share that has been fetched, from 0 to 1. */
export async function fetchExport(
  api: Api,
  period: { since: string; until: string },
  onProgress: (share: number) => void,
): Promise<Fetched> {
  const told = await answerOf(api.POST("/audit/exports", { body: period }));
  const count = told.sequence - told.first_sequence + 1;
  if (count > RECORDS_MAX) {
    throw new Error(
      `That is ${count} records, more than a browser should hold. Choose a shorter time, or use “breakwater audit export”.`,
    );
  }
  const lines = new Map<number, string>();
  let at = told.first_sequence;
  while (at <= told.sequence) {
    const limit = Math.min(LINES_AT_ONCE, told.sequence - at + 1);
    const answer = await answerOf(
      api.GET("/audit/lines", { params: { query: { first_sequence: at, limit } } }),
    );
    answer.lines.forEach((line, index) => {
      lines.set(answer.first_sequence + index, line);
    });
    if (answer.next_sequence <= at) break;
    at = answer.next_sequence;
    onProgress(Math.min(1, (at - told.first_sequence) / count));
  }
  return { told, lines, anchors: await fetchAnchors(api, told.first_sequence, told.anchored_sequence) };
}

async function fetchAnchors(api: Api, first: number, sequence: number): Promise<readonly Anchor[]> {
  const anchors: Anchor[] = [];
  let at = first;
  while (at <= sequence) {
    const query = { first_sequence: at, sequence };
    const { items } = await answerOf(api.GET("/audit/anchors", { params: { query } }));
    const last = items.at(-1);
    if (last === undefined) break;
    anchors.push(...items);
    at = lastSequenceOf(last) + 1;
  }
  return anchors;
}

function lastSequenceOf(anchor: Anchor): number {
  const told: { sequence: number } = JSON.parse(anchor.document);
  return told.sequence;
}

/** The file that `breakwater audit verify` reads. */
export function fileOf({ told, lines, anchors }: Fetched): Blob {
  const inOrder = [...lines].sort(([one], [other]) => one - other).map(([, line]) => line);
  const entries: Entry[] = [
    { name: "export.json", text: `${JSON.stringify(told, null, 2)}\n` },
    { name: "records.jsonl", text: inOrder.map((line) => `${line}\n`).join("") },
    { name: "anchors.jsonl", text: anchors.map((anchor) => `${JSON.stringify(anchor)}\n`).join("") },
  ];
  return new Blob([...zipOf(entries)], { type: "application/zip" });
}
