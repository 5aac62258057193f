/** Where this platform is: `/config.json` beside the app, written by whoever serves it. */
export interface Config {
  /** Of the HTTP API, without a slash at its end. */
  readonly apiUrl: string;
  /** Of the notifications' WebSocket. */
  readonly notificationsUrl: string;
  /** Of the engine, whose `/channels` tell of markets and accounts. */
  readonly engineUrl: string;
}

const NAMES = { apiUrl: "api_url", notificationsUrl: "ws_url", engineUrl: "engine_url" } as const;

/** Throws an Error that says what is missing: without its addresses the app can do nothing. */
export function readConfig(told: unknown): Config {
  const found = (typeof told === "object" && told !== null ? told : {}) as Record<string, unknown>;
  const url = (name: string): string => {
    const value = found[name];
    if (typeof value !== "string" || !/^(https?|wss?):\/\/./.test(value)) {
      throw new Error(`config.json has no address under ${name}`);
    }
    return value.replace(/\/$/, "");
  };
  return {
    apiUrl: url(NAMES.apiUrl),
    notificationsUrl: url(NAMES.notificationsUrl),
    engineUrl: url(NAMES.engineUrl),
  };
}

export async function fetchConfig(): Promise<Config> {
  let answer: Response;
  try {
    answer = await fetch("/config.json", { cache: "no-store" });
  } catch {
    throw new Error("there is no connection. It tries again when there is one.");
  }
  if (!answer.ok) throw new Error(`config.json was answered with ${answer.status}`);
  return readConfig(await answer.json());
}
