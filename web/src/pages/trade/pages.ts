import type { Page } from "../../app/page";

export const TRADE_PAGES: readonly Page[] = [
  { path: "/trade", name: "Trade", permission: "orders:read", load: () => import("./TradePage") },
  { path: "/watch", name: "Watch list", permission: "orders:read", load: () => import("./WatchPage") },
  { path: "/orders", name: "Orders", permission: "orders:read", load: () => import("./OrdersPage") },
  {
    path: "/positions",
    name: "Positions",
    permission: "portfolio:read",
    load: () => import("./PositionsPage"),
  },
];
