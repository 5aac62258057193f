/**
 * The service worker: the app opens without a network, and shows what is pushed while it is closed.
 *
 * It keeps the files that the app was built of. What the platform answers is never kept: a price of yesterday is worse
 * than none.
 */
import { cacheName, outdated, pushOf, sourceOf } from "./shell";

declare const self: ServiceWorkerGlobalScope;
/** Every file of this build, by its address; put here as it is built. */
declare const __SHELL_FILES__: readonly string[];

const PAGE_TIMEOUT_MS = 3_000;
const OWN_CACHE = cacheName(__SHELL_FILES__);

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(begin());
});

self.addEventListener("fetch", (event) => {
  const source = sourceOf(event.request, self.location.origin);
  if (source === "PAGE") event.respondWith(page(event.request));
  if (source === "FILE") event.respondWith(file(event.request));
});

self.addEventListener("push", (event) => {
  const push = pushOf(event.data?.text() ?? "");
  event.waitUntil(
    self.registration.showNotification(push.title, {
      body: push.body,
      tag: push.tag,
      icon: "/icon-192.png",
      data: push.address,
      requireInteraction: push.isUrgent,
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const address: unknown = event.notification.data;
  event.waitUntil(show(typeof address === "string" ? address : "/alerts"));
});

async function keepShell(): Promise<void> {
  const cache = await caches.open(OWN_CACHE);
  await cache.addAll(__SHELL_FILES__.map((address) => new Request(address, { cache: "reload" })));
  // At once: tabs that are open find the files of their own version in the cache before this one.
  await self.skipWaiting();
}

async function begin(): Promise<void> {
  await Promise.all(outdated(await caches.keys(), OWN_CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** From the network, so that its headers are those of now; from what is kept where that does not answer soon. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PAGE_TIMEOUT_MS) });
  } catch {
    return (await caches.match("/index.html")) ?? Response.error();
  }
}

/** Its name says its content: what is kept under it is what the network would answer. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

async function show(address: string): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const [open] = windows;
  if (open === undefined) {
    await self.clients.openWindow(address);
    return;
  }
  await open.focus();
  open.postMessage({ type: "OPEN", address }); // Without loading the app anew, which would sign out on some phones.
}
