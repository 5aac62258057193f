/** A risk manager tries a limit on the orders of today, and looks at exposure and profit by desk. */
import type { Page } from "playwright-core";
import { beforeAll, expect } from "vitest";
import { placeOrder } from "./support/api";
import { test } from "./support/test";

const DESK = "Desk A";
let orderId: string;

beforeAll(async () => {
  orderId = await placeOrder("trader1", { type: "MARKET", price: null });
});

async function chooses(page: Page, label: string, option: string): Promise<void> {
  await page.getByRole("combobox", { name: label }).click();
  await page.getByRole("option", { name: option }).click();
}

test("what if no order of a desk had been larger than a dollar: the order of today is among the refused", async ({
  visitor,
}) => {
  const { page } = visitor;
  await visitor.signsIn("risk", "/what-if");
  await page.getByRole("button", { name: "Change a limit" }).click();
  const dialog = page.getByRole("dialog", { name: "Change a limit" });
  await chooses(page, "Node", DESK);
  await chooses(page, "What is limited", "Max order notional");
  await dialog.getByLabel("Value").fill("1");
  await dialog.getByRole("button", { name: "Try with it" }).click();
  await page.getByRole("list", { name: "Changed limits" }).getByText("Max order notional").waitFor();
  await page.getByRole("button", { name: "Run it" }).click();
  const refused = page.getByRole("region", { name: "Would have been refused" });
  await refused.locator(`a[href*="${orderId}"]`).waitFor();
  expect(await page.getByText(/^Of \d+ orders [1-9]\d* would have been refused/).count()).toBe(1);
});

test("exposure and profit stand there by desk", async ({ visitor }) => {
  const { page } = visitor;
  await visitor.signsIn("risk", "/exposure?by=desk");
  const row = (table: string) =>
    page.getByRole("table", { name: table }).getByRole("row", { name: /^Desk A\b/ });
  await row("Exposure by desk").waitFor();
  await page.getByRole("tab", { name: "P&L by desk" }).click();
  await row("Profit and loss by desk").waitFor();
  expect(new URL(page.url()).searchParams.get("by")).toBe("pnl"); // The address leads here again.
});
