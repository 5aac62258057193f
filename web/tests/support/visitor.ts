/** Somebody with a browser of his own, who is watched: whatever the console calls an error fails the test. */
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import type { DemoUser, Endpoints } from "./platform";

export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
const ACTION_TIMEOUT_MS = 25_000;
const SETTLE_TIMEOUT_MS = 40_000; // The app itself gives an answer 35 s.
const NAVIGATION_TIMEOUT_MS = 30_000;

export class Visitor {
  /** The tab that was opened last. */
  page!: Page;
  private readonly errors: string[] = [];
  private readonly permitted: RegExp[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly endpoints: Endpoints,
  ) {}

  static async arrives(context: BrowserContext, endpoints: Endpoints): Promise<Visitor> {
    context.setDefaultTimeout(ACTION_TIMEOUT_MS);
    context.setDefaultNavigationTimeout(NAVIGATION_TIMEOUT_MS);
    const visitor = new Visitor(context, endpoints);
    await visitor.opensTab();
    return visitor;
  }

  /** A tab more in the same browser. */
  async opensTab(): Promise<Page> {
    const page = await this.context.newPage();
    // Chromium tells of what the Content-Security-Policy stopped in the console, too.
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.errors.push(`not caught: ${error.message}`));
    this.page = page;
    return page;
  }

  async goes(path: string): Promise<void> {
    await this.page.goto(`${this.endpoints.web_url}${path}`);
  }

  user(username: string): DemoUser {
    const found = this.endpoints.users.find((user) => user.username === username);
    if (found === undefined) throw new Error(`the demo firm has no ${username}`);
    return found;
  }

  /** Fills in the form that is there; it stays where he was. */
  async fillsInSignIn(username: string, password = this.user(username).password): Promise<void> {
    await this.page.getByLabel("User name").fill(username);
    await this.page.getByRole("textbox", { name: "Password" }).fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** At this page, signed in. */
  async signsIn(username: string, path = "/"): Promise<void> {
    await this.goes(path);
    await this.fillsInSignIn(username);
    await this.isIn();
  }

  async isIn(page = this.page): Promise<void> {
    await page.getByRole("button", { name: "Sign out" }).waitFor();
  }

  async isOut(page = this.page): Promise<void> {
    await page.getByLabel("User name").waitFor();
  }

  /** The page has got its answers: nothing on it says that it is still loading. */
  async settles(): Promise<void> {
    await this.page.locator("main").waitFor();
    // The first sight of it waits for its own code, and then for what it asks.
    await this.page.waitForFunction(
      () => {
        const main = document.querySelector("main");
        return main !== null && main.textContent !== "" && main.querySelector("[aria-busy=true]") === null;
      },
      undefined,
      { polling: 100, timeout: SETTLE_TIMEOUT_MS },
    );
  }

  /** The service worker has all of the app's files. */
  async isKept(): Promise<void> {
    await this.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  }

  /** What is an error to Chromium and meant here: a refusal's status, say. */
  permits(error: RegExp): void {
    this.permitted.push(error);
  }

  permitsRefusal(status: number): void {
    this.permits(new RegExp(`responded with a status of ${status}`));
  }

  /** What the console said since it was last asked. */
  takeErrors(): string[] {
    const found = this.errors.filter((error) => !this.permitted.some((pattern) => pattern.test(error)));
    this.errors.length = 0;
    return found;
  }
}

export type Arrive = (options?: BrowserContextOptions) => Promise<Visitor>;
