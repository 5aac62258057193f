import type { Page } from "../../app/page";

export const OPERATE_PAGES: readonly Page[] = [
  { path: "/health", name: "Health", permission: "system:monitor", load: () => import("./HealthPage") },
  {
    path: "/consumers",
    name: "Consumers",
    permission: "system:monitor",
    load: () => import("./ConsumersPage"),
  },
  {
    path: "/dead-letters",
    name: "Dead letters",
    permission: "system:monitor",
    load: () => import("./DeadLettersPage"),
  },
  { path: "/engine", name: "Engine", permission: "system:monitor", load: () => import("./EnginePage") },
  { path: "/sagas", name: "Sagas", permission: "orders:read", load: () => import("./SagasPage") },
  { path: "/audit", name: "Audit trail", permission: "audit:read", load: () => import("./AuditPage") },
];
