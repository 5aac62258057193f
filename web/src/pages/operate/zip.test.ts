import { expect, it } from "vitest";
import { crc32, zipOf } from "./zip";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

it("the check is the one that everybody knows", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

it("each text stands in the file where its directory says", () => {
  const entries = [
    { name: "export.json", text: '{"a":"ü"}\n' },
    { name: "records.jsonl", text: "1\n2\n" },
  ];
  const file = Uint8Array.from(zipOf(entries).flatMap((part) => [...part]));
  const view = new DataView(file.buffer);
  const end = file.length - 22;
  expect(view.getUint32(end, true)).toBe(0x06054b50);
  expect(view.getUint16(end + 10, true)).toBe(2);
  let at = view.getUint32(end + 16, true);
  expect(end - at).toBe(view.getUint32(end + 12, true));
  for (const entry of entries) {
    expect(view.getUint32(at, true)).toBe(0x02014b50);
    const [crc, size, named] = [
      view.getUint32(at + 16, true),
      view.getUint32(at + 20, true),
      view.getUint16(at + 28, true),
    ];
    expect(text(file.slice(at + 46, at + 46 + named))).toBe(entry.name);
    const local = view.getUint32(at + 42, true);
    expect(view.getUint32(local, true)).toBe(0x04034b50);
    const begin = local + 30 + view.getUint16(local + 26, true);
    const body = file.slice(begin, begin + size);
    expect([text(body), crc32(body)]).toEqual([entry.text, crc]);
    at += 46 + named;
  }
});
