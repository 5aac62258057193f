import { describe, expect, it } from "vitest";
import { barOf, hottestOf, levelOf, worseLevel } from "./limitUse";
import { limitOf } from "./samples";

const used = (usage_pct: string | null, thresholds_pct = [70, 90]) =>
  levelOf({ usage_pct, thresholds_pct, missing: null });

describe("how near a limit is to its value", () => {
  it.each([
    ["0", "CALM"],
    ["69.99", "CALM"],
    ["70", "WARNED"],
    ["89.99", "WARNED"],
    ["90", "HIGH"],
    ["99.99", "HIGH"],
    ["100", "FULL"],
    ["250", "FULL"],
  ])("at %s %% of 70 and 90 is %s", (pct, level) => {
    expect(used(pct)).toBe(level);
  });

  it("goes by the limit's own thresholds", () => {
    expect(used("60", [50])).toBe("WARNED");
    expect(used("99", [])).toBe("CALM");
    expect(used("75", [50, 60, 80])).toBe("WARNED");
    expect(used("80", [50, 60, 80])).toBe("HIGH");
  });

  it("is no question for limits on each order, and not known where something is missing", () => {
    expect(used(null)).toBeNull();
    expect(levelOf({ usage_pct: null, thresholds_pct: [70], missing: "a price" })).toBe("UNKNOWN");
  });

  it("of a node is that of its hottest limit", () => {
    const limits = [
      limitOf({ limit_id: "a", usage_pct: "9" }),
      limitOf({ limit_id: "b", usage_pct: "10" }),
      limitOf({ limit_id: "c", usage_pct: null }),
    ];
    expect(hottestOf(limits)?.limit_id).toBe("b");
    expect(hottestOf([])).toBeNull();
    expect(worseLevel("WARNED", "FULL")).toBe("FULL");
    expect(worseLevel("UNKNOWN", "CALM")).toBe("UNKNOWN");
  });
});

describe("a limit's bar", () => {
  it("has used, then what orders reserve, then what leases hold", () => {
    expect(barOf({ allowed: "200", used: "50", reserved: "60" }, "20")).toEqual({
      used: 25,
      reserved: 20,
      leased: 10,
    });
  });

  it("is never longer than its room", () => {
    expect(barOf({ allowed: "100", used: "90", reserved: "50" }, null)).toEqual({
      used: 90,
      reserved: 10,
      leased: 0,
    });
    expect(barOf({ allowed: "0", used: "0", reserved: "0" }, null)).toEqual({
      used: 100,
      reserved: 0,
      leased: 0,
    });
  });

  it("begins with nothing where a long position makes room for shorts", () => {
    expect(barOf({ allowed: "100", used: "-30", reserved: "50" }, "999")).toEqual({
      used: 0,
      reserved: 0,
      leased: 20,
    });
  });
});
