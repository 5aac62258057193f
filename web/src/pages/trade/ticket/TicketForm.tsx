import { Box, Button, Collapse, NativeSelect, SegmentedControl, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { type FormEvent, useEffect, useId, useState } from "react";
import type { components } from "../../../api/schema";
import { formProblem } from "../../../ui/formProblem";
import { actionWords, isMore } from "./fields";
import { type FieldName, KIND_GROUPS, KINDS, type Kind } from "./kinds";
import { MoreFields, type SetTerm } from "./MoreFields";
import { Outcome } from "./Outcome";
import { PreviewPanel } from "./PreviewPanel";
import { AmountInput, TicketField } from "./TicketField";
import { atPrice, newTerms, ofKind, type Side, type TicketTerms } from "./terms";
import { usePlacing } from "./usePlacing";
import { usePreview } from "./usePreview";
import { type Instrument, problemsOf } from "./validation";

const SIDES = [
  { value: "BUY", label: "Buy" },
  { value: "SELL", label: "Sell" },
];
const KIND_CHOICES = KIND_GROUPS.map(({ group, kinds }) => ({
  group,
  items: kinds.map((kind) => ({ value: kind, label: KINDS[kind].label })),
}));

/** `price`: one that was pointed at, as in the book; it is taken over when it changes. */
export function TicketForm({
  instrument,
  accounts,
  initial,
  price,
}: {
  instrument: Instrument;
  accounts: readonly components["schemas"]["Account"][];
  initial: Partial<TicketTerms>;
  price: string | undefined;
}) {
  const [terms, setTerms] = useState<TicketTerms>(() => ({
    ...newTerms(instrument.symbol, accounts[0]?.account_id ?? ""),
    ...initial,
    ...(price === undefined ? {} : { price }),
  }));
  const [pointedAt, setPointedAt] = useState(price);
  if (price !== pointedAt) {
    setPointedAt(price);
    if (price !== undefined) setTerms(atPrice(terms, price));
  }
  const [left, setLeft] = useState<ReadonlySet<FieldName>>(new Set());
  const [isMoreOpen, { toggle: toggleMore }] = useDisclosure(false);
  const moreId = useId();

  const set: SetTerm = (field, value) => setTerms((before) => ({ ...before, [field]: value }));
  const leave = (field: FieldName) => setLeft((before) => new Set(before).add(field));
  const take = (quantity: string) => set("quantity", quantity);

  const rules = KINDS[terms.kind];
  const problems = problemsOf(terms, instrument);
  const isReady = Object.keys(problems).length === 0;
  const preview = usePreview(terms, isReady);
  // An empty ticket after an order: a second click finds nothing to send.
  const { placed, isSending, place, arrived, forget } = usePlacing(() => {
    set("quantity", "");
    setLeft(new Set());
  });
  const isBlocked = placed?.kind === "UNKNOWN";
  const mayGo = preview.isCurrent && preview.error === null && preview.found?.passes === true;

  // Enter before the preview has come: it is sent when limits let these terms pass, and not after they were changed.
  const [waiting, setWaiting] = useState<TicketTerms | null>(null);
  useEffect(() => {
    if (waiting === null || !preview.isCurrent) return;
    setWaiting(null);
    if (waiting === terms && mayGo && !isBlocked) place(terms);
  });
  if (waiting !== null && waiting !== terms) setWaiting(null);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setLeft(
      new Set<FieldName>([
        "quantity",
        "price",
        "account_id",
        "venue",
        "venues",
        "expire_time",
        ...rules.fields,
      ]),
    );
    if (!isReady || isBlocked || isSending) return;
    if (mayGo) place(terms);
    else if (!preview.isCurrent) setWaiting(terms);
  };

  // What was refused as it stands there still: once the terms are others, it says nothing of them.
  const refused = placed?.kind === "REFUSED" && placed.terms === terms ? placed.error : null;
  const moreFields = [
    ...rules.fields,
    "venue",
    "venues",
    "time_in_force",
    "expire_time",
    "post_only",
    "reduce_only",
    "located",
  ] as const;
  const told = formProblem(preview.error ?? refused, ["quantity", "price", "account_id", ...moreFields]);
  const problemAt = (field: FieldName): string | undefined => {
    const own = left.has(field) || terms[field] !== "" ? problems[field] : undefined;
    return own ?? told.fields[field];
  };
  const shown = Object.fromEntries(moreFields.map((field) => [field, problemAt(field)]));
  const isMoreWrong = moreFields.some(
    (field) =>
      (isMore(terms.kind, field) || !rules.fields.includes(field)) &&
      (problems[field] ?? told.fields[field]) !== undefined,
  );

  return (
    <Stack gap="sm">
      <form onSubmit={submit} aria-label="Order ticket" noValidate>
        <Stack gap="xs">
          <SegmentedControl
            fullWidth
            data={SIDES}
            value={terms.side}
            color={terms.side === "BUY" ? "teal" : "red"}
            onChange={(side) => set("side", side as Side)}
            aria-label="Side"
          />
          <NativeSelect
            label="Order type"
            description={rules.about}
            data={KIND_CHOICES}
            value={terms.kind}
            onChange={(event) => setTerms(ofKind(terms, event.currentTarget.value as Kind))}
          />
          {accounts.length > 1 && (
            <NativeSelect
              label="Account"
              data={accounts.map((account) => ({ value: account.account_id, label: account.name }))}
              value={terms.account_id}
              error={problemAt("account_id")}
              onChange={(event) => set("account_id", event.currentTarget.value)}
            />
          )}
          <AmountInput
            label="Quantity"
            unit={instrument.base_asset}
            value={terms.quantity}
            problem={problemAt("quantity")}
            onChange={(value) => set("quantity", value)}
          />
          {rules.price !== "NONE" && (
            <AmountInput
              label={rules.priceLabel}
              unit={instrument.quote_asset}
              value={terms.price}
              problem={problemAt("price")}
              onChange={(value) => set("price", value)}
            />
          )}
          {rules.fields
            .filter((field) => !isMore(terms.kind, field))
            .map((field) => (
              <TicketField
                key={field}
                field={field}
                terms={terms}
                problem={problemAt(field)}
                onChange={(value) => set(field, value as never)}
                onLeave={() => leave(field)}
              />
            ))}
          <Box>
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={toggleMore}
              aria-expanded={isMoreOpen || isMoreWrong}
              aria-controls={moreId}
            >
              {isMoreOpen ? "Less" : "More"}
            </Button>
            <Collapse expanded={isMoreOpen || isMoreWrong} id={moreId}>
              <MoreFields terms={terms} problems={shown} set={set} leave={leave} />
            </Collapse>
          </Box>
          <PreviewPanel
            found={isReady ? preview.found : undefined}
            error={preview.error}
            isOld={!preview.isCurrent}
            symbol={terms.symbol}
            onTake={take}
            onAgain={preview.again}
          />
          <Button
            type="submit"
            fullWidth
            color={terms.side === "BUY" ? "teal" : "red"}
            loading={isSending || waiting !== null}
            disabled={isBlocked || (preview.isCurrent && !mayGo)}
          >
            {actionWords(terms)}
          </Button>
          {isBlocked && (
            <Text size="xs" c="dimmed">
              First it has to be known what became of the last one, or you leave it.
            </Text>
          )}
        </Stack>
      </form>
      {placed !== null && (
        <Outcome
          placed={placed}
          onTake={take}
          onArrived={arrived}
          onAgain={(attempt) => place(attempt.terms)}
          onForget={forget}
        />
      )}
    </Stack>
  );
}
