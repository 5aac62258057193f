"""The checks of a submit, by example; the numbers are those of the table in docs/matching.md."""

from dataclasses import replace

import pytest

from tests.oracle.records import (
    POST_ONLY,
    PRICE_MAX,
    QUANTITY_MAX,
    REDUCE_ONLY,
    Command,
    Kind,
    Side,
    TimeInForce,
    Type,
)
from tests.support.core_commands import list_instrument, of_symbol, replace_order, set_account, set_holding, submit
from tests.unit.oracle.told import Market

BUY, SELL = Side.BUY, Side.SELL
GTD, IOC, FOK = TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK
STOP, STOP_LIMIT, TRAILING = Type.STOP, Type.STOP_LIMIT, Type.TRAILING_STOP


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (submit(1, BUY, 10, 100, symbol=2), "UNKNOWN_SYMBOL"),
        (submit(0, BUY, 10, 100), "DUPLICATE_ORDER_ID"),
        (submit(9, BUY, 10, 100), "DUPLICATE_ORDER_ID"),
        (submit(1, BUY, 10, type=Type.MARKET, time_in_force=TimeInForce.GTC), "INVALID_TERMS"),
        (submit(1, BUY, 10, type=Type.MARKET, flags=POST_ONLY), "INVALID_TERMS"),
        (submit(1, BUY, 10, type=STOP, time_in_force=IOC, stop_price=100), "INVALID_TERMS"),
        (submit(1, BUY, 10, type=STOP, stop_price=100, display_quantity=5), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, time_in_force=IOC, flags=POST_ONLY), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, time_in_force=IOC, display_quantity=5), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, flags=POST_ONLY, min_quantity=5), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, stop_price=100), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, expire_at_ns=100), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, time_in_force=GTD), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, time_in_force=GTD, expire_at_ns=50, at_ns=50), "INVALID_TERMS"),
        (submit(1, BUY, 10, 100, flags=32), "INVALID_TERMS"),
        (replace(submit(1, BUY, 10, 100), side=3), "INVALID_TERMS"),
        (replace(submit(1, BUY, 10, 100), type=8), "INVALID_TERMS"),
        (replace(submit(1, BUY, 10, 100), time_in_force=0), "INVALID_TERMS"),
        (replace(submit(1, BUY, 10, 100), self_trade=5), "INVALID_TERMS"),
        (replace(submit(1, BUY, 10, 100), trigger=2), "INVALID_TERMS"),
        (submit(1, BUY, 0, 100), "INVALID_QUANTITY"),
        (submit(1, BUY, -5, 100), "INVALID_QUANTITY"),
        (submit(1, BUY, 12, 100), "INVALID_QUANTITY"),
        (submit(1, BUY, 5, 100), "INVALID_QUANTITY"),
        (submit(1, BUY, 20_005, 100), "INVALID_QUANTITY"),
        (submit(1, BUY, QUANTITY_MAX + 5, 100), "INVALID_QUANTITY"),
        (submit(1, BUY, 10, 100, display_quantity=15), "INVALID_QUANTITY"),
        (submit(1, BUY, 10, 100, display_quantity=3), "INVALID_QUANTITY"),
        (submit(1, BUY, 505, 100, display_quantity=5), "INVALID_QUANTITY"),
        (submit(1, BUY, 10, 100, min_quantity=-5), "INVALID_QUANTITY"),
        (submit(1, BUY, 10, 0), "INVALID_PRICE"),
        (submit(1, BUY, 10, 101), "INVALID_PRICE"),
        (submit(1, BUY, 10, -100), "INVALID_PRICE"),
        (submit(1, BUY, 10, PRICE_MAX + 1), "INVALID_PRICE"),
        (submit(1, BUY, 10, 100, price_bound=101), "INVALID_PRICE"),
        (submit(1, BUY, 10, 100, price_bound=102), "INVALID_PRICE"),
        (submit(1, SELL, 10, 100, price_bound=98), "INVALID_PRICE"),
        (submit(1, BUY, 10, type=STOP), "INVALID_PRICE"),
        (submit(1, BUY, 10, type=STOP_LIMIT, stop_price=100), "INVALID_PRICE"),
        (submit(1, BUY, 10, type=TRAILING, stop_price=3), "INVALID_PRICE"),
        (submit(1, BUY, 10, 48), "PRICE_OUTSIDE_BAND"),
        (submit(1, BUY, 10, 202), "PRICE_OUTSIDE_BAND"),
        (submit(1, BUY, 10, type=STOP, stop_price=202), "PRICE_OUTSIDE_BAND"),
        (submit(1, BUY, 10, 100, flags=REDUCE_ONLY), "UNKNOWN_ACCOUNT"),
        (submit(1, BUY, 10, type=STOP, stop_price=100, flags=REDUCE_ONLY, account=5), "UNKNOWN_ACCOUNT"),
    ],
)
def test_an_order_that_cannot_be_right_is_refused(order: Command, reason: str) -> None:
    terms = {"tick": 2, "lot": 5, "quantity_min": 10, "quantity_max": 20_000, "price_low": 50, "price_high": 200}
    market = Market(submit(9, BUY, 10, 60), **terms)
    assert market.tell(order)[-1] == f"{order.order_id} rejected {reason}".removeprefix("0 ")


@pytest.mark.parametrize(
    "order",
    [
        submit(1, BUY, 500, 100, display_quantity=5),
        submit(1, BUY, 20_000, 100),
        submit(1, BUY, 10, 50, price_bound=2),
        submit(1, BUY, 10, 200),
        submit(1, BUY, 10, type=TRAILING, stop_price=500),
        submit(1, BUY, 10, 100, type=STOP_LIMIT, stop_price=100, display_quantity=5),
        submit(1, BUY, 10, 100, time_in_force=GTD, expire_at_ns=51, at_ns=50),
    ],
)
def test_an_order_on_the_edge_of_what_is_right_is_taken(order: Command) -> None:
    terms = {"tick": 2, "lot": 5, "quantity_min": 10, "quantity_max": 20_000, "price_low": 50, "price_high": 200}
    market = Market(**terms)
    assert market.tell(order)[0].startswith("1 accepted")


def test_fields_without_the_extended_flag_count_as_nothing() -> None:
    market = Market()
    ignored = replace(submit(1, BUY, 10, 100, stop_price=7, min_quantity=99), flags=0)
    assert market.tell(ignored) == ["1 accepted 10@100"]


def test_a_full_core_takes_no_more() -> None:
    market = Market()  # With room for eight.
    assert market.tell(*(submit(number, BUY, 1, 100) for number in range(1, 10)))[-1] == "9 rejected CORE_FULL"


def test_an_account_orders_only_so_often_in_a_window_and_refusals_count() -> None:
    market = Market(set_account(1, rate_max=2, rate_window_ns=100))
    orders = [submit(number, BUY, 1, 100, account=1, at_ns=150) for number in (1, 2, 3)]
    assert market.tell(*orders)[-1] == "3 rejected RATE_LIMIT"
    assert market.tell(submit(4, BUY, 1, 100, account=1, at_ns=199)) == ["4 rejected RATE_LIMIT"]
    assert market.tell(submit(5, BUY, 1, 100, account=1, at_ns=200)) == ["5 accepted 1@100"]
    assert market.tell(replace_order(5, 100, 2), replace_order(5, 100, 1)) == [
        "5 replaced 2@100",
        "5 replace_rejected RATE_LIMIT",
    ]


def test_size_and_notional_of_an_order_are_bounded() -> None:
    market = Market(set_account(1, order_quantity_max=10, order_notional_max=1_000))
    assert market.tell(submit(1, BUY, 11, 1, account=1)) == ["1 rejected ORDER_TOO_LARGE"]
    assert market.tell(submit(1, BUY, 10, 101, account=1)) == ["1 rejected NOTIONAL_TOO_LARGE"]
    assert market.tell(submit(1, BUY, 10, 100, account=1)) == ["1 accepted 10@100"]
    market_order = submit(2, SELL, 10, type=Type.MARKET, account=1)
    assert market.tell(market_order) == ["2 rejected NO_REFERENCE_PRICE"]
    market.tell(of_symbol(Kind.SET_MARK, price=101))
    assert market.tell(market_order) == ["2 rejected NOTIONAL_TOO_LARGE"]


def test_the_largest_notional_does_not_overflow() -> None:
    market = Market(set_account(1, order_notional_max=2**63 - 1))
    assert market.tell(submit(1, BUY, QUANTITY_MAX, PRICE_MAX, account=1)) == ["1 rejected NOTIONAL_TOO_LARGE"]


def test_an_account_has_only_so_many_orders() -> None:
    market = Market(set_account(1, open_orders_max=1))
    market.tell(submit(1, BUY, 1, 100, account=1))
    assert market.tell(submit(2, BUY, 1, 100, account=1)) == ["2 rejected TOO_MANY_OPEN_ORDERS"]
    assert market.tell(submit(3, BUY, 1, 100, account=2)) == ["3 accepted 1@100"]


def test_a_position_stays_in_its_limit_with_every_open_order_filled() -> None:
    market = Market(set_account(1), set_holding(1, position=4, position_max=10))
    market.tell(submit(1, BUY, 5, 100, account=1))
    assert market.tell(submit(2, BUY, 2, 100, account=1)) == ["2 rejected POSITION_LIMIT"]
    assert market.tell(submit(3, SELL, 15, 200, account=1)) == ["3 rejected POSITION_LIMIT"]
    assert market.tell(submit(3, SELL, 14, 200, account=1)) == ["3 accepted 14@200"]
    assert market.tell(replace_order(1, 100, 7)) == ["1 replace_rejected POSITION_LIMIT"]
    assert market.tell(replace_order(1, 100, 6)) == ["1 replaced 6@100"]


def test_positions_beyond_what_the_core_counts_in_are_refused() -> None:
    market = Market(set_account(1), set_holding(1, position=PRICE_MAX - 5))
    assert market.tell(submit(1, BUY, 6, 100, account=1)) == ["1 rejected OVERFLOW"]
    market.tell(submit(1, BUY, 5, 100, account=1))
    assert market.tell(submit(2, SELL, QUANTITY_MAX, 101, account=1))[0].startswith("2 accepted")
    assert market.tell(set_holding(1, position=PRICE_MAX - 4)) == ["rejected OVERFLOW"]
    assert market.tell(set_holding(1, position=-(2**63))) == ["rejected OVERFLOW"]
    assert market.tell(set_holding(1, position=-PRICE_MAX)) == ["rejected OVERFLOW"]
    assert market.tell(set_holding(1, position=QUANTITY_MAX - PRICE_MAX)) == ["updated"]
    assert market.tell(submit(3, SELL, 1, 101, account=1)) == ["3 rejected OVERFLOW"]


def test_a_collar_keeps_prices_near_the_reference_on_the_harmful_side() -> None:
    market = Market(collar_bps=500)
    assert market.tell(submit(1, BUY, 1, 999)) == ["1 accepted 1@999"]  # No reference yet.
    market.tell(of_symbol(Kind.SET_MARK, price=100))
    assert market.tell(submit(2, BUY, 1, 106)) == ["2 rejected COLLAR"]
    assert market.tell(submit(3, BUY, 1, 105)) == ["3 accepted 1@105"]
    assert market.tell(submit(4, SELL, 1, 94)) == ["4 rejected COLLAR"]
    assert market.tell(submit(5, SELL, 1, 1_000)) == ["5 accepted 1@1000"]
    assert market.tell(submit(6, BUY, 1, type=STOP, stop_price=106)) == ["6 rejected COLLAR"]
    assert market.tell(submit(7, BUY, 1, type=TRAILING, stop_price=106)) == ["7 accepted 1"]


def test_reference_data_that_makes_no_sense_is_refused() -> None:
    market = Market()
    for wrong in (
        list_instrument(0),
        list_instrument(65_536),
        list_instrument(2, tick=0),
        list_instrument(2, lot=0),
        list_instrument(2, price_low=-1),
        list_instrument(2, price_low=5, price_high=4),
        list_instrument(2, quantity_min=5, quantity_max=4),
        list_instrument(2, collar_bps=-1),
        set_account(0),
        set_account(1, order_quantity_max=-1),
        set_account(1, rate_max=1),
    ):
        assert market.tell(wrong) == ["rejected INVALID_TERMS"]
    assert market.tell(set_holding(1)) == ["rejected UNKNOWN_ACCOUNT"]
    assert market.tell(set_holding(1, symbol=2)) == ["rejected UNKNOWN_SYMBOL"]
    assert market.tell(of_symbol(Kind.SET_MARK, price=-1)) == ["rejected INVALID_PRICE"]
    assert market.tell(of_symbol(Kind.SET_MARK, 70_000)) == ["rejected UNKNOWN_SYMBOL"]
    assert market.tell(Command(99, order_id=5)) == ["5 rejected INVALID_TERMS"]


def test_tick_and_lot_stay_while_orders_live_and_an_account_is_set_before_its_first_order() -> None:
    market = Market()
    market.tell(submit(1, BUY, 1, 100, account=5))
    assert market.tell(list_instrument(1, tick=2)) == ["rejected INVALID_TERMS"]
    assert market.tell(list_instrument(1, price_high=99)) == ["updated"]
    assert market.tell(set_account(5)) == ["rejected INVALID_TERMS"]
