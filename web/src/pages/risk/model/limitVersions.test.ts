import { describe, expect, it } from "vitest";
import { versionsOf } from "./limitVersions";

const told = {
  version: 1,
  instrument: "ETH/USDT",
  value: "25",
  parameters: {},
  currency: "USDT",
  action: "REDUCE_ONLY",
  thresholds_pct: [70, 90],
  valid_from: null,
  valid_until: "2026-12-01T00:00:00Z",
  is_deleted: false,
  changed_by: "risk",
  changed_at: "2026-11-30T07:46:37Z",
};

describe("the history of a limit", () => {
  it("has its versions in words, the newest first", () => {
    const versions = versionsOf([told, { ...told, version: 2, is_deleted: true }], "base units");
    expect(versions.map(({ version, words }) => [version, words])).toEqual([
      ["2", "taken away"],
      ["1", "25 ETH"],
    ]);
    expect(versions[1]).toMatchObject({
      changedBy: "risk",
      action: "reduce only",
      thresholds: "70 %, 90 %",
      validFrom: null,
      validUntil: "2026-12-01T00:00:00Z",
    });
  });

  it("bears what it does not know", () => {
    expect(versionsOf([{}], "")[0]).toMatchObject({ version: "", words: "", thresholds: "" });
  });
});
