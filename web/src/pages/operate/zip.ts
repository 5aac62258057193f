/** A ZIP of a few texts, not compressed, as any unpacker reads it. */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const FIRST_DAY = 0x21; // 1 January 1980: no time of the user's is told.

export interface Entry {
  readonly name: string;
  readonly text: string;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The parts of the file, in order. */
export function zipOf(entries: readonly Entry[]): readonly Bytes[] {
  const parts: Bytes[] = [];
  const central: Bytes[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const body = new TextEncoder().encode(entry.text);
    const facts = [VERSION, 0, 0, 0, FIRST_DAY] as const;
    const sizes = [crc32(body), body.length, body.length] as const;
    const local = record([[4, LOCAL], ...twos(facts), ...fours(sizes), ...twos([name.length, 0])]);
    central.push(
      record([
        ...fours([CENTRAL]),
        ...twos([VERSION, ...facts]),
        ...fours(sizes),
        ...twos([name.length, 0, 0, 0, 0]),
        ...fours([0, offset]),
      ]),
      name,
    );
    parts.push(local, name, body);
    offset += local.length + name.length + body.length;
  }
  const length = central.reduce((sum, each) => sum + each.length, 0);
  const count = entries.length;
  const end = record([
    ...fours([END]),
    ...twos([0, 0, count, count]),
    ...fours([length, offset]),
    ...twos([0]),
  ]);
  return [...parts, ...central, end];
}

type Field = readonly [2 | 4, number];
const twos = (values: readonly number[]): Field[] => values.map((value) => [2, value]);
const fours = (values: readonly number[]): Field[] => values.map((value) => [4, value]);

function record(fields: readonly Field[]): Bytes {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

export function crc32(bytes: Bytes): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (CRC_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
