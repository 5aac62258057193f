/** Coming in and going out, in one tab and in two. */
import { expect, inject } from "vitest";
import { violationsOf } from "./support/accessible";
import { test } from "./support/test";

const PAGE = "/positions";

test("a person signs in and comes to the page that he wanted", async ({ visitor }) => {
  await visitor.signsIn("trader1", PAGE);
  await visitor.page.getByRole("heading", { name: "Positions" }).waitFor();
  expect(new URL(visitor.page.url()).pathname).toBe(PAGE);
});

test("a wrong password is refused in words, and what was typed stays", async ({ visitor }) => {
  visitor.permitsRefusal(401);
  await visitor.goes("/");
  await visitor.fillsInSignIn("trader1", "not the password 1");
  await visitor.page.getByText("user name or password").or(visitor.page.getByRole("alert")).first().waitFor();
  expect(await visitor.page.getByLabel("User name").inputValue()).toBe("trader1");
  await visitor.fillsInSignIn("trader1");
  await visitor.isIn();
});

test("a form that the server refuses shows its word at the field", async ({ visitor }) => {
  visitor.permitsRefusal(422);
  await visitor.goes("/");
  await visitor.fillsInSignIn("x".repeat(300), "some password 1");
  const field = visitor.page.getByLabel("User name");
  await visitor.page.locator("[aria-invalid=true]").waitFor();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  const described = (await field.getAttribute("aria-describedby")) ?? "";
  expect(await visitor.page.locator(`[id="${described.split(" ")[0]}"]`).textContent()).toMatch(/\S/);
});

test("two clicks ask once", async ({ visitor }) => {
  let asked = 0;
  await visitor.page.route("**/auth/sign-in", async (route) => {
    if (route.request().method() === "POST") asked += 1;
    await new Promise((done) => setTimeout(done, 300));
    await route.continue();
  });
  await visitor.goes("/");
  await visitor.page.getByLabel("User name").fill("trader1");
  await visitor.page.getByRole("textbox", { name: "Password" }).fill(visitor.user("trader1").password);
  await visitor.page.getByRole("button", { name: "Sign in" }).dblclick();
  await visitor.isIn();
  expect(asked).toBe(1);
});

test("no token is in localStorage, and the access token is in no storage", async ({ visitor }) => {
  await visitor.signsIn("trader1");
  const stored = await visitor.page.evaluate(() => ({
    local: JSON.stringify(localStorage),
    session: JSON.stringify(sessionStorage),
    cookies: document.cookie,
  }));
  expect(stored.local).not.toMatch(/token|eyJ/i);
  expect(stored.session).not.toMatch(/access/i);
  expect(stored.cookies).toBe("");
});

test("a reload does not sign out", async ({ visitor }) => {
  await visitor.signsIn("trader1", PAGE);
  await visitor.page.reload();
  await visitor.isIn();
});

test("a second tab goes on with the first one's session, and signing out in one signs out the other", async ({
  visitor,
}) => {
  await visitor.signsIn("trader1");
  const first = visitor.page;
  const second = await visitor.opensTab();
  await visitor.goes(PAGE);
  await visitor.isIn(second);
  await first.getByRole("button", { name: "Sign out" }).click();
  await visitor.isOut(first);
  await visitor.isOut(second);
});

test("a session that ends sends one to sign in, and back to where one was", async ({ visitor }) => {
  await visitor.signsIn("trader1");
  visitor.permitsRefusal(401);
  const { web_url, api_url } = inject("endpoints");
  const over = async (url: RegExp) =>
    visitor.page.route(url, async (route) => {
      if (route.request().method() === "OPTIONS") return route.continue();
      return route.fulfill({
        status: 401,
        contentType: "application/problem+json",
        headers: { "access-control-allow-origin": web_url },
        body: JSON.stringify({ status: 401, code: "UNAUTHENTICATED", title: "the session is over" }),
      });
    });
  await over(new RegExp(`^${api_url}/`));
  await visitor.goes(`${PAGE}?from=there`);
  await visitor.isOut();
  await visitor.page.unrouteAll();
  await visitor.fillsInSignIn("trader1");
  await visitor.page.getByRole("heading", { name: "Positions" }).waitFor();
  const address = new URL(visitor.page.url());
  expect([address.pathname, address.search]).toEqual([PAGE, "?from=there"]);
});

test("an address that is no page says so, within the frame", async ({ visitor }) => {
  await visitor.signsIn("trader1", "/no/such/page");
  await visitor.page.getByText("There is no such page").waitFor();
});

test("a script in a name is text", async ({ visitor }) => {
  const name = `<img src=x onerror="window.ran = true"><script>window.ran = true</script>`;
  await visitor.page.route(/\/me$/, async (route) => {
    if (route.request().method() === "OPTIONS") return route.continue();
    const answer = await route.fetch();
    const me = { ...(await answer.json()), username: name };
    return route.fulfill({ response: answer, json: me });
  });
  await visitor.signsIn("trader1");
  await visitor.page.getByText(name).first().waitFor();
  expect(await visitor.page.evaluate(() => "ran" in window)).toBe(false);
});

test("an injected script does not run: the policy refuses it", async ({ visitor }) => {
  await visitor.goes("/");
  visitor.permits(/Content Security Policy/);
  const ran = await visitor.page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    return "ran" in window;
  });
  expect(ran).toBe(false);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the sign-in page is accessible, ${colorScheme}`, async ({ arrive }) => {
    const visitor = await arrive({ colorScheme });
    await visitor.goes("/");
    await visitor.isOut();
    expect(await violationsOf(visitor.page)).toEqual([]);
  });
}
