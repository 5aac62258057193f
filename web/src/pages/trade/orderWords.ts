/** The words of orders: states, sides, and how one is worked. */
import type { components } from "../../api/schema";
import { shownAmount } from "../../ui/amounts";
import { mayRest } from "./ticket/terms";

export type Order = components["schemas"]["Order"];
export type OrdStatus = components["schemas"]["OrdStatus"];

export const OPEN_STATUSES = ["PENDING_NEW", "NEW", "PARTIALLY_FILLED", "PENDING_CANCEL", "UNKNOWN"] as const;
export const FINAL_STATUSES = ["FILLED", "CANCELED", "REJECTED", "EXPIRED"] as const;

const FINAL: ReadonlySet<OrdStatus> = new Set(FINAL_STATUSES);

export function isFinal(status: OrdStatus): boolean {
  return FINAL.has(status);
}

const STATUS_WORDS: Readonly<Record<OrdStatus, string>> = {
  PENDING_NEW: "On its way",
  NEW: "Open",
  PARTIALLY_FILLED: "Partly filled",
  FILLED: "Filled",
  PENDING_CANCEL: "Being cancelled",
  CANCELED: "Cancelled",
  REJECTED: "Refused",
  EXPIRED: "Expired",
  UNKNOWN: "Not known yet",
};

export function statusWords(status: OrdStatus): string {
  return STATUS_WORDS[status];
}

export const STATUS_COLOURS: Readonly<Record<OrdStatus, string>> = {
  PENDING_NEW: "blue",
  NEW: "blue",
  PARTIALLY_FILLED: "blue",
  FILLED: "teal",
  PENDING_CANCEL: "gray",
  CANCELED: "gray",
  REJECTED: "red",
  EXPIRED: "gray",
  UNKNOWN: "orange",
};

/** "LIMIT GTC", or how the router works it: "TWAP 600 s", "STOP at 2,500". */
export function typeWords(order: Pick<Order, "type" | "time_in_force" | "execution" | "post_only">): string {
  const { execution } = order;
  const plain = `${order.type} ${order.time_in_force}${order.post_only ? ", post-only" : ""}`;
  if (execution === null) return plain;
  const name = (execution.algorithm ?? "BEST").replaceAll("_", " ");
  const terms: string[] = [];
  if ("duration_s" in execution && execution.duration_s) terms.push(`${execution.duration_s} s`);
  if ("display_qty" in execution) terms.push(`shows ${shownAmount(execution.display_qty)}`);
  if ("stop_px" in execution) terms.push(`at ${shownAmount(execution.stop_px)}`);
  if ("offset" in execution && execution.offset) terms.push(`${shownAmount(execution.offset)} behind`);
  if ("percent" in execution && execution.percent) terms.push(`${shownAmount(execution.percent)} %`);
  return [name, ...terms].join(" ");
}

/** The router's orders, and those that the engine took by itself, are cancelled and placed anew instead. */
export function mayBeReplaced(
  order: Pick<Order, "status" | "type" | "time_in_force" | "execution" | "is_leased">,
): boolean {
  return (
    order.type === "LIMIT" &&
    order.execution === null &&
    mayRest(order.time_in_force) &&
    !order.is_leased &&
    (order.status === "NEW" || order.status === "PARTIALLY_FILLED")
  );
}

export function mayBeCanceled(order: Pick<Order, "status">): boolean {
  return !isFinal(order.status) && order.status !== "PENDING_CANCEL";
}
