"""What an order costs in memory: one that rests, in the core and for one of the API in Python, too; and one that ended.

As a program it measures what its argument names, and prints what it found.
"""

import gc
import json
import subprocess
import sys
import uuid
from decimal import Decimal

import numpy as np
import psutil
from matching_core import COMMAND, INSTRUMENT_COMMAND, Kind, MatchingCore, Side, TimeInForce, Type

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side as OrderSide
from breakwater.domain.orders import TimeInForce as OrderTimeInForce
from breakwater.domain.shards import shard_of
from fargate_engine.messages import ListInstrument, VoidOrder
from fargate_engine.records import RECORDS_MAX, Records
from fargate_engine.registry import REMEMBERED_NS
from fargate_engine.shard_state import ShardState
from tests.benchmarks.engine_orders import MESSAGES_SYMBOL, TENANT_ID, order_messages
from tests.benchmarks.figures import Figure

ORDERS = 1_000_000
LEVELS_EACH = 1_000  # On either side of the book.
MESSAGES = 20_000
MESSAGES_AT_ONCE = 256
BYTES_GOAL = 200
FORGOTTEN_BYTES_GOAL = 16
TIMEOUT_S = 120

_SEED = 20261130


def run() -> list[Figure]:
    live, ended, forgotten = (_measured(name) for name in _MEASURES)
    return [
        Figure(
            f"memory of a live order in the core, {ORDERS:,} of them",
            f"< {BYTES_GOAL} bytes",
            None,
            None,
            f"{live['core']:.0f} bytes by its own account, {live['core_rss']:.0f} as the process grew; an order of the "
            f"API takes {live['api_rss']:,.0f} more in Python, with {MESSAGES:,} of them",
            max(live["core"], live["core_rss"]) < BYTES_GOAL,
        ),
        Figure(
            f"memory of an order that ended more than an hour ago, {ORDERS:,} of them",
            f"< {FORGOTTEN_BYTES_GOAL} bytes",
            None,
            None,
            f"{forgotten['rss']:.1f} bytes as the process grew, {forgotten['snapshot']:.1f} in a snapshot; in the hour "
            f"before {ended['rss']:,.0f} and {ended['snapshot']:,.0f}, with {MESSAGES:,} of them",
            forgotten["rss"] < FORGOTTEN_BYTES_GOAL,
        ),
    ]


def _measured(name: str) -> dict[str, float]:
    """In a process of its own: what one has freed would be what the next grows into."""
    command = [sys.executable, "-m", "tests.benchmarks.engine_memory", name]
    measured: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S).stdout
    )
    return measured


def _measure_live() -> dict[str, float]:
    before = _rss_bytes()
    core = _full_core()
    core_rss = (_rss_bytes() - before) / ORDERS
    state = ShardState(shard_of(MESSAGES_SYMBOL))
    before = _rss_bytes()
    _fill(state, MESSAGES)
    assert state.live_orders == MESSAGES, f"{state.live_orders} orders live"
    api_rss = (_rss_bytes() - before) / MESSAGES
    return {"core": core.memory_bytes / ORDERS, "core_rss": core_rss, "api_rss": api_rss}


def _measure_ended() -> dict[str, float]:
    """Orders that end at once, for nobody sells: their last words are kept."""
    state = ShardState(shard_of(MESSAGES_SYMBOL))
    _fill(state, MESSAGES_AT_ONCE, time_in_force=OrderTimeInForce.IOC)
    before = _sizes(state)
    _fill(state, MESSAGES, first=MESSAGES_AT_ONCE, time_in_force=OrderTimeInForce.IOC)
    assert len(state.registry.finals) == MESSAGES + MESSAGES_AT_ONCE, f"{len(state.registry.finals)} orders ended"
    return _growth(state, before, MESSAGES)


def _measure_forgotten() -> dict[str, float]:
    """Orders that were voided before they came: the id of one that traded takes as much."""
    state = ShardState(shard_of(MESSAGES_SYMBOL))
    generator = np.random.default_rng(_SEED)
    _void(state, generator)
    before = _sizes(state)
    for _ in range(0, ORDERS, MESSAGES_AT_ONCE):
        _void(state, generator)
    count = len(state.registry.forgotten)
    assert count >= ORDERS, f"{count} orders are forgotten"
    return _growth(state, before, count)


_MEASURES = {"live": _measure_live, "ended": _measure_ended, "forgotten": _measure_forgotten}


def _sizes(state: ShardState) -> dict[str, int]:
    return {"snapshot": len(state.snapshot()), "rss": _rss_bytes()}


def _growth(state: ShardState, before: dict[str, int], count: int) -> dict[str, float]:
    """In bytes an order."""
    now = _sizes(state)
    return {name: (now[name] - before[name]) / count for name in now}


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


def _fill(state: ShardState, count: int, *, first: int = 0, **changes: object) -> None:
    """With orders of the API: only bids."""
    asset, _, currency = MESSAGES_SYMBOL.partition("/")
    instrument = Instrument(MESSAGES_SYMBOL, asset, currency, Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    state.apply([ListInstrument.of(instrument)], 1)
    for number in range(first, first + count, MESSAGES_AT_ONCE):
        orders = order_messages(min(MESSAGES_AT_ONCE, first + count - number), first=number)
        state.apply([order.model_copy(update={"side": OrderSide.BUY, **changes}) for order in orders], 1)


def _void(state: ShardState, generator: np.random.Generator) -> None:
    """A batch of them, an hour after the one before, which it forgets."""
    ids = (uuid.UUID(bytes=generator.bytes(16), version=5) for _ in range(MESSAGES_AT_ONCE))
    batch = [VoidOrder(order_id=each, tenant_id=TENANT_ID, account_id=TENANT_ID) for each in ids]
    state.apply(batch, state.last_at_ns + REMEMBERED_NS)


if __name__ == "__main__":
    print(json.dumps(_MEASURES[sys.argv[1]]()))
