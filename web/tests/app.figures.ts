/** The figures of the web app: its first load, what 50 moving markets cost, and what axe counts. */
import type { CDPSession } from "playwright-core";
import { expect } from "vitest";
import { violationsOf } from "./support/accessible";
import { tokensOf } from "./support/api";
import { feed } from "./support/feed";
import { type FirstLoad, firstLoad } from "./support/firstLoad";
import { test } from "./support/test";
import { walk } from "./support/walk";

const LOADS = 7;
const SYMBOLS = 50;
const CHANGES_PER_SECOND = 10;
const WARM_UP_MS = 60_000;
const WATCHED_FOR_MS = 60_000;
const HEAPS = 4;
const say = (figure: string) => process.stdout.write(`${figure}\n`);

test("first load of the trade page", { timeout: 180_000 }, async ({ arrive }) => {
  const { refresh_token: refreshToken } = await tokensOf("trader1");
  const loads: FirstLoad[] = [];
  while (loads.length < LOADS) {
    const visitor = await arrive();
    const where = { path: "/trade", refreshToken, shown: 'form[aria-label="Order ticket"]' };
    loads.push(await firstLoad(visitor, where));
    visitor.takeErrors();
    await visitor.context.close();
  }
  const sorted = loads.toSorted((one, other) => one.shownAfterMs - other.shownAfterMs);
  for (const [name, load] of [["best", sorted[0]] as const, ["median", sorted[LOADS >> 1]] as const]) {
    if (load === undefined) continue;
    say(
      `first load, ${name} of ${LOADS}: ${Math.round(load.shownAfterMs)} ms (its thread busy for ` +
        `${Math.round(load.busyMs)} ms, the API asked for ${Math.round(load.askingMs)} ms), ` +
        `${Math.round(load.scriptsKib)} KiB of compressed script`,
    );
  }
});

test("50 markets, ten changes a second each", { timeout: 240_000 }, async ({ arrive }) => {
  const visitor = await arrive({ bypassCSP: true });
  const { page, context } = visitor;
  await page.route(/\/instruments$/, async (route) => {
    if (route.request().method() === "OPTIONS") return route.continue();
    const answer = await route.fetch();
    const told = (await answer.json()) as { items: { symbol: string }[] };
    const items = Array.from({ length: SYMBOLS }, (_, number) => ({
      ...told.items[0],
      symbol: `C${number}/USDT`,
    }));
    return route.fulfill({ response: answer, json: { ...told, items } });
  });
  await feed(page, CHANGES_PER_SECOND);
  await visitor.signsIn("trader1", "/watch");
  await page.waitForTimeout(WARM_UP_MS); // Until what it keeps of each market, as the last 500 trades, is full.
  const debug = await context.newCDPSession(page);
  await debug.send("Performance.enable");
  const before = await measured(debug);
  const heaps = [before.heap];
  let after = before;
  while (heaps.length <= HEAPS) {
    await page.waitForTimeout(WATCHED_FOR_MS / HEAPS);
    after = await measured(debug);
    heaps.push(after.heap);
  }
  const share = (after.script - before.script) / (after.at - before.at);
  const rows = await page.getByRole("row").count();
  expect(await page.getByRole("row", { name: "C49/USDT" }).textContent()).toContain("1,490"); // It was told.
  say(`${rows} rows: scripting ${(share * 100).toFixed(1)} % of one core, heap ${heaps.join(", ")} KiB`);
  visitor.takeErrors();
  expect(rows).toBeGreaterThan(1);
});

test("what axe finds on every page", { timeout: 300_000 }, async ({ arrive }) => {
  let pages = 0;
  let found = 0;
  for (const username of ["trader1", "risk", "admin", "operator"]) {
    const visitor = await arrive();
    await visitor.signsIn(username);
    await walk(visitor, username, async (address) => {
      await visitor.goes(address);
      await visitor.settles();
      pages += 1;
      found += (await violationsOf(visitor.page)).length;
    });
    visitor.takeErrors();
  }
  say(`axe: ${found} serious or critical on ${pages} pages`);
});

async function measured(debug: CDPSession): Promise<{ script: number; heap: number; at: number }> {
  // Twice: what the first one finalizes, the second takes away.
  for (let time = 0; time < 2; time += 1) await debug.send("HeapProfiler.collectGarbage");
  const { metrics } = await debug.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return {
    script: value("ScriptDuration"),
    heap: Math.round(value("JSHeapUsedSize") / 1024),
    at: value("Timestamp"),
  };
}
