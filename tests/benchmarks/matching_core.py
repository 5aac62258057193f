"""The matching core from Python: the common workload in batches, and call by call."""

import itertools
import statistics
import time

import numpy as np
from matching_core import COMMAND, Kind, MatchingCore, Side, TimeInForce, Type

from tests.benchmarks import workload
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.workload import SYMBOL, Workload

RUNS = 7
BATCH = 4_096
SINGLE_CALLS = 500_000
LIVE_ORDERS = 1_000_000
RATE_GOAL = 10e6
SINGLE_CALL_GOAL_NS = 400


def run() -> list[Figure]:
    if not workload.SHARED.exists():
        told = "skipped: ../shared/bench is not here"
        return [Figure("core from Python", ">= 10 M operations/s, single calls < 400 ns", None, None, told, None)]
    common = workload.load("w1")
    return [_batches(common), _single_calls(common), _memory()]


def _prepared(common: Workload) -> MatchingCore:
    core = MatchingCore()
    core.apply(workload.listing())
    core.apply(common.prefill)
    return core


def _batches(common: Workload) -> Figure:
    batches = np.array_split(common.operations, len(common.operations) // BATCH)
    rates, batch_ms = [], []
    for _ in range(RUNS):
        core = _prepared(common)
        times = [time.perf_counter()]
        for batch in batches:
            core.apply(batch)
            times.append(time.perf_counter())
        rates.append(len(common.operations) / (times[-1] - times[0]))
        batch_ms += [(end - begin) * 1000 for begin, end in itertools.pairwise(times)]
    core = _prepared(common)
    right = workload.is_as_expected(common, [core.apply(batch) for batch in batches])
    rate = statistics.median(rates)
    batch_ms.sort()
    return Figure(
        f"core from Python, batches of {BATCH:,}",
        ">= 10 M operations/s",
        percentile(batch_ms, 0.5),
        percentile(batch_ms, 0.99),
        f"{rate / 1e6:.1f} M operations/s ({min(rates) / 1e6:.1f} to {max(rates) / 1e6:.1f}), "
        f"{'fills as expected' if right else 'WRONG FILLS'}",
        rate >= RATE_GOAL and right,
    )


def _single_calls(common: Workload) -> Figure:
    """Each call is timed by itself; what the same takes with a call that does nothing is subtracted."""
    core = _prepared(common)
    clock = time.perf_counter_ns
    empty_ns, calls_ns = [], []
    for _ in range(SINGLE_CALLS):
        begin = clock()
        core.position(0, 0)
        empty_ns.append(clock() - begin)
    for is_cancel, order_id, side, price, quantity in _arguments(common):
        begin = clock()
        if is_cancel:
            core.cancel(order_id)
        else:
            core.submit_limit(order_id, SYMBOL, 0, side, price, quantity)
        calls_ns.append(clock() - begin)
    call_ns = percentile(sorted(empty_ns), 0.5)
    above_ns = sorted(max(0, taken_ns - call_ns) for taken_ns in calls_ns)
    p50_ns, p99_ns = percentile(above_ns, 0.5), percentile(above_ns, 0.99)
    return Figure(
        "core from Python, single calls",
        "p50 < 400 ns above the call",
        p50_ns / 1e6,
        p99_ns / 1e6,
        f"mean {statistics.mean(above_ns):.0f} ns; {call_ns:.0f} ns for an empty call and two looks at the clock",
        p50_ns < SINGLE_CALL_GOAL_NS,
    )


def _memory() -> Figure:
    """Resting orders over 2,000 prices, in a core that had reserved next to nothing."""
    core = MatchingCore(orders=1)
    core.apply(workload.listing())
    empty_bytes = core.memory_bytes
    orders = np.zeros(LIVE_ORDERS, COMMAND)
    orders["kind"], orders["type"], orders["time_in_force"] = Kind.SUBMIT, Type.LIMIT, TimeInForce.GTC
    orders["symbol"], orders["side"], orders["quantity"] = SYMBOL, Side.BUY, 10
    orders["order_id"] = np.arange(1, LIVE_ORDERS + 1)
    orders["price"] = np.arange(LIVE_ORDERS) % 2_000 + 1
    core.apply(orders)
    each_bytes = (core.memory_bytes - empty_bytes) / core.live_orders
    return Figure(
        f"core's memory, {LIVE_ORDERS:,} live orders",
        "< 200 bytes an order",
        None,
        None,
        f"{each_bytes:.0f} bytes an order, with what is reserved to grow",
        core.live_orders == LIVE_ORDERS and each_bytes < 200,
    )


def _arguments(common: Workload) -> list[tuple[bool, int, Side, int, int]]:
    some = common.operations[:SINGLE_CALLS]
    sides = [Side(side) for side in some["side"].tolist()]
    cancels = (some["kind"] == Kind.CANCEL).tolist()
    return list(
        zip(cancels, some["order_id"].tolist(), sides, some["price"].tolist(), some["quantity"].tolist(), strict=True)
    )
