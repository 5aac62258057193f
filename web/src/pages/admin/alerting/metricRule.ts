/** The form of a metric rule. Bounds stay the text that was typed: they are exact decimals. docs/alert-rules.md */
import type { components } from "../../../api/schema";
import { listOf } from "../parts/moments";
import type { Category, Severity } from "./words";

type Schemas = components["schemas"];
export type Rule = Schemas["MetricRuleView"];

export interface RuleForm {
  readonly name: string;
  readonly metric: string;
  /** As "queue=alerts", one on a line. */
  readonly labels: string;
  readonly kind: "THRESHOLD" | "BAND";
  readonly direction: "ABOVE" | "BELOW" | "BOTH";
  readonly bound: string;
  readonly clearBound: string;
  readonly sigmas: string;
  readonly windowSeconds: number;
  readonly samplesMin: number;
  readonly deviationMin: string;
  readonly forSeconds: number;
  readonly severity: Severity;
  /** Null: as the metric is. */
  readonly category: Category | null;
}

export const NEW_RULE: RuleForm = {
  name: "",
  metric: "",
  labels: "",
  kind: "THRESHOLD",
  direction: "ABOVE",
  bound: "",
  clearBound: "",
  sigmas: "4",
  windowSeconds: 3_600,
  samplesMin: 60,
  deviationMin: "0",
  forSeconds: 30,
  severity: "WARNING",
  category: null,
};

export function ruleRequest(form: RuleForm): Schemas["MetricRuleSetting"] {
  return {
    name: form.name.trim(),
    metric: form.metric.trim(),
    labels: labelsOf(form.labels),
    for_s: form.forSeconds,
    severity: form.severity,
    category: form.category,
    is_enabled: true,
    ...conditionOf(form),
  };
}

/** All that the form asks: what was not changed is said again, which changes nothing. */
export function ruleChange(form: RuleForm): Schemas["MetricRuleChange"] {
  const { is_enabled: _, ...said } = ruleRequest(form);
  return said;
}

function conditionOf(form: RuleForm): Pick<Schemas["MetricRuleSetting"], "threshold" | "band"> {
  if (form.kind === "BAND") {
    return {
      band: {
        direction: form.direction,
        sigmas: form.sigmas.trim(),
        window_s: form.windowSeconds,
        samples_min: form.samplesMin,
        deviation_min: form.deviationMin.trim(),
      },
    };
  }
  const clearBound = form.clearBound.trim();
  return {
    threshold: {
      // A threshold has one side.
      direction: form.direction === "BELOW" ? "BELOW" : "ABOVE",
      bound: form.bound.trim(),
      clear_bound: clearBound === "" ? null : clearBound,
    },
  };
}

export function ruleForm(rule: Rule): RuleForm {
  const condition = rule.condition;
  const text = (name: string, otherwise: string) => {
    const value = condition[name];
    return typeof value === "string" ? value : otherwise;
  };
  const count = (name: string, otherwise: number) => {
    const value = condition[name];
    return typeof value === "number" ? value : otherwise;
  };
  const bound = text("bound", "");
  // The server says the bound itself where nothing else was: then the next bound is meant as well.
  const clearBound = text("clear_bound", "");
  return {
    name: rule.name,
    metric: rule.metric,
    labels: shownLabels(rule.labels, "\n"),
    kind: condition.kind === "BAND" ? "BAND" : "THRESHOLD",
    direction: text("direction", "ABOVE") as RuleForm["direction"],
    bound,
    clearBound: clearBound === bound ? "" : clearBound,
    sigmas: text("sigmas", NEW_RULE.sigmas),
    windowSeconds: count("window_s", NEW_RULE.windowSeconds),
    samplesMin: count("samples_min", NEW_RULE.samplesMin),
    deviationMin: text("deviation_min", NEW_RULE.deviationMin),
    forSeconds: rule.for_s,
    severity: rule.severity as Severity,
    category: rule.category as Category,
  };
}

/** "above 20, over at 10" */
export function shownCondition(rule: Rule): string {
  const form = ruleForm(rule);
  if (form.kind === "BAND") {
    const side = { ABOVE: "above", BELOW: "below", BOTH: "from" }[form.direction];
    return `${form.sigmas} deviations ${side} its mean of ${form.windowSeconds} s`;
  }
  const clear = form.clearBound === "" ? "" : `, over at ${form.clearBound}`;
  return `${form.direction.toLowerCase()} ${form.bound}${clear}`;
}

export function shownLabels(labels: Readonly<Record<string, string>>, between = ", "): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(between);
}

function labelsOf(typed: string): Record<string, string> {
  return Object.fromEntries(
    listOf(typed).map((line) => {
      const [name = "", ...value] = line.split("=");
      return [name.trim(), value.join("=").trim()];
    }),
  );
}
