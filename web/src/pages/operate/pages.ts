import type { Page } from "../../app/page";

export const OPERATE_PAGES: readonly Page[] = [
  { path: "/health", name: "Health", permission: "system:monitor", load: () => import("./HealthPage") },
];
