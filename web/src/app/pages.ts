/** Every page: its address, its name in the menu, and the permission without which it would show nothing. */
import type { FunctionComponent } from "react";
import { HealthPage } from "../pages/HealthPage";
import { OrdersPage } from "../pages/OrdersPage";
import { PositionsPage } from "../pages/PositionsPage";

export interface Page {
  readonly path: string;
  readonly name: string;
  readonly permission: string;
  readonly component: FunctionComponent;
}

export const PAGES: readonly Page[] = [
  { path: "/orders", name: "Orders", permission: "orders:read", component: OrdersPage },
  { path: "/positions", name: "Positions", permission: "portfolio:read", component: PositionsPage },
  { path: "/health", name: "Health", permission: "system:monitor", component: HealthPage },
];
