"""What stands behind our own WHERE clauses: row-level security, and what each role may do at all."""

import psycopg
import pytest

from tests.conftest import DatabaseUrls


def test_every_table_with_a_tenant_is_fenced_by_row_level_security(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin) as connection:
        fenced: dict[str, bool] = dict(
            connection.execute(
                """SELECT c.oid::regclass::text,
                     c.relrowsecurity AND EXISTS (
                       SELECT FROM pg_policy p
                       WHERE p.polrelid = c.oid AND p.polroles = ARRAY['breakwater_functions'::regrole::oid]
                         AND p.polcmd = '*' AND p.polwithcheck IS NULL
                         AND pg_get_expr(p.polqual, c.oid) = '(tenant_id = identity.current_tenant())')
                   FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                   WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p', 'v', 'm')"""
            ).fetchall()
        )
    assert "trading.orders" in fenced
    assert [table for table, is_fenced in fenced.items() if not is_fenced] == []


@pytest.mark.parametrize(
    "table", ["identity.users", "identity.api_keys", "limits.nodes", "alerts.alerts", "trading.orders"]
)
def test_the_engine_reads_only_what_it_needs(database_urls: DatabaseUrls, table: str) -> None:
    with (
        psycopg.connect(database_urls.engine) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT * FROM {table}")  # One of the names above.


@pytest.mark.parametrize("table", ["trading.journal", "trading.shard_leases"])
def test_no_function_reads_the_engines_own_tables(database_urls: DatabaseUrls, table: str) -> None:
    with (
        psycopg.connect(database_urls.functions) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT * FROM {table}")  # One of the names above.
