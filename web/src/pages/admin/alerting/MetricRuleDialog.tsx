import { Autocomplete, Group, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { FormDialog } from "../parts/FormDialog";
import { ConditionFields } from "./ConditionFields";
import {
  NEW_RULE,
  type Rule,
  type RuleForm,
  ruleChange,
  ruleForm,
  ruleRequest,
  shownLabels,
} from "./metricRule";
import { type Category, categoryChoices, SEVERITIES, type Severity, spoken } from "./words";

export const RULES = ["admin", "metric-rules"] as const;

const FIELDS = [
  "name",
  "metric",
  "labels",
  "for_s",
  "severity",
  "category",
  "direction",
  "bound",
  "clear_bound",
  "sigmas",
  "window_s",
  "samples_min",
  "deviation_min",
];

const SEVERITY_CHOICES = SEVERITIES.map((value) => ({ value, label: spoken(value) }));

/** `rule` null: a new one. */
export function MetricRuleDialog({ rule, onClose }: { rule: Rule | null; onClose: () => void }) {
  const { api } = usePlatform();
  const [form, setForm] = useState<RuleForm>(rule === null ? NEW_RULE : ruleForm(rule));
  const set = (part: Partial<RuleForm>) => setForm((before) => ({ ...before, ...part }));
  const save = useAction(
    (terms: RuleForm) =>
      rule === null
        ? answerOf(api.POST("/alerts/rules", { body: ruleRequest(terms) }))
        : answerOf(
            api.PATCH("/alerts/rules/{rule_id}", {
              params: { path: { rule_id: rule.rule_id } },
              body: ruleChange(terms),
            }),
          ),
    { changes: [RULES], onDone: onClose },
  );
  return (
    <FormDialog
      title={rule === null ? "New metric rule" : `Change "${rule.name}"`}
      confirm={rule === null ? "Create rule" : "Change"}
      action={save}
      fields={FIELDS}
      patterns={{ metric: "letters, digits, _ and :, such as pnl_total" }}
      onSubmit={() => save.run(form)}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <TextInput
            label="Name"
            required
            data-autofocus
            maxLength={120}
            value={form.name}
            error={errors.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <Metric form={form} set={set} error={errors.metric} />
          <Textarea
            label="Of the series with these labels"
            description="As queue=alerts, one on a line. Empty: every series"
            autosize
            value={form.labels}
            error={errors.labels}
            onChange={(event) => set({ labels: event.currentTarget.value })}
          />
          <ConditionFields form={form} set={set} errors={errors} />
          <Group grow align="flex-start">
            <NumberInput
              label="For, in seconds"
              required
              allowDecimal={false}
              min={0}
              max={86_400}
              value={form.forSeconds}
              error={errors.for_s}
              onChange={(count) => typeof count === "number" && set({ forSeconds: count })}
            />
            <Select
              label="Severity"
              data={SEVERITY_CHOICES}
              value={form.severity}
              error={errors.severity}
              allowDeselect={false}
              onChange={(severity) => severity !== null && set({ severity: severity as Severity })}
            />
          </Group>
          <Select
            label="Category"
            placeholder="as the metric is"
            data={categoryChoices()}
            value={form.category}
            error={errors.category}
            clearable={rule === null}
            allowDeselect={rule === null}
            clearButtonProps={{ "aria-label": "No category" }}
            onChange={(category) => set({ category: category as Category | null })}
          />
        </>
      )}
    </FormDialog>
  );
}

/** What can be watched, and what it reads now: a bound is chosen by what is usual. */
function Metric({
  form,
  set,
  error,
}: {
  form: RuleForm;
  set: (part: Partial<RuleForm>) => void;
  error: string | undefined;
}) {
  const { api } = usePlatform();
  const metrics = useQuery({
    queryKey: ["admin", "metrics"],
    queryFn: async () => (await answerOf(api.GET("/alerts/metrics"))).items,
  });
  const found = metrics.data ?? [];
  const now = found.filter((each) => each.metric === form.metric).slice(0, 3);
  const shown = now.map((each) => `${each.value} ${shownLabels(each.labels)}`.trim()).join("; ");
  return (
    <Autocomplete
      label="Metric"
      description={shown === "" ? "What is watched" : `Now: ${shown}`}
      required
      data={[...new Set(found.map((each) => each.metric))]}
      limit={50}
      value={form.metric}
      error={error}
      onChange={(metric) => set({ metric })}
    />
  );
}
