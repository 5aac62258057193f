"""Every cell of the two tables, written out a second time by hand."""

import pytest

from breakwater.domain.permissions import API_KEY_SCOPES, PERMISSIONS, SCOPE_PERMISSIONS, Role, permissions_of

ORDER = [
    *("orders:create", "orders:cancel", "orders:read", "portfolio:read", "limits:read", "limits:manage"),
    *("risk:manage", "alerts:read", "users:read", "users:manage", "api_keys:manage", "credentials:manage"),
]
BY_ROLE = {
    "trader": "1 1 1 1 1 0 0 1 0 0 1 0",
    "viewer": "0 0 1 1 1 0 0 1 0 0 1 0",
    "risk_manager": "0 1 1 1 1 1 1 1 1 0 1 0",
    "organisation_admin": "1 1 1 1 1 1 1 1 1 1 1 1",
    "nobody": "0 0 0 0 0 0 0 0 0 0 0 0",
}
BY_SCOPE = {
    "read": "0 0 1 1 1 0 0 1 1 0 0 0",
    "trade": "1 1 1 0 0 0 0 0 0 0 0 0",
    "cancel_only": "0 1 1 0 0 0 0 0 0 0 0 0",
    "admin": "0 0 1 1 1 1 1 1 1 1 1 0",
    "session": "1 1 1 1 1 1 1 1 1 1 1 1",
    "withdraw": "0 0 0 0 0 0 0 0 0 0 0 0",
}


def cells(row: str) -> set[str]:
    return {permission for permission, cell in zip(ORDER, row.split(), strict=True) if cell == "1"}


@pytest.mark.parametrize("role", BY_ROLE)
@pytest.mark.parametrize("scope", BY_SCOPE)
def test_a_caller_may_do_what_both_role_and_scope_allow(role: str, scope: str) -> None:
    assert permissions_of(role, frozenset({scope})) == cells(BY_ROLE[role]) & cells(BY_SCOPE[scope])


def test_scopes_add_up_and_none_allows_nothing() -> None:
    assert permissions_of("trader", frozenset({"read", "cancel_only"})) == {
        "orders:cancel", "orders:read", "portfolio:read", "limits:read", "alerts:read"
    }  # fmt: skip
    assert permissions_of("organisation_admin", frozenset()) == set()


def test_the_tables_here_know_every_role_scope_and_permission() -> None:
    assert set(ORDER) == PERMISSIONS
    assert {*Role} | {"nobody"} == set(BY_ROLE)
    assert {*SCOPE_PERMISSIONS} == {*API_KEY_SCOPES, "session"} == set(BY_SCOPE) - {"withdraw"}
