/** Where this platform is: `/config.json` beside the app, written by whoever serves it. */
export interface Config {
  /** Of the HTTP API, without a slash at its end. */
  readonly apiUrl: string;
  /** Of the notifications' WebSocket. */
  readonly notificationsUrl: string;
  /** Of the engine, whose `/channels` tell of markets and accounts. */
  readonly engineUrl: string;
  /** Where people sign in, if it is not with a password in the app's own form. */
  readonly oidc: OidcConfig | null;
}

/** An issuer's addresses, and what the app is called there: a client without a secret, as a browser keeps none. */
export interface OidcConfig {
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly scopes: string;
  /** Where one is sent on signing out; null where the issuer has no such page. */
  readonly endSessionUrl: string | null;
}

const NAMES = { apiUrl: "api_url", notificationsUrl: "ws_url", engineUrl: "engine_url" } as const;

/** Throws an Error that says what is missing: without its addresses the app can do nothing. */
export function readConfig(told: unknown): Config {
  const found = named(told);
  const url = (name: string) => addressOf(found, name).replace(/\/$/, "");
  return {
    apiUrl: url(NAMES.apiUrl),
    notificationsUrl: url(NAMES.notificationsUrl),
    engineUrl: url(NAMES.engineUrl),
    oidc: found.oidc === undefined || found.oidc === null ? null : readOidc(named(found.oidc)),
  };
}

function readOidc(found: Record<string, unknown>): OidcConfig {
  const word = (name: string): string => {
    const value = found[name];
    if (typeof value !== "string" || value === "") throw new Error(`config.json has no oidc.${name}`);
    return value;
  };
  return {
    authorizationUrl: addressOf(found, "authorization_url"),
    tokenUrl: addressOf(found, "token_url"),
    clientId: word("client_id"),
    scopes: word("scopes"),
    endSessionUrl: found.end_session_url == null ? null : addressOf(found, "end_session_url"),
  };
}

function named(told: unknown): Record<string, unknown> {
  return (typeof told === "object" && told !== null ? told : {}) as Record<string, unknown>;
}

function addressOf(found: Record<string, unknown>, name: string): string {
  const value = found[name];
  if (typeof value !== "string" || !/^(https?|wss?):\/\/./.test(value)) {
    throw new Error(`config.json has no address under ${name}`);
  }
  return value;
}

export async function fetchConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`config.json was answered with ${answer.status}`);
  return readConfig(await answer.json());
}
