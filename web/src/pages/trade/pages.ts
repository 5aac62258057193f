import type { Page } from "../../app/page";

export const TRADE_PAGES: readonly Page[] = [
  { path: "/trade", name: "Trade", permission: "orders:read", load: () => import("./TradePage") },
  { path: "/watch", name: "Watch list", permission: "orders:read", load: () => import("./WatchPage") },
  { path: "/orders", name: "Orders", permission: "orders:read", load: () => import("./OrdersPage") },
  {
    path: "/orders/$orderId",
    name: "Order",
    permission: "orders:read",
    isHidden: true,
    load: () => import("./OrderPage"),
  },
  {
    path: "/positions",
    name: "Positions",
    permission: "portfolio:read",
    load: () => import("./PositionsPage"),
  },
  { path: "/equity", name: "Equity", permission: "portfolio:read", load: () => import("./EquityPage") },
];
