/** Every page of the app's own list, as each role sees it: light, dark and on a phone. */
import { beforeAll, expect } from "vitest";
import { violationsOf } from "./support/accessible";
import { placeOrder } from "./support/api";
import { test } from "./support/test";
import { DESK, PHONE, type Visitor } from "./support/visitor";
import { walk } from "./support/walk";

const ROLES = ["trader1", "risk", "admin", "viewer", "operator"];
const WALK_TIMEOUT_MS = 180_000;
const COLOURS_ONLY = ["color-contrast"];

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
    await walk(visitor, username, async (address) => {
      for (const fault of await faultsOf(visitor, address)) faults.push(`${address} ${fault}`);
    });
    expect(faults).toEqual([]);
  });
}

async function faultsOf(visitor: Visitor, address: string): Promise<string[]> {
  const { page } = visitor;
  const faults: string[] = [];
  const say = (where: string, told: readonly string[]) => {
    for (const each of told) faults.push(`${where}: ${each}`);
  };
  await visitor.goes(address);
  try {
    await visitor.settles();
  } catch {
    say("light", ["it goes on loading"]);
  }
  say("light", await violationsOf(page));
  await page.emulateMedia({ colorScheme: "dark" });
  say("dark", await violationsOf(page, COLOURS_ONLY));
  await page.setViewportSize(PHONE);
  say("phone", await violationsOf(page));
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > PHONE.width) say("phone", [`it is ${width} wide, and scrolls sideways`]);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(DESK);
  say("console", visitor.takeErrors());
  return faults;
}
