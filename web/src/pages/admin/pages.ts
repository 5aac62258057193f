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
];
