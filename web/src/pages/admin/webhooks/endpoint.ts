/** The form of a webhook's endpoint, and what is sent of it. */
import type { components } from "../../../api/schema";
import { listOf, momentOf, typedMoment } from "../parts/moments";

type Schemas = components["schemas"];
export type Endpoint = Schemas["WebhookEndpoint"];

export interface EndpointForm {
  readonly name: string;
  readonly url: string;
  readonly topics: readonly string[];
  /** All accounts, and what is the organisation's own; or some accounts alone. */
  readonly isOfAll: boolean;
  readonly accountIds: readonly string[];
}

export const NEW_ENDPOINT: EndpointForm = { name: "", url: "", topics: [], isOfAll: true, accountIds: [] };

/** What one mostly wants; others are typed. */
export const TOPICS: readonly string[] = [
  "*",
  "orders.*",
  "trades.TradeExecuted.v1",
  "trades.*",
  "alerts.AlertRaised.v2",
  "alerts.AlertAcknowledged.v1",
  "alerts.IncidentCalled.v1",
  "alerts.*",
  "limits.LimitBreached.v1",
  "limits.LimitBreached.v2",
  "limits.NodeStateChanged.v1",
  "limits.*",
  "system.HealthChanged.v1",
  "users.*",
  "identity.*",
  "security.*",
  "webhooks.*",
];

export function endpointForm(endpoint: Endpoint): EndpointForm {
  return {
    name: endpoint.name,
    url: endpoint.url,
    topics: endpoint.topics,
    isOfAll: endpoint.account_ids === null,
    accountIds: endpoint.account_ids ?? [],
  };
}

export function endpointRequest(form: EndpointForm): Schemas["WebhookEndpointRequest"] {
  return {
    name: form.name.trim(),
    url: form.url.trim(),
    topics: listOf(form.topics.join("\n")),
    account_ids: form.isOfAll ? null : [...form.accountIds],
  };
}

/** Only what differs is sent; null where nothing does. */
export function endpointChange(
  before: Endpoint,
  form: EndpointForm,
): Schemas["WebhookEndpointChange"] | null {
  const wanted = endpointRequest(form);
  const change: Schemas["WebhookEndpointChange"] = {};
  if (wanted.name !== before.name) change.name = wanted.name;
  if (wanted.url !== before.url) change.url = wanted.url;
  if (!isSame(wanted.topics, before.topics)) change.topics = wanted.topics;
  if (!isSame(wanted.account_ids ?? null, before.account_ids))
    change.account_ids = wanted.account_ids ?? null;
  return Object.keys(change).length === 0 ? null : change;
}

/**
 * A period to send again, or what is wrong with it. `goesOn`: where the one before stopped because there was more than a
 * request takes; the field shows its minute, and what it says exactly is sent while nobody changed that.
 */
export function redeliveryPeriod(
  since: string,
  until: string,
  goesOn: string | null = null,
): { readonly body: Schemas["RedeliveryPeriod"] } | { readonly problem: string } {
  const isGoingOn = goesOn !== null && since === typedMoment(new Date(goesOn));
  const from = isGoingOn ? goesOn : momentOf(since);
  const to = momentOf(until);
  if (from === null || to === null) return { problem: "say both times" };
  if (new Date(from) >= new Date(to)) return { problem: "it ends after it begins" };
  return { body: { since: from, until: to } };
}

function isSame(one: readonly string[] | null, other: readonly string[] | null): boolean {
  if (one === null || other === null) return one === other;
  const sorted = (list: readonly string[]) => [...list].sort().join("\n");
  return sorted(one) === sorted(other);
}
