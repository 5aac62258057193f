/** The words of alerting, in the order in which people read them. docs/alerts.md */
import type { components } from "../../../api/schema";

type Schemas = components["schemas"];
export type Category = Schemas["Alert"]["category"];
export type Severity = Schemas["Alert"]["severity"];
export type Routes = Schemas["AlertRoutes"];
export type Audience = NonNullable<Routes["routes"][string]>[number];
export type Channel = NonNullable<Routes["channels"][string]>[number];

export const CATEGORIES: Readonly<Record<Category, string>> = {
  RISK: "Limits, stopped nodes, dead man's switches",
  TRADE_FAILURE: "Orders that were refused, or of which nobody knows what became",
  AUTHENTICATION: "Sign-ins, keys, second factors",
  VENUE: "An exchange, its API, our keys there",
  MARKET_DATA: "Prices that are silent or old",
  RECONCILIATION: "What an exchange says and what is here differ",
  COMMUNICATION: "Somebody could not be told",
  SYSTEM: "The platform itself",
  GOVERNANCE: "Limits, overrides and rights that people changed",
};
export const CATEGORY_NAMES = Object.keys(CATEGORIES) as Category[];

export const SEVERITIES: readonly Severity[] = ["INFO", "WARNING", "ERROR", "CRITICAL"];

export const SEVERITY_COLOURS: Readonly<Record<string, string>> = {
  INFO: "gray",
  WARNING: "yellow",
  ERROR: "orange",
  CRITICAL: "red",
};

export const AUDIENCES: readonly Audience[] = [
  "USER",
  "RISK",
  "ADMIN",
  "SECURITY",
  "SUPPORT",
  "TECHNICAL",
  "OPERATIONS",
  "DEVOPS",
  "MANAGER",
  "EXECUTIVE",
  "ON_CALL",
];

/** Audiences that are no roles and no groups. */
export const AUDIENCES_BY_NATURE: Readonly<Partial<Record<Audience, string>>> = {
  USER: "whoever was given the account that it is about",
  ON_CALL: "whoever the rota says",
};

/** The ways that an organisation chooses; WebSocket and webhooks hear of everything. */
export const CHANNELS: readonly Channel[] = ["EMAIL", "SLACK", "TELEGRAM", "SMS", "PUSH"];

export function spoken(word: string): string {
  return word.toLowerCase().replaceAll("_", " ");
}

export function categoryChoices(): { value: Category; label: string }[] {
  return CATEGORY_NAMES.map((value) => ({ value, label: spoken(value) }));
}
