import { Alert, Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { useAction } from "../../../ui/useAction";
import { TERM_FIELDS, type TermField, termsDraftOf, termsSettingOf } from "../model/riskTerms";
import type { RiskTerms } from "../model/types";

const WORDS: Readonly<Record<TermField, readonly [label: string, description: string]>> = {
  average_daily_qty: ["Average daily volume", "of 20 days, in base units"],
  initial_margin: ["Initial margin", "a part of the notional: 0.1 is 10 %"],
  daily_volatility: ["Daily volatility", "a part: 0.03 is 3 %"],
  sector: ["Sector", ""],
  as_of: ["As of", "volume and volatility older than seven days do not count"],
};

/** Replaces all that the firm says of one instrument. */
export function RiskTermsDialog({ terms, onClose }: { terms: RiskTerms; onClose: () => void }) {
  const { api } = usePlatform();
  const [draft, setDraft] = useState(termsDraftOf(terms));
  const action = useAction<void, unknown>(
    () => answerOf(api.PUT("/limits/risk-terms", { body: termsSettingOf(terms.symbol, draft) })),
    { changes: [["risk-terms"], ["limits"]], onDone: onClose },
  );
  const { fields, rest } = formProblem(action.error, TERM_FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.run();
  };
  return (
    <Modal opened onClose={onClose} title={`Risk terms of ${terms.symbol}`} centered>
      <form onSubmit={submit}>
        <Stack>
          {rest !== null && (
            <Alert color="red" role="alert">
              {rest}
            </Alert>
          )}
          {TERM_FIELDS.map((field) => (
            <TextInput
              key={field}
              label={WORDS[field][0]}
              description={WORDS[field][1]}
              type={field === "as_of" ? "date" : "text"}
              inputMode={field === "sector" ? "text" : "decimal"}
              autoComplete="off"
              value={draft[field]}
              error={fields[field]}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                setDraft((before) => ({ ...before, [field]: typed }));
              }}
            />
          ))}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={action.isRunning}>
              Set
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
