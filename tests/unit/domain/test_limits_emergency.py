"""Types 30 to 32, and what `reduce_only` asks of an order. Their boundaries are in limit_boundaries.py."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.exposure import Limit, NodeState, Scope, Standing
from breakwater.domain.limits import self_trade_mode
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NODE_ID, NOW, exposure_of, order_for, refusals, scope_of

LONG = [exposure_of(filled_qty=Decimal(5))]


@pytest.mark.parametrize(
    ("state", "side", "quantity", "passes"),
    [
        (NodeState.KILLED, Side.SELL, "1", False),
        (NodeState.KILLED, Side.BUY, "1", False),
        (NodeState.SUSPENDED, Side.SELL, "1", False),
        (NodeState.SUSPENDED, Side.BUY, "1", False),
        (NodeState.REDUCE_ONLY, Side.SELL, "5", True),
        (NodeState.REDUCE_ONLY, Side.SELL, "5.0001", False),
        (NodeState.REDUCE_ONLY, Side.BUY, "1", False),
        (NodeState.ACTIVE, Side.BUY, "1", True),
        (NodeState.ACTIVE, Side.SELL, "9", True),
    ],
)
def test_the_state_of_a_node_is_a_limit_of_its_own(state: NodeState, side: Side, quantity: str, passes: bool) -> None:
    scope = scope_of(state=state, exposures=LONG)
    found = refusals(scope, order_for(scope, side, quantity))
    assert [finding.limit.limit_type for finding in found] == ([] if passes else ["KILL_SWITCH"])
    assert [finding.limit.limit_id for finding in found] == ([] if passes else [None])


def test_a_reduce_only_order_may_not_turn_the_position_around() -> None:
    scope = scope_of(exposures=[exposure_of(filled_qty=Decimal(-2), open_buy_qty=Decimal("0.5"))])
    assert refusals(scope, order_for(scope, Side.BUY, "1.5"), reduce_only=True) == []
    (refusal,) = refusals(scope, order_for(scope, Side.BUY, "1.6"), reduce_only=True)
    assert (refusal.limit.limit_type, refusal.verdict.largest_passing_quantity) == ("REDUCE_ONLY", Decimal("1.5"))


def test_a_reduce_only_order_with_nothing_to_reduce_is_refused() -> None:
    for side, held in ((Side.BUY, []), (Side.SELL, []), (Side.BUY, LONG)):
        scope = scope_of(exposures=held)
        (refusal,) = refusals(scope, order_for(scope, side, "0.01"), reduce_only=True)
        assert refusal.verdict.largest_passing_quantity == 0


@pytest.mark.parametrize(
    ("heard", "passes"),
    [
        (None, True),  # Before the first heartbeat the switch is not set.
        (NOW + timedelta(seconds=1), True),  # The clock of whoever wrote it is ahead of ours.
        (NOW - timedelta(seconds=30), True),
        (NOW - timedelta(seconds=30, microseconds=1), False),
    ],
)
def test_a_dead_mans_switch_refuses_after_too_long_a_silence(heard: Any, passes: bool) -> None:
    scope = scope_of("DEAD_MAN", "30", exposures=LONG, standing=Standing(heartbeat_at=heard))
    for side in Side:
        assert (refusals(scope, order_for(scope, side, "1")) == []) is passes


def with_mode(mode: str, instrument: str = "*") -> Scope:
    return scope_of("SELF_TRADE", instrument=instrument, mode=mode)


def test_the_mode_of_a_self_trade_is_that_of_the_limit_nearest_the_order() -> None:
    firm, desk, account = with_mode("CANCEL_OLDEST"), scope_of(), with_mode("DECREMENT")
    for path, mode in (
        ([firm, desk, account], "DECREMENT"),
        ([firm, desk], "CANCEL_OLDEST"),
        ([desk], None),
        ([firm, with_mode("CANCEL_BOTH", "BTC/USDT")], "CANCEL_OLDEST"),
        ([firm, with_mode("CANCEL_BOTH", "ETH/USDT")], "CANCEL_BOTH"),
    ):
        assert self_trade_mode(path, order_for(account)) == mode


@pytest.mark.parametrize(
    ("instruments", "mode"),
    [
        (["*", "ETH/USDT"], "ETH/USDT"),
        (["*", "class:SPOT"], "class:SPOT"),
        (["class:SPOT", "venue:SIM"], "venue:SIM"),
        (["venue:SIM", "ETH/USDT", "*"], "ETH/USDT"),
    ],
)
def test_of_two_modes_at_one_node_that_of_the_narrower_filter_counts(instruments: list[str], mode: str) -> None:
    scope = scope_of()
    # Named by their filters, so that the answer tells which limit it came from.
    limits = [Limit(None, NODE_ID, "SELF_TRADE", text, None, {"mode": text}) for text in instruments]
    both = Scope(scope.node, limits, [])
    assert self_trade_mode([both], order_for(both)) == mode
