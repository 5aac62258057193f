"""Every cell of the tables, written out a second time by hand."""

import pytest

from breakwater.domain.permissions import (
    API_KEY_SCOPES,
    PERMISSIONS,
    ROLES_WITH_ALL_ACCOUNTS,
    SCOPE_PERMISSIONS,
    Caller,
    Role,
    allows,
    may_give,
    permissions_of,
)
from breakwater.errors import NotPermitted
from tests.unit.runtime.http_events import TENANT

ROLES = (
    *("trader", "viewer", "desk_head", "fund_manager", "risk_manager", "organisation_admin", "system_admin"),
    *("auditor", "nobody"),
)
# By permission, the roles in this order: trader, viewer, desk head, fund manager, risk manager, organisation admin,
# system admin, auditor, and one that there is not.
BY_ROLE = {
    #                  tr vi dh fm rm oa sa au no
    "orders:create":  "1  0  1  1  0  1  0  0  0",
    "orders:cancel":  "1  0  1  1  1  1  0  0  0",
    "orders:read":    "1  1  1  1  1  1  0  1  0",
    "portfolio:read": "1  1  1  1  1  1  0  1  0",
    "limits:read":    "1  1  1  1  1  1  0  1  0",
    "limits:history": "0  0  0  0  1  1  0  1  0",
    "limits:manage":  "0  0  0  0  1  1  0  0  0",
    "risk:stop":      "0  0  1  0  1  1  0  0  0",
    "risk:manage":    "0  0  0  0  1  1  0  0  0",
    "alerts:read":    "1  1  1  1  1  1  0  1  0",
    "alerts:manage":  "0  0  0  0  1  1  0  0  0",
    "users:read":     "0  0  0  0  1  1  0  1  0",
    "users:manage":   "0  0  0  0  0  1  0  0  0",
    "api_keys:manage": "1 1  1  1  1  1  1  0  0",
    "credentials:manage": "0 0 0 0 0 1  0  0  0",
    "clients:manage": "0  0  0  0  0  1  0  0  0",
    "audit:read":     "0  0  0  0  1  1  0  1  0",
    "audit:export":   "0  0  0  0  0  1  0  1  0",
    "system:monitor": "0  0  0  0  0  0  1  0  0",
    "system:operate": "0  0  0  0  0  0  1  0  0",
}  # fmt: skip
SCOPES = ("read", "trade", "cancel_only", "admin", "session", "withdraw")
BY_SCOPE = {
    #                  re tr ca ad se wi
    "orders:create":  "0  1  0  0  1  0",
    "orders:cancel":  "0  1  1  0  1  0",
    "orders:read":    "1  1  1  1  1  0",
    "portfolio:read": "1  0  0  1  1  0",
    "limits:read":    "1  0  0  1  1  0",
    "limits:history": "1  0  0  1  1  0",
    "limits:manage":  "0  0  0  1  1  0",
    "risk:stop":      "0  0  0  1  1  0",
    "risk:manage":    "0  0  0  1  1  0",
    "alerts:read":    "1  0  0  1  1  0",
    "alerts:manage":  "0  0  0  1  1  0",
    "users:read":     "1  0  0  1  1  0",
    "users:manage":   "0  0  0  1  1  0",
    "api_keys:manage": "0 0  0  1  1  0",
    "credentials:manage": "0 0 0 0  1  0",
    "clients:manage": "0  0  0  0  1  0",
    "audit:read":     "1  0  0  1  1  0",
    "audit:export":   "0  0  0  1  1  0",
    "system:monitor": "1  0  0  1  1  0",
    "system:operate": "0  0  0  1  1  0",
}  # fmt: skip
# Who may make somebody what: an administrator of the organisation anybody in it, and nobody else a thing.
GIVEN_BY_AN_ADMINISTRATOR = set(ROLES) - {"system_admin", "nobody"}
SEES_ALL_ACCOUNTS = {"viewer", "risk_manager", "organisation_admin", "auditor"}


def column(table: dict[str, str], names: tuple[str, ...], name: str) -> set[str]:
    place = names.index(name)
    return {permission for permission, row in table.items() if row.split()[place] == "1"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_caller_may_do_what_both_role_and_scope_allow(role: str, scope: str) -> None:
    expected = column(BY_ROLE, ROLES, role) & column(BY_SCOPE, SCOPES, scope)
    assert permissions_of(role, frozenset({scope})) == expected
    assert {permission for permission in BY_ROLE if allows(role, frozenset({scope}), permission)} == expected


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("permission", BY_ROLE)
def test_every_action_of_every_role_is_allowed_or_refused_by_name(role: str, permission: str) -> None:
    caller = Caller(TENANT, "subject", "somebody", role, frozenset({"session"}), correlation_id="c")
    if permission in column(BY_ROLE, ROLES, role):
        caller.require(permission)
        return
    with pytest.raises(NotPermitted) as refused:
        caller.require(permission)
    assert refused.value.extensions == {"permission": permission}


def test_what_is_in_no_table_is_refused_to_everybody() -> None:
    for role in ROLES:
        caller = Caller(TENANT, "subject", "somebody", role, frozenset({"session"}), correlation_id="c")
        with pytest.raises(NotPermitted):
            caller.require("money:withdraw")


def test_scopes_add_up_and_none_allows_nothing() -> None:
    assert permissions_of("trader", frozenset({"read", "cancel_only"})) == {
        "orders:cancel", "orders:read", "portfolio:read", "limits:read", "alerts:read"
    }  # fmt: skip
    assert permissions_of("organisation_admin", frozenset()) == set()


@pytest.mark.parametrize("role", ROLES)
def test_nobody_gives_a_role_that_may_do_what_he_may_not(role: str) -> None:
    assert may_give(permissions_of("organisation_admin", frozenset({"session"})), role) == (
        role in GIVEN_BY_AN_ADMINISTRATOR
    )
    # A key that manages users places no orders, and so makes nobody who does.
    key = permissions_of("organisation_admin", frozenset({"admin"}))
    assert may_give(key, role) == (role in {"auditor", "viewer"})
    assert not may_give(frozenset(), role)


def test_the_tables_here_know_every_role_scope_and_permission() -> None:
    assert set(BY_ROLE) == set(BY_SCOPE) == PERMISSIONS
    assert {*Role} | {"nobody"} == set(ROLES)
    assert {*SCOPE_PERMISSIONS} == {*API_KEY_SCOPES, "session"} == set(SCOPES) - {"withdraw"}
    assert ROLES_WITH_ALL_ACCOUNTS == SEES_ALL_ACCOUNTS
