"""Writers that race for one shard over real Postgres, with the statements that the engine uses."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from breakwater.db import shard_leases
from breakwater.db.engine_connection import engine_pool
from breakwater.db.journal import Fenced, Journal
from breakwater.domain.orders import OrderSnapshot, Side
from fargate_engine.inbox import Inbox
from fargate_engine.journal_cli import journal_app
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.recovery import recover
from fargate_engine.sequencer import Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.venues.simulated import SimulatedVenue
from tests.conftest import DatabaseUrls
from tests.support.engine_words import snapshot_in, snapshot_in_state
from tests.unit.fargate_engine.orders import ETH, submit

SHARD = 3
TAKE_OVERS = 6
ORDERS_AT_ONCE = 3


@dataclass
class Writer:
    """The part of an engine that writes: its state, and what it was told is durable."""

    state: ShardState
    journal: Journal
    acknowledged: list[OrderSnapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inbox = Inbox()
        self.inbox.open()
        # Orders of these tests stay in the internal book.
        venue = SimulatedVenue(self.inbox, [], {}, hub=MarketHub(), speed=1)
        self.sequencer = Sequencer(self.state, self.inbox, self.journal, {"SIM": venue}, events_written=lambda: None)

    async def write_until_fenced(self, first_number: int) -> None:
        await self.sequencer.list_instruments([ETH])
        number = first_number
        while True:
            answers = []
            for _ in range(ORDERS_AT_ONCE):
                number += 1
                order = submit(number, side=list(Side)[number % 2], account_id=UUID(int=number % 5))
                answers.append(self.inbox.ask(order))
            await self.sequencer.run_batch()
            for answer in answers:
                self.acknowledged.append(snapshot_in(answer.result()))


@asynccontextmanager
async def taking_over(conninfo: str) -> AsyncIterator[Writer]:
    """A writer with a pool of its own, which has the lease and has read the journal to its end."""
    async with engine_pool(conninfo) as pool:
        epoch = await shard_leases.acquire(pool, SHARD, holder="engine", address="", own_epoch=0)
        assert epoch is not None
        state, journal = await recover(SHARD, pool, None)
        journal.epoch = epoch
        yield Writer(state, journal)


def column(conninfo: str, query: str) -> list[object]:
    with psycopg.connect(conninfo) as connection:
        return [row[0] for row in connection.execute(query)]


async def test_of_writers_that_race_each_leaves_off_where_the_next_begins(database_urls: DatabaseUrls) -> None:
    writers: list[Writer] = []

    async def race(number: int) -> None:
        async with taking_over(database_urls.engine) as writer:
            writers.append(writer)
            with pytest.raises(Fenced):
                await writer.write_until_fenced(number * 100_000)

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(60):
        for number in range(TAKE_OVERS):
            tasks.create_task(race(number))
            while len(writers) <= number or not writers[number].acknowledged:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # Each writes for a while; none is told that another comes.
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("UPDATE trading.shard_leases SET epoch = epoch + 1")

    epochs = column(database_urls.admin, "SELECT epoch FROM trading.journal ORDER BY seq")
    assert epochs == sorted(epochs)  # type: ignore[type-var]  # They are integers.
    assert set(epochs) == set(range(1, TAKE_OVERS + 1))
    async with engine_pool(database_urls.engine) as pool:
        state, _ = await recover(SHARD, pool, None)
    for writer in writers:
        for said in writer.acknowledged:
            now = snapshot_in_state(state, said.order_id)
            assert now == said or (now.engine_seq > said.engine_seq and not said.status.is_final)
    told = Counter(column(database_urls.admin, "SELECT aggregate_id FROM trading.events WHERE topic LIKE '%Accepted%'"))
    assert told == Counter(state.registry.orders.keys())
    due = column(database_urls.admin, "SELECT event_id FROM trading.outbox")
    assert sorted(map(str, due)) == sorted(map(str, column(database_urls.admin, "SELECT event_id FROM trading.events")))
    verified = await asyncio.to_thread(
        CliRunner().invoke, journal_app, ["verify", "--database-url", database_urls.engine]
    )
    assert verified.exit_code == 0, verified.output
    assert f"{state.state_hash():016x}" in verified.output


async def test_of_two_writers_of_one_epoch_each_number_has_one(database_urls: DatabaseUrls) -> None:
    """It cannot come to this; if it did, the journal's key would stand."""
    async with taking_over(database_urls.engine) as first, taking_over(database_urls.engine) as second:
        first.journal.epoch = second.journal.epoch
        writing = [
            asyncio.create_task(writer.write_until_fenced(number)) for writer, number in ((first, 0), (second, 100_000))
        ]
        ended, going_on = await asyncio.wait(writing, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for task in going_on:
            task.cancel()
        await asyncio.wait(writing)
        assert [type(task.exception()) for task in ended] == [Fenced]
    async with engine_pool(database_urls.engine) as pool:
        state, _ = await recover(SHARD, pool, None)
    for said in first.acknowledged + second.acknowledged:
        assert state.knows(said.order_id)


async def test_a_write_that_is_carried_out_twice_at_once_is_written_once(database_urls: DatabaseUrls) -> None:
    async with taking_over(database_urls.engine) as writer, engine_pool(database_urls.engine) as pool:
        await writer.sequencer.list_instruments([ETH])
        applied = writer.state.apply([submit(1)], writer.state.last_at_ns)
        journal = writer.journal
        twin = Journal(pool, SHARD, epoch=journal.epoch, last_seq=journal.last_seq, digest=journal.digest)
        row = applied.row(SHARD, journal.epoch, journal.digest)
        outcomes = await asyncio.gather(
            *(each.append(row, applied.outcomes.envelopes) for each in (journal, twin)), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} == {type(None), Fenced}
    assert column(database_urls.admin, "SELECT seq FROM trading.journal ORDER BY seq") == [1, row.seq]
    events = [[event["event_id"] for event in applied.outcomes.envelopes]]
    assert [
        column(database_urls.admin, f"SELECT event_id::text FROM trading.{table}") for table in ("events", "outbox")
    ] == (events * 2)


@pytest.mark.parametrize("late_first", [True, False])
async def test_a_late_write_and_a_take_over_agree_on_which_came_first(
    late_first: bool, database_urls: DatabaseUrls
) -> None:
    async with taking_over(database_urls.engine) as old, engine_pool(database_urls.engine) as pool:
        await old.sequencer.list_instruments([ETH])
        with psycopg.connect(database_urls.admin) as holding:
            holding.execute("SELECT epoch FROM trading.shard_leases FOR UPDATE")  # Both must wait, in their order.

            async def write() -> None:
                answer = old.inbox.ask(submit(1))
                await old.sequencer.run_batch()
                await answer

            async def take_over() -> int | None:
                return await shard_leases.acquire(pool, SHARD, holder="engine", address="", own_epoch=0)

            if late_first:
                writing = asyncio.create_task(write())
                await asyncio.sleep(0.3)
                taking = asyncio.create_task(take_over())
            else:
                taking = asyncio.create_task(take_over())
                await asyncio.sleep(0.3)
                writing = asyncio.create_task(write())
            await asyncio.sleep(0.3)
            assert not writing.done()
            assert not taking.done()
        epoch = await taking
        assert epoch == old.journal.epoch + 1
        state, _ = await recover(SHARD, pool, None)  # As the new one reads it, now that it has the lease.
        outcome = (await asyncio.gather(writing, return_exceptions=True))[0]
    assert state.knows(submit(1).order_id) == (outcome is None)
    assert outcome is None or isinstance(outcome, Fenced)
    assert column(database_urls.admin, "SELECT max(last_seq) FROM trading.journal") == [state.last_seq]
