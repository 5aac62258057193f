"""A desk is killed: until every open order of its accounts has a cancel on its way, and until all are final."""

import json
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import numpy as np
import psycopg
from matching_core import COMMAND, Kind

from breakwater.domain.orders import SIMULATED_VENUE, Side
from tests.benchmarks.engine_client import RunningEngine, running_engine
from tests.benchmarks.engine_orders import TENANT_ID, order_messages
from tests.benchmarks.figures import Figure
from tests.benchmarks.own_postgres import Database, OwnPostgres

ORDERS = 10_000
ACCOUNTS = 100
RUNS = 3
SENDERS = 8
GOAL_S = 1.0
_OK = 200


def run(postgres: OwnPostgres) -> Figure:
    measured = [_measure(postgres, number) for number in range(RUNS)]
    sent_ms, done_ms = (sorted(each) for each in zip(*measured, strict=True))
    return Figure(
        f"kill of a desk with {ORDERS:,} open orders at a venue: all cancels sent",
        f"< {GOAL_S:.0f} s",
        sent_ms[RUNS // 2],
        sent_ms[-1],
        f"{RUNS} runs, p99 is the slowest; one call for {ACCOUNTS} accounts, cancels in the journal, then sent; all "
        f"answered after {done_ms[RUNS // 2]:.0f} ms",
        sent_ms[-1] < GOAL_S * 1000,
    )


def _measure(postgres: OwnPostgres, number: int) -> tuple[float, float]:
    """Milliseconds until the last cancel was sequenced, and until all were final and the call was answered."""
    database = postgres.create_database(f"kill{number}")
    with tempfile.TemporaryDirectory() as folder, running_engine(database, Path(folder)) as engine:
        _fill(engine)
        body = {"tenant_id": str(TENANT_ID), "account_ids": _accounts(), "correlation_id": "bench"}
        with engine.connection() as connection:
            began_at, began_at_ns = time.perf_counter(), time.time_ns()
            status, answer = connection.request("POST", "/internal/cancel-all", json.dumps(body).encode())
            done_ms = (time.perf_counter() - began_at) * 1000
        assert status == _OK, answer
        assert len(json.loads(answer)["canceled"]) == ORDERS
        return (_last_cancel_ns(database) - began_at_ns) / 1e6, done_ms


def _last_cancel_ns(database: Database) -> int:
    """When the last of them came to be, by the journal; all of them are there."""
    with psycopg.connect(database.admin) as connection:
        rows = connection.execute("SELECT recorded_at_ns, commands FROM trading.journal ORDER BY shard, seq").fetchall()
    cancels = [(at_ns, _cancels_in(commands)) for at_ns, commands in rows]
    assert sum(count for _, count in cancels) == ORDERS
    return max(int(at_ns) for at_ns, count in cancels if count)


def _cancels_in(commands: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(commands, COMMAND)["kind"] == Kind.CANCEL))


def _accounts() -> list[str]:
    return [str(uuid.UUID(int=number)) for number in range(1, ACCOUNTS + 1)]


def _fill(engine: RunningEngine) -> None:
    """All buy far below the market, so all rest."""
    changes = {"side": Side.BUY, "price": Decimal(2000), "venue": SIMULATED_VENUE}
    bodies = [order.model_copy(update=changes).model_dump_json().encode() for order in order_messages(ORDERS)]

    def send(first: int) -> None:
        with engine.connection() as connection:
            for body in bodies[first::SENDERS]:
                status, answer = connection.request("POST", "/internal/orders", body)
                assert status == _OK, answer

    with ThreadPoolExecutor(SENDERS) as senders:
        for _ in senders.map(send, range(SENDERS)):
            pass
