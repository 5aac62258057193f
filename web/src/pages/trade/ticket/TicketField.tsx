import { NativeSelect, Text, TextInput } from "@mantine/core";
import { FIELD_WORDS, labelOf } from "./fields";
import type { FieldName } from "./kinds";
import type { TicketTerms } from "./terms";
import { assetsOf } from "./verdicts";

const TRIGGERS = [
  { value: "LAST", label: "Last trade" },
  { value: "BEST", label: "Best price it could trade at" },
];

/** One field of the ticket that is typed. */
export function TicketField({
  field,
  terms,
  problem,
  onChange,
  onLeave,
}: {
  field: FieldName;
  terms: TicketTerms;
  problem: string | undefined;
  onChange: (value: string) => void;
  onLeave: () => void;
}) {
  const words = FIELD_WORDS[field];
  const value = terms[field];
  const label = labelOf(terms.kind, field);
  if (typeof value !== "string" || words === undefined) return null;
  if (words.input === "TRIGGER") {
    return (
      <NativeSelect
        label={label}
        data={TRIGGERS}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <AmountInput
      label={label}
      hint={words.hint}
      unit={unitOf(words.unit, terms.symbol)}
      value={value}
      problem={problem}
      onChange={onChange}
      onLeave={onLeave}
      isMoment={words.input === "MOMENT"}
      isAmount={words.unit !== undefined}
    />
  );
}

/** An amount or another short text, with its unit at the right. */
export function AmountInput({
  label,
  hint,
  unit,
  value,
  problem,
  onChange,
  onLeave,
  isMoment = false,
  isAmount = true,
  suggestions,
}: {
  label: string;
  hint?: string | undefined;
  unit?: string | undefined;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
  onLeave?: () => void;
  isMoment?: boolean;
  isAmount?: boolean;
  /** The id of a datalist. */
  suggestions?: string;
}) {
  return (
    <TextInput
      label={label}
      description={hint}
      type={isMoment ? "datetime-local" : "text"}
      inputMode={isAmount ? "decimal" : "text"}
      autoComplete="off"
      spellCheck={false}
      list={suggestions}
      value={value}
      error={problem}
      rightSection={
        unit === undefined ? undefined : (
          <Text size="xs" c="dimmed">
            {unit}
          </Text>
        )
      }
      rightSectionWidth={unit === undefined ? undefined : 56}
      onChange={(event) => onChange(event.currentTarget.value)}
      onBlur={onLeave}
    />
  );
}

function unitOf(unit: "BASE" | "QUOTE" | "%" | undefined, symbol: string): string | undefined {
  const { base, quote } = assetsOf(symbol);
  return unit === "BASE" ? base : unit === "QUOTE" ? quote : unit;
}
