"""A shard goes from one engine to another and back, while a client sends orders in it: how long these wait."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from cryptography.hazmat.primitives.asymmetric import ec

from breakwater.domain.shards import shard_of
from tests.benchmarks.engine_client import EngineConnection, RunningEngine, running_engine
from tests.benchmarks.engine_orders import MESSAGES_SYMBOL, order_messages
from tests.benchmarks.figures import Figure
from tests.benchmarks.own_postgres import OwnPostgres

MOVES = 10
ORDERS = 5_000  # More than are sent meanwhile.
BETWEEN_S = 1.0
AGAIN_S = 0.005
ENGINES = ("benchmark-a", "benchmark-b")
_OK, _UNAVAILABLE = 200, 503


def run(postgres: OwnPostgres) -> Figure:
    database, key = postgres.create_database("move"), ec.generate_private_key(ec.SECP256R1())
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        names = [{"ENGINE_ID": engine_id} for engine_id in ENGINES]
        serving = running_engine(database, Path(first), environment=names[0], signing_key=key)
        standby = running_engine(database, Path(second), environment=names[1], signing_key=key, is_standby=True)
        with serving as engine, standby:
            waits_ms = sorted(_longest_wait_ms(engine))
    return Figure(
        "an order while its shard goes to another engine: the longest wait",
        "none",
        waits_ms[MOVES // 2],
        waits_ms[-1],
        f"{MOVES} moves there and back under the orders of one client; p99 is the longest",
        None,
    )


def _longest_wait_ms(engine: RunningEngine) -> list[float]:
    """Of each move. The client asks the first engine, which passes on what another one serves."""
    longest: list[float] = []
    with _sending(engine) as waits_ms, engine.connection() as connection:
        for number in range(MOVES):
            time.sleep(BETWEEN_S)
            waits_ms.clear()
            _move(connection, ENGINES[(number + 1) % 2])
            time.sleep(BETWEEN_S)
            longest.append(max(waits_ms))
    return longest


def _move(connection: EngineConnection, engine_id: str) -> None:
    shard, body = shard_of(MESSAGES_SYMBOL), json.dumps({"to": engine_id}).encode()
    status, answer = connection.request("POST", f"/internal/shards/{shard}/move", body)
    assert status == _OK, answer


@contextmanager
def _sending(engine: RunningEngine) -> Iterator[list[float]]:
    """One client sends order after order, each again until it is answered; the milliseconds of each."""
    waits_ms: list[float] = []
    is_over = Event()
    sender = Thread(target=_send, args=(engine, waits_ms, is_over))
    sender.start()
    try:
        yield waits_ms
    finally:
        is_over.set()
        sender.join()


def _send(engine: RunningEngine, waits_ms: list[float], is_over: Event) -> None:
    bodies = iter([order.model_dump_json().encode() for order in order_messages(ORDERS)])
    with engine.connection() as connection:
        while not is_over.wait(AGAIN_S):
            began_at, body = time.perf_counter(), next(bodies)
            while (answered := connection.request("POST", "/internal/orders", body))[0] == _UNAVAILABLE:
                time.sleep(AGAIN_S)
            assert answered[0] == _OK, answered[1]
            waits_ms.append((time.perf_counter() - began_at) * 1000)
