from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakwater.domain.exposure import NodeState, Position
from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.limits import use_of
from breakwater.domain.orders import Side
from breakwater.errors import InvalidRequest
from tests.unit.domain.limit_orders import ETH, exposure_of, market_of, order_for, refusals, scope_of


@pytest.mark.parametrize(
    ("limit_type", "value", "passing", "refused_order"),
    [
        ("MAX_ORDER_QTY", "2", {"quantity": "2"}, {"quantity": "2.0001"}),
        ("MAX_ORDER_NOTIONAL", "2000", {"quantity": "1"}, {"quantity": "1.0001"}),
        ("MAX_ORDER_NOTIONAL", "2100", {"price": None}, {"price": None, "quantity": "1.0001"}),
        ("PRICE_COLLAR", "0.05", {"price": "2100"}, {"price": "2100.01"}),
        ("PRICE_COLLAR", "0.05", {"price": "1900", "side": Side.SELL}, {"price": "1899.99", "side": Side.SELL}),
        ("DAILY_TRADED_NOTIONAL", "2000", {"quantity": "1"}, {"quantity": "1.0001"}),
        ("LONG_POSITION", "3", {"quantity": "3"}, {"quantity": "3.0001"}),
        ("SHORT_POSITION", "3", {"quantity": "3", "side": Side.SELL}, {"quantity": "3.0001", "side": Side.SELL}),
    ],
)
def test_what_is_exactly_at_the_limit_passes_and_one_step_more_is_refused(
    limit_type: str, value: str, passing: dict[str, Any], refused_order: dict[str, Any]
) -> None:
    scope = scope_of(limit_type, value)
    assert refusals(scope, order_for(scope, **passing)) == []
    (refusal,) = refusals(scope, order_for(scope, **refused_order))
    verdict = refusal.verdict
    assert verdict.used + verdict.reserved + verdict.attempted > verdict.limit


def test_a_buy_below_and_a_sell_above_the_reference_are_never_beyond_a_collar() -> None:
    scope = scope_of("PRICE_COLLAR", "0.05")
    assert refusals(scope, order_for(scope, Side.BUY, price="1")) == []
    assert refusals(scope, order_for(scope, Side.SELL, price="9000")) == []


def test_a_restricted_list_allows_or_denies_by_symbol() -> None:
    for mode, symbols, passes in (
        ("DENY", ["ETH/USDT"], False),
        ("DENY", ["BTC/USDT"], True),
        ("ALLOW", ["ETH/USDT"], True),
        ("ALLOW", ["BTC/USDT"], False),
    ):
        scope = scope_of("RESTRICTED_LIST", mode=mode, symbols=symbols)
        assert (refusals(scope, order_for(scope)) == []) is passes


def test_open_orders_are_counted_over_the_symbols_the_limit_matches() -> None:
    held = [exposure_of(open_order_count=2), exposure_of("BTC/USDT", open_order_count=3)]
    for instrument, value, passes in (
        ("*", "6", True),
        ("*", "5", False),
        ("ETH/USDT", "3", True),
        ("ETH/USDT", "2", False),
    ):
        scope = scope_of("OPEN_ORDER_COUNT", value, instrument=instrument, exposures=held)
        assert (refusals(scope, order_for(scope)) == []) is passes


def test_a_position_limit_for_all_instruments_holds_in_each_symbol_by_itself() -> None:
    held = [exposure_of("BTC/USDT", filled_qty=Decimal(9)), exposure_of(filled_qty=Decimal(1))]
    scope = scope_of("LONG_POSITION", "10", exposures=held)
    assert refusals(scope, order_for(scope, quantity="9")) == []
    use = use_of(scope, scope.limits[0], market_of())
    assert use is not None
    assert use.used == Decimal(9)


def test_what_traded_on_an_earlier_day_does_not_count_today() -> None:
    yesterday = exposure_of(day=date(2026, 3, 1), traded_notional=Decimal(5000), open_notional=Decimal(300))
    scope = scope_of("DAILY_TRADED_NOTIONAL", "2300", exposures=[yesterday])
    assert refusals(scope, order_for(scope)) == []
    scope = scope_of("DAILY_TRADED_NOTIONAL", "2299", exposures=[yesterday])
    assert len(refusals(scope, order_for(scope))) == 1


def test_a_spent_daily_limit_lets_a_position_be_closed_and_no_more() -> None:
    held = exposure_of(filled_qty=Decimal(5), open_sell_qty=Decimal(2), traded_notional=Decimal(9999))
    scope = scope_of("DAILY_TRADED_NOTIONAL", "10000", exposures=[held])
    assert refusals(scope, order_for(scope, Side.SELL, "3")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.SELL, "3.0001"))
    assert refusal.verdict.largest_passing_quantity == 3
    assert len(refusals(scope, order_for(scope, Side.BUY, "1"))) == 1


def test_an_order_that_reduces_still_meets_the_collar() -> None:
    scope = scope_of("PRICE_COLLAR", "0.05", exposures=[exposure_of(filled_qty=Decimal(5))])
    assert len(refusals(scope, order_for(scope, Side.SELL, "1", "1000"))) == 1


def test_a_position_beyond_a_lowered_limit_may_shrink_and_not_grow() -> None:
    scope = scope_of("LONG_POSITION", "1", exposures=[exposure_of(filled_qty=Decimal(5))])
    assert refusals(scope, order_for(scope, Side.SELL, "1")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.BUY, "1"))
    assert refusal.verdict.largest_passing_quantity == 0


@pytest.mark.parametrize(
    ("state", "side", "quantity", "passes"),
    [
        (NodeState.KILLED, Side.SELL, "1", False),
        (NodeState.SUSPENDED, Side.SELL, "1", False),
        (NodeState.REDUCE_ONLY, Side.SELL, "5", True),
        (NodeState.REDUCE_ONLY, Side.SELL, "5.0001", False),
        (NodeState.REDUCE_ONLY, Side.BUY, "1", False),
        (NodeState.ACTIVE, Side.BUY, "1", True),
    ],
)
def test_the_state_of_a_node_is_a_limit_of_its_own(state: NodeState, side: Side, quantity: str, passes: bool) -> None:
    scope = scope_of(state=state, exposures=[exposure_of(filled_qty=Decimal(5))])
    found = refusals(scope, order_for(scope, side, quantity))
    assert [finding.limit.limit_type for finding in found] == ([] if passes else ["KILL_SWITCH"])


def test_a_reduce_only_order_may_not_turn_the_position_around() -> None:
    scope = scope_of(exposures=[exposure_of(filled_qty=Decimal(-2), open_buy_qty=Decimal("0.5"))])
    assert refusals(scope, order_for(scope, Side.BUY, "1.5"), reduce_only=True) == []
    (refusal,) = refusals(scope, order_for(scope, Side.BUY, "1.6"), reduce_only=True)
    assert (refusal.limit.limit_type, refusal.verdict.largest_passing_quantity) == ("REDUCE_ONLY", Decimal("1.5"))


amounts = st.decimals(min_value=0, max_value=10**9, places=8)
positive = st.decimals(min_value=Decimal("0.0001"), max_value=10**6, places=4)


@given(
    limit_type=st.sampled_from(
        ["MAX_ORDER_QTY", "MAX_ORDER_NOTIONAL", "DAILY_TRADED_NOTIONAL", "LONG_POSITION", "SHORT_POSITION"]
    ),
    value=amounts,
    filled=st.decimals(min_value=-(10**5), max_value=10**5, places=4),
    held=st.tuples(positive, positive, amounts, amounts),
    side=st.sampled_from(Side),
    quantity=positive,
    price=st.decimals(min_value=Decimal("0.01"), max_value=10**5, places=2),
)
def test_the_largest_quantity_passes_and_one_lot_more_does_not(
    *,
    limit_type: str,
    value: Decimal,
    filled: Decimal,
    held: tuple[Decimal, Decimal, Decimal, Decimal],
    side: Side,
    quantity: Decimal,
    price: Decimal,
) -> None:
    open_buy, open_sell, open_notional, traded = held
    exposure = exposure_of(
        filled_qty=filled,
        open_buy_qty=open_buy,
        open_sell_qty=open_sell,
        open_notional=open_notional,
        traded_notional=traded,
    )
    scope = scope_of(limit_type, str(value), exposures=[exposure])
    found = refusals(scope, order_for(scope, side, quantity, str(price)))
    assume(found)
    largest = found[0].verdict.largest_passing_quantity
    assert largest is not None
    assert largest < quantity
    assert largest % ETH.lot_size == 0
    if largest > 0:
        assert refusals(scope, order_for(scope, side, largest, str(price))) == []
        assert refusals(scope, order_for(scope, side, largest + ETH.lot_size, str(price)))


@given(
    filled=st.decimals(min_value=-100, max_value=100, places=4),
    open_buy=st.decimals(min_value=0, max_value=100, places=4),
    open_sell=st.decimals(min_value=0, max_value=100, places=4),
    side=st.sampled_from(Side),
    shares=st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from([0, 1, 2]), st.sampled_from([1, 2])),
)
def test_what_only_reduces_brings_the_position_nearer_to_zero_whichever_orders_fill_before(
    filled: Decimal, open_buy: Decimal, open_sell: Decimal, side: Side, shares: tuple[int, int, int]
) -> None:
    quantity = Position(filled, open_buy, open_sell).reducible_qty(side)
    before = filled + open_buy * shares[0] / 2 - open_sell * shares[1] / 2
    after = before + side.sign * quantity * shares[2] / 2
    assert abs(after) <= abs(before) or quantity == 0


@pytest.mark.parametrize(
    ("limit_type", "value", "parameters"),
    [
        ("MAX_ORDER_QTY", "0", {}),
        ("MAX_ORDER_QTY", None, {}),
        ("MAX_ORDER_NOTIONAL", "-1", {}),
        ("MAX_ORDER_NOTIONAL", "1", {"mode": "ALLOW"}),
        ("PRICE_COLLAR", "5", {}),
        ("OPEN_ORDER_COUNT", "1.5", {}),
        ("LONG_POSITION", "-0.1", {}),
        ("RESTRICTED_LIST", "1", {"mode": "ALLOW", "symbols": []}),
        ("RESTRICTED_LIST", None, {"mode": "SOME", "symbols": []}),
        ("RESTRICTED_LIST", None, {"mode": "ALLOW", "symbols": "ETH/USDT"}),
        ("RESTRICTED_LIST", None, {"mode": ["ALLOW"], "symbols": ["ETH/USDT"]}),
        ("RESTRICTED_LIST", None, {"mode": "ALLOW", "symbols": ["ETH/USDT", "ETH/USDT"]}),
        ("KILL_SWITCH", "1", {}),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    limit_type: str, value: str | None, parameters: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        LIMIT_TYPES[limit_type].check_setting(None if value is None else Decimal(value), parameters)


@pytest.mark.parametrize("limit_type", ["OPEN_ORDER_COUNT", "SHORT_POSITION", "LONG_POSITION", "DAILY_TRADED_NOTIONAL"])
def test_zero_says_none_at_all(limit_type: str) -> None:
    LIMIT_TYPES[limit_type].check_setting(Decimal(0), {})
