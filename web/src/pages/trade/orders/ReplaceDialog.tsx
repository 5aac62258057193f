import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { shownAmount } from "../../../ui/amounts";
import { formProblem } from "../../../ui/formProblem";
import { useAction } from "../../../ui/useAction";
import { useInstruments } from "../reads";
import { Refusals } from "../ticket/Refusals";
import { explained, isUnknown } from "../ticket/refusals";
import { AmountInput } from "../ticket/TicketField";
import { label } from "./columns";
import type { ShownOrder } from "./merge";
import { type ReplaceTerms, replaceProblems, replaceTerms, type Wanted } from "./replace";

/** A new price or quantity. Sent again after no answer it is the same change. */
export function ReplaceDialog({ order, onClose }: { order: ShownOrder; onClose: () => void }) {
  const { api } = usePlatform();
  const [wanted, setWanted] = useState<Wanted>({ quantity: order.quantity, price: order.price ?? "" });
  const instrument = useInstruments().data?.items.find((each) => each.symbol === order.symbol);
  const attempt = useRef<{ id: string; wanted: Wanted } | null>(null);
  const action = useAction(
    (terms: ReplaceTerms) => {
      const path = { order_id: order.order_id };
      return answerOf(api.PATCH("/orders/{order_id}", { params: { path }, body: terms }));
    },
    { changes: [["orders"]], onDone: onClose },
  );
  const problems = instrument === undefined ? {} : replaceProblems(wanted, order, instrument);
  const told = formProblem(action.error, ["quantity", "price"]);
  const refusals = action.error === null ? [] : explained(action.error).refusals;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const isRetry = attempt.current?.wanted === wanted && action.error !== null && isUnknown(action.error);
    if (!isRetry) attempt.current = { id: crypto.randomUUID(), wanted };
    const terms = replaceTerms(wanted, order, attempt.current?.id ?? "");
    if (terms === null) onClose();
    else if (Object.keys(problems).length === 0) action.run(terms);
  };
  return (
    <Modal opened onClose={onClose} title={`Change ${label(order)}`} centered>
      <form onSubmit={submit} noValidate>
        <Stack>
          <Text size="sm">
            {shownAmount(order.cum_qty)} of {shownAmount(order.quantity)} filled. The quantity is the whole,
            with what has filled. A better price or more of it goes to the end of its queue.
          </Text>
          {refusals.length > 0 ? (
            <Alert color="red" role="alert" title="Refused by a limit; the order stays as it was">
              <Refusals
                refusals={refusals}
                symbol={order.symbol}
                onTake={(quantity) => setWanted({ ...wanted, quantity })}
              />
            </Alert>
          ) : (
            told.rest !== null && (
              <Alert color="red" role="alert">
                {told.rest}
              </Alert>
            )
          )}
          <AmountInput
            label="Quantity"
            unit={instrument?.base_asset}
            value={wanted.quantity}
            problem={problems.quantity ?? told.fields.quantity}
            onChange={(quantity) => setWanted({ ...wanted, quantity })}
          />
          <AmountInput
            label="Price"
            unit={instrument?.quote_asset}
            value={wanted.price}
            problem={problems.price ?? told.fields.price}
            onChange={(price) => setWanted({ ...wanted, price })}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={action.isRunning} disabled={instrument === undefined}>
              Change it
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
