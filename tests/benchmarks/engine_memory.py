"""What an order that rests costs in memory: in the core, and for one of the API in Python, too.

As a program it measures in a process of its own, where nothing else grows, and prints what it found.
"""

import gc
import json
import subprocess
import sys
from decimal import Decimal

import numpy as np
import psutil
from matching_core import COMMAND, INSTRUMENT_COMMAND, Kind, MatchingCore, Side, TimeInForce, Type

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side as OrderSide
from breakwater.domain.shards import shard_of
from fargate_engine.messages import ListInstrument
from fargate_engine.records import RECORDS_MAX, Records
from fargate_engine.shard_state import ShardState
from tests.benchmarks.engine_orders import MESSAGES_SYMBOL, order_messages
from tests.benchmarks.figures import Figure

ORDERS = 1_000_000
LEVELS_EACH = 1_000  # On either side of the book.
MESSAGES = 20_000
MESSAGES_AT_ONCE = 256
BYTES_GOAL = 200
TIMEOUT_S = 60


def run() -> list[Figure]:
    command = [sys.executable, "-m", "tests.benchmarks.engine_memory"]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S).stdout)
    core_bytes, core_rss_bytes, api_rss_bytes = measured["core"], measured["core_rss"], measured["api_rss"]
    return [
        Figure(
            f"memory of a live order in the core, {ORDERS:,} of them",
            f"< {BYTES_GOAL} bytes",
            None,
            None,
            f"{core_bytes:.0f} bytes by its own account, {core_rss_bytes:.0f} as the process grew; an order of the API "
            f"takes {api_rss_bytes:,.0f} more in Python, with {MESSAGES:,} of them",
            max(core_bytes, core_rss_bytes) < BYTES_GOAL,
        )
    ]


def _measure() -> dict[str, float]:
    before = _rss_bytes()
    core = _full_core()
    core_rss = (_rss_bytes() - before) / ORDERS
    state = ShardState(shard_of(MESSAGES_SYMBOL))
    before = _rss_bytes()
    _fill(state)
    api_rss = (_rss_bytes() - before) / MESSAGES
    return {"core": core.memory_bytes / ORDERS, "core_rss": core_rss, "api_rss": api_rss}


def _rss_bytes() -> int:
    gc.collect()
    rss: int = psutil.Process().memory_info().rss
    return rss


def _full_core() -> MatchingCore:
    core = MatchingCore(orders=1_024)  # As a shard begins; it grows as it fills.
    listing = np.zeros(1, INSTRUMENT_COMMAND)
    listing["kind"], listing["symbol"], listing["tick"], listing["lot"] = Kind.LIST_INSTRUMENT, 1, 1, 1
    core.apply(listing)
    for first in range(0, ORDERS, RECORDS_MAX):
        core.apply(_resting(first, min(RECORDS_MAX, ORDERS - first)))
    assert core.live_orders == ORDERS, f"{core.live_orders} orders live"
    return core


def _resting(first: int, count: int) -> Records:
    """Bids below one price, asks above it: none trades."""
    numbers = np.arange(first, first + count)
    orders = np.zeros(count, COMMAND)
    orders["kind"], orders["type"], orders["time_in_force"] = Kind.SUBMIT, Type.LIMIT, TimeInForce.GTC
    orders["order_id"] = numbers + 1
    orders["symbol"] = 1
    orders["quantity"] = 10
    is_bid = numbers % 2 == 0
    distance = 1 + numbers // 2 % LEVELS_EACH
    orders["side"] = np.where(is_bid, Side.BUY, Side.SELL)
    orders["price"] = 100_000 + np.where(is_bid, -distance, distance)
    return orders


def _fill(state: ShardState) -> None:
    """With orders of the API that rest: only bids."""
    asset, _, currency = MESSAGES_SYMBOL.partition("/")
    instrument = Instrument(MESSAGES_SYMBOL, asset, currency, Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    state.apply([ListInstrument.of(instrument)], 1)
    for first in range(0, MESSAGES, MESSAGES_AT_ONCE):
        count = min(MESSAGES_AT_ONCE, MESSAGES - first)
        state.apply(
            [order.model_copy(update={"side": OrderSide.BUY}) for order in order_messages(count, first=first)], 1
        )
    assert state.live_orders == MESSAGES, f"{state.live_orders} orders live"


if __name__ == "__main__":
    print(json.dumps(_measure()))
