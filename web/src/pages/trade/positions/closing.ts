/** The order that closes a position. */
import Big from "big.js";
import type { components } from "../../../api/schema";
import type { TicketTerms } from "../ticket/terms";

type Position = components["schemas"]["Position"];

export function isFlat(position: Pick<Position, "quantity">): boolean {
  return new Big(position.quantity).eq(0);
}

/** At market, of the other side, and never more than is held. */
export function closingTerms(position: Pick<Position, "quantity">): Partial<TicketTerms> {
  const quantity = new Big(position.quantity);
  return {
    kind: "MARKET",
    time_in_force: "IOC",
    side: quantity.gt(0) ? "SELL" : "BUY",
    quantity: quantity.abs().toFixed(),
    reduce_only: true,
  };
}
