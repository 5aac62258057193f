import { useRef, useState } from "react";
import { type Api, answerOf } from "../../../api/client";
import type { Problem } from "../../../api/problem";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import type { Order } from "../orderWords";
import { type Attempt, attemptOf, newClientOrderId } from "./attempts";
import { placeBracket } from "./bracket";
import { isUnknown } from "./refusals";
import { type TicketTerms, toOrderTerms } from "./terms";

export type Placed =
  | {
      readonly kind: "PLACED";
      readonly orders: readonly Order[];
      /** Of a bracket, whose exit may come to something else than its entry. */
      readonly note: string | null;
      readonly refusal: Problem | null;
    }
  | { readonly kind: "REFUSED"; readonly error: Error; readonly terms: TicketTerms }
  /** Nobody knows whether it arrived. */
  | { readonly kind: "UNKNOWN"; readonly attempt: Attempt; readonly detail: string };

const NOT_TWICE_WITHIN_MS = 700; // The second click of a double click is not a second order.
const ASK_AGAIN_MS = 500;

/** `onPlaced`: once the platform has taken it. */
export function usePlacing(onPlaced: () => void) {
  const { api } = usePlatform();
  const last = useRef<Attempt | null>(null);
  const answeredAt = useRef(0);
  const [placed, setPlaced] = useState<Placed | null>(null);
  const conclude = (outcome: Placed) => {
    answeredAt.current = performance.now();
    if (outcome.kind !== "UNKNOWN") last.current = null;
    setPlaced(outcome);
    if (outcome.kind === "PLACED") onPlaced();
  };
  const action = useAction((attempt: Attempt) => send(api, attempt), {
    changes: [["orders"], ["positions"], ["portfolio"], ["trades"], ["preview"]],
    onDone: conclude,
  });
  return {
    placed,
    isSending: action.isRunning,
    place: (terms: TicketTerms) => {
      if (performance.now() - answeredAt.current < NOT_TWICE_WITHIN_MS) return;
      last.current = attemptOf(last.current, terms, () => newClientOrderId(terms));
      action.run(last.current);
    },
    /** It was found under its client order id. */
    arrived: (order: Order) => conclude({ kind: "PLACED", orders: [order], note: null, refusal: null }),
    /** Another order may be made; this one may still turn up in the list. */
    forget: () => {
      last.current = null;
      setPlaced(null);
    },
  };
}

async function send(api: Api, attempt: Attempt): Promise<Placed> {
  const { terms, clientOrderId } = attempt;
  const place = (body: ReturnType<typeof toOrderTerms>) => answerOf(api.POST("/orders", { body }));
  try {
    if (terms.kind !== "BRACKET") {
      const order = await place(toOrderTerms(terms, clientOrderId));
      return { kind: "PLACED", orders: [order], note: null, refusal: null };
    }
    const { entry, exit, refusal, note } = await placeBracket(terms, clientOrderId, {
      place,
      order: (orderId) => answerOf(api.GET("/orders/{order_id}", at(orderId))),
      cancel: (orderId) => answerOf(api.DELETE("/orders/{order_id}", at(orderId))),
      wait: () => new Promise((done) => setTimeout(done, ASK_AGAIN_MS)),
    });
    return { kind: "PLACED", orders: exit === null ? [entry] : [entry, exit], note, refusal };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (isUnknown(error)) return { kind: "UNKNOWN", attempt, detail: error.message };
    return { kind: "REFUSED", error, terms };
  }
}

function at(orderId: string) {
  return { params: { path: { order_id: orderId } } };
}
