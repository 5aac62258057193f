"""The fence around every organisation: no table is without it, no role of ours climbs it, and holes are noticed."""

from collections.abc import Iterator

import psycopg
import pytest

from breakwater.db import migrate
from breakwater.db.connection import Database
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, database, firm
from tests.support.foreign_tenant import ForeignTenant, Statement, noted

__all__ = ["database", "firm"]  # Fixtures.

ROLES = migrate.ROLES
# What is no organisation's own, what the engine alone may read, lists of ids of events, and counts that functions reach
# by a function with its owner's rights alone.
OF_NO_TENANT = {
    "alerts.telegram_updates",
    "identity.api_key_allowances",
    "identity.sign_in_paces",
    "public.alembic_version",
    "market.instruments",
    "market.reference_prices",
    "market.venues",
    "trading.consumers",
    "trading.health_periods",
    "trading.inbox",
    "trading.journal",
    "trading.outbox",
    "trading.shard_leases",
}
# The questions that are asked before a tenant is known, or of all: each answers only itself, with its owner's rights.
ASKED_OF_ALL = {
    "alerts.audit_behind",
    "alerts.concerned_by_venue",
    "alerts.digest_tenants",
    "alerts.find_telegram_chat",
    "alerts.find_telegram_code",
    "alerts.forget_told",
    "alerts.organisations",
    "alerts.platform_state",
    "alerts.release_push_endpoint",
    "alerts.take_telegram_update",
    "identity.count_api_key_use",
    "identity.ended_sessions",
    "identity.find_api_key",
    "identity.find_signed_in",
    "identity.find_username",
    "identity.give_back_sign_in",
    "identity.has_signed_in_from",
    "identity.oauth_find_client",
    "identity.oauth_find_token",
    "identity.oauth_forget_expired",
    "identity.oauth_is_used_from",
    "identity.standings",
    "identity.take_sign_in",
    "limits.forget_activity",
    "limits.tenants_to_watch",
    "trading.breaches_of_order",  # Of the tenant's own: see its migration.
    "trading.degraded_tenants",
    "trading.exits_qty",  # Likewise.
    "trading.unbooked_since_ns",
    "trading.undecided_replaces",
    "trading.unsettled_orders",
    "webhooks.forget_old",
    "webhooks.overdue_lanes",
}


@pytest.fixture
def admin(database_urls: DatabaseUrls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        yield connection


def test_every_table_is_fenced_or_known_to_be_of_no_tenant(admin: psycopg.Connection) -> None:
    """A new table without a tenant_id, or without the fence, fails here until it is said what it holds."""
    rows = admin.execute(
        """SELECT format('%s.%s', n.nspname, c.relname),
             (c.relrowsecurity AND EXISTS (
               SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'))
             -- A view asks with the rights of whoever asks it: then its tables' fence holds for it.
             OR (c.relkind = 'v' AND 'security_invoker=true' = ANY (coalesce(c.reloptions, '{}')))
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
             AND n.nspname NOT LIKE 'pg_toast%'"""
    ).fetchall()
    assert {table for table, is_fenced in rows if not is_fenced} == OF_NO_TENANT


@pytest.mark.parametrize("role", ROLES)
def test_no_role_of_ours_can_pass_the_fence_or_take_it_down(admin: psycopg.Connection, role: str) -> None:
    assert admin.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s",
        (role,),
    ).fetchall() == [(False,) * 5]
    member_of = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole"
    assert admin.execute(member_of, (role,)).fetchall() == []
    # An owner is not held by the fence, which is not forced: what the functions below answer is asked with his rights.
    owned = """SELECT relname FROM pg_class WHERE relowner = %(role)s::regrole
               UNION ALL SELECT proname FROM pg_proc WHERE proowner = %(role)s::regrole
               UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = %(role)s::regrole"""
    assert admin.execute(owned, {"role": role}).fetchall() == []
    schemas = """SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
                 AND has_schema_privilege(%s, oid, 'CREATE')"""
    assert admin.execute(schemas, (role,)).fetchall() == []


def test_what_is_asked_with_the_owners_rights_is_known_by_name(admin: psycopg.Connection) -> None:
    rows = admin.execute(
        """SELECT p.oid::regproc::text, p.proconfig FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE p.prosecdef AND p.prorettype <> 'trigger'::regtype
             AND has_function_privilege('breakwater_functions', p.oid, 'EXECUTE')"""
    ).fetchall()
    assert {name for name, _ in rows} == ASKED_OF_ALL
    # Nobody puts a table of his own before the one that is meant.
    assert {tuple(config or ()) for _, config in rows} == {("search_path=pg_catalog",)}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT username FROM identity.users", "sees what is not his"),
        ("SELECT count(*) FROM identity.users", "sees what is not his"),
        ("UPDATE identity.users SET email = 'x' WHERE tenant_id = %(tenant_id)s", "changes 2 and deletes 0"),
        ("INSERT INTO identity.users SELECT * FROM identity.users ON CONFLICT (user_id) DO UPDATE SET email = 'x'",
         "changes 2"),
    ],
)  # fmt: skip
def test_a_hole_in_the_fence_is_noticed(
    admin: psycopg.Connection, firm: Firm, database_urls: DatabaseUrls, statement: str, found: str
) -> None:
    asked = [Statement(statement, {"tenant_id": firm.tenant_id} if "%(" in statement else None)]
    assert ForeignTenant().breaches(database_urls.admin, asked) == []
    admin.execute("ALTER TABLE identity.users DISABLE ROW LEVEL SECURITY")
    (breach,) = ForeignTenant().breaches(database_urls.admin, asked)
    assert found in breach
    admin.execute("ALTER TABLE identity.users ENABLE ROW LEVEL SECURITY")


def test_what_a_function_asks_is_noted_and_what_comes_before_a_tenant_is_not(
    database: Database, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with noted(monkeypatch) as statements:
        with database.tenant_transaction(firm.tenant_id) as tx:
            tx.identity.user(firm.trader.subject)
        with database.untenanted_transaction() as connection:
            connection.execute("SELECT * FROM identity.find_username(%s)", (firm.trader.username,))
    assert len(statements) == 1
    assert "identity.users" in statements[0].text
    assert firm.tenant_id in tuple(statements[0].parameters or ())


def test_a_statement_is_asked_again_a_few_times_and_no_more(firm: Firm, database_urls: DatabaseUrls) -> None:
    stranger, asked = ForeignTenant(), Statement("SELECT 1", None)
    for _ in range(5):
        stranger.breaches(database_urls.admin, [asked, asked])
    assert stranger.asked == {"SELECT 1": 3}
