/**
 * Pictures of every page: light, dark and on a phone, each as the first role that sees it.
 *
 * SCREENS_DIR: where to; docs/screens by default. SCREENS_FORMAT: webp, or png for who cannot look at those.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { REPOSITORY } from "./support/platform";
import { test } from "./support/test";
import { DESK, PHONE, type Visitor } from "./support/visitor";
import { walk } from "./support/walk";

const ROLES = ["trader1", "risk", "admin", "operator"];
const SCREENS = process.env.SCREENS_DIR ?? join(REPOSITORY, "docs/screens");
const FORMAT = process.env.SCREENS_FORMAT === "png" ? "png" : "webp";
const QUALITY = 60;
const ALL_TIMEOUT_MS = 900_000;
const DRAWN_AFTER_MS = 1_500; // Charts have drawn, and prices have come.

test("every page is pictured", { timeout: ALL_TIMEOUT_MS }, async ({ arrive }) => {
  mkdirSync(SCREENS, { recursive: true });
  const pictured = new Set<string>();
  const stranger = await arrive();
  await stranger.goes("/");
  await stranger.isOut();
  await pictures(stranger, "sign-in");
  for (const username of ROLES) {
    const visitor = await arrive();
    await visitor.signsIn(username);
    await walk(visitor, username, async (address, { path }) => {
      if (pictured.has(path)) return;
      pictured.add(path);
      await visitor.goes(address);
      await visitor.settles();
      await visitor.page.waitForTimeout(DRAWN_AFTER_MS);
      await pictures(visitor, path.slice(1).replaceAll(/[^a-z0-9]+/gi, "-"));
    });
    visitor.takeErrors(); // Of those the tests speak.
  }
  expect(pictured.size).toBeGreaterThan(0);
});

async function pictures({ page, context }: Visitor, name: string): Promise<void> {
  const debug = await context.newCDPSession(page);
  const picture = async (kind: string) => {
    const { data } = await debug.send("Page.captureScreenshot", {
      format: FORMAT,
      ...(FORMAT === "webp" ? { quality: QUALITY } : {}),
    });
    writeFileSync(join(SCREENS, `${name}-${kind}.${FORMAT}`), Buffer.from(data, "base64"));
  };
  await picture("light");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(DRAWN_AFTER_MS);
  await picture("dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(DRAWN_AFTER_MS);
  await picture("phone");
  await page.setViewportSize(DESK);
  await debug.detach();
}
