"""What an engine needs to have the leases of a large firm again: from a snapshot, and from the journal alone."""

import time
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import batched

from breakwater.db.journal import GENESIS_DIGEST, JournalRow
from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from fargate_engine.messages import CoreInput, ListInstrument
from fargate_engine.shard_state import ShardState
from tests.benchmarks.figures import Figure

LEASES = 10_000  # One for each account: a tree of 10,000 accounts.
IN_A_BATCH = 256
RUNS = 5
GOAL_S = 2.0
_ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))


def run() -> list[Figure]:
    state, rows = _with_leases()
    snapshot = state.snapshot()
    restored = sorted(_took_ms(lambda: ShardState.restore(snapshot, shard=0)) for _ in range(RUNS))
    replayed = sorted(_took_ms(lambda: _replay(rows)) for _ in range(RUNS))
    what = f"{LEASES:,} leases of as many accounts, {RUNS} runs; p99 is the slowest"
    return [
        _figure("an engine has the leases of its shard again, from a snapshot", restored, what),
        _figure("the same from the journal alone", replayed, what),
    ]


def _figure(name: str, took_ms: list[float], what: str) -> Figure:
    return Figure(name, f"< {GOAL_S:.0f} s", took_ms[RUNS // 2], took_ms[-1], what, took_ms[-1] < GOAL_S * 1000)


def _with_leases() -> tuple[ShardState, list[JournalRow]]:
    state, rows = ShardState(0), []
    digest = GENESIS_DIGEST
    leases = (_lease(number) for number in range(LEASES))
    batches: list[Sequence[CoreInput]] = [[ListInstrument.of(_ETH)], *batched(leases, IN_A_BATCH, strict=False)]
    for batch in batches:
        applied = state.apply(batch, state.last_at_ns + 1)
        assert not any(applied.refusals)
        rows.append(applied.row(0, 1, digest))
        digest = rows[-1].digest
    return state, rows


def _replay(rows: list[JournalRow]) -> None:
    state = ShardState(0)
    for row in rows:
        state.replay(row)


def _took_ms(work: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    work()
    return (time.perf_counter() - began_at) * 1000


def _lease(number: int) -> SetLease:
    return SetLease(
        tenant_id=uuid.UUID(int=1),
        account_id=uuid.UUID(int=number + 2),
        symbol=_ETH.symbol,
        venue="BOOK",
        strategy_id=None,
        api_key_id=f"key-{number}",
        version=1,
        buy_granted=Decimal(10),
        sell_granted=Decimal(10),
        price_low=Decimal(1900),
        price_high=Decimal(2100),
        orders_max=10,
        order_qty_max=Decimal(5),
        self_trade=None,
        expires_at_ns=1 << 60,
        correlation_id="bench",
    )
