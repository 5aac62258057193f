"""The journal in Postgres: what is written, what is found when it was changed, and who may not write."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from breakwater.db import journal, migrations, shard_leases
from breakwater.db.engine_connection import engine_pool
from breakwater.db.journal import GENESIS_DIGEST, DamagedJournal, Fenced, Journal, JournalRow
from breakwater.errors import DatabaseUnavailable
from events.envelope import EnvelopeDocument
from tests.conftest import DatabaseUrls
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import submit
from tests.unit.fargate_engine.record_batches import BUY, limit_orders

EVENT = EnvelopeDocument(
    event_id=uuid.UUID(int=5),
    topic="orders.OrderAccepted.v1",
    tenant_id=uuid.UUID(int=1),
    account_id=uuid.UUID(int=2),
    aggregate_id=uuid.UUID(int=3),
    correlation_id="correlation",
    occurred_at_ns=1,
    payload={"a": "1"},
)


def row(seq: int, *, last_seq: int | None = None, epoch: int = 1, previous: bytes = GENESIS_DIGEST) -> JournalRow:
    last_seq = last_seq or seq
    commands = bytes(range(128)) * (last_seq - seq + 1)
    return JournalRow(
        shard=3,
        seq=seq,
        last_seq=last_seq,
        epoch=epoch,
        recorded_at_ns=17,
        commands=commands,
        details='[[0,"X",{"price":"1.10"}]]',
        event_seq=9,
        state_hash=-5,
    ).sealed(previous)


@asynccontextmanager
async def writer(conninfo: str, holder: str = "a") -> AsyncIterator[Journal]:
    """A journal whose lease `holder` has."""
    async with engine_pool(conninfo) as pool:
        epoch = await shard_leases.acquire(pool, 3, holder=holder, address="", own_epoch=0)
        assert epoch is not None
        yield Journal(pool, 3, epoch=epoch)


@asynccontextmanager
async def reader(conninfo: str) -> AsyncIterator[Journal]:
    async with engine_pool(conninfo) as pool:
        yield Journal(pool, 3)


def count(conninfo: str, table: str) -> int:
    with psycopg.connect(conninfo) as connection:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(rows)


async def test_a_batch_is_read_back_as_it_was_written_with_its_events_due(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine) as written:
        first = row(1, last_seq=3)
        await written.append(first, [EVENT])
        second = row(4, previous=first.digest)
        await written.append(second, [])
        assert (written.last_seq, written.digest) == (4, second.digest)
    async with reader(database_urls.engine) as read:
        assert [each async for each in read.read()] == [first, second]
        assert (read.last_seq, read.digest) == (4, second.digest)
        assert [each async for each in read.read()] == []
    with psycopg.connect(database_urls.admin) as connection:
        due = connection.execute("SELECT event_id, payload FROM trading.outbox JOIN trading.events USING (event_id)")
        assert due.fetchall() == [(EVENT["event_id"], {"a": "1"})]


async def test_a_follower_reads_on_from_where_it_was(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "READ_ROWS_MAX", 2)
    async with writer(database_urls.engine) as written, reader(database_urls.engine) as follower:
        for seq in range(1, 6):
            await written.append(row(seq, previous=written.digest), [])
        assert [each.seq async for each in follower.read()] == [1, 2, 3, 4, 5]
        await written.append(row(6, previous=written.digest), [])
        assert [each.seq async for each in follower.read()] == [6]


async def test_a_digest_is_found_by_the_number_its_row_ends_with(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine) as written:
        first = row(1, last_seq=3)
        await written.append(first, [])
        assert [await written.digest_at(seq) for seq in (0, 1, 3, 4)] == [GENESIS_DIGEST, None, first.digest, None]


async def test_what_a_shard_wrote_comes_back_as_its_state(database_urls: DatabaseUrls) -> None:
    driven = Driven()
    driven.apply(submit(1), submit(2, venue="MOON"), limit_orders([(n, BUY, 100 + n) for n in range(300)]))
    driven.apply(submit(3, quantity=Decimal(2)))
    driven.checkpoint()
    async with engine_pool(database_urls.engine) as pool:
        await shard_leases.acquire(pool, 0, holder="a", address="", own_epoch=0)
        written = Journal(pool, 0, epoch=1)
        for each in driven.rows:
            await written.append(each, [])
        rows = [each async for each in Journal(pool, 0).read()]
    assert rows == driven.rows
    assert replayed(rows).state_hash() == driven.state.state_hash()


@pytest.mark.parametrize(
    ("damage", "seq", "problem"),
    [
        ("UPDATE trading.journal SET commands = set_byte(commands, 40, 255) WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET commands = substr(commands, 1, 127) WHERE seq = 2", 2, "127 bytes"),
        ("UPDATE trading.journal SET details = replace(details, '1.10', '1.11') WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET state_hash = NULL WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET event_seq = 10 WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET recorded_at_ns = 0 WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET epoch = 7 WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET epoch = -7 WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET event_seq = -1 WHERE seq = 2", 2, "digest"),
        ("UPDATE trading.journal SET last_seq = 5 WHERE seq = 2", 2, "128 bytes"),
        ("DELETE FROM trading.journal WHERE seq = 2", 3, "rows between them are missing"),
        ("DELETE FROM trading.journal WHERE seq = 1", 2, "rows between them are missing"),
        (
            "UPDATE trading.journal SET digest = sha256('x') WHERE seq = 1; DELETE FROM trading.journal WHERE seq > 1",
            1,
            "digest",
        ),
    ],
)
async def test_a_damaged_row_is_found_and_named(
    database_urls: DatabaseUrls, damage: str, seq: int, problem: str
) -> None:
    async with writer(database_urls.engine) as written:
        for each in (1, 2, 3):
            await written.append(row(each, previous=written.digest), [])
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(damage)
    async with reader(database_urls.engine) as read:
        with pytest.raises(DamagedJournal, match=problem) as found:
            async for _ in read.read():
                pass
    assert (found.value.shard, found.value.seq) == (3, seq)
    assert f"shard 3, row {seq}" in str(found.value)


async def test_another_holder_ends_the_epoch_of_the_one_before(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine, "old") as old:
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("UPDATE trading.shard_leases SET expires_at = now() - interval '1 s'")
        async with writer(database_urls.engine, "new") as new:
            with pytest.raises(Fenced):
                await old.append(row(1), [EVENT])
            await new.append(row(1, epoch=new.epoch), [])
    assert [count(database_urls.admin, f"trading.{table}") for table in ("journal", "events", "outbox")] == [1, 0, 0]


async def test_an_event_that_was_told_before_is_a_broken_invariant_and_no_other_writer(
    database_urls: DatabaseUrls,
) -> None:
    """Nothing of the batch is written. Fenced would follow the journal and meet it again, as if nothing were wrong."""
    async with writer(database_urls.engine) as written:
        await written.append(row(1), [EVENT])
        with pytest.raises(psycopg.errors.UniqueViolation):
            await written.append(row(2, previous=written.digest), [EVENT])
        assert written.last_seq == 1
        with pytest.raises(Fenced, match="these sequence numbers"):
            await written.append(row(1), [EVENT])  # Both are there: that of the journal counts.
    assert count(database_urls.admin, "trading.journal") == 1


async def test_a_follower_cannot_write(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine), reader(database_urls.engine) as follower:
        with pytest.raises(Fenced):
            await follower.append(row(1, epoch=0), [])


async def test_a_batch_that_waited_through_a_take_over_is_not_written(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine) as old:
        with psycopg.connect(database_urls.admin) as taker:
            taker.execute("UPDATE trading.shard_leases SET epoch = epoch + 1, holder = 'b'")
            batch = asyncio.create_task(old.append(row(1), [EVENT]))
            await asyncio.sleep(0.3)
            assert not batch.done()
        with pytest.raises(Fenced):
            await batch
    assert [count(database_urls.admin, f"trading.{table}") for table in ("journal", "events", "outbox")] == [0, 0, 0]


async def test_a_take_over_waits_for_the_batch_that_runs(database_urls: DatabaseUrls) -> None:
    async with engine_pool(database_urls.engine) as pool:
        assert await shard_leases.acquire(pool, 3, holder="a", address="", own_epoch=0)
        with psycopg.connect(database_urls.admin) as running:
            running.execute("SELECT epoch FROM trading.shard_leases FOR SHARE")
            taking = asyncio.create_task(shard_leases.acquire(pool, 3, holder="a", address="", own_epoch=0))
            await asyncio.sleep(0.3)
            assert not taking.done()
        assert await taking


async def test_a_row_is_written_once_even_by_the_holder_of_the_lease(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine) as written:
        await written.append(row(1), [])
        with pytest.raises(Fenced):
            await written.append(row(1), [])


async def test_a_dead_connection_is_unavailable_and_the_outcome_unknown(database_urls: DatabaseUrls) -> None:
    async with writer(database_urls.engine) as written:
        with psycopg.connect(database_urls.admin) as blocking:
            blocking.execute("SELECT epoch FROM trading.shard_leases FOR UPDATE")
            batch = asyncio.create_task(written.append(row(1), []))
            await asyncio.sleep(0.3)
            with psycopg.connect(database_urls.admin, autocommit=True) as killer:
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'breakwater_engine'"
                )
            with pytest.raises(DatabaseUnavailable):
                await batch
        assert written.last_seq == 0


def test_the_migration_refuses_a_journal_of_the_old_format(database_urls: DatabaseUrls) -> None:
    """Its first statement, on a table that holds a row: that it would be the old one's makes no difference."""
    migration = (Path(migrations.__file__).parent / "versions" / "0003_journal_of_batches.py").read_text()
    guard = migration.split('"""')[3]
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(guard)
        connection.execute(
            """INSERT INTO trading.journal (shard, seq, last_seq, epoch, recorded_at_ns, commands, details, event_seq,
                                            digest)
               VALUES (0, 1, 1, 1, 1, '', '', 1, '')"""
        )
        with pytest.raises(psycopg.errors.RaiseException, match="cannot be converted"):
            connection.execute(guard)
