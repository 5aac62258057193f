/** Other terms for an order that rests. */
import type { components } from "../../../api/schema";
import { amountOf, type Instrument, priceProblem, quantityProblem } from "../ticket/validation";
import type { ShownOrder } from "./merge";

export type ReplaceTerms = components["schemas"]["ReplaceTerms"];

export interface Wanted {
  /** The whole, with what has traded. */
  readonly quantity: string;
  readonly price: string;
}

export type ReplaceProblems = Partial<Record<keyof Wanted, string>>;

export function replaceProblems(wanted: Wanted, order: ShownOrder, instrument: Instrument): ReplaceProblems {
  const problems: ReplaceProblems = {};
  const price = priceProblem(wanted.price, instrument);
  if (price !== null) problems.price = price;
  const quantity = quantityProblem(wanted.quantity, instrument) ?? filledProblem(wanted.quantity, order);
  if (quantity !== null) problems.quantity = quantity;
  return problems;
}

function filledProblem(quantity: string, { cum_qty }: ShownOrder): string | null {
  return amountOf(quantity)?.lte(cum_qty)
    ? `Has to be more than the ${cum_qty} that filled: cancel it instead.`
    : null;
}

/** Only what differs is asked for; null where nothing does. */
export function replaceTerms(wanted: Wanted, order: ShownOrder, replaceId: string): ReplaceTerms | null {
  const isOther = (one: string, other: string | null) => other === null || !amountOf(one)?.eq(other);
  const quantity = isOther(wanted.quantity, order.quantity) ? wanted.quantity.trim() : null;
  const price = isOther(wanted.price, order.price) ? wanted.price.trim() : null;
  return quantity === null && price === null ? null : { replace_id: replaceId, quantity, price };
}
