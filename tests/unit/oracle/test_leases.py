"""Leases and the orders that use them, by example."""

import pytest

from tests.oracle.records import (
    LEASED,
    PRICE_MAX,
    REDUCE_ONLY,
    Command,
    Kind,
    SelfTrade,
    Side,
    TimeInForce,
    Type,
)
from tests.support.core_commands import (
    at,
    cancel,
    of_symbol,
    replace_order,
    set_account,
    set_holding,
    set_lease,
    submit,
)
from tests.unit.oracle.told import Market

BUY, SELL = Side.BUY, Side.SELL
OWNER, OTHER = 7, 8


def market_with(*start: Command, **lease: int) -> Market:
    return Market(set_account(OWNER), set_lease(OWNER, **lease), *start)


def leased(order_id: int, side: Side, quantity: int, price: int = 0, flags: int = 0, **fields: int) -> Command:
    return submit(order_id, side, quantity, price, **{"account": OWNER, **fields, "flags": flags | LEASED})  # type: ignore[arg-type]


def state_of(market: Market) -> tuple[int, int, int, int, int]:
    """Filled and open buys, filled and open sells, live orders."""
    lease = market.pair.core.lease(OWNER, 1)
    assert lease is not None
    return lease.buy_filled, lease.buy_open, lease.sell_filled, lease.sell_open, lease.live_orders


def test_what_is_filled_and_open_is_at_most_what_is_granted() -> None:
    market = market_with(buy_granted=10, sell_granted=3)
    assert market.tell(leased(1, BUY, 11, 100)) == ["1 rejected LEASE_EXHAUSTED"]
    assert market.tell(leased(1, BUY, 10, 100), leased(2, BUY, 1, 100)) == [
        "1 accepted 10@100",
        "2 rejected LEASE_EXHAUSTED",
    ]
    assert market.tell(leased(2, SELL, 4, 101), leased(2, SELL, 3, 101)) == [
        "2 rejected LEASE_EXHAUSTED",
        "2 accepted 3@101",
    ]


def test_what_was_filled_stays_used_and_what_was_cancelled_is_free_again() -> None:
    market = market_with(buy_granted=10)
    market.tell(leased(1, BUY, 10, 100), submit(2, SELL, 6, 100), cancel(1))
    assert state_of(market) == (6, 0, 0, 0, 0)
    assert market.tell(leased(3, BUY, 5, 100), leased(3, BUY, 4, 100)) == [
        "3 rejected LEASE_EXHAUSTED",
        "3 accepted 4@100",
    ]


def test_orders_without_the_flag_neither_ask_nor_use_the_lease() -> None:
    market = market_with(buy_granted=1, orders_max=1, expires_at_ns=0)
    assert market.tell(submit(1, BUY, 50, 100, account=OWNER), submit(2, SELL, 20, 100)) == [
        "1 accepted 50@100",
        "2 accepted 20@100",
        "2 traded 20@100 with 1",
    ]
    assert state_of(market) == (0, 0, 0, 0, 0)


def test_both_sides_of_a_trade_use_their_leases() -> None:
    market = market_with(set_account(OTHER), set_lease(OTHER, sell_granted=4))
    market.tell(leased(1, BUY, 5, 100), leased(2, SELL, 4, 99, account=OTHER))
    assert state_of(market) == (4, 1, 0, 0, 1)
    assert market.tell(set_lease(OTHER)) == ["lease_set 1 buy 0/1000000 sell 4/4"]


@pytest.mark.parametrize("account", [0, OTHER])
def test_without_a_lease_in_the_symbol_a_leased_order_is_refused(account: int) -> None:
    market = market_with(of_symbol(Kind.ADVANCE_TIME))
    assert market.tell(leased(1, BUY, 1, 1, account=account)) == ["1 rejected LEASE_EXHAUSTED"]
    market.tell(Command(Kind.SET_ACCOUNT, account=OTHER), set_lease(OTHER, symbol=2))
    assert market.tell(leased(1, BUY, 1, 1, account=account)) == ["1 rejected LEASE_EXHAUSTED"]


def test_a_price_may_reach_the_lease_s_but_not_beyond() -> None:
    market = market_with(price_high=100)
    assert market.tell(*(leased(price, side, 1, price) for side in (BUY, SELL) for price in (101, 100))) == [
        "101 rejected LEASE_EXHAUSTED",
        "100 accepted 1@100",
        "101 rejected LEASE_EXHAUSTED",
        "100 rejected DUPLICATE_ORDER_ID",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": Type.MARKET},
        {"type": Type.STOP, "stop_price": 90},
        {"type": Type.TAKE_PROFIT, "stop_price": 90},
        {"type": Type.TRAILING_STOP, "stop_price": 9},
    ],
)
def test_a_buy_needs_a_price_and_a_sell_does_not(fields: dict[str, int]) -> None:
    market = market_with(price_high=100)
    assert market.tell(leased(1, BUY, 1, **fields)) == ["1 rejected LEASE_EXHAUSTED"]
    assert market.tell(leased(1, BUY, 1, 101, **fields)) == ["1 rejected LEASE_EXHAUSTED"]
    assert market.tell(leased(1, BUY, 1, 100, **fields))[0] == "1 accepted 1@100"
    assert market.tell(leased(2, SELL, 1, **fields))[0] == "2 accepted 1"


def test_a_sell_is_not_filled_above_the_lease_s_price() -> None:
    market = market_with(price_high=100)
    market.tell(submit(50, BUY, 5, 101), submit(51, BUY, 5, 100))
    for fields in ({}, {"time_in_force": TimeInForce.IOC}, {"time_in_force": TimeInForce.FOK}, {"type": Type.MARKET}):
        price = 0 if "type" in fields else 90
        told = market.tell(leased(1, SELL, 3, price, **fields))
        assert told == [f"1 accepted 3{f'@{price}' if price else ''}", "1 canceled 3 PRICE_BAND"]
    market.tell(cancel(50))
    assert market.tell(leased(1, SELL, 3, 90))[1:] == ["1 traded 3@100 with 51"]
    assert state_of(market) == (0, 0, 3, 0, 0)


def test_a_triggered_sell_is_held_by_the_price_that_the_lease_has_then() -> None:
    market = market_with(price_high=90)
    market.tell(leased(1, SELL, 3, type=Type.STOP, stop_price=95), submit(50, BUY, 9, 95))
    assert market.tell(submit(60, SELL, 1, 95))[-2:] == ["1 triggered @95", "1 canceled 3 PRICE_BAND"]
    market.tell(leased(2, SELL, 3, type=Type.STOP, stop_price=80), set_lease(OWNER, 2, price_high=95))
    assert market.tell(replace_order(2, 0, 3, 95)) == ["2 replaced 3", "2 triggered @95", "2 traded 3@95 with 50"]


def test_an_auction_does_not_fill_a_leased_sell_above_the_lease_s_price() -> None:
    market = market_with(of_symbol(Kind.START_AUCTION), price_high=100)
    market.tell(leased(1, SELL, 5, 99), submit(2, SELL, 1, 104), submit(3, BUY, 6, 104))
    assert market.tell(of_symbol(Kind.UNCROSS)) == [
        "1 canceled 5 PRICE_BAND",
        "3 traded 1@104 with 2",
        "uncrossed 1@104",
    ]
    market.tell(of_symbol(Kind.START_AUCTION), leased(4, SELL, 5, 99), cancel(3), submit(5, BUY, 5, 99))
    assert market.tell(of_symbol(Kind.UNCROSS))[0] == "5 traded 5@99 with 4"


def terms_of(market: Market) -> tuple[int, int]:
    """The highest price and the most orders."""
    lease = market.pair.core.lease(OWNER, 1)
    assert lease is not None
    return lease.price_high, lease.orders_max


def test_price_and_number_of_orders_fall_to_what_is_open_and_no_further() -> None:
    market = market_with(price_high=100, orders_max=9)
    market.tell(leased(1, SELL, 5, 100), leased(2, BUY, 5, 90), leased(3, BUY, 5, 95, type=Type.STOP, stop_price=200))
    market.tell(set_lease(OWNER, 2, price_high=50, orders_max=1))
    assert terms_of(market) == (100, 3)
    assert market.tell(leased(4, BUY, 1, 100), cancel(1), leased(4, BUY, 1, 100)) == [
        "4 rejected LEASE_EXHAUSTED",
        "1 canceled 5",
        "4 accepted 1@100",
    ]
    market.tell(cancel(4), set_lease(OWNER, 3, price_high=50, orders_max=1))
    assert terms_of(market) == (95, 2)
    market.tell(cancel(3), cancel(2), set_lease(OWNER, 4, price_high=50, orders_max=1))
    assert terms_of(market) == (50, 1)


def test_an_open_sell_without_a_price_does_not_hold_the_lease_s_up() -> None:
    market = market_with(price_high=100)
    market.tell(leased(1, SELL, 5, type=Type.STOP, stop_price=80), set_lease(OWNER, 2, price_high=50))
    assert terms_of(market)[0] == 50


def test_what_was_filled_is_worth_what_it_was_filled_at() -> None:
    market = market_with(set_account(OTHER), set_lease(OTHER))
    market.tell(leased(1, BUY, 5, 100), leased(2, SELL, 2, 90), submit(3, SELL, 2, 100))
    market.tell(leased(4, BUY, 3, 70, venue=1), Command(Kind.VENUE_FILLED, order_id=4, price=61, quantity=3))
    lease = market.pair.core.lease(OWNER, 1)
    assert lease is not None
    assert (lease.buy_filled, lease.buy_notional, lease.sell_notional) == (7, 4 * 100 + 3 * 61, 2 * 100)


def test_a_notional_is_as_long_as_it_has_to_be() -> None:
    huge = 2**48
    market = market_with(price_high=PRICE_MAX, buy_granted=2**63 - 1)
    for number in range(1, 9):
        market.tell(leased(number, BUY, huge, PRICE_MAX), submit(50 + number, SELL, huge, PRICE_MAX))
    lease = market.pair.core.lease(OWNER, 1)
    assert lease is not None
    assert lease.buy_notional == 8 * huge * PRICE_MAX


def test_a_stop_lets_nothing_more_pass_though_orders_are_cancelled() -> None:
    market = market_with()
    market.tell(leased(1, BUY, 5, 100), set_lease(OWNER, 2, buy_granted=0, expires_at_ns=0))
    assert market.tell(cancel(1), leased(2, BUY, 1, 100)) == ["1 canceled 5", "2 rejected LEASE_EXPIRED"]


def test_no_more_orders_live_than_the_lease_allows() -> None:
    market = market_with(orders_max=2)
    stop = leased(2, BUY, 1, 200, type=Type.STOP, stop_price=150)
    assert market.tell(leased(1, BUY, 1, 100), stop, leased(3, SELL, 1, 101)) == [
        "1 accepted 1@100",
        "2 accepted 1@200",
        "3 rejected LEASE_EXHAUSTED",
    ]
    assert market.tell(replace_order(1, 99, 5), cancel(2), leased(3, SELL, 1, 101)) == [
        "1 replaced 5@99",
        "2 canceled 1",
        "3 accepted 1@101",
    ]


def test_a_lease_ends_at_its_time_and_what_is_open_stays() -> None:
    market = market_with(expires_at_ns=50)
    assert market.tell(at(49), leased(1, BUY, 5, 100)) == ["1 accepted 5@100"]
    assert market.tell(at(50), leased(2, BUY, 5, 100)) == ["2 rejected LEASE_EXPIRED"]
    assert market.tell(replace_order(1, 101, 5), replace_order(1, 100, 4)) == [
        "1 replace_rejected LEASE_EXPIRED",
        "1 replaced 4@100",
    ]
    assert market.tell(submit(3, SELL, 4, 100))[1:] == ["3 traded 4@100 with 1"]
    assert market.tell(set_lease(OWNER, 2, expires_at_ns=60), leased(2, BUY, 5, 100))[1:] == ["2 accepted 5@100"]


def test_a_replace_is_asked_for_what_it_adds() -> None:
    market = market_with(buy_granted=10, price_high=100)
    market.tell(leased(1, BUY, 6, 90), submit(2, SELL, 2, 90))
    assert market.tell(replace_order(1, 90, 11), replace_order(1, 90, 10)) == [
        "1 replace_rejected LEASE_EXHAUSTED",
        "1 replaced 10@90",
    ]
    assert market.tell(replace_order(1, 101, 3), replace_order(1, 100, 3)) == [
        "1 replace_rejected LEASE_EXHAUSTED",
        "1 replaced 3@100",
    ]
    assert state_of(market) == (2, 1, 0, 0, 1)


def test_a_dormant_buy_is_not_replaced_by_one_without_a_price() -> None:
    market = market_with(leased(1, BUY, 6, 90, type=Type.STOP, stop_price=120))
    assert market.tell(replace_order(1, 0, 6), replace_order(1, 80, 6, 110)) == [
        "1 replace_rejected LEASE_EXHAUSTED",
        "1 replaced 6@80",
    ]


def test_every_way_to_end_frees_what_was_open() -> None:
    market = market_with(submit(40, SELL, 1, 300))
    market.tell(
        leased(1, BUY, 5, 100, time_in_force=TimeInForce.IOC),
        leased(2, BUY, 5, 100, time_in_force=TimeInForce.GTD, expire_at_ns=9),
        leased(3, SELL, 5, 200, self_trade=SelfTrade.CANCEL_NEWEST),
        leased(4, BUY, 5, 200, self_trade=SelfTrade.CANCEL_NEWEST),
        leased(5, SELL, 5, 100, flags=REDUCE_ONLY, type=Type.STOP, stop_price=50),
    )
    assert state_of(market) == (0, 5, 0, 10, 3)
    market.tell(at(9))
    assert state_of(market) == (0, 0, 0, 10, 2)
    market.tell(leased(6, BUY, 2, 200, self_trade=SelfTrade.DECREMENT))
    assert state_of(market) == (0, 0, 0, 8, 2)
    market.tell(Command(Kind.MASS_CANCEL, account=OWNER))
    assert state_of(market) == (0, 0, 0, 0, 0)


def test_reduce_only_orders_use_the_lease_too() -> None:
    market = market_with(set_holding(OWNER, position=9), submit(50, BUY, 20, 100), sell_granted=10)
    assert market.tell(leased(1, SELL, 11, 100, flags=REDUCE_ONLY)) == ["1 rejected LEASE_EXHAUSTED"]
    assert market.tell(leased(1, SELL, 10, 100, flags=REDUCE_ONLY))[1:] == [
        "1 traded 9@100 with 50",
        "1 canceled 1 REDUCE_ONLY",
    ]
    assert state_of(market) == (0, 0, 9, 0, 0)


def test_orders_at_a_venue_use_the_lease_with_their_fills_there() -> None:
    market = market_with(buy_granted=10, price_high=100)
    assert market.tell(leased(1, BUY, 8, 100, venue=1), leased(2, BUY, 3, 100)) == [
        "1 routed 8@100",
        "2 rejected LEASE_EXHAUSTED",
    ]
    market.tell(Command(Kind.VENUE_FILLED, order_id=1, price=103, quantity=3))
    assert state_of(market) == (3, 5, 0, 0, 1)
    market.tell(Command(Kind.VENUE_REJECTED, order_id=1, reason=130))
    assert state_of(market) == (3, 0, 0, 0, 0)
    market.tell(leased(3, BUY, 7, 100, venue=1), Command(Kind.VENUE_FILLED, order_id=3, price=99, quantity=7))
    assert state_of(market) == (10, 0, 0, 0, 0)


def test_only_a_newer_version_changes_a_lease_and_every_one_is_answered() -> None:
    market = market_with(version=3, buy_granted=10, sell_granted=20)
    same = "lease_set 3 buy 0/10 sell 0/20"
    assert market.tell(*(set_lease(OWNER, version, buy_granted=99) for version in (3, 2, 1))) == [same] * 3
    assert market.tell(leased(1, BUY, 11, 100)) == ["1 rejected LEASE_EXHAUSTED"]
    assert market.tell(set_lease(OWNER, 4, buy_granted=99, sell_granted=0)) == ["lease_set 4 buy 0/99 sell 0/0"]
    assert market.tell(leased(1, BUY, 99, 100)) == ["1 accepted 99@100"]


def test_a_grant_falls_to_what_is_filled_and_open_and_no_further() -> None:
    market = market_with()
    market.tell(leased(1, BUY, 10, 100), submit(2, SELL, 4, 100), leased(3, SELL, 7, 105))
    assert market.tell(set_lease(OWNER, 2, buy_granted=0, sell_granted=7)) == ["lease_set 2 buy 4/10 sell 0/7"]
    assert market.tell(cancel(1), leased(4, BUY, 7, 100), leased(4, BUY, 6, 100)) == [
        "1 canceled 6",
        "4 rejected LEASE_EXHAUSTED",
        "4 accepted 6@100",
    ]
    assert market.tell(cancel(4), set_lease(OWNER, 3, buy_granted=0)) == [
        "4 canceled 6",
        "lease_set 3 buy 4/4 sell 0/1000000",
    ]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (set_lease(OWNER, symbol=2), "UNKNOWN_SYMBOL"),
        (set_lease(OTHER), "UNKNOWN_ACCOUNT"),
        (set_lease(0), "UNKNOWN_ACCOUNT"),
        (set_lease(OWNER, version=0), "INVALID_TERMS"),
        (set_lease(OWNER, version=-1), "INVALID_TERMS"),
        (set_lease(OWNER, 9, buy_granted=-1), "INVALID_TERMS"),
        (set_lease(OWNER, 9, sell_granted=-1), "INVALID_TERMS"),
        (set_lease(OWNER, 9, price_high=-1), "INVALID_TERMS"),
        (set_lease(OWNER, 9, price_high=PRICE_MAX + 1), "INVALID_TERMS"),
        (set_lease(OWNER, 9, orders_max=-1), "INVALID_TERMS"),
        (set_lease(OWNER, 9, expires_at_ns=-1), "INVALID_TERMS"),
    ],
)
def test_a_lease_that_cannot_be_is_refused_and_changes_nothing(command: Command, reason: str) -> None:
    market = market_with(buy_granted=5)
    assert market.tell(command) == [f"rejected {reason}"]
    assert market.tell(set_lease(OWNER)) == ["lease_set 1 buy 0/5 sell 0/1000000"]


def test_nothing_is_a_limit_of_nothing_not_no_limit() -> None:
    for nothing in ("price_high", "orders_max", "expires_at_ns", "buy_granted"):
        reason = "LEASE_EXPIRED" if nothing == "expires_at_ns" else "LEASE_EXHAUSTED"
        assert market_with(**{nothing: 0}).tell(leased(1, BUY, 1, 1)) == [f"1 rejected {reason}"]


def test_the_largest_grant_there_is_does_not_overflow() -> None:
    market = market_with(buy_granted=2**63 - 1, sell_granted=2**63 - 1)
    assert market.tell(*(leased(number, BUY, 2**48, 100) for number in (1, 2, 3)))[-1] == f"3 accepted {2**48}@100"
    assert market.tell(set_lease(OWNER, 2**63 - 1, buy_granted=0))[0].startswith(
        f"lease_set {2**63 - 1} buy 0/{3 * 2**48}"
    )


def test_the_lease_is_asked_after_the_account_and_before_the_collar() -> None:
    lease = {"buy_granted": 5}
    market = Market(set_account(OWNER, order_quantity_max=8), set_lease(OWNER, **lease), collar_bps=100)
    market.tell(of_symbol(Kind.SET_MARK, price=100))
    assert market.tell(leased(1, BUY, 9, 150), leased(1, BUY, 8, 150), leased(1, BUY, 5, 150)) == [
        "1 rejected ORDER_TOO_LARGE",
        "1 rejected LEASE_EXHAUSTED",
        "1 rejected COLLAR",
    ]
