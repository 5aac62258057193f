"""Orders through the stages of one shard: inbox, core, the journal's commit in Postgres, answer."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import orjson
import psycopg
import uvloop
from matching_core import EventKind

from breakwater.db import shard_leases
from breakwater.db.engine_connection import engine_pool
from breakwater.db.engine_market import read_instruments
from breakwater.domain.orders import OrdStatus, SubmitOrder
from breakwater.domain.shards import shard_of
from fargate_engine.inbox import Inbox
from fargate_engine.records import Records
from fargate_engine.recovery import recover
from fargate_engine.sequencer import Sequencer
from tests.benchmarks.engine_orders import MESSAGES_SYMBOL, RECORDS_SYMBOL, order_messages, order_records
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import Database

RUNS = 7
SENDERS = 16
BATCH = 64
BATCHES_EACH = 150
ORDERS_IN_A_RUN = SENDERS * BATCHES_EACH * BATCH  # 153,600, so all runs have more than a million.
MESSAGE_SENDERS = 256
MESSAGES_EACH = 12
ORDERS_PER_S_GOAL = 50_000
TIMEOUT_S = 60


@dataclass(frozen=True)
class Run:
    """`latencies_ms` of each request, sorted."""

    orders: int
    took_s: float
    latencies_ms: list[float]


@dataclass(frozen=True)
class Written:
    """What one shard's journal and all of the write-ahead log hold."""

    rows: int
    journal_bytes: int
    wal_bytes: int


def run(database: Database, sync_ms: float) -> list[Figure]:
    """More than a million orders stay in the journal of RECORDS_SYMBOL's shard, some thousands in MESSAGES_SYMBOL's."""
    return uvloop.run(_measure(database, sync_ms))


async def _measure(database: Database, sync_ms: float) -> list[Figure]:
    async with served_shard(database, RECORDS_SYMBOL) as inbox:
        before = _written(database, RECORDS_SYMBOL)
        runs = [await send_records(inbox, first=number * ORDERS_IN_A_RUN) for number in range(RUNS)]
        records = _records_figure(runs, before, _written(database, RECORDS_SYMBOL), sync_ms)
    async with served_shard(database, MESSAGES_SYMBOL) as inbox:
        runs = [await _send_messages(inbox, first=number * MESSAGE_SENDERS * MESSAGES_EACH) for number in range(RUNS)]
    return [records, _messages_figure(runs)]


@asynccontextmanager
async def served_shard(database: Database, symbol: str) -> AsyncIterator[Inbox]:
    """The inbox of the symbol's shard, which is served as the engine does, but by no gateway and with no venue."""
    shard = shard_of(symbol)
    async with engine_pool(database.engine) as pool:
        epoch = await shard_leases.acquire(pool, shard, holder="benchmark", address="", own_epoch=0)
        state, journal = await recover(shard, pool, None)
        journal.epoch = epoch or 0
        inbox = Inbox()
        sequencer = Sequencer(state, inbox, journal, {}, events_written=lambda: None)
        listed = [each for each in await read_instruments(pool) if each.symbol == symbol]
        await sequencer.list_instruments(listed)
        inbox.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_serve(sequencer, inbox))
            yield inbox
            inbox.stop_taking()


async def _serve(sequencer: Sequencer, inbox: Inbox) -> None:
    while not inbox.is_drained:
        await sequencer.run_batch()


async def send_records(inbox: Inbox, *, first: int) -> Run:
    """Orders from the `first`th on, in batches; each sender has its answer before it sends again."""
    orders = order_records(ORDERS_IN_A_RUN, first=first)
    work = [np.array_split(part, BATCHES_EACH) for part in np.array_split(orders, SENDERS)]

    async def send(batch: Records) -> None:
        events = await inbox.submit_records(batch)
        accepted = np.count_nonzero(events["kind"] == EventKind.ACCEPTED)
        assert accepted == len(batch), f"{accepted} of {len(batch)} orders were accepted"

    return await _timed(len(orders), work, send)


async def _send_messages(inbox: Inbox, *, first: int) -> Run:
    orders = order_messages(MESSAGE_SENDERS * MESSAGES_EACH, first=first)
    work = [orders[sender::MESSAGE_SENDERS] for sender in range(MESSAGE_SENDERS)]

    async def send(order: SubmitOrder) -> None:
        answer = await inbox.ask(order)
        assert isinstance(answer, bytes)
        assert orjson.loads(answer)["status"] != OrdStatus.REJECTED, answer

    return await _timed(len(orders), work, send)


async def _timed[Request](
    orders: int, work: Sequence[Sequence[Request]], send: Callable[[Request], Awaitable[None]]
) -> Run:
    latencies_ms: list[float] = []

    async def one_sender(requests: Sequence[Request]) -> None:
        for request in requests:
            began_at = time.perf_counter()
            await send(request)
            latencies_ms.append((time.perf_counter() - began_at) * 1000)

    began_at = time.perf_counter()
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as senders:
        for requests in work:
            senders.create_task(one_sender(requests))
    return Run(orders, time.perf_counter() - began_at, sorted(latencies_ms))


def _written(database: Database, symbol: str) -> Written:
    with psycopg.connect(database.admin) as connection:
        rows = connection.execute("SELECT count(*) FROM trading.journal WHERE shard = %s", (shard_of(symbol),))
        (rows_count,) = rows.fetchone() or (0,)
        sizes = connection.execute(
            "SELECT pg_total_relation_size('trading.journal'), pg_current_wal_lsn() - '0/0'::pg_lsn"
        )
        journal_bytes, wal_bytes = sizes.fetchone() or (0, 0)
    return Written(rows_count, journal_bytes, int(wal_bytes))


def _records_figure(runs: Sequence[Run], before: Written, after: Written, sync_ms: float) -> Figure:
    orders, took_s = sum(each.orders for each in runs), sum(each.took_s for each in runs)
    commits = after.rows - before.rows
    rate = _median_rate(runs)
    journal_bytes = (after.journal_bytes - before.journal_bytes) / orders
    wal_bytes = (after.wal_bytes - before.wal_bytes) / orders
    told = (
        f"{_rates(runs)}; {orders:,} limit orders in all; {commits / took_s:.0f} commits/s of "
        f"{orders / commits:,.0f} orders; an order takes {journal_bytes:.0f} bytes of journal (128 before Postgres "
        f"compresses them) and {wal_bytes:.0f} of WAL; a sync of this disk {sync_ms:.2f} ms"
    )
    return Figure(
        f"orders journalled by group commit: {SENDERS} senders, {BATCH} records a batch, inbox to acknowledgement",
        f">= {ORDERS_PER_S_GOAL:,} orders/s",
        *_percentiles(runs),
        told,
        rate >= ORDERS_PER_S_GOAL,
    )


def _messages_figure(runs: Sequence[Run]) -> Figure:
    return Figure(
        f"the same with orders of the API, their events and outbox: {MESSAGE_SENDERS} senders, one order each",
        "none",
        *_percentiles(runs),
        _rates(runs),
        None,
    )


def _percentiles(runs: Sequence[Run]) -> tuple[float, float]:
    """The median over the runs of p50 and of p99, in ms."""
    p50, p99 = ([percentile(each.latencies_ms, share) for each in runs] for share in (0.5, 0.99))
    return statistics.median(p50), statistics.median(p99)


def _rates(runs: Sequence[Run]) -> str:
    rates = [each.orders / each.took_s for each in runs]
    return f"{statistics.median(rates):,.0f} orders/s ({min(rates):,.0f} to {max(rates):,.0f} in {len(runs)} runs)"


def _median_rate(runs: Sequence[Run]) -> float:
    return statistics.median(each.orders / each.took_s for each in runs)
