/** A viewer sees, and is offered nothing that he may not do. */
import { expect } from "vitest";
import { test } from "./support/test";
import { walk } from "./support/walk";

const DOES =
  /^(buy|sell|place|send|stop|kill|suspend|re-arm|invite|cancel all|cancel order|create|approve|acknowledge)\b/i;

test("no page offers a viewer to trade, to stop or to administer", { timeout: 120_000 }, async ({
  visitor,
}) => {
  await visitor.signsIn("viewer");
  const menu = await visitor.page
    .getByRole("navigation", { name: "Pages" })
    .getByRole("link")
    .allTextContents();
  expect(menu).not.toContain("Kill switch");
  const offered: string[] = [];
  await walk(visitor, "viewer", async (address) => {
    await visitor.goes(address);
    await visitor.settles();
    const buttons = visitor.page.locator("main").getByRole("button", { name: DOES });
    offered.push(...(await buttons.allTextContents()).map((text) => `${address}: ${text}`));
  });
  expect(offered).toEqual([]);
});

test("a page that is not his refuses in words", async ({ visitor }) => {
  visitor.permitsRefusal(403);
  await visitor.signsIn("viewer", "/kill");
  await visitor.settles();
  expect(await visitor.page.getByRole("button", { name: /^(Stop|Kill)/ }).count()).toBe(0);
});
