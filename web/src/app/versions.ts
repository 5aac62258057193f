/** The service worker: registered, looked after, and a word when the app on the server is another than this one. */

/** Keeping the app's files takes a slow machine as long as showing its first page, which comes first. */
const KEEP_AFTER_MS = 4_000;
const LOOK_EVERY_MS = 15 * 60_000;

/** Whether the page of now still loads the script that runs here. */
export function isSameVersion(html: string, ownScripts: readonly string[]): boolean {
  return ownScripts.every((script) => html.includes(script));
}

function ownScripts(): string[] {
  const found = document.querySelectorAll<HTMLScriptElement>('script[type="module"][src]');
  return [...found].map((script) => new URL(script.src).pathname);
}

async function isNewer(): Promise<boolean> {
  try {
    const answer = await fetch("/index.html", { cache: "no-store" });
    return answer.ok && !isSameVersion(await answer.text(), ownScripts());
  } catch {
    return false; // Without a network there is nothing new.
  }
}

/**
 * `onNewer`: another version is there, which the next start shows anyway. `onOpen`: a notification was pressed, which
 * leads to this address. Returns how to stop listening.
 */
export function watchVersions(onNewer: () => void, onOpen: (address: string) => void): () => void {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined; // None without https.
  if (workers === undefined || import.meta.env.DEV) return () => undefined;
  const look = () =>
    void isNewer().then((newer) => {
      if (newer) onNewer();
    });
  const heard = (message: MessageEvent<unknown>) => {
    const told = message.data as { type?: unknown; address?: unknown } | null;
    if (told?.type === "OPEN" && typeof told.address === "string" && told.address.startsWith("/")) {
      onOpen(told.address);
    }
  };
  const update = () => {
    if (document.visibilityState === "visible") {
      void workers.getRegistration().then((registration) => registration?.update().catch(() => undefined));
    }
  };
  workers.addEventListener("controllerchange", look);
  workers.addEventListener("message", heard);
  document.addEventListener("visibilitychange", update);
  const timer = setInterval(update, LOOK_EVERY_MS);
  const keeping = setTimeout(() => {
    workers.register("/worker.js").catch(() => undefined); // The app works without; a browser may forbid it.
  }, KEEP_AFTER_MS);
  return () => {
    clearTimeout(keeping);
    clearInterval(timer);
    workers.removeEventListener("controllerchange", look);
    workers.removeEventListener("message", heard);
    document.removeEventListener("visibilitychange", update);
  };
}
