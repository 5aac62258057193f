/** A trader places orders and sees what becomes of them, is told why one is refused, cancels, and loses the connection. */
import type { Page } from "playwright-core";
import { expect, inject } from "vitest";
import { placeOrder } from "./support/api";
import { test } from "./support/test";

const TICKET = "Order ticket";
const TRADE = "/trade?symbol=ETH%2FUSDT";

async function fillsTicket(page: Page, kind: string, quantity: string, price?: string): Promise<void> {
  const ticket = page.getByRole("form", { name: TICKET });
  await ticket.getByLabel("Order type").selectOption({ label: kind });
  await ticket.getByLabel("Quantity", { exact: false }).first().fill(quantity);
  if (price !== undefined) await ticket.getByLabel("Price", { exact: false }).first().fill(price);
}

const send = (page: Page) => page.getByRole("form", { name: TICKET }).locator("button[type=submit]");

test("an order at the market is sent once by two clicks, and fills before one's eyes", async ({
  visitor,
}) => {
  const { page } = visitor;
  await visitor.signsIn("trader1", TRADE);
  let placed = 0;
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/orders")) placed += 1;
  });
  await fillsTicket(page, "Market", "0.01");
  await page.getByLabel("Expected").waitFor(); // The preview's figures.
  await send(page).dblclick();
  await page.getByText("FILLED").or(page.getByText("Filled")).first().waitFor();
  expect(placed).toBe(1);
});

test("an order that rests is cancelled from the list", async ({ visitor }) => {
  const { page } = visitor;
  await placeOrder("trader2", { type: "LIMIT", price: "2000" });
  await visitor.signsIn("trader2", "/orders");
  const cancel = page.getByRole("button", { name: /^Cancel (?!all)/ });
  await cancel.first().waitFor();
  const before = await cancel.count();
  await cancel.first().click();
  await page.waitForFunction(
    (count) => document.querySelectorAll("button[aria-label^='Cancel ']").length < count,
    before,
  );
});

test("what limits refuse is explained before it is sent, with the most that passes", async ({ visitor }) => {
  const { page } = visitor;
  visitor.permits(/responded with a status of 4\d\d/);
  await visitor.signsIn("trader1", TRADE);
  await fillsTicket(page, "Limit", "200", "2600");
  await page.getByText("Would be refused").waitFor();
  const reasons = page.getByRole("list", { name: "Limits that refuse" }).first();
  expect((await reasons.getByRole("listitem").count()) >= 1).toBe(true);
  await page
    .getByRole("button", { name: /^Take .* the most that passes$/ })
    .first()
    .click();
  await page.getByText("Would be refused").waitFor({ state: "hidden" });
});

test("without a connection prices say since when they are old, and go on with it", async ({ visitor }) => {
  const { page, context } = visitor;
  visitor.permits(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  await visitor.signsIn("trader1", TRADE);
  await visitor.settles();
  await visitor.isKept(); // Being kept asks the network, too.
  await context.setOffline(true);
  try {
    await page
      .getByText(/stale since/)
      .first()
      .waitFor();
  } finally {
    await context.setOffline(false);
  }
  await page
    .getByText(/stale since/)
    .first()
    .waitFor({ state: "hidden" });
});

test("what the page begins with is asked for once, and not one after the other", async ({ visitor }) => {
  const { page } = visitor;
  await visitor.signsIn("trader1", TRADE);
  const { api_url } = inject("endpoints");
  const begins = ["/me", "/instruments", "/accounts"];
  const asked: string[] = [];
  const answered: string[] = [];
  const pathOf = (url: string) => new URL(url).pathname.slice(new URL(api_url).pathname.length);
  page.on("request", (request) => {
    if (request.method() === "GET" && request.url().startsWith(api_url)) asked.push(pathOf(request.url()));
  });
  await page.route(new RegExp(`^${api_url}/(me|instruments|accounts)$`), async (route) => {
    await expect.poll(() => begins.every((path) => asked.includes(path)), { timeout: 10_000 }).toBe(true);
    answered.push(pathOf(route.request().url()));
    await route.continue();
  });
  await page.reload();
  await page.getByRole("form", { name: TICKET }).waitFor();
  expect(asked.filter((path) => begins.includes(path)).toSorted()).toEqual(begins.toSorted());
  expect(answered.length).toBe(begins.length); // None waited for another's answer: all were asked before.
});
