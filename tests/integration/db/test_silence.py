"""A database that does not answer is given up in time: a frozen session, a host that says nothing."""

import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from breakwater.db import connection
from breakwater.db.connection import Database, TenantTransaction
from breakwater.db.engine_connection import engine_connection
from breakwater.errors import DatabaseUnavailable
from tests.conftest import DatabaseUrls

TENANT = uuid.UUID(int=1)
ANSWER_TIMEOUT_S = 0.3


@pytest.fixture
def database(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", ANSWER_TIMEOUT_S)
    opened = Database(lambda: database_urls.functions)
    yield opened
    opened.close()


@pytest.fixture
def mute_host() -> Iterator[str]:
    """The conninfo of a host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"host=127.0.0.1 port={listening.getsockname()[1]} dbname=breakwater user=nobody"


def session_of(tx: TenantTransaction) -> int:
    row = tx.connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_session_that_froze_between_two_transactions_is_replaced(database: Database) -> None:
    with database.tenant_transaction(TENANT) as tx:
        before = session_of(tx)
    with frozen(before), database.tenant_transaction(TENANT) as tx:
        assert session_of(tx) != before


def freeze_within(database: Database, thawed_at_last: ExitStack) -> None:
    with database.tenant_transaction(TENANT) as tx:
        thawed_at_last.enter_context(frozen(session_of(tx)))
        tx.connection.execute("SELECT 1")


def test_a_session_that_freezes_within_a_transaction_is_unavailable_in_time(database: Database) -> None:
    started_at = time.monotonic()
    with ExitStack() as thawed_at_last:
        with pytest.raises(DatabaseUnavailable):
            freeze_within(database, thawed_at_last)
        with database.tenant_transaction(TENANT) as tx:
            assert session_of(tx)
    assert time.monotonic() - started_at < 5 * ANSWER_TIMEOUT_S


async def test_a_host_that_says_nothing_is_given_up_when_connecting(mute_host: str) -> None:
    started_at = time.monotonic()
    with pytest.raises(DatabaseUnavailable), Database(lambda: mute_host).tenant_transaction(TENANT):
        pass
    with pytest.raises(DatabaseUnavailable):
        async with engine_connection(mute_host):
            pass
    assert time.monotonic() - started_at < 8
