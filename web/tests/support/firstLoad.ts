/**
 * The first load of a page: by a browser that has nothing of the app, with the session of its tab, as after a reload;
 * until an element stands there. Without a service worker: what one answers from its cache is no first load.
 */
import type { Visitor } from "./visitor";

export interface FirstLoad {
  readonly shownAfterMs: number;
  /** The page's main thread was at work. */
  readonly busyMs: number;
  /** A call of the API was under way. */
  readonly askingMs: number;
  /** As they were sent, compressed. */
  readonly scriptsKib: number;
}

export async function firstLoad(
  { page, context, endpoints }: Visitor,
  { path, refreshToken, shown }: { path: string; refreshToken: string; shown: string },
): Promise<FirstLoad> {
  await page.addInitScript((token) => {
    sessionStorage.setItem("breakwater.refresh_token", token);
  }, refreshToken);
  const debug = await context.newCDPSession(page);
  await debug.send("Performance.enable");
  await page.goto(`${endpoints.web_url}${path}`, { waitUntil: "commit" });
  const found = await page.waitForFunction(
    (selector) => document.querySelector(selector) !== null && performance.now(),
    shown,
    { polling: "raf" },
  );
  const shownAfterMs = Number(await found.jsonValue());
  const { metrics } = await debug.send("Performance.getMetrics");
  await page.waitForLoadState("networkidle"); // Also the chart's code counts, which comes later.
  const resources = await page.evaluate(() =>
    performance.getEntriesByType("resource").map((entry) => ({
      url: entry.name,
      from: entry.startTime,
      to: (entry as PerformanceResourceTiming).responseEnd,
      bytes: (entry as PerformanceResourceTiming).encodedBodySize,
    })),
  );
  const scripts = resources.filter(({ url }) => url.endsWith(".js"));
  const calls = resources.filter(({ url, from }) => url.startsWith(endpoints.api_url) && from < shownAfterMs);
  return {
    shownAfterMs,
    busyMs: 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN),
    askingMs: covered(calls.map(({ from, to }) => [from, Math.min(to, shownAfterMs)])),
    scriptsKib: scripts.reduce((sum, { bytes }) => sum + bytes, 0) / 1_024,
  };
}

/** How much of the time at least one of these goes on. */
function covered(spans: readonly (readonly [number, number])[]): number {
  let sum = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const [from, to] of spans.toSorted(([one], [other]) => one - other)) {
    sum += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return sum;
}
