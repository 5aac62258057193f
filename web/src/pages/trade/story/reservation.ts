/** What an order holds of limits, in words. */
import Big from "big.js";
import type { components } from "../../../api/schema";
import { shownAmount } from "../../../ui/amounts";
import { assetsOf } from "../ticket/verdicts";

export type ReservationView = components["schemas"]["ReservationView"];

export function isHeld({ state }: ReservationView): boolean {
  return state !== "FINAL";
}

/** `quantity` of it, each unit at the most that it may trade at. */
export function heldWords(held: ReservationView, quantity: string, symbol: string): string {
  const { base, quote } = assetsOf(symbol);
  const most = new Big(quantity).times(held.valuation_price).toFixed();
  const unit = shownAmount(held.valuation_price);
  return `${shownAmount(quantity)} ${base} at ${unit} at most, together ${shownAmount(most)} ${quote}`;
}

/** `names`: of nodes by their ids; of those that are gone, or that one does not see, the id's beginning stands there. */
export function heldAt(held: ReservationView, names: ReadonlyMap<string, string>): string {
  return held.node_ids.map((nodeId) => names.get(nodeId) ?? nodeId.slice(0, 8)).join(", ");
}
