/** Vitest's `test` with visitors. What a failed one saw is kept in `.build/browser`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, test as base, beforeAll, inject } from "vitest";
import { launchChromium } from "./chromium";
import { REPOSITORY } from "./platform";
import { type Arrive, DESK, Visitor } from "./visitor";

const KEPT = join(REPOSITORY, ".build/browser");
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

export const test = base.extend<{ arrive: Arrive; visitor: Visitor }>({
  arrive: async ({ task }, use) => {
    const visitors: Visitor[] = [];
    await use(async (options = {}) => {
      const context = await browser.newContext({
        viewport: DESK,
        locale: "en-GB",
        colorScheme: "light",
        reducedMotion: "reduce", // No colour is looked at halfway to another.
        ...options,
      });
      const visitor = await Visitor.arrives(context, inject("endpoints"));
      visitors.push(visitor);
      return visitor;
    });
    const errors = visitors.flatMap((visitor) => visitor.takeErrors());
    if (errors.length > 0 || task.result?.state === "fail") {
      for (const [number, visitor] of visitors.entries()) await keep(`${task.name} ${number}`, visitor);
    }
    for (const visitor of visitors) await visitor.context.close();
    if (errors.length > 0) throw new Error(`the console said:\n${errors.join("\n")}`);
  },
  visitor: async ({ arrive }, use) => use(await arrive()),
});

async function keep(name: string, visitor: Visitor): Promise<void> {
  mkdirSync(KEPT, { recursive: true });
  for (const [number, page] of visitor.context.pages().entries()) {
    const file = join(KEPT, `${name} ${number}`.replaceAll(/[^a-z0-9]+/gi, "-"));
    try {
      writeFileSync(`${file}.html`, await page.content());
      await page.screenshot({ path: `${file}.png`, fullPage: true, timeout: 10_000 });
    } catch {
      // A page that is gone shows nothing; the failure itself is told anyway.
    }
  }
}
