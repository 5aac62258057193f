import type { Page } from "../../app/page";

export const ADMIN_PAGES: readonly Page[] = [
  { path: "/users", name: "People", permission: "users:read", load: () => import("./people/UsersPage") },
  {
    path: "/users/$userId",
    name: "Person",
    permission: "users:read",
    isHidden: true,
    load: () => import("./people/UserPage"),
  },
  { path: "/groups", name: "Groups", permission: "users:read", load: () => import("./groups/GroupsPage") },
  {
    path: "/groups/$groupId",
    name: "Group",
    permission: "users:read",
    isHidden: true,
    load: () => import("./groups/GroupPage"),
  },
  {
    path: "/accounts",
    name: "Accounts",
    permission: "users:read",
    load: () => import("./accounts/AccountsPage"),
  },
  { path: "/keys", name: "API keys", permission: "api_keys:manage", load: () => import("./keys/KeysPage") },
  {
    path: "/clients",
    name: "Clients",
    permission: "clients:manage",
    load: () => import("./keys/ClientsPage"),
  },
  {
    path: "/credentials",
    name: "Exchange keys",
    permission: "credentials:manage",
    load: () => import("./credentials/CredentialsPage"),
  },
  {
    path: "/webhooks",
    name: "Webhooks",
    permission: "webhooks:manage",
    load: () => import("./webhooks/WebhooksPage"),
  },
  {
    path: "/webhooks/$endpointId",
    name: "Endpoint",
    permission: "webhooks:manage",
    isHidden: true,
    load: () => import("./webhooks/WebhookPage"),
  },
  {
    path: "/alert-routing",
    name: "Alert routing",
    permission: "alerts:manage",
    load: () => import("./alerting/AlertRoutingPage"),
  },
  { path: "/rota", name: "On call", permission: "alerts:read", load: () => import("./alerting/RotaPage") },
  // Everybody's own; every role gets digests.
  { path: "/me", name: "Yourself", permission: "digests:read", load: () => import("./me/MePage") },
];
