import type { Page } from "../../app/page";

export const RISK_PAGES: readonly Page[] = [
  {
    path: "/limits",
    name: "Limits",
    permission: "limits:read",
    load: () => import("./limits/LimitsPage"),
  },
  {
    path: "/limits/$nodeId",
    name: "Node",
    permission: "limits:read",
    isHidden: true,
    load: () => import("./node/NodePage"),
  },
  { path: "/kill", name: "Kill switch", permission: "risk:stop", load: () => import("./stop/KillPage") },
  {
    path: "/breaches",
    name: "Breaches",
    permission: "limits:read",
    load: () => import("./watch/BreachesPage"),
  },
  {
    path: "/exposure",
    name: "Exposure",
    permission: "portfolio:read",
    load: () => import("./watch/ExposurePage"),
  },
  {
    path: "/reservations",
    name: "Reservations",
    permission: "limits:read",
    load: () => import("./watch/ReservationsPage"),
  },
  {
    path: "/overrides",
    name: "Overrides",
    permission: "limits:read",
    load: () => import("./node/OverridesPage"),
  },
  { path: "/what-if", name: "What if", permission: "limits:manage", load: () => import("./try/WhatIfPage") },
  {
    path: "/risk-terms",
    name: "Risk terms",
    permission: "limits:read",
    load: () => import("./node/RiskTermsPage"),
  },
];
