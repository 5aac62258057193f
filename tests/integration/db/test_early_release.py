"""A transaction that lets go early: nobody waits for its disk but whoever waits for its end."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.errors import DatabaseUnavailable
from tests.conftest import DatabaseUrls

TENANT = uuid.UUID(int=1)


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("INSERT INTO identity.organisations (tenant_id, name) VALUES (%s, 'Firm')", (TENANT,))
    database = Database(lambda: database_urls.functions)
    yield database
    database.close()


def note(tx: TenantTransaction, symbol: str) -> None:
    tx.connection.execute(
        "INSERT INTO limits.risk_terms (tenant_id, symbol, updated_by) VALUES (%s, %s, 'test')", (TENANT, symbol)
    )


def noted(urls: DatabaseUrls) -> list[str]:
    with psycopg.connect(urls.admin) as connection:
        return [row[0] for row in connection.execute("SELECT symbol FROM limits.risk_terms ORDER BY symbol")]


def test_at_its_end_the_disk_has_it(database: Database, database_urls: DatabaseUrls) -> None:
    """Without the wait this fails about always: the server's own writer comes by five times a second."""
    for symbol in ("BTC/USDT", "ETH/USDT"):
        with database.tenant_transaction(TENANT) as tx:
            tx.let_go_early()
            note(tx, symbol)
            last = last_results_of(tx)
        (written_to,) = last[-1].fetchone() or ("nothing was said after the commit",)
        with psycopg.connect(database_urls.admin) as connection:
            # Not what the whole server has written by now: its background writes when it likes, nobody waits for it.
            is_kept = connection.execute("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", (written_to,)).fetchone()
        assert is_kept == (True,)
    assert noted(database_urls) == ["BTC/USDT", "ETH/USDT"]


def last_results_of(tx: TenantTransaction) -> list[psycopg.Cursor[Any]]:
    """Of all statements from here on; what the very last one answers is the place in the log just after the commit."""
    connection, results = tx.connection, []
    execute = connection.execute

    def listening(*asked: Any, **more: Any) -> psycopg.Cursor[Any]:
        results.append(execute(*asked, **more))
        return results[-1]

    connection.execute = listening  # type: ignore[method-assign]  # Listens.
    return results


def test_the_commit_itself_does_not_wait_for_the_disk(database: Database) -> None:
    with database.tenant_transaction(TENANT) as tx:
        tx.let_go_early()
        note(tx, "ETH/USDT")
        connection = tx.connection
        told: dict[object, object] = {}
        execute = connection.execute

        def listening(query: Any, *others: Any, **more: Any) -> Any:
            told[query] = execute("SHOW synchronous_commit").fetchone()
            return execute(query, *others, **more)

        connection.execute = listening  # type: ignore[method-assign]  # Listens.
    assert told["COMMIT"] == ("off",)
    assert told["SELECT pg_logical_emit_message(true, 'breakwater', '')"] == ("on",)


def test_a_result_can_be_asked_for_in_the_midst_of_it(database: Database, database_urls: DatabaseUrls) -> None:
    with database.tenant_transaction(TENANT) as tx:
        tx.let_go_early()
        tx.let_go_early()
        note(tx, "ETH/USDT")
        with tx.pipeline():
            cursor = tx.connection.execute("SELECT count(*) FROM limits.risk_terms")
        assert cursor.fetchone() == (1,)
        note(tx, "BTC/USDT")
    assert noted(database_urls) == ["BTC/USDT", "ETH/USDT"]


def test_what_raises_undoes_all_of_it_and_the_connection_goes_on(
    database: Database, database_urls: DatabaseUrls
) -> None:
    def fail() -> None:
        with database.tenant_transaction(TENANT) as tx:
            tx.let_go_early()
            note(tx, "ETH/USDT")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert noted(database_urls) == []
    with database.tenant_transaction(TENANT) as tx:
        note(tx, "BTC/USDT")
    assert noted(database_urls) == ["BTC/USDT"]


def test_a_queued_statement_that_fails_undoes_what_was_queued_around_it(
    database: Database, database_urls: DatabaseUrls
) -> None:
    def write(*symbols: str) -> None:
        with database.tenant_transaction(TENANT) as tx:
            tx.let_go_early()
            for symbol in symbols:
                note(tx, symbol)

    with pytest.raises(psycopg.errors.UniqueViolation):
        write("ETH/USDT", "ETH/USDT", "BTC/USDT")
    assert noted(database_urls) == []
    write("BTC/USDT")
    assert noted(database_urls) == ["BTC/USDT"]


def test_a_connection_that_is_lost_before_the_commit_is_told_and_replaced(
    database: Database, database_urls: DatabaseUrls
) -> None:
    def cut() -> None:
        with database.tenant_transaction(TENANT) as tx:
            tx.let_go_early()
            note(tx, "ETH/USDT")
            with psycopg.connect(database_urls.admin) as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", (tx.connection.info.backend_pid,))

    with pytest.raises(DatabaseUnavailable):
        cut()
    with database.tenant_transaction(TENANT) as tx:
        note(tx, "BTC/USDT")
    assert noted(database_urls) == ["BTC/USDT"]
