/** A risk manager stops a desk, its traders are refused, and he lets it go again. */
import { expect } from "vitest";
import { placeOrder } from "./support/api";
import { test } from "./support/test";

const DESK = "Desk B";
const SOON = { timeout: 25_000 };

test("a desk is killed with a reason, its trader is refused, and it is re-armed", async ({ visitor }) => {
  const { page } = visitor;
  await visitor.signsIn("risk", "/kill");
  await page.getByRole("button", { name: `Stop ${DESK}` }).click();
  const kill = page.getByRole("dialog", { name: `Stop ${DESK}` });
  const confirm = kill.getByRole("button", { name: `Kill ${DESK}` });
  expect(await confirm.isDisabled()).toBe(true); // Not without a reason.
  await kill.getByLabel("Reason").fill("<b>a test</b> of the kill switch");
  await confirm.click();
  const outcome = page.getByRole("dialog", { name: `${DESK} is killed` });
  await outcome.waitFor();
  try {
    await outcome.getByRole("button").last().click();
    await page.getByText("<b>a test</b> of the kill switch").first().waitFor();
    await expect(placeOrder("trader3", { type: "LIMIT", price: "2000" })).rejects.toThrow(/kill/i);
  } finally {
    await page
      .getByRole("button", { name: `Re-arm ${DESK}` })
      .first()
      .click();
    const rearm = page.getByRole("dialog", { name: `Re-arm ${DESK}` });
    await rearm.getByLabel("Reason").fill("the test is over");
    await rearm.getByRole("button", { name: "Re-arm" }).click();
    await rearm.waitFor({ state: "hidden" });
  }
  await expect.poll(() => page.getByRole("button", { name: `Re-arm ${DESK}` }).count(), SOON).toBe(0);
});

test("a dialog that is left changes nothing", async ({ visitor }) => {
  await visitor.signsIn("risk", "/kill");
  await visitor.page.getByRole("button", { name: `Stop ${DESK}` }).click();
  await visitor.page.keyboard.press("Escape");
  await visitor.page.getByRole("dialog").waitFor({ state: "hidden" });
  expect(await visitor.page.getByRole("button", { name: `Re-arm ${DESK}` }).count()).toBe(0);
});
