import { describe, expect, it } from "vitest";
import { otherVersionWords, versionWords } from "./limitVersions";
import type { LimitVersion } from "./types";

const version: LimitVersion = {
  limit_id: "l",
  node_id: "n",
  limit_type: "LONG_POSITION",
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

describe("a version of a limit", () => {
  it("is what was set, or that it was taken away", () => {
    expect(versionWords(version, "base units")).toBe("25 ETH");
    expect(versionWords({ ...version, is_deleted: true }, "base units")).toBe("taken away");
  });

  it("in a problem is told as far as it is known", () => {
    const { value, currency, action } = version;
    expect(otherVersionWords({ value, currency, action, version: 3 }, "currency")).toBe(
      "25 USDT (reduce only, version 3)",
    );
    expect(otherVersionWords({}, "")).toBe(" (, version )");
  });
});
