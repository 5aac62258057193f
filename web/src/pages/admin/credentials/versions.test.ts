import { expect, it } from "vitest";
import { credentialsOf, type Version } from "./versions";

const version = (credential_id: string, number: number): Version => ({
  credential_id,
  version: number,
  account_id: "a",
  venue: "BINANCE",
  label: "main",
  api_key_end: `${number}`,
  created_at: "2026-12-01T00:00:00Z",
  rotated_at: null,
  last_used_at: null,
  retires_at: null,
  granted_account_ids: [],
});

it("a credential is one line with its newest version, whichever comes first", () => {
  const found = credentialsOf([version("x", 1), version("y", 1), version("x", 3), version("x", 2)]);
  expect(found.map((each) => [each.newest.credential_id, each.newest.version])).toEqual([
    ["x", 3],
    ["y", 1],
  ]);
  expect(found[0]?.older.map((each) => each.version)).toEqual([2, 1]);
  expect(found[1]?.older).toEqual([]);
});
