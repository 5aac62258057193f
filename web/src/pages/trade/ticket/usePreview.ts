import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Api, answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { entryTerms, exitTerms } from "./bracket";
import { type TicketTerms, toOrderTerms } from "./terms";
import type { Finding } from "./verdicts";

export type OrderPreview = components["schemas"]["OrderPreview"];

export interface Previewed {
  readonly order: OrderPreview;
  readonly passes: boolean;
  readonly refusals: readonly Finding[];
}

const TYPING_MS = 300;
const LOOK_AGAIN_MS = 5_000;
const NAMELESS = "preview"; // Nothing is placed under it.

// Limits that look at an order alone: what they say of an exit before its entry has filled is what they will say then.
const OF_THE_ORDER_ALONE: ReadonlySet<string> = new Set([
  "PRICE_COLLAR",
  "MAX_ORDER_QTY",
  "MAX_ORDER_NOTIONAL",
  "ADV_PCT",
  "RESTRICTED_LIST",
  "ORDER_PERMISSION",
]);

/** Asked once typing rests; an answer to other terms than those that stand there is dropped and its call cancelled. */
export function usePreview(terms: TicketTerms, isReady: boolean) {
  const { api } = usePlatform();
  const asked = JSON.stringify(terms);
  const [settled] = useDebouncedValue(asked, TYPING_MS);
  const isSettled = settled === asked;
  const query = useQuery({
    queryKey: ["preview", asked],
    enabled: isReady && isSettled,
    queryFn: ({ signal }) => previewOf(api, terms, signal),
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_AGAIN_MS,
    gcTime: LOOK_AGAIN_MS,
    retry: false,
  });
  const isCurrent = isReady && isSettled && !query.isPlaceholderData;
  return {
    found: query.data,
    error: isCurrent ? query.error : null,
    /** Whether what was found is about the terms as they stand. */
    isCurrent: isCurrent && (query.data !== undefined || query.error !== null),
    again: () => void query.refetch(),
  };
}

async function previewOf(api: Api, terms: TicketTerms, signal: AbortSignal): Promise<Previewed> {
  const ask = (body: ReturnType<typeof toOrderTerms>) =>
    answerOf(api.POST("/orders/preview", { body, signal }));
  if (terms.kind !== "BRACKET") {
    const order = await ask(toOrderTerms(terms, NAMELESS));
    return { order, passes: order.passes, refusals: order.refusals };
  }
  const [order, exit] = await Promise.all([
    ask(entryTerms(terms, NAMELESS)),
    ask(exitTerms(terms, NAMELESS, null)),
  ]);
  const ofExit = exit.refusals.filter((refusal) => OF_THE_ORDER_ALONE.has(refusal.limit_type));
  const refusals = [...order.refusals, ...ofExit];
  return { order, passes: refusals.length === 0, refusals };
}
