/** Every page, in the areas of the menu. */
import { ADMIN_PAGES } from "../pages/admin/pages";
import { OPERATE_PAGES } from "../pages/operate/pages";
import { RISK_PAGES } from "../pages/risk/pages";
import { TRADE_PAGES } from "../pages/trade/pages";
import type { Page } from "./page";

export interface Area {
  readonly name: string;
  readonly pages: readonly Page[];
}

export const AREAS: readonly Area[] = [
  { name: "Trade", pages: TRADE_PAGES },
  { name: "Risk", pages: RISK_PAGES },
  { name: "Administer", pages: ADMIN_PAGES },
  { name: "Operate", pages: OPERATE_PAGES },
];

/** The areas with the pages that these permissions show; one without any is left out. */
export function menuFor(permissions: readonly string[]): readonly Area[] {
  return AREAS.map((area) => ({
    ...area,
    pages: area.pages.filter((page) => !page.isHidden && permissions.includes(page.permission)),
  })).filter((area) => area.pages.length > 0);
}
