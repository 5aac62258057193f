"""When which mode holds, what an emergency lets pass, and that provisional orders count against every limit."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from breakwater.domain.degraded import (
    EmergencyLimits,
    Mode,
    ProvisionalOrder,
    are_stale,
    later_mode,
    mode_after,
    with_provisional,
)
from breakwater.domain.exposure import Scope
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import EUR, NODE_ID, NOW, exposure_of, order_for, refusals, scope_of

MICROSECOND = timedelta(microseconds=1)


def provisional(side: Side = Side.BUY, quantity: str = "1", *, node: uuid.UUID = NODE_ID) -> ProvisionalOrder:
    return ProvisionalOrder(
        order_id=uuid.uuid4(),
        account_id=uuid.UUID(int=2),
        node_ids=[node],
        symbol="ETH/USDT",
        venue="SIM",
        asset_class="SPOT",
        quote_asset="USDT",
        is_automated=True,
        side=side,
        quantity=Decimal(quantity),
        valuation_price=Decimal(2000),
        mode=Mode.CACHED,
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("silent", "mode"),
    [
        (timedelta(0), Mode.CACHED),
        (timedelta(minutes=4, seconds=59), Mode.CACHED),
        (timedelta(minutes=5) - MICROSECOND, Mode.CACHED),
        (timedelta(minutes=5), Mode.EMERGENCY),
        (timedelta(minutes=65) - MICROSECOND, Mode.EMERGENCY),
        (timedelta(minutes=65), Mode.CLOSED),
        (timedelta(days=3), Mode.CLOSED),
    ],
)
def test_limits_are_only_read_for_five_minutes_and_emergencies_last_an_hour(silent: timedelta, mode: Mode) -> None:
    assert mode_after(silent) is mode


def test_a_clock_that_is_behind_takes_no_mode_back() -> None:
    assert later_mode(Mode.EMERGENCY, Mode.CACHED) is Mode.EMERGENCY
    assert later_mode(Mode.CACHED, Mode.CLOSED) is Mode.CLOSED


def test_positions_of_exactly_ten_minutes_ago_are_not_stale() -> None:
    ago = timedelta(minutes=10)
    assert not are_stale(None, NOW)
    assert not are_stale(NOW - ago, NOW)
    assert are_stale(NOW - ago - MICROSECOND, NOW)


def refused_by(scope: Scope, side: Side = Side.BUY) -> list[str]:
    return [finding.limit.limit_type for finding in refusals(scope, order_for(scope, side))]


def refused_in_emergency(scope: Scope, quantity: str, spent: str = "0", price: str = "2000") -> dict[str, str | None]:
    """By type, with the largest quantity that would pass."""
    order = order_for(scope, quantity=quantity, price=price)
    told = EmergencyLimits().refusals(scope, order, Decimal(spent))
    return {refusal["limit_type"]: refusal["largest_passing_quantity"] for refusal in told}


def test_exactly_two_thousand_an_order_and_ten_thousand_a_day_pass() -> None:
    scope = scope_of()
    assert refused_in_emergency(scope, "1") == {}
    assert refused_in_emergency(scope, "1.0001") == {"EMERGENCY_ORDER": "1"}
    assert refused_in_emergency(scope, "1", spent="8000") == {}
    assert refused_in_emergency(scope, "1", spent="8000.01") == {"EMERGENCY_DAY": "0.9999"}
    assert refused_in_emergency(scope, "2", spent="10000") == {"EMERGENCY_ORDER": "1", "EMERGENCY_DAY": "0"}


def test_other_emergency_limits_may_be_told() -> None:
    scope = scope_of()
    limits = EmergencyLimits(order_max=Decimal(500), day_max=Decimal(600))
    told = limits.refusals(scope, order_for(scope, quantity="0.5"), Decimal(0))
    assert {(refusal["limit_type"], refusal["limit"]) for refusal in told} == {
        ("EMERGENCY_ORDER", "500"),
        ("EMERGENCY_DAY", "600"),
    }


def test_a_pair_of_another_quote_currency_has_no_emergency_limit_and_is_refused() -> None:
    scope = scope_of()
    order = replace(order_for(scope, quantity="100", price="1.25"), instrument=EUR)
    told = EmergencyLimits(currency="EUR").refusals(scope, order, Decimal(0))
    assert [refusal["missing"] for refusal in told] == ["an emergency limit in USDT"] * 2


@pytest.mark.parametrize(
    ("limit_type", "value", "side"),
    [
        ("LONG_POSITION", "3", Side.BUY),
        ("SHORT_POSITION", "3", Side.SELL),
        ("GROSS_NOTIONAL", "6000", Side.BUY),
        ("OPEN_ORDER_NOTIONAL", "6000", Side.BUY),
        ("DAILY_TRADED_NOTIONAL", "6000", Side.SELL),
        ("OPEN_ORDER_COUNT", "3", Side.BUY),
        ("DAILY_ORDER_COUNT", "3", Side.SELL),
    ],
)
def test_provisional_orders_use_up_a_limit_as_open_orders_do(limit_type: str, value: str, side: Side) -> None:
    scope = scope_of(limit_type, value)
    (two_held,) = with_provisional([scope], [provisional(side), provisional(side)])
    (three_held,) = with_provisional([scope], [provisional(side) for _ in range(3)])
    assert refused_by(two_held, side) == []
    assert refused_by(three_held, side) == [limit_type]


def test_a_window_knows_of_messages_that_passed_beside_the_ledger() -> None:
    scope = scope_of("MESSAGE_RATE", "2", window_s=60)
    (held,) = with_provisional([scope], [provisional(), provisional()])
    assert refused_by(held) == ["MESSAGE_RATE"]
    assert refused_by(scope) == []


def test_what_a_provisional_sell_may_sell_reduces_nothing_twice() -> None:
    scope = scope_of(exposures=[exposure_of(filled_qty=Decimal(1))])
    (held,) = with_provisional([scope], [provisional(Side.SELL)])
    assert order_for(scope, Side.SELL).only_reduces
    assert not order_for(held, Side.SELL).only_reduces


def test_orders_below_another_node_do_not_count_here() -> None:
    scope = scope_of("LONG_POSITION", "1")
    assert with_provisional([scope], [provisional(node=uuid.UUID(int=99))]) == [scope]
