"""One client of the engine: an order over HTTP on loopback, until its answer is there."""

import statistics
import tempfile
import time
from pathlib import Path

from breakwater.domain.orders import OrderSnapshot, OrdStatus
from tests.benchmarks.engine_client import EngineConnection, running_engine
from tests.benchmarks.engine_orders import order_messages
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import OwnPostgres

RUNS = 7
ORDERS = 500  # In each run.
WARM_UP_ORDERS = 300
P50_GOAL_MS = 1.5
P99_GOAL_MS = 5.0
P50_GOAL_WITHOUT_JOURNAL_MS = 0.3
_OK = 200


def run(postgres: OwnPostgres) -> list[Figure]:
    journalled = _measure(postgres, with_journal=True)
    at_once = _measure(postgres, with_journal=False)
    what = f"{RUNS} runs of {ORDERS} limit orders of the API on the internal book; most trade, nothing is published"
    return [
        Figure(
            "order to acknowledgement with its journal row committed, one client, HTTP on loopback",
            f"p50 < {P50_GOAL_MS} ms, p99 < {P99_GOAL_MS:.0f} ms",
            *journalled,
            f"{what}; a sync of this disk {postgres.sync_ms():.2f} ms",
            journalled[0] < P50_GOAL_MS and journalled[1] < P99_GOAL_MS,
        ),
        Figure(
            "the same by an engine that does not wait for a journal",
            f"p50 < {P50_GOAL_WITHOUT_JOURNAL_MS * 1000:.0f} µs",
            *at_once,
            what,
            at_once[0] < P50_GOAL_WITHOUT_JOURNAL_MS,
        ),
    ]


def _measure(postgres: OwnPostgres, *, with_journal: bool) -> tuple[float, float]:
    """p50 and p99 in ms, each the median of the runs."""
    database = postgres.create_database("latency" if with_journal else "latency_without_journal")
    bodies = [order.model_dump_json().encode() for order in order_messages(WARM_UP_ORDERS + RUNS * ORDERS)]
    with tempfile.TemporaryDirectory() as folder:
        running = running_engine(database, Path(folder), with_journal=with_journal)
        with running as engine, engine.connection() as connection:
            for body in bodies[:WARM_UP_ORDERS]:
                _order_ms(connection, body)
            latencies_ms = [_order_ms(connection, body) for body in bodies[WARM_UP_ORDERS:]]
    runs = [sorted(latencies_ms[first : first + ORDERS]) for first in range(0, len(latencies_ms), ORDERS)]
    p50, p99 = (statistics.median(percentile(each, share) for each in runs) for share in (0.5, 0.99))
    return p50, p99


def _order_ms(connection: EngineConnection, body: bytes) -> float:
    began_at = time.perf_counter()
    status, answer = connection.request("POST", "/internal/orders", body)
    took_ms = (time.perf_counter() - began_at) * 1000
    assert status == _OK, answer
    assert OrderSnapshot.model_validate_json(answer).status is not OrdStatus.REJECTED, answer
    return took_ms
