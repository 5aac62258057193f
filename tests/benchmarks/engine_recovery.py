"""The way back: a journal read from Postgres, checked and applied; and an engine that starts from a snapshot."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from breakwater.db.engine_connection import engine_pool
from breakwater.db.journal import Journal, JournalRow
from breakwater.domain.shards import shard_of
from fargate_engine.records import Records
from fargate_engine.recovery import catch_up
from fargate_engine.shard_state import ShardState
from tests.benchmarks.engine_client import SNAPSHOTS, RunningEngine, running_engine
from tests.benchmarks.engine_orders import MESSAGES_SYMBOL, RECORDS_SYMBOL
from tests.benchmarks.engine_pipeline import ORDERS_IN_A_RUN, send_records, served_shard
from tests.benchmarks.engine_pipeline import RUNS as PIPELINE_RUNS
from tests.benchmarks.figures import Figure
from tests.benchmarks.own_postgres import Database

RUNS = 7
STARTS = 7
REPLAY_GOAL_PER_S = 1_000_000
RECOVERY_GOAL_S = 10.0
RECOVERED_MIN = 1_000_000


@dataclass(frozen=True)
class Replayed:
    commands: int
    took_s: float
    applying_s: float  # The rest is reading, and checking the chain.

    @property
    def per_s(self) -> float:
        return self.commands / self.took_s


class _TimedState(ShardState):
    def __init__(self, shard: int) -> None:
        super().__init__(shard)
        self.applying_s = 0.0

    def replay(self, row: JournalRow) -> Records:
        began_at = time.perf_counter()
        events = super().replay(row)
        self.applying_s += time.perf_counter() - began_at
        return events


def run(database: Database) -> list[Figure]:
    """After engine_pipeline.run: what that left in the journals is replayed."""
    records = uvloop.run(_replay_runs(database, RECORDS_SYMBOL))
    messages = uvloop.run(_replay_runs(database, MESSAGES_SYMBOL))
    return [
        Figure(
            "replay of a journal: read from Postgres, chain verified, applied",
            f">= {REPLAY_GOAL_PER_S / 1e6:.0f} M commands/s",
            None,
            None,
            _told(records),
            statistics.median(each.per_s for each in records) >= REPLAY_GOAL_PER_S,
        ),
        Figure("the same with orders of the API", "none", None, None, _told(messages), None),
        _recovery(database),
    ]


async def _replay_runs(database: Database, symbol: str) -> list[Replayed]:
    async with engine_pool(database.engine) as pool:
        return [await _replay(Journal(pool, shard_of(symbol))) for _ in range(RUNS)]


async def _replay(journal: Journal) -> Replayed:
    state = _TimedState(journal.shard)
    began_at = time.perf_counter()
    await catch_up(state, journal)
    return Replayed(state.last_seq, time.perf_counter() - began_at, state.applying_s)


def _told(runs: Sequence[Replayed]) -> str:
    rates = [each.per_s for each in runs]
    applying = statistics.median(each.applying_s / each.took_s for each in runs)
    return (
        f"{statistics.median(rates):,.0f} commands/s ({min(rates):,.0f} to {max(rates):,.0f} in {len(runs)} runs of "
        f"{runs[0].commands:,}); {1 - applying:.0%} of it reading and verifying, {applying:.0%} applying"
    )


def _recovery(database: Database) -> Figure:
    """An engine leaves a snapshot as it stops; then a million orders and more are journalled; then engines start."""
    shard = shard_of(RECORDS_SYMBOL)
    with tempfile.TemporaryDirectory() as name:
        first, folder = Path(name) / "first", Path(name) / "next"
        with running_engine(database, first) as engine:
            from_nothing_s, commands = engine.started_in_s, _last_seq(engine, shard)
        (snapshot,) = (first / SNAPSHOTS / f"shards/{shard:02}").iterdir()
        snapshot_bytes = snapshot.stat().st_size
        uvloop.run(_journal_more(database))
        starts_s = []
        for _ in range(STARTS):
            shutil.copytree(first, folder)  # Each engine leaves a newer one, which the next must not find.
            with running_engine(database, folder) as engine:
                starts_s.append(engine.started_in_s)
                replayed = _last_seq(engine, shard) - int(snapshot.stem)
            shutil.rmtree(folder)
    start_s = statistics.median(starts_s)
    told = (
        f"{start_s:.1f} s ({min(starts_s):.1f} to {max(starts_s):.1f} in {STARTS} starts) from its process's start "
        f"until it takes orders, with {replayed:,} commands since a snapshot of {snapshot_bytes / 1e6:.0f} MB; "
        f"without a snapshot {from_nothing_s:.1f} s for {commands:,} commands"
    )
    return Figure(
        "recovery of an engine: newest snapshot, then the journal",
        f"< {RECOVERY_GOAL_S:.0f} s for {RECOVERED_MIN / 1e6:.0f} M commands",
        None,
        None,
        told,
        start_s < RECOVERY_GOAL_S and replayed >= RECOVERED_MIN,
    )


def _last_seq(engine: RunningEngine, shard: int) -> int:
    with engine.connection() as connection:
        _, answer = connection.request("GET", "/internal/shards")
    last_seq: int = orjson.loads(answer)["shards"][shard]["last_seq"]
    return last_seq


async def _journal_more(database: Database) -> None:
    async with served_shard(database, RECORDS_SYMBOL) as inbox:
        for number in range(PIPELINE_RUNS, 2 * PIPELINE_RUNS):
            await send_records(inbox, first=number * ORDERS_IN_A_RUN)
