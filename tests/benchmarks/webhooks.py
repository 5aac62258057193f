"""200 webhook endpoints, 20 of which turn bad: what the other 180 feel of it.

Senders as Lambda has them, each with a database connection of its own, over real sockets to one receiver in another
process. The queues are in memory: what SQS adds is the same for all. `BREAKWATER_BENCH_WEBHOOK_EVENTS` says how many
events each endpoint is sent; it is measured from the dispatch of the event to its arrival.
"""

import heapq
import logging
import multiprocessing
import os
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from breakwater.db.webhook_queue import Lane
from breakwater.services.webhook_dispatch import Wake
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import create_firm, database_of
from tests.integration.webhooks.scene import Scene
from tests.support.webhook_receiver import Behave, Call, Receiver, answering, hanging, slow

WELL, BAD = 180, 20
EVENTS = int(os.environ.get("BREAKWATER_BENCH_WEBHOOK_EVENTS", "20"))
PACE_S = 1.5  # Between events: within what two cores can send, so that a queue is somebody's fault.
SENDERS = {False: 6, True: 4}
BATCH_MAX = 10
SETTLE_S = 30.0
GOAL = 1.5  # Times the p99 without bad ones, of the same run.
DEAD_URL = "http://127.0.0.1:9/dead"
BEHAVIOURS: tuple[Behave, ...] = (hanging, slow(2.0), answering(500), answering(302))


@dataclass
class Queues:
    """SQS's part: batches of what there is, and messages that come later."""

    ready: dict[bool, "queue.SimpleQueue[Wake]"] = field(
        default_factory=lambda: {False: queue.SimpleQueue(), True: queue.SimpleQueue()}
    )
    later: list[tuple[float, int, Wake]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, wakes: Sequence[Wake]) -> None:
        for wake in wakes:
            if not wake.delay_s:
                self.ready[wake.is_careful].put(wake)
                continue
            with self.lock:
                heapq.heappush(self.later, (time.monotonic() + wake.delay_s, len(self.later), wake))

    def batch(self, *, is_careful: bool) -> list[Wake]:
        with self.lock:
            while self.later and self.later[0][0] <= time.monotonic():
                self.ready[True].put(heapq.heappop(self.later)[2])
        taken: list[Wake] = []
        while len(taken) < BATCH_MAX:
            try:
                taken.append(self.ready[is_careful].get(timeout=0 if taken else 0.05))
            except queue.Empty:
                break
        return taken


def run() -> list[Figure]:
    logging.disable(logging.CRITICAL)
    with own_postgres() as postgres:
        alone = _measure(postgres.create_database("webhooks_alone").admin, bad=0)
        beside = _measure(postgres.create_database("webhooks_beside").admin, bad=BAD)
    logging.disable(logging.NOTSET)
    p99 = {name: percentile(values, 0.99) for name, values in (("alone", alone), ("beside", beside))}
    return [
        Figure(
            f"{WELL} webhook endpoints that are well, from dispatch to arrival",
            "",
            percentile(alone, 0.5),
            p99["alone"],
            f"{len(alone):,} calls, an event each {PACE_S} s",
            None,
        ),
        Figure(
            f"the same beside {BAD} that turn dead, silent, slow, failing or redirecting",
            f"p99 < {GOAL} times that without",
            percentile(beside, 0.5),
            p99["beside"],
            f"{len(beside):,} calls, {p99['beside'] / p99['alone']:.2f} times the p99 without",
            p99["beside"] < GOAL * p99["alone"],
        ),
    ]


def _measure(conninfo: str, *, bad: int) -> list[float]:
    """Milliseconds from dispatch to arrival at endpoints that are well, in order."""
    firm = create_firm(conninfo, accounts=1)
    functions = make_conninfo(conninfo, user="breakwater_functions", password="breakwater_functions")
    queues = Queues()
    scene = Scene(conninfo, database_of(functions), firm)
    scene.send_wakes = queues.send  # type: ignore[method-assign]
    account = firm.account_ids[0]
    with _receiving() as (url, arrived, turn_bad):
        for number in range(WELL):
            scene.add(f"{url}/well/{number}", name=f"well {number}")
        for number in range(bad):
            scene.add(f"{url}/bad/{number % (len(BEHAVIOURS) + 1)}", name=f"bad {number}")
        with _senders(functions, scene, queues):
            for _ in range(2):  # From here on all are known to answer soon.
                scene.dispatch(scene.happen(account))
                _wait_until_sent(conninfo)
            if bad:
                turn_bad.set()
                with psycopg.connect(conninfo) as connection:
                    connection.execute("UPDATE webhooks.endpoints SET url = %s WHERE url LIKE '%%/bad/4'", (DEAD_URL,))
            dispatched: dict[str, float] = {}
            for _ in range(EVENTS):
                event = scene.happen(account)
                dispatched[str(event.event_id)] = time.time()
                scene.dispatch(event)
                time.sleep(max(PACE_S - (time.time() - dispatched[str(event.event_id)]), 0))
            calls = _arrivals(arrived, dispatched)
    scene.database.close()
    return sorted((at - dispatched[event_id]) * 1000 for event_id, at in calls)


def _arrivals(arrived: Any, dispatched: dict[str, float]) -> list[tuple[str, float]]:
    """Of each event at each endpoint that is well, the first. RuntimeError when some never come."""
    seen: dict[tuple[str, str], float] = {}
    give_up_at = time.monotonic() + SETTLE_S
    while len(seen) < WELL * len(dispatched):
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{WELL * len(dispatched) - len(seen)} webhooks never arrived")
        try:
            event_id, path, at = arrived.get(timeout=0.2)
        except queue.Empty:
            continue
        if event_id in dispatched and path.startswith("/well/"):
            seen.setdefault((event_id, path), at)
    return [(event_id, at) for (event_id, _), at in seen.items()]


def _wait_until_sent(conninfo: str) -> None:
    give_up_at = time.monotonic() + 2 * SETTLE_S
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while connection.execute("SELECT sum(waiting) FROM webhooks.lanes").fetchone() != (0,):
            if time.monotonic() > give_up_at:
                raise RuntimeError("the first events were not delivered")
            time.sleep(0.1)


@contextmanager
def _senders(functions: str, scene: Scene, queues: Queues) -> Iterator[None]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=_send, args=(functions, scene, queues, stop), kwargs={"is_careful": is_careful})
        for is_careful, count in SENDERS.items()
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(SETTLE_S)


def _send(functions: str, scene: Scene, queues: Queues, stop: threading.Event, *, is_careful: bool) -> None:
    """A function's environment: one batch after the other."""
    own = Scene(scene.admin_conninfo, database_of(functions), scene.firm, pool=ThreadPoolExecutor(BATCH_MAX))
    own.send_wakes = queues.send  # type: ignore[method-assign]
    while not stop.is_set():
        wanted: dict[uuid.UUID, list[Lane]] = {}
        for wake in queues.batch(is_careful=is_careful):
            wanted.setdefault(wake.tenant_id, []).append((wake.endpoint_id, wake.lane))
        if wanted:
            own.sender(is_careful=is_careful).work(wanted, until=time.monotonic() + 12)
    own.database.close()


@contextmanager
def _receiving() -> Iterator[tuple[str, Any, Any]]:
    """(its URL, a queue of (event id, path, time), the event that turns the bad ones bad)."""
    context = multiprocessing.get_context("spawn")
    arrived, url, turn_bad = context.Queue(), context.Queue(), context.Event()
    process = context.Process(target=_receive, args=(arrived, url, turn_bad), daemon=True)
    process.start()
    try:
        yield url.get(timeout=60), arrived, turn_bad
    finally:
        process.terminate()
        process.join(10)


def _receive(arrived: Any, url: Any, turn_bad: Any) -> None:
    class Bench(Receiver):
        def choose(self, call: Call) -> Behave:
            arrived.put((call.event_id, call.path, time.time()))
            is_bad = call.path.startswith("/bad/") and turn_bad.is_set()
            return BEHAVIOURS[int(call.path[5:]) % len(BEHAVIOURS)] if is_bad else self.default

    url.put(Bench().url(""))
    threading.Event().wait()
