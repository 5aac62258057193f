import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from matching_core import EventKind, MatchingCore, Side

from tests.unit.matching_core.commands import SYMBOL, listed_core, submits

THREADS = 4
ORDERS_EACH = 20_000
BATCH = 100
TIMEOUT_S = 60


def test_other_threads_run_while_a_batch_is_applied() -> None:
    core = listed_core(orders=1 << 20)
    commands = submits(order_id=np.arange(1, 1_000_001), price=np.arange(1_000_000) % 100 + 1)
    times: list[float] = []
    started = threading.Event()

    def apply() -> None:
        started.set()
        times.append(time.perf_counter())
        core.apply(commands)
        times.append(time.perf_counter())

    worker = threading.Thread(target=apply)
    worker.start()
    assert started.wait(TIMEOUT_S)
    ticks = []
    while worker.is_alive():
        ticks.append(time.perf_counter())
    worker.join(TIMEOUT_S)
    begin, end = times
    margin = (end - begin) / 10
    assert sum(begin + margin < tick < end - margin for tick in ticks) > 100


def test_threads_that_share_a_core_take_turns() -> None:
    core = listed_core()
    start = threading.Barrier(THREADS + 1)

    def submit(number: int) -> list[np.ndarray]:
        first = number * ORDERS_EACH + 1
        commands = submits(order_id=np.arange(first, first + ORDERS_EACH), account=number)
        start.wait(TIMEOUT_S)
        return [core.apply(piece) for piece in np.array_split(commands, ORDERS_EACH // BATCH)]

    def ask() -> int:
        start.wait(TIMEOUT_S)
        for number in range(2_000):
            core.submit_limit(1_000_000 + number, SYMBOL, 9, Side.BUY, 100, 1)
            core.depth(SYMBOL, Side.BUY, 1)
            core.cancel(1_000_000 + number)
        core.state_hash()
        return MatchingCore.restore(core.snapshot()).live_orders

    with ThreadPoolExecutor(THREADS + 1) as pool:
        submitting = [pool.submit(submit, number) for number in range(THREADS)]
        asking = pool.submit(ask)
        events = np.concatenate([batch for future in submitting for batch in future.result(TIMEOUT_S)])
        assert asking.result(TIMEOUT_S) % BATCH == 0  # A snapshot never sees half a batch.
    assert (events["kind"] == EventKind.ACCEPTED).all()
    assert len(np.unique(events["seq"])) == THREADS * ORDERS_EACH
    assert core.live_orders == THREADS * ORDERS_EACH
    assert core.next_event_seq == 2 + THREADS * ORDERS_EACH + 2 * 2_000  # The listing, then each order and cancel once.


def test_cores_do_not_share_anything() -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        cores = [listed_core() for _ in range(THREADS)]
        commands = submits(order_id=np.arange(1, ORDERS_EACH + 1), side=np.arange(ORDERS_EACH) % 2 + 1)
        answers = list(pool.map(lambda core: core.apply(commands).tobytes(), cores, timeout=TIMEOUT_S))
    assert len(set(answers)) == 1
    assert len({core.state_hash() for core in cores}) == 1
