import { Checkbox, NativeSelect, Stack } from "@mantine/core";
import { isMore } from "./fields";
import { type FieldName, KINDS } from "./kinds";
import { AmountInput, TicketField } from "./TicketField";
import { asksForEnd, mayRest, type TicketTerms, type TimeInForce } from "./terms";
import type { TicketProblems } from "./validation";

const TIME_IN_FORCE_WORDS: Readonly<Record<TimeInForce, string>> = {
  GTC: "GTC: until it is cancelled",
  DAY: "DAY: until the day of the account ends",
  GTD: "GTD: until a time",
  IOC: "IOC: now, and the rest is cancelled",
  FOK: "FOK: all of it now, or nothing",
};
const VENUES_ID = "ticket-venues";

export type SetTerm = <Field extends FieldName>(field: Field, value: TicketTerms[Field]) => void;

/** What most orders do not need. */
export function MoreFields({
  terms,
  problems,
  set,
  leave,
}: {
  terms: TicketTerms;
  problems: TicketProblems;
  set: SetTerm;
  leave: (field: FieldName) => void;
}) {
  const rules = KINDS[terms.kind];
  const isRouted = rules.algorithm !== null;
  return (
    <Stack gap="xs" pt="xs">
      {rules.timesInForce.length > 0 && (
        <NativeSelect
          label="Time in force"
          data={rules.timesInForce.map((value) => ({ value, label: TIME_IN_FORCE_WORDS[value] }))}
          value={terms.time_in_force}
          error={problems.time_in_force}
          onChange={(event) => set("time_in_force", event.currentTarget.value as TimeInForce)}
        />
      )}
      {asksForEnd(terms) && (
        <TicketField
          field="expire_time"
          terms={terms}
          problem={problems.expire_time}
          onChange={(value) => set("expire_time", value)}
          onLeave={() => leave("expire_time")}
        />
      )}
      {rules.fields
        .filter((field) => isMore(terms.kind, field))
        .map((field) => (
          <TicketField
            key={field}
            field={field}
            terms={terms}
            problem={problems[field]}
            onChange={(value) => set(field, value as never)}
            onLeave={() => leave(field)}
          />
        ))}
      <datalist id={VENUES_ID}>
        <option value="SIM">The simulated exchange</option>
        <option value="BOOK">The firm's own book</option>
      </datalist>
      {isRouted ? (
        <AmountInput
          label="Venues"
          hint="Names, as SIM, BINANCE. None: all that trade the symbol."
          isAmount={false}
          suggestions={VENUES_ID}
          value={terms.venues}
          problem={problems.venues}
          onChange={(value) => set("venues", value)}
          onLeave={() => leave("venues")}
        />
      ) : (
        <AmountInput
          label="Venue"
          isAmount={false}
          suggestions={VENUES_ID}
          value={terms.venue}
          problem={problems.venue}
          onChange={(value) => set("venue", value)}
          onLeave={() => leave("venue")}
        />
      )}
      {rules.mayBePostOnly && (
        <Checkbox
          label="Post-only"
          description="Refused instead of taking what rests."
          checked={terms.post_only}
          error={problems.post_only}
          disabled={!mayRest(terms.time_in_force)}
          onChange={(event) => set("post_only", event.currentTarget.checked)}
        />
      )}
      {terms.kind !== "BRACKET" && (
        <Checkbox
          label="Reduce only"
          description="Never grows or turns a position."
          checked={terms.reduce_only}
          error={problems.reduce_only}
          onChange={(event) => set("reduce_only", event.currentTarget.checked)}
        />
      )}
      {terms.side === "SELL" && (
        <Checkbox
          label="Located"
          description="A short sale of what was borrowed beforehand."
          checked={terms.located}
          error={problems.located}
          onChange={(event) => set("located", event.currentTarget.checked)}
        />
      )}
    </Stack>
  );
}
