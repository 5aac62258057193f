/** The forms of API keys and of clients of third parties, and what is sent of them. */
import type { components } from "../../../api/schema";
import { listOf, momentOf } from "../parts/moments";

type ApiKeyRequest = components["schemas"]["ApiKeyRequest"];
type OAuthClientRequest = components["schemas"]["OAuthClientRequest"];

export const SCOPES = [
  { value: "read", label: "read", description: "Orders, positions, limits, alerts" },
  { value: "trade", label: "trade", description: "Places and cancels orders" },
  { value: "cancel_only", label: "cancel only", description: "Cancels orders and places none" },
  { value: "admin", label: "admin", description: "Limits, stops, people; within your role" },
] as const;

/** What both ask: how far it reaches, from where and how long. */
export interface Narrowing {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly networks: string;
  /** As a field for date and time has it; empty: it does not expire. */
  readonly expires: string;
  readonly requestsPerMinute: number | null;
}

export const NOT_NARROWED: Narrowing = {
  name: "",
  scopes: ["read"],
  networks: "",
  expires: "",
  requestsPerMinute: null,
};

export interface KeyForm extends Narrowing {
  /** A secret that the server makes, or the public half of a pair whose private half stays with the caller. */
  readonly way: "HMAC" | "ED25519";
  readonly publicKey: string;
  readonly accountId: string | null;
}

export const NEW_KEY: KeyForm = { ...NOT_NARROWED, way: "HMAC", publicKey: "", accountId: null };

export function keyRequest(form: KeyForm): ApiKeyRequest {
  return {
    ...narrowing(form),
    account_id: form.accountId,
    public_key: form.way === "ED25519" ? `${form.publicKey.trim()}\n` : null,
  };
}

export interface ClientForm extends Narrowing {
  readonly userId: string | null;
}

export const NEW_CLIENT: ClientForm = { ...NOT_NARROWED, userId: null };

export function clientRequest(form: ClientForm): OAuthClientRequest {
  return { ...narrowing(form), user_id: form.userId ?? "" };
}

function narrowing(form: Narrowing) {
  return {
    name: form.name.trim(),
    scopes: SCOPES.map((scope) => scope.value).filter((scope) => form.scopes.includes(scope)),
    ip_allow: listOf(form.networks),
    expires_at: momentOf(form.expires),
    requests_per_minute_max: form.requestsPerMinute,
  };
}

/** What a key or client is now; `ENDS`: it was rotated, and works for its overlap. */
export type Standing = "WORKS" | "ENDS" | "EXPIRED" | "REVOKED";

export function standingOf(
  key: { revoked_at: string | null; expires_at: string | null; replaced_by?: string | null },
  now: Date,
): Standing {
  if (key.revoked_at !== null && new Date(key.revoked_at) <= now) return "REVOKED";
  if (key.expires_at !== null && new Date(key.expires_at) <= now) return "EXPIRED";
  return (key.replaced_by ?? null) === null ? "WORKS" : "ENDS";
}
