import { Chip, Group, Input, MultiSelect, Select, TagsInput, TextInput } from "@mantine/core";
import { choicesOf, type ParameterDraft, WEEK } from "../model/limitForm";
import { type Hours, hoursOf } from "../model/limitWords";
import type { LimitParameter } from "../model/types";

interface FieldProps {
  readonly parameter: LimitParameter;
  readonly typed: ParameterDraft | undefined;
  readonly error: string | undefined;
  readonly onChange: (typed: ParameterDraft) => void;
}

/** One parameter of a limit, written as its kind asks for. */
export function ParameterField({ symbols, ...field }: FieldProps & { symbols: readonly string[] }) {
  const { parameter, typed, error, onChange } = field;
  const common = {
    label: nameOf(parameter),
    description: parameter.about,
    required: parameter.is_required,
    error,
  };
  const choices = choicesOf(parameter);
  switch (parameter.kind) {
    case "HOURS":
      return <HoursField {...field} />;
    case "WORDS":
      return choices.length > 0 ? (
        <MultiSelect {...common} value={wordsOf(typed)} onChange={onChange} data={choices} clearable />
      ) : (
        <TagsInput
          {...common}
          value={wordsOf(typed)}
          onChange={(words) => onChange(words.map((word) => word.trim().toUpperCase()))}
          data={parameter.name === "symbols" ? symbols : []}
        />
      );
    case "WORD":
      return (
        <Select
          {...common}
          value={typeof typed === "string" && typed !== "" ? typed : null}
          onChange={(word) => onChange(word ?? "")}
          data={choices}
          clearable={!parameter.is_required}
        />
      );
    default:
      return (
        <TextInput
          {...common}
          inputMode={parameter.kind === "INTEGER" ? "numeric" : "decimal"}
          autoComplete="off"
          value={typeof typed === "string" ? typed : ""}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

const ALL_DAY: Hours = { days: [], from: "09:00", until: "17:30" };

/** Days and times by the node's clock. Without a day it is left out. */
function HoursField({ parameter, typed, error, onChange }: FieldProps) {
  const hours = hoursOf(typed) ?? ALL_DAY;
  return (
    <Input.Wrapper
      label={nameOf(parameter)}
      description={parameter.about}
      error={error}
      required={parameter.is_required}
      labelElement="div"
    >
      <Chip.Group
        multiple
        value={[...hours.days]}
        onChange={(days) => onChange({ ...hours, days: inOrder(days) })}
      >
        <Group gap={4} my="xs" role="group" aria-label="Days">
          {WEEK.map((day) => (
            <Chip key={day} value={day} size="xs">
              {day}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      <Group grow>
        <TextInput
          label="From"
          type="time"
          value={hours.from}
          onChange={(event) => onChange({ ...hours, from: event.currentTarget.value })}
        />
        <TextInput
          label="Until"
          type="time"
          value={hours.until}
          onChange={(event) => onChange({ ...hours, until: event.currentTarget.value })}
        />
      </Group>
    </Input.Wrapper>
  );
}

function nameOf(parameter: LimitParameter): string {
  if (parameter.name === "window_s") return "Window, in seconds";
  if (parameter.name === "cool_down_s") return "Cool-down, in seconds";
  const words = parameter.name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function wordsOf(typed: ParameterDraft | undefined): string[] {
  return Array.isArray(typed) ? typed.map(String) : [];
}

function inOrder(days: readonly string[]): readonly string[] {
  return WEEK.filter((day) => days.includes(day));
}
