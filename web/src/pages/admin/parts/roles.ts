import type { components } from "../../../api/schema";

export type Role = components["schemas"]["Role"];

/** What each role does, for whoever gives it. docs/identity.md */
export const ROLES: Readonly<Record<Role, string>> = {
  trader: "trades and reads his accounts",
  fund_manager: "trades and reads his accounts",
  desk_head: "trades his accounts, and stops the nodes he is given",
  viewer: "reads all accounts, changes nothing",
  risk_manager: "reads all, sets limits, stops and re-arms, cancels",
  organisation_admin: "all of it in this organisation, and its people",
  auditor: "reads all, the audit trail too, changes nothing",
  system_admin: "the platform; no accounts, no trading",
};

export function shownRole(role: string): string {
  return role.replaceAll("_", " ");
}

/** Nobody gives a role that may do what he may not: a system administrator is made by provisioning. */
export function rolesToGive(permissions: readonly string[]): { value: Role; label: string }[] {
  return (Object.keys(ROLES) as Role[])
    .filter((role) => role !== "system_admin" || permissions.includes("system:operate"))
    .map((role) => ({ value: role, label: `${shownRole(role)}: ${ROLES[role]}` }));
}
