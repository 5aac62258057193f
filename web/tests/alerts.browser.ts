/** An alert is seen as it is raised, taken up, and gone from the second tab; a device that is signed out is told no more. */
import type { Page } from "playwright-core";
import { expect, inject } from "vitest";
import { apiOf, placeOrder } from "./support/api";
import { test } from "./support/test";

const TOO_MUCH = { type: "LIMIT", price: "2000", quantity: "100000" } as const;
const SOON = { timeout: 25_000 };

const live = (page: Page) => page.getByText("live", { exact: true }).waitFor();
const openCount = async (page: Page) => {
  const bell = await page.getByRole("link", { name: /^Alerts: / }).getAttribute("aria-label");
  return Number(/\d+/.exec(bell ?? "")?.[0] ?? 0);
};

test("a refused order's alert comes by itself, is taken up with a note, and a second tab agrees", async ({
  visitor,
}) => {
  await visitor.signsIn("risk", "/alerts");
  const first = visitor.page;
  const second = await visitor.opensTab();
  await visitor.goes("/alerts");
  await Promise.all([live(first), live(second)]);
  const before = await openCount(first);
  await expect(placeOrder("trader2", TOO_MUCH)).rejects.toThrow(/cannot place an order/);

  // Both tabs hear of it; nobody has reloaded them.
  const toast = { name: /^Close: .* refused an order$/ };
  await Promise.all([first, second].map((page) => page.getByRole("button", toast).first().waitFor()));
  await expect.poll(() => openCount(first), SOON).toBeGreaterThan(before);
  const row = (page: Page) =>
    page
      .getByRole("list", { name: "Alerts" })
      .getByRole("link", { name: /refused an order$/ })
      .first();
  const address = await row(first).getAttribute("href");
  const inSecond = second.getByRole("list", { name: "Alerts" }).locator(`a[href="${address}"]`);
  await inSecond.waitFor();

  await row(first).click();
  await first.getByLabel("Note").fill("<b>looked at</b>");
  await first.getByRole("button", { name: /^Acknowledge: / }).click();
  await first.getByText(/^taken up by risk/).waitFor();
  await first.getByText("Note: <b>looked at</b>").waitFor();
  await inSecond.waitFor({ state: "hidden" });
});

test("signing out ends what is pushed to this browser", async ({ visitor }) => {
  const { outbox_url } = inject("endpoints");
  const answer = await fetch(`${outbox_url}/push/subscribe`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: `browser_${crypto.randomUUID().slice(0, 8)}` }),
  });
  const { endpoint, keys } = (await answer.json()) as {
    endpoint: string;
    keys: Record<"p256dh" | "auth", string>;
  };
  const risk = await apiOf("risk");
  const added = await risk.POST("/contacts/me/push", {
    body: { endpoint, keys, name: "the tested browser" },
  });
  const deviceId = added.data?.device_id;
  expect(deviceId).toBeDefined();
  // Chromium subscribes at the service of its maker alone: here it has the subscription that the outbox gave.
  await visitor.page.addInitScript((given) => {
    PushManager.prototype.getSubscription = async () =>
      ({ endpoint: given, unsubscribe: async () => true }) as PushSubscription;
  }, endpoint);
  await visitor.signsIn("risk", "/alerts");
  await visitor.isKept();
  await visitor.page.getByRole("button", { name: "Sign out" }).click();
  await visitor.isOut();
  const { data } = await risk.GET("/contacts/me/push");
  expect(data?.devices.map((device) => device.device_id)).not.toContain(deviceId);
});
