/** What pages say of alerts: their words, colours, and which of them a list shows. */
import type { components } from "../api/schema";

export type Alert = components["schemas"]["Alert"];
export type Delivery = components["schemas"]["Delivery"];
export type Severity = Alert["severity"];
export type Category = Alert["category"];

export const SEVERITIES: readonly Severity[] = ["CRITICAL", "ERROR", "WARNING", "INFO"];
export const CATEGORIES: readonly Category[] = [
  "RISK",
  "TRADE_FAILURE",
  "AUTHENTICATION",
  "VENUE",
  "MARKET_DATA",
  "RECONCILIATION",
  "COMMUNICATION",
  "SYSTEM",
  "GOVERNANCE",
];
export const COLOURS: Readonly<Record<Severity, string>> = {
  CRITICAL: "red",
  ERROR: "orange",
  WARNING: "yellow",
  INFO: "gray",
};
/** What the list is asked for, as its address has it; `all` where it does not matter. */
export interface AlertChoice {
  readonly state: string;
  readonly severity: string;
  readonly category: string;
}

export interface AlertQuery {
  is_open?: boolean;
  severity?: Severity;
  category?: Category;
}

/** An address may say anything: what is no word of ours is left out. */
export function queryOf({ state, severity, category }: AlertChoice): AlertQuery {
  const query: AlertQuery = {};
  if (state === "open") query.is_open = true;
  if (state === "acknowledged") query.is_open = false;
  const found = {
    severity: SEVERITIES.find((each) => each === severity),
    category: CATEGORIES.find((each) => each === category),
  };
  if (found.severity !== undefined) query.severity = found.severity;
  if (found.category !== undefined) query.category = found.category;
  return query;
}

/** Nobody has taken it up yet. */
export function isOpen(alert: Pick<Alert, "acknowledged_at">): boolean {
  return alert.acknowledged_at == null;
}

export function spoken(word: string): string {
  const lower = word.replaceAll("_", " ").toLowerCase();
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

/** The body without what the title has said already. */
export function restOf({ title, body }: Pick<Alert, "title" | "body">): string {
  const [first = "", ...rest] = body.trim().split("\n");
  return first.replace(/\.$/, "").trim() === title.trim() ? rest.join("\n").trim() : body.trim();
}

/** Where a message went, for people: a browser's id says nothing to anybody. */
export function receiverOf({ channel, destination }: Pick<Delivery, "channel" | "destination">): string {
  if (destination === "hidden") return "somebody";
  return channel === "PUSH" ? "a browser" : destination;
}
