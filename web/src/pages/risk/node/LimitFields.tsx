import { Autocomplete, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { ACTIONS, asksForCurrency, type Errors, type LimitDraft, typesFor } from "../model/limitForm";
import {
  ACTION_WORDS,
  hasValue,
  instrumentWords,
  isFraction,
  typeWords,
  unitWords,
} from "../model/limitWords";
import type { LimitType } from "../model/types";
import { useInstruments } from "../shared/queries";
import { ParameterField } from "./ParameterField";

/** The names of the form's fields, as the server names them. */
export function fieldsOf(type: LimitType | undefined): readonly string[] {
  const parameters = (type?.parameters ?? []).map((parameter) => parameter.name);
  return [
    ...[
      "limit_type",
      "instrument",
      "value",
      "currency",
      "action",
      "thresholds_pct",
      "valid_from",
      "valid_until",
    ],
    ...parameters,
  ];
}

/** What a limit is: its type, what it looks at, its value and parameters. Made from what the server knows of types. */
export function LimitFields({
  draft,
  change,
  types,
  nodeKind,
  errors,
  isFixed = false,
}: {
  draft: LimitDraft;
  change: (changed: Partial<LimitDraft>) => void;
  types: readonly LimitType[];
  nodeKind: string;
  errors: Errors;
  /** Of a limit that is changed, type and instrument stay. */
  isFixed?: boolean;
}) {
  const symbols = (useInstruments().data?.items ?? []).map((instrument) => instrument.symbol);
  const type = types.find((each) => each.limit_type === draft.limitType);
  const unit = type === undefined ? "" : unitWords({ ...draft, parameters: {} }, type.unit);
  return (
    <Stack>
      <Select
        label="What is limited"
        required
        searchable
        disabled={isFixed}
        value={draft.limitType === "" ? null : draft.limitType}
        error={errors.limit_type}
        onChange={(value) => change({ limitType: value ?? "", parameters: {}, value: "" })}
        data={typesFor(types, nodeKind).map((each) => ({
          value: each.limit_type,
          label: typeWords(each.limit_type),
        }))}
      />
      {type !== undefined && (
        <Text size="xs" c="dimmed">
          {type.about}
        </Text>
      )}
      <Group grow align="flex-start">
        <Autocomplete
          label="Instrument"
          description="* for all, a symbol, venue:NAME or class:NAME"
          disabled={isFixed}
          value={draft.instrument}
          error={errors.instrument}
          onChange={(instrument) => change({ instrument })}
          data={["*", ...symbols, "venue:SIM", "venue:BOOK", "class:SPOT"]}
          renderOption={({ option }) => (option.value === "*" ? `* (${instrumentWords("*")})` : option.value)}
        />
        {type !== undefined && hasValue(type) && (
          <TextInput
            label="Value"
            description={isFraction(type.unit) ? `a part, ${unit}: 0.1 is 10 %` : unit}
            required
            inputMode="decimal"
            autoComplete="off"
            value={draft.value}
            error={errors.value}
            onChange={(event) => change({ value: event.currentTarget.value })}
          />
        )}
      </Group>
      {type?.parameters.map((parameter) => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          symbols={symbols}
          typed={draft.parameters[parameter.name]}
          error={errors[parameter.name]}
          onChange={(typed) => change({ parameters: { ...draft.parameters, [parameter.name]: typed } })}
        />
      ))}
      {type !== undefined && (asksForCurrency(draft, type) || errors.currency !== undefined) && (
        <TextInput
          label="Currency"
          value={draft.currency}
          error={errors.currency}
          onChange={(event) => change({ currency: event.currentTarget.value.toUpperCase() })}
        />
      )}
    </Stack>
  );
}

/** What happens at it, when it warns, and between which times it holds. */
export function LimitConduct({
  draft,
  change,
  type,
  errors,
}: {
  draft: LimitDraft;
  change: (changed: Partial<LimitDraft>) => void;
  type: LimitType | undefined;
  errors: Errors;
}) {
  const usual = type === undefined ? "" : ` (${ACTION_WORDS[type.action] ?? type.action})`;
  return (
    <Stack>
      <Select
        label="At the limit"
        allowDeselect={false}
        value={draft.action}
        error={errors.action}
        onChange={(value) => change({ action: value ?? "" })}
        data={[
          { value: "", label: `As the type does by itself${usual}` },
          ...ACTIONS.map((action) => ({ value: action, label: ACTION_WORDS[action] ?? action })),
        ]}
      />
      <TextInput
        label="Warns at, in percent"
        value={draft.thresholds}
        error={errors.thresholds_pct}
        onChange={(event) => change({ thresholds: event.currentTarget.value })}
      />
      <Group grow align="flex-start">
        <TextInput
          label="Holds from"
          description="Your time; empty: at once"
          type="datetime-local"
          value={draft.validFrom}
          error={errors.valid_from}
          onChange={(event) => change({ validFrom: event.currentTarget.value })}
        />
        <TextInput
          label="Until"
          description="Your time; empty: for good"
          type="datetime-local"
          value={draft.validUntil}
          error={errors.valid_until}
          onChange={(event) => change({ validUntil: event.currentTarget.value })}
        />
      </Group>
    </Stack>
  );
}
