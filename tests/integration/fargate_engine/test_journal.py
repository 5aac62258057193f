"""The lease and the journal, in the interleavings that matter."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from breakwater.db.engine_connection import engine_connection
from breakwater.db.journal import Fenced, Journal, JournalRow
from breakwater.errors import DatabaseUnavailable
from events.envelope import Envelope
from tests.conftest import DatabaseUrls

EVENT = Envelope(
    event_id=uuid.UUID(int=5),
    topic="orders.OrderAccepted.v1",
    tenant_id=uuid.UUID(int=1),
    account_id=uuid.UUID(int=2),
    aggregate_id=uuid.UUID(int=3),
    correlation_id="correlation",
    occurred_at_ns=1,
    payload={"a": "1"},
)


def row(seq: int) -> JournalRow:
    return JournalRow(seq, seq, "SubmitOrder", '{"price": "1.10"}')


@asynccontextmanager
async def journal(conninfo: str, holder: str) -> AsyncIterator[Journal]:
    async with engine_connection(conninfo) as first, engine_connection(conninfo) as second:
        yield Journal(first, second, shard=0, holder=holder)


async def test_a_batch_is_read_back_as_it_was_written_with_its_events_due(database_urls: DatabaseUrls) -> None:
    async with journal(database_urls.engine, "a") as writer:
        assert await writer.acquire_lease()
        await writer.append([row(1), row(2)], [EVENT])
        read = [each async for each in writer.read()]
    assert read == [JournalRow(seq, seq, "SubmitOrder", {"price": "1.10"}) for seq in (1, 2)]
    with psycopg.connect(database_urls.admin) as connection:
        due = connection.execute("SELECT event_id, payload FROM trading.outbox JOIN trading.events USING (event_id)")
        assert due.fetchall() == [(EVENT.event_id, {"a": "1"})]


async def test_another_holder_gets_the_lease_only_when_it_has_expired(database_urls: DatabaseUrls) -> None:
    async with journal(database_urls.engine, "a") as old, journal(database_urls.engine, "b") as new:
        assert await old.acquire_lease()
        assert not await new.acquire_lease()
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("UPDATE trading.shard_leases SET expires_at = now() - interval '1 s'")
        assert await new.acquire_lease()
        for attempt in (old.append([row(1)], [EVENT]), old.heartbeat(), old.release_lease()):
            with pytest.raises(Fenced):
                await attempt
        await new.append([row(1)], [])


async def test_a_batch_that_waited_through_a_take_over_is_not_written(database_urls: DatabaseUrls) -> None:
    async with journal(database_urls.engine, "a") as old:
        assert await old.acquire_lease()
        with psycopg.connect(database_urls.admin) as taker:
            taker.execute("UPDATE trading.shard_leases SET epoch = epoch + 1, holder = 'b'")
            batch = asyncio.create_task(old.append([row(1)], [EVENT]))
            await asyncio.sleep(0.3)
            assert not batch.done()
        with pytest.raises(Fenced):
            await batch
    with psycopg.connect(database_urls.admin) as connection:
        tables = ("journal", "events", "outbox")
        counts = [connection.execute(f"SELECT count(*) FROM trading.{table}").fetchone() for table in tables]
    assert counts == [(0,), (0,), (0,)]


async def test_a_take_over_waits_for_the_batch_that_runs(database_urls: DatabaseUrls) -> None:
    async with journal(database_urls.engine, "a") as new:
        assert await new.acquire_lease()
        with psycopg.connect(database_urls.admin) as running:
            running.execute("SELECT epoch FROM trading.shard_leases FOR SHARE")
            taking = asyncio.create_task(new.acquire_lease())
            await asyncio.sleep(0.3)
            assert not taking.done()
        assert await taking


async def test_a_sequence_number_is_written_once_even_by_the_holder_of_the_lease(database_urls: DatabaseUrls) -> None:
    async with journal(database_urls.engine, "a") as writer:
        assert await writer.acquire_lease()
        await writer.append([row(1)], [])
        with pytest.raises(Fenced):
            await writer.append([row(1)], [])


async def test_a_dead_connection_is_unavailable(database_urls: DatabaseUrls) -> None:
    async with journal(database_urls.engine, "a") as writer:
        assert await writer.acquire_lease()
        with psycopg.connect(database_urls.admin, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'breakwater_engine'"
            )
        with pytest.raises(DatabaseUnavailable):
            await writer.append([row(1)], [])
