/**
 * Whether a piece of the audit trail is what was written, by docs/audit.md and the browser's own cryptography.
 *
 * It is checked against the key that the platform shows. Who keeps that key himself checks an export with
 * `breakwater audit verify`, which needs no platform.
 */
import type { components } from "../../api/schema";

export type Anchor = components["schemas"]["AuditAnchor"];
type Bytes = Uint8Array<ArrayBuffer>;

export interface Trail {
  readonly tenantId: string;
  readonly firstSequence: number;
  /** PEM. */
  readonly publicKey: string;
  readonly anchors: readonly Anchor[];
  /** Records' lines by their sequence. */
  readonly lines: ReadonlyMap<number, string>;
}

export type Verdict =
  | {
      readonly kind: "VERIFIED";
      readonly firstSequence: number;
      readonly sequence: number;
      readonly anchors: number;
      /** Of the newest anchor; null where there is none. */
      readonly anchoredAt: string | null;
      /** How many records a restore has lost, as two people have said in signed anchors. */
      readonly lost: number;
    }
  /** The first thing that is not as it was. */
  | { readonly kind: "TAMPERED"; readonly sequence: number; readonly what: string };

interface Document {
  readonly first_sequence: number;
  readonly sequence: number;
  readonly head: string;
  readonly head_before: string;
  readonly anchor_before: string;
  readonly hashes_digest: string;
  readonly anchored_at: string;
  readonly tenant_id: string;
  readonly gap?: { readonly first_sequence: number; readonly sequence: number };
}

interface Checked {
  readonly document: Document;
  readonly digest: string;
  readonly hashes: readonly string[];
}

const DIGEST_BYTES = 32;
const GENESIS = "0".repeat(2 * DIGEST_BYTES);

class Tampered extends Error {
  constructor(
    readonly sequence: number,
    readonly what: string,
  ) {
    super(what);
  }
}

export async function verifyTrail(trail: Trail): Promise<Verdict> {
  try {
    const anchors = await checkedAnchors(trail);
    const gaps = anchors.flatMap(({ document }) => (document.gap === undefined ? [] : [document.gap]));
    let lost = 0;
    for (const { document, hashes } of anchors) {
      const isLost = gaps.some(
        (gap) => gap.first_sequence <= document.first_sequence && document.sequence <= gap.sequence,
      );
      if (isLost) lost += hashes.length;
      else await compare(trail.lines, document.first_sequence, hashes);
    }
    const last = anchors.at(-1)?.document;
    return {
      kind: "VERIFIED",
      firstSequence: trail.firstSequence,
      sequence: last?.sequence ?? trail.firstSequence - 1,
      anchors: anchors.length,
      anchoredAt: last?.anchored_at ?? null,
      lost,
    };
  } catch (error) {
    if (error instanceof Tampered) return { kind: "TAMPERED", sequence: error.sequence, what: error.what };
    throw error;
  }
}

/** Each signed, each following the one before. */
async function checkedAnchors(trail: Trail): Promise<readonly Checked[]> {
  const key = await crypto.subtle.importKey(
    "spki",
    fromBase64(trail.publicKey.replaceAll(/-----[^-]+-----|\s/g, "")),
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["verify"],
  );
  const checked: Checked[] = [];
  for (const anchor of trail.anchors) {
    const before = checked.at(-1);
    const expected = before === undefined ? trail.firstSequence : before.document.sequence + 1;
    const found = await checkedAnchor(anchor, key, trail.tenantId, expected);
    const { document } = found;
    if (document.first_sequence !== expected) throw new Tampered(expected, "its anchor is missing");
    const follows = [document.head_before, document.anchor_before];
    const isFirst = document.first_sequence === 1;
    const [head, digest] = isFirst ? [GENESIS, GENESIS] : [before?.document.head, before?.digest];
    if ((isFirst || before !== undefined) && (follows[0] !== head || follows[1] !== digest)) {
      throw new Tampered(expected, "its anchor does not follow the one before");
    }
    checked.push(found);
  }
  return checked;
}

async function checkedAnchor(
  anchor: Anchor,
  key: CryptoKey,
  tenantId: string,
  expected: number,
): Promise<Checked> {
  const signed = new TextEncoder().encode(anchor.document);
  const signature = rawSignature(fromBase64(anchor.signature));
  const isSigned =
    signature !== null &&
    (await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed));
  if (!isSigned) throw new Tampered(expected, "its anchor is not signed by this key");
  const document: Document = JSON.parse(anchor.document);
  const hashes = fromBase64(anchor.hashes);
  let head = fromHex(document.head_before);
  const listed: string[] = [];
  for (let at = 0; at < hashes.length; at += DIGEST_BYTES) {
    const each = hashes.slice(at, at + DIGEST_BYTES);
    listed.push(toHex(each));
    head = await sha256(joined(head, each));
  }
  const isWhole =
    listed.length === document.sequence - document.first_sequence + 1 &&
    toHex(await sha256(hashes)) === document.hashes_digest &&
    toHex(head) === document.head;
  if (!isWhole) throw new Tampered(expected, "the hashes beside its anchor are not those that were signed");
  if (document.tenant_id !== tenantId) {
    throw new Tampered(expected, "its anchor is of another organisation");
  }
  return { document, digest: toHex(await sha256(signed)), hashes: listed };
}

async function compare(
  lines: ReadonlyMap<number, string>,
  firstSequence: number,
  hashes: readonly string[],
): Promise<void> {
  for (const [index, hash] of hashes.entries()) {
    const sequence = firstSequence + index;
    const line = lines.get(sequence);
    if (line === undefined) throw new Tampered(sequence, "it is not there");
    if (toHex(await sha256(new TextEncoder().encode(line))) !== hash) {
      throw new Tampered(sequence, "it is not what was anchored");
    }
  }
}

/** The two numbers of a signature in DER, one after the other, as the browser wants them; null for what is none. */
export function rawSignature(der: Bytes): Bytes | null {
  const raw = new Uint8Array(2 * DIGEST_BYTES);
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return null;
  let at = 2;
  for (const part of [0, 1]) {
    const length = der[at + 1] ?? 0;
    const number = der.slice(at + 2, at + 2 + length);
    if (der[at] !== 0x02 || length === 0 || number.length !== length) return null;
    const significant = number.slice(number.findIndex((byte) => byte !== 0));
    if (significant.length > DIGEST_BYTES) return null;
    raw.set(significant, (part + 1) * DIGEST_BYTES - significant.length);
    at += 2 + length;
  }
  return at === der.length ? raw : null;
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function joined(one: Bytes, other: Bytes): Bytes {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}

function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function toHex(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
