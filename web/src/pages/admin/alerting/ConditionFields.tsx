import { Group, NumberInput, SegmentedControl, Select, TextInput } from "@mantine/core";
import type { RuleForm } from "./metricRule";

const KINDS = [
  { value: "THRESHOLD", label: "A bound" },
  { value: "BAND", label: "Unusual" },
];
const SIDES = [
  { value: "ABOVE", label: "above" },
  { value: "BELOW", label: "below" },
];

/** When a rule is crossed: past a bound, or far from what is usual. */
export function ConditionFields({
  form,
  set,
  errors,
}: {
  form: RuleForm;
  set: (part: Partial<RuleForm>) => void;
  errors: Readonly<Record<string, string>>;
}) {
  const isBand = form.kind === "BAND";
  return (
    <>
      <SegmentedControl
        aria-label="Kind of rule"
        data={KINDS}
        value={form.kind}
        onChange={(kind) => set({ kind: kind as RuleForm["kind"] })}
      />
      <Group grow align="flex-start">
        <Select
          label="It is"
          data={isBand ? [...SIDES, { value: "BOTH", label: "above or below" }] : SIDES}
          value={!isBand && form.direction === "BOTH" ? "ABOVE" : form.direction}
          error={errors.direction}
          allowDeselect={false}
          onChange={(direction) =>
            direction !== null && set({ direction: direction as RuleForm["direction"] })
          }
        />
        {isBand ? (
          <TextInput
            label="By deviations"
            required
            inputMode="decimal"
            value={form.sigmas}
            error={errors.sigmas}
            onChange={(event) => set({ sigmas: event.currentTarget.value })}
          />
        ) : (
          <TextInput
            label="Bound"
            required
            inputMode="decimal"
            value={form.bound}
            error={errors.bound}
            onChange={(event) => set({ bound: event.currentTarget.value })}
          />
        )}
      </Group>
      {isBand ? (
        <Group grow align="flex-start">
          <NumberInput
            label="Usual of, in seconds"
            allowDecimal={false}
            min={60}
            max={86_400}
            value={form.windowSeconds}
            error={errors.window_s}
            onChange={(count) => typeof count === "number" && set({ windowSeconds: count })}
          />
          <NumberInput
            label="Samples at least"
            allowDecimal={false}
            min={10}
            max={240}
            value={form.samplesMin}
            error={errors.samples_min}
            onChange={(count) => typeof count === "number" && set({ samplesMin: count })}
          />
          <TextInput
            label="Deviation at least"
            inputMode="decimal"
            value={form.deviationMin}
            error={errors.deviation_min}
            onChange={(event) => set({ deviationMin: event.currentTarget.value })}
          />
        </Group>
      ) : (
        <TextInput
          label="Over again at"
          description="Empty: at the bound itself"
          inputMode="decimal"
          value={form.clearBound}
          error={errors.clear_bound}
          onChange={(event) => set({ clearBound: event.currentTarget.value })}
        />
      )}
    </>
  );
}
