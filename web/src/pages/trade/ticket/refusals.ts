/** Why an order was refused, or ended without a fill, in words that need no documentation. */
import { Problem, Unreachable } from "../../../api/problem";
import type { Finding } from "./verdicts";

export interface Explained {
  readonly title: string;
  readonly detail: string;
  readonly refusals: readonly Finding[];
  /** By which support finds it in the logs. */
  readonly correlationId: string | null;
}

const BY_CODE: Readonly<Record<string, string>> = {
  LIMIT_EXCEEDED: "Refused by a limit",
  NODE_STOPPED: "Trading is stopped",
  EXIT_BEYOND_ENTRY: "More than its entry can fill",
  ENTRY_FORGOTTEN: "What it exits from ended long ago: exit what that has filled, by itself",
  INVALID_REQUEST: "The order is not right as it is",
  NOT_PERMITTED: "You may not do this",
  SECOND_FACTOR_REQUIRED: "Sign in with your second factor first",
  RATE_LIMITED: "Too many requests: wait a moment",
  ORDER_ID_REUSED: "This was sent before, with other terms",
  ORDER_FINAL: "The order had ended before",
  NOT_FOUND: "There is no such order, or account, for you",
  REDUCE_ONLY: "There is no position that it would make smaller",
  POST_ONLY_WOULD_TAKE: "Post-only, and it would have traded at once",
  NO_LIQUIDITY: "Nothing to trade with at this price",
  FOK_NOT_FILLABLE: "It could not be filled as a whole at once",
  PRICE_BAND: "The market went beyond the price that was reserved for",
  COLLAR: "The price is too far from the market",
  SELF_TRADE: "It would have traded with the firm's own order",
  HALTED: "Trading in the symbol is halted",
  TOO_LATE: "It came too late to be taken",
  VOIDED: "Given up before the exchange heard of it",
  VENUE_UNREACHABLE: "The exchange does not answer",
  POSITIONS_STALE: "Positions are too old to judge an order by",
  LIMITS_UNAVAILABLE: "Limits cannot be judged at this moment",
  REPLACE_PENDING: "The change before this one is not decided yet",
  REPLACE_UNSUPPORTED: "It is not changed like that: cancel it and place it anew",
};

export function titleOf(code: string): string {
  return BY_CODE[code] ?? "Refused";
}

/** Of a no. Whoever got no answer is told by other words: see `isUnknown`. */
export function explained(error: Error): Explained {
  if (!(error instanceof Problem)) {
    return { title: "No answer", detail: error.message, refusals: [], correlationId: null };
  }
  const { document } = error;
  const said = error.said.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  return {
    title: titleOf(error.code),
    detail: [said.length > 0 ? said.join("; ") : error.message, document.suggested_action ?? ""]
      .filter((text) => text !== "")
      .join(" "),
    refusals: document.refusals ?? [],
    correlationId: document.correlation_id ?? null,
  };
}

/** Nobody knows whether the request was carried out: no answer, or one that says that the platform does not know. */
export function isUnknown(error: Error): boolean {
  return error instanceof Unreachable || (error instanceof Problem && error.status >= 500);
}
