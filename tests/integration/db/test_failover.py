"""A database that cannot write for now: what a failover leaves behind, seen from an open connection."""

import time
import uuid

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.engine_connection import answered, engine_connection
from breakwater.errors import DatabaseUnavailable
from tests.conftest import DatabaseUrls

TENANT = uuid.UUID(int=1)


def set_read_only(urls: DatabaseUrls, value: str) -> None:
    with psycopg.connect(urls.admin, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")  # Names of our own.


def note(database: Database) -> None:
    with database.tenant_transaction(TENANT) as tx:
        assert tx.portfolio.first_time("test", uuid.uuid4())


def test_a_connection_that_met_a_reader_is_replaced_as_soon_as_the_writer_is_back(database_urls: DatabaseUrls) -> None:
    database = Database(lambda: database_urls.functions)
    set_read_only(database_urls, "on")
    with pytest.raises(DatabaseUnavailable):
        note(database)
    set_read_only(database_urls, "off")
    note(database)
    database.close()


async def test_the_engine_takes_a_reader_for_a_database_that_is_away(database_urls: DatabaseUrls) -> None:
    set_read_only(database_urls, "on")
    with pytest.raises(DatabaseUnavailable):
        async with engine_connection(database_urls.engine) as connection, answered():
            await connection.execute("DELETE FROM trading.outbox")


def idle_for_too_long(database: Database) -> None:
    with database.tenant_transaction(TENANT) as tx:
        tx.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 50")
        time.sleep(0.2)


def test_a_transaction_that_idled_until_the_server_ended_it_is_unavailable(database_urls: DatabaseUrls) -> None:
    database = Database(lambda: database_urls.functions)
    with pytest.raises(DatabaseUnavailable):
        idle_for_too_long(database)
    note(database)
    database.close()
