import { describe, expect, it } from "vitest";
import { NEW_RULE, type Rule, ruleChange, ruleForm, ruleRequest, shownCondition } from "./metricRule";

const form = {
  ...NEW_RULE,
  name: " Loss of the day ",
  metric: "pnl",
  labels: "account=a=b\nqueue = alerts",
  direction: "BELOW" as const,
  bound: "-10000.000000000000000001",
  clearBound: " ",
};

const rule: Rule = {
  rule_id: "r",
  name: "Orders come at an unusual rate",
  metric: "orders_per_minute",
  labels: { account: "x" },
  condition: {
    kind: "BAND",
    direction: "BOTH",
    sigmas: "6",
    window_s: 3600,
    samples_min: 60,
    deviation_min: "10",
  },
  for_s: 30,
  severity: "WARNING",
  category: "RISK",
  is_enabled: false,
  version: 2,
  changed_by: "admin",
  changed_at: "2026-12-01T00:00:00Z",
  crossed: [],
};

describe("a metric rule", () => {
  it("of a threshold keeps each digit of its bound, and has no band", () => {
    expect(ruleRequest(form)).toEqual({
      name: "Loss of the day",
      metric: "pnl",
      labels: { account: "a=b", queue: "alerts" },
      threshold: { direction: "BELOW", bound: "-10000.000000000000000001", clear_bound: null },
      for_s: 30,
      severity: "WARNING",
      category: null,
      is_enabled: true,
    });
  });

  it("of a threshold has one side, though the band before it had both", () => {
    expect(ruleRequest({ ...form, direction: "BOTH" }).threshold?.direction).toBe("ABOVE");
  });

  it("comes back from the server as it was sent, and a change does not switch it on", () => {
    const change = ruleChange(ruleForm(rule));
    expect(change.band).toEqual({
      direction: "BOTH",
      sigmas: "6",
      window_s: 3600,
      samples_min: 60,
      deviation_min: "10",
    });
    expect(change).not.toHaveProperty("threshold");
    expect(change).not.toHaveProperty("is_enabled");
    expect(change.labels).toEqual({ account: "x" });
  });

  it("that is over at its bound is over at the next one when that is changed", () => {
    const condition = { kind: "THRESHOLD", direction: "ABOVE", bound: "20", clear_bound: "20" };
    const change = ruleChange({ ...ruleForm({ ...rule, condition }), bound: "30" });
    expect(change.threshold).toEqual({ direction: "ABOVE", bound: "30", clear_bound: null });
  });

  it("is told in words", () => {
    expect(shownCondition(rule)).toBe("6 deviations from its mean of 3600 s");
    const condition = { kind: "THRESHOLD", direction: "ABOVE", bound: "20", clear_bound: "10" };
    expect(shownCondition({ ...rule, condition })).toBe("above 20, over at 10");
    expect(shownCondition({ ...rule, condition: { ...condition, clear_bound: null } })).toBe("above 20");
  });
});
