/** An administrator invites somebody, who signs in, and makes a key that is shown once. */
import { expect } from "vitest";
import { test } from "./support/test";

const unique = () => Date.now().toString(36);

test("somebody is invited and stands in the list", async ({ visitor }) => {
  const { page } = visitor;
  const name = `browser-${unique()}`;
  await visitor.signsIn("admin", "/users");
  await page.getByRole("button", { name: "Invite" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("E-mail").fill(`${name}@example.com`);
  await dialog.getByRole("button", { name: "Invite" }).click();
  await page.getByRole("heading", { name }).waitFor();
  await visitor.goes("/users");
  await page.getByRole("link", { name }).waitFor();
});

test("a name that is taken is refused in the dialog, which keeps what was typed", async ({ visitor }) => {
  const { page } = visitor;
  visitor.permits(/responded with a status of 4\d\d/);
  await visitor.signsIn("admin", "/users");
  await page.getByRole("button", { name: "Invite" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("Name").fill("trader1");
  await dialog.getByLabel("E-mail").fill("taken@example.com");
  await dialog.getByRole("button", { name: "Invite" }).click();
  await dialog.getByRole("alert").or(dialog.locator("[aria-invalid=true]")).first().waitFor();
  expect(await dialog.getByLabel("Name").inputValue()).toBe("trader1");
});

test("a key's secret is shown once, and the key is revoked", async ({ visitor }) => {
  const { page } = visitor;
  const name = `<script>key</script> ${unique()}`;
  await visitor.signsIn("admin", "/keys");
  await page.getByRole("button", { name: "New key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("checkbox").first().check();
  await dialog.getByRole("button", { name: "Create key" }).click();
  const shown = page.getByRole("dialog", { name: `The key ${name}` });
  await shown.getByRole("button", { name: "Copy API key" }).waitFor();
  await shown.getByRole("button", { name: "I have kept it" }).click();
  await page.getByText(name).waitFor(); // As text: a script would not be seen.
  await page.reload();
  await page.getByText(name).waitFor();
  expect(await page.getByText("Copy it now").count()).toBe(0);
  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  const revoke = page.getByRole("dialog");
  await revoke.getByRole("button", { name: /revoke/i }).click();
  await page.getByRole("table").getByText(name).waitFor({ state: "hidden" });
});
