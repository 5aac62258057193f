/**
 * One attempt to place an order has one client order id: however often it is sent, it is one order. It ends with an
 * answer; without one the next sending of the same terms is the same attempt.
 */
import type { TicketTerms } from "./terms";

export interface Attempt {
  readonly clientOrderId: string;
  readonly terms: TicketTerms;
}

export function attemptOf(last: Attempt | null, terms: TicketTerms, newId: () => string): Attempt {
  if (last !== null && JSON.stringify(last.terms) === JSON.stringify(terms)) return last;
  return { clientOrderId: newId(), terms };
}

const BRACKET_ID_CHARS = 30; // So that with the suffix of entry or exit it has the 36 characters that an id may have.

export function newClientOrderId(terms: Pick<TicketTerms, "kind">): string {
  const id = crypto.randomUUID();
  return terms.kind === "BRACKET" ? id.replaceAll("-", "").slice(0, BRACKET_ID_CHARS) : id;
}
