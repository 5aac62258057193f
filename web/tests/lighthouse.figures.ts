/** Lighthouse's score of accessibility for every page, each as the first role that sees it. */
import type { Browser } from "playwright-core";
import { expect, inject, test } from "vitest";
import { lighthouseAt } from "./lighthouse/score.mjs";
import { launchChromium } from "./support/chromium";
import { freePort } from "./support/freePort";
import { DESK, Visitor } from "./support/visitor";
import { walk } from "./support/walk";

const ROLES = ["trader1", "risk", "admin", "operator"];
const ALL_TIMEOUT_MS = 900_000;

test("Lighthouse's score of every page", { timeout: ALL_TIMEOUT_MS }, async () => {
  const port = await freePort();
  const browser = await launchChromium([`--remote-debugging-port=${port}`]);
  try {
    const scores = await scoresOf(browser, port);
    for (const { path, score, faults } of scores.filter((page) => page.score < 100)) {
      process.stdout.write(`  ${path}: ${score} (${faults.join(", ")})\n`);
    }
    const least = Math.min(...scores.map(({ score }) => score));
    process.stdout.write(`Lighthouse, accessibility: at least ${least} on ${scores.length} pages\n`);
    expect(scores.length).toBeGreaterThan(0);
  } finally {
    await browser.close();
  }
});

async function scoresOf(browser: Browser, port: number) {
  const lighthouse = await lighthouseAt(port);
  const scores = new Map<string, { score: number; faults: string[] }>();
  for (const username of ROLES) {
    const context = await browser.newContext({
      viewport: DESK,
      locale: "en-GB",
      reducedMotion: "reduce",
      serviceWorkers: "block", // Two debuggers at one browser: neither shall hold a worker that answers pages.
    });
    const visitor = await Visitor.arrives(context, inject("endpoints"));
    if (scores.size === 0) {
      await visitor.goes("/");
      await visitor.isOut();
      scores.set("sign-in", await lighthouse.accessibility(visitor.page.url()));
    }
    await visitor.signsIn(username);
    await walk(visitor, username, async (address, { path }) => {
      if (scores.has(path)) return;
      await visitor.goes(address);
      await visitor.settles();
      scores.set(path, await lighthouse.accessibility(visitor.page.url()));
    });
    await context.close();
  }
  await lighthouse.leaves();
  return [...scores].map(([path, score]) => ({ path, ...score }));
}
