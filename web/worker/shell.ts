/** What of the app a worker keeps: the files that it was built of, and nothing that anybody answered. */

const CACHE = "shell-";

/** Of what was built, by their addresses. `/config.json` is written by whoever serves it, so it is never among them. */
export function cacheName(files: readonly string[]): string {
  let hash = 0;
  for (const letter of files.join("\n")) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
  return `${CACHE}${(hash >>> 0).toString(16)}`;
}

/** The caches that nobody needs: not this version's, nor that of the tabs which were opened before it. */
export function outdated(names: readonly string[], own: string): string[] {
  const others = names.filter((name) => name.startsWith(CACHE) && name !== own);
  return others.slice(0, -1); // In the order in which they were made.
}

export type Source = "PAGE" | "FILE" | "NETWORK";

/** Whence a request is answered. Whatever is not a file of the app is the network's. */
export function sourceOf(
  request: { readonly method: string; readonly mode: string; readonly url: string },
  origin: string,
): Source {
  const { origin: asked, pathname } = new URL(request.url);
  if (request.method !== "GET" || asked !== origin) return "NETWORK";
  if (request.mode === "navigate") return "PAGE";
  return pathname.startsWith("/assets/") ? "FILE" : "NETWORK";
}

export interface Push {
  readonly title: string;
  readonly body: string;
  /** A later one about the same takes its place. */
  readonly tag: string;
  readonly address: string;
  readonly isUrgent: boolean;
}

/** What is shown for a push; something also for what cannot be read, because a browser shows a text of its own else. */
export function pushOf(text: string): Push {
  const told = read(text);
  const severity = textOf(told.severity);
  const alertId = textOf(told.alert_id);
  return {
    title: severity === "" ? "Breakwater" : `${severity}: ${textOf(told.title)}`,
    body: severity === "" ? "There is a new alert." : textOf(told.note),
    tag: alertId === "" ? "alerts" : alertId,
    address: /^[0-9a-f-]{36}$/.test(alertId) ? `/alerts/${alertId}` : "/alerts",
    isUrgent: severity === "CRITICAL",
  };
}

function read(text: string): Record<string, unknown> {
  try {
    const told: unknown = JSON.parse(text);
    return typeof told === "object" && told !== null ? (told as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
