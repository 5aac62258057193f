import type { Page } from "./page";
import type { Area } from "./pages";

/** What one needs on a phone, in the order of the bar. A page that is not there, or that one may not see, is left out. */
const PATHS = ["/watch", "/positions", "/trade", "/alerts", "/kill"];

export function barOf(areas: readonly Area[]): Page[] {
  const pages = areas.flatMap((area) => area.pages);
  return PATHS.flatMap((path) => pages.find((page) => page.path === path) ?? []);
}

/** The page that an address shows, among all there are: `/alerts/1` is that of `/alerts/$alertId`. */
export function pageAt(path: string, areas: readonly Area[]): Page | undefined {
  const asked = parts(path);
  return areas
    .flatMap((area) => area.pages)
    .find((page) => {
      const own = parts(page.path);
      return (
        own.length === asked.length && own.every((part, at) => part.startsWith("$") || part === asked[at])
      );
    });
}

/** Whether a page of the menu is where one is: also below it. */
export function isAt(path: string, page: Pick<Page, "path">): boolean {
  return path === page.path || path.startsWith(`${page.path}/`);
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
