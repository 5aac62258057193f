/** Every page of the app's own list as each role sees it, and once dark and on a phone. */
import { beforeAll, expect } from "vitest";
import { violationsOf } from "./support/accessible";
import { placeOrder } from "./support/api";
import { test } from "./support/test";
import { DESK, PHONE, type Visitor } from "./support/visitor";
import { walk } from "./support/walk";

const ROLES = ["trader1", "risk", "admin", "viewer", "operator"];
const WALK_TIMEOUT_MS = 180_000;
const COLOURS_CHANGE_MS = 500; // Some fade from light to dark.
const COLOURS_ONLY = ["color-contrast"];
/** Those that were looked at dark and on a phone: another role sees them laid out alike. */
const looked = new Set<string>();

/** So that there is an order to look at, and one that rests. */
beforeAll(async () => {
  await placeOrder("trader1", { type: "MARKET", price: null });
  await placeOrder("trader1", { type: "LIMIT", price: "2000" });
});

for (const username of ROLES) {
  test(`every page as ${username}: no error, nothing seriously inaccessible, none wider than a phone`, {
    timeout: WALK_TIMEOUT_MS,
  }, async ({ visitor }) => {
    await visitor.signsIn(username);
    const faults: string[] = [];
    await walk(visitor, username, async (address, { path }) => {
      const found = await faultsOf(visitor, address);
      if (!looked.has(path)) found.push(...(await faultsElsewhere(visitor)));
      looked.add(path);
      faults.push(...found.map((fault) => `${address} ${fault}`), ...visitor.takeErrors());
    });
    expect(faults).toEqual([]);
  });
}

async function faultsOf(visitor: Visitor, address: string): Promise<string[]> {
  await visitor.goes(address);
  try {
    await visitor.settles();
  } catch {
    return ["goes on loading"];
  }
  return violationsOf(visitor.page);
}

async function faultsElsewhere({ page }: Visitor): Promise<string[]> {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(COLOURS_CHANGE_MS);
  const dark = await violationsOf(page, COLOURS_ONLY);
  await page.setViewportSize(PHONE);
  const phone = await violationsOf(page);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > PHONE.width) phone.push(`it is ${width} wide, and scrolls sideways`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(DESK);
  return [...dark.map((fault) => `dark: ${fault}`), ...phone.map((fault) => `phone: ${fault}`)];
}
