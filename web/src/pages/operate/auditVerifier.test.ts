import { beforeAll, describe, expect, it } from "vitest";
import { type Anchor, rawSignature, type Trail, verifyTrail } from "./auditVerifier";

type Bytes = Uint8Array<ArrayBuffer>;

const GENESIS = "0".repeat(64);
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const ascii = (text: string): Bytes => new TextEncoder().encode(text);
const base64 = (bytes: Bytes) => btoa(String.fromCharCode(...bytes));
const hex = (bytes: Bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text: string): Bytes =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const sha256 = async (bytes: Bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

let keys: CryptoKeyPair;
let publicKey: string;

beforeAll(async () => {
  keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  publicKey = `-----BEGIN PUBLIC KEY-----\n${base64(spki)}\n-----END PUBLIC KEY-----\n`;
});

/** In DER, as KMS signs: two integers, without zeros before them, but with one where the first bit is set. */
async function signed(document: string): Promise<string> {
  const raw = new Uint8Array(await crypto.subtle.sign(ECDSA, keys.privateKey, ascii(document)));
  const integers = [raw.slice(0, 32), raw.slice(32)].flatMap((number) => {
    const significant = [...number.slice(number.findIndex((byte) => byte !== 0))];
    if ((significant[0] ?? 0) > 127) significant.unshift(0);
    return [2, significant.length, ...significant];
  });
  return base64(Uint8Array.from([0x30, integers.length, ...integers]));
}

/** Two lines an anchor, chained and signed as the platform does it. */
async function trail(count: number, changes: Partial<Trail> = {}, gap?: object): Promise<Trail> {
  const lines = new Map<number, string>();
  const anchors: Anchor[] = [];
  let [head, anchorBefore] = [GENESIS, GENESIS];
  for (let first = 1; first <= count; first += 2) {
    const headBefore = head;
    let hashes = "";
    for (const sequence of [first, first + 1]) {
      const line = JSON.stringify({ sequence });
      lines.set(sequence, line);
      const hash = hex(await sha256(ascii(line)));
      hashes += hash;
      head = hex(await sha256(unhex(head + hash)));
    }
    const document = JSON.stringify({
      anchor_before: anchorBefore,
      anchored_at: `2026-11-30T12:0${first}:00Z`,
      first_sequence: first,
      hashes_digest: hex(await sha256(unhex(hashes))),
      head,
      head_before: headBefore,
      sequence: first + 1,
      tenant_id: "ours",
      ...(gap !== undefined && first + 1 === count ? { gap } : {}),
    });
    anchors.push({ document, signature: await signed(document), hashes: base64(unhex(hashes)) });
    anchorBefore = hex(await sha256(ascii(document)));
  }
  return { tenantId: "ours", firstSequence: 1, publicKey, anchors, lines, ...changes };
}

async function firstProblem(changed: Trail) {
  const verdict = await verifyTrail(changed);
  return verdict.kind === "TAMPERED" ? [verdict.sequence, verdict.what] : verdict.kind;
}

describe("a trail", () => {
  it("that nobody has touched is verified up to its newest anchor", async () => {
    expect(await verifyTrail(await trail(6))).toEqual({
      kind: "VERIFIED",
      firstSequence: 1,
      sequence: 6,
      anchors: 3,
      anchoredAt: "2026-11-30T12:05:00Z",
      lost: 0,
    });
  });

  it("that was changed names the first record that is other", async () => {
    const whole = await trail(6);
    const changed = new Map(whole.lines).set(4, '{"sequence":40}');
    expect(await firstProblem({ ...whole, lines: changed })).toEqual([4, "it is not what was anchored"]);
  });

  it("from which a record was removed names it", async () => {
    const whole = await trail(6);
    const fewer = new Map([...whole.lines].filter(([sequence]) => sequence !== 3));
    expect(await firstProblem({ ...whole, lines: fewer })).toEqual([3, "it is not there"]);
  });

  it("whose anchor was taken away, moved or forged is not believed", async () => {
    const whole = await trail(6);
    const [first, second, third] = whole.anchors as [Anchor, Anchor, Anchor];
    expect(await firstProblem({ ...whole, anchors: [first, third] })).toEqual([3, "its anchor is missing"]);
    const forged = { ...second, document: second.document.replace("12:03", "12:04") };
    expect(await firstProblem({ ...whole, anchors: [first, forged, third] })).toEqual([
      3,
      "its anchor is not signed by this key",
    ]);
    const swapped = { ...second, hashes: third.hashes };
    expect((await firstProblem({ ...whole, anchors: [first, swapped] }))?.[1]).toMatch(
      /not those that were signed/,
    );
  });

  it("of another organisation, or of another past, is not believed", async () => {
    expect((await firstProblem(await trail(2, { tenantId: "theirs" })))?.[1]).toMatch(/another organisation/);
    const [whole, shorter] = [await trail(4), await trail(2)];
    const second = whole.anchors[1] as Anchor;
    const document = second.document.replace(
      /"anchor_before":"[0-9a-f]+"/,
      `"anchor_before":"${"1".repeat(64)}"`,
    );
    const other = { ...second, document, signature: await signed(document) };
    expect(await firstProblem({ ...whole, anchors: [...shorter.anchors, other] })).toEqual([
      3,
      "its anchor does not follow the one before",
    ]);
  });

  it("names what a restore has lost, where a signed anchor says so", async () => {
    const whole = await trail(6, {}, { first_sequence: 3, sequence: 4 });
    const fewer = new Map([...whole.lines].filter(([sequence]) => sequence < 3 || sequence > 4));
    expect(await verifyTrail({ ...whole, lines: fewer })).toMatchObject({ kind: "VERIFIED", lost: 2 });
  });

  it("without anchors is verified up to nothing", async () => {
    expect(await verifyTrail(await trail(0))).toMatchObject({
      kind: "VERIFIED",
      sequence: 0,
      anchoredAt: null,
    });
  });
});

it("a signature that is none is refused", () => {
  expect(rawSignature(new Uint8Array([]))).toBeNull();
  expect(rawSignature(new Uint8Array([0x30, 2, 1, 2]))).toBeNull();
  expect(rawSignature(new Uint8Array([0x30, 4, 2, 1, 1, 2]))).toBeNull();
});
