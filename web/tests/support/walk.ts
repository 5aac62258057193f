/** The pages of the app's own list that somebody sees, one after the other. */
import type { Page } from "../../src/app/page";
import { AREAS } from "../../src/app/pages";
import { apiOf } from "./api";
import type { Visitor } from "./visitor";

const PAGES: readonly Page[] = AREAS.flatMap((area) => area.pages);

/**
 * Tells `look` each page's address, and its path in the list. Those with a parameter come last: the others have links
 * to them, and without a link there is nothing of the kind to look at.
 */
export async function walk(
  visitor: Visitor,
  username: string,
  look: (address: string, page: Page) => Promise<void>,
): Promise<void> {
  visitor.permits(/status of 404 .*\/alerts\/rota/); // So the API says that no rota is set yet.
  const { data: me } = await (await apiOf(username)).GET("/me");
  const seen = PAGES.filter((page) => me?.permissions.includes(page.permission));
  const links = new Set<string>();
  for (const page of seen.toSorted((one, other) => parametersOf(one) - parametersOf(other))) {
    const address = parametersOf(page) === 0 ? page.path : leadingTo(page.path, links);
    if (address === undefined) continue;
    await look(address, page);
    // All at one moment: what is live may be gone at the next.
    const found = visitor.page.locator("a[href^='/']");
    for (const link of await found.evaluateAll((all) => all.map((each) => each.getAttribute("href")))) {
      if (link !== null) links.add(link);
    }
  }
}

function parametersOf(page: Page): number {
  return page.path.split("/").filter((part) => part.startsWith("$")).length;
}

/** The first link that fits the page's address with its parameters. */
function leadingTo(path: string, links: ReadonlySet<string>): string | undefined {
  const pattern = new RegExp(`^${path.replaceAll(/\$[^/]+/g, "[^/?]+")}$`);
  return [...links].find((link) => pattern.test(link));
}
