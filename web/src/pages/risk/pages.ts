import type { Page } from "../../app/page";

export const RISK_PAGES: readonly Page[] = [];
