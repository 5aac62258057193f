"""Matching and self-trade prevention, by example."""

import pytest

from tests.oracle.records import (
    FIRM_SELF_TRADE,
    POST_ONLY,
    PRICE_MAX,
    QUANTITY_MAX,
    REDUCE_ONLY,
    SelfTrade,
    Side,
    TimeInForce,
    Type,
)
from tests.support.core_commands import cancel, set_account, set_holding, submit
from tests.unit.oracle.told import Market

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def test_the_best_price_trades_first_and_in_it_the_oldest_at_the_makers_price() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 101), submit(2, SELL, 5, 100), submit(3, SELL, 5, 100))
    assert market.tell(submit(4, BUY, 12, 101)) == [
        "4 accepted 12@101",
        "4 traded 5@100 with 2",
        "4 traded 5@100 with 3",
        "4 traded 2@101 with 1",
    ]
    assert market.book() == ["101: 1=3/3"]


def test_what_is_left_of_a_limit_order_rests_and_of_an_immediate_one_is_cancelled() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100))
    assert market.tell(submit(2, BUY, 7, 100, time_in_force=IOC))[1:] == [
        "2 traded 5@100 with 1",
        "2 canceled 2 NO_LIQUIDITY",
    ]
    market.tell(submit(3, SELL, 5, 100), submit(4, BUY, 7, 100))
    assert market.book() == ["100: 4=2/2"]


def test_a_market_order_stops_at_its_protection_price() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100), submit(2, SELL, 5, 103))
    assert market.tell(submit(3, BUY, 9, 102, type=Type.MARKET)) == [
        "3 accepted 9@102",
        "3 traded 5@100 with 1",
        "3 canceled 4 PRICE_BAND",
    ]
    assert market.tell(submit(4, BUY, 9, type=Type.MARKET))[1:] == [
        "4 traded 5@103 with 2",
        "4 canceled 4 NO_LIQUIDITY",
    ]


def test_an_order_with_a_bound_does_not_trade_at_a_price_too_good_to_be_true() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 80))
    assert market.tell(submit(2, BUY, 5, 100, price_bound=90))[1:] == ["2 canceled 5 PRICE_BAND"]


def test_a_fill_or_kill_order_trades_all_or_nothing() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100), submit(2, SELL, 5, 101))
    assert market.tell(submit(3, BUY, 11, 101, time_in_force=FOK))[1:] == ["3 canceled 11 FOK_NOT_FILLABLE"]
    assert market.tell(submit(4, BUY, 9, 100, type=Type.MARKET, time_in_force=FOK))[1:] == ["4 canceled 9 PRICE_BAND"]
    assert market.tell(submit(5, BUY, 10, 101, time_in_force=FOK))[1:] == [
        "5 traded 5@100 with 1",
        "5 traded 5@101 with 2",
    ]


def test_a_fill_or_kill_order_sees_its_own_order_between_the_parts_of_an_iceberg() -> None:
    market = Market()
    market.tell(submit(1, SELL, 20, 100, display_quantity=5, account=1), submit(2, SELL, 5, 100, account=2))
    own = submit(3, BUY, 20, 100, time_in_force=FOK, account=2, self_trade=SelfTrade.CANCEL_NEWEST)
    assert market.tell(own)[1:] == ["3 canceled 20 SELF_TRADE"]
    oldest = submit(4, BUY, 20, 100, time_in_force=FOK, account=2, self_trade=SelfTrade.CANCEL_OLDEST)
    assert market.tell(oldest)[1:] == [
        "4 traded 5@100 with 1",
        "2 canceled 5 SELF_TRADE",
        *["4 traded 5@100 with 1"] * 3,
    ]


def test_an_order_with_a_minimum_trades_so_much_at_once_or_ends() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100))
    assert market.tell(submit(2, BUY, 10, 100, min_quantity=6))[1:] == ["2 canceled 10 MIN_QUANTITY"]
    assert market.tell(submit(3, BUY, 10, 100, min_quantity=5))[1:] == ["3 traded 5@100 with 1"]
    assert market.book() == ["100: 3=5/5"]


def test_an_iceberg_shows_a_part_and_goes_to_the_end_of_its_level_with_the_next() -> None:
    market = Market()
    market.tell(submit(1, SELL, 12, 100, display_quantity=5), submit(2, SELL, 5, 100))
    assert market.book() == ["100: 1=5/12 2=5/5"]
    assert market.tell(submit(3, BUY, 6, 100))[1:] == ["3 traded 5@100 with 1", "3 traded 1@100 with 2"]
    assert market.book() == ["100: 2=4/4 1=5/7"]
    market.tell(submit(4, BUY, 9, 100), submit(5, BUY, 1, 100))
    assert market.book() == ["100: 1=1/1"]


def test_a_post_only_order_never_takes() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100))
    assert market.tell(submit(2, BUY, 5, 100, flags=POST_ONLY)) == ["2 rejected POST_ONLY_WOULD_TAKE"]
    assert market.tell(submit(2, BUY, 5, 99, flags=POST_ONLY)) == ["2 accepted 5@99"]


@pytest.mark.parametrize(
    ("mode", "events"),
    [
        (SelfTrade.ALLOW, ["2 traded 5@100 with 1", "2 traded 3@101 with 3"]),
        (SelfTrade.CANCEL_NEWEST, ["2 canceled 8 SELF_TRADE"]),
        (SelfTrade.CANCEL_OLDEST, ["1 canceled 5 SELF_TRADE", "2 traded 8@101 with 3"]),
        (SelfTrade.CANCEL_BOTH, ["1 canceled 5 SELF_TRADE", "2 canceled 8 SELF_TRADE"]),
        (SelfTrade.DECREMENT, ["1 canceled 5 SELF_TRADE", "2 reduced 5 leaves 3 SELF_TRADE", "2 traded 3@101 with 3"]),
    ],
)
def test_an_account_does_not_trade_with_itself(mode: SelfTrade, events: list[str]) -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100, account=7), submit(3, SELL, 9, 101, account=8))
    assert market.tell(submit(2, BUY, 8, 101, account=7, self_trade=mode))[1:] == events


def test_decrement_takes_the_whole_of_the_smaller_and_leaves_an_iceberg_what_it_can_show() -> None:
    market = Market()
    market.tell(submit(1, SELL, 10, 100, account=7, display_quantity=4))
    small = submit(2, BUY, 7, 100, account=7, self_trade=SelfTrade.DECREMENT)
    assert market.tell(small)[1:] == ["1 reduced 7 leaves 3 SELF_TRADE", "2 canceled 7 SELF_TRADE"]
    assert market.book() == ["100: 1=3/3"]


def test_accounts_of_a_firm_are_one_owner_for_an_order_that_says_so() -> None:
    market = Market(set_account(1, firm=9), set_account(2, firm=9), set_account(3))
    market.tell(submit(1, SELL, 5, 100, account=1), submit(4, SELL, 5, 100, account=3))
    newest = SelfTrade.CANCEL_NEWEST
    firm = submit(2, BUY, 5, 100, account=2, self_trade=newest, flags=FIRM_SELF_TRADE)
    assert market.tell(firm)[1:] == ["2 canceled 5 SELF_TRADE"]
    assert market.tell(submit(3, BUY, 5, 100, account=2, self_trade=newest))[1:] == ["3 traded 5@100 with 1"]
    no_firm = submit(5, BUY, 5, 100, account=0, self_trade=newest, flags=FIRM_SELF_TRADE)
    assert market.tell(no_firm)[1:] == ["5 traded 5@100 with 4"]


def test_a_reduce_only_order_trades_what_brings_its_account_to_nothing_and_no_more() -> None:
    market = Market(set_account(1), set_holding(1, position=4))
    market.tell(submit(1, BUY, 10, 100))
    assert market.tell(submit(2, SELL, 6, 100, account=1, flags=REDUCE_ONLY))[1:] == [
        "2 traded 4@100 with 1",
        "2 canceled 2 REDUCE_ONLY",
    ]
    assert market.position(1) == 0
    assert market.tell(submit(3, SELL, 6, 100, account=1, flags=REDUCE_ONLY)) == ["3 rejected REDUCE_ONLY"]


def test_a_reduce_only_maker_without_a_position_gives_way_to_the_next() -> None:
    market = Market(set_account(1), set_holding(1, position=4))
    market.tell(submit(1, SELL, 3, 100, account=1, flags=REDUCE_ONLY), submit(2, SELL, 9, 100, account=1))
    market.tell(set_holding(1, position=-1))
    assert market.tell(submit(3, BUY, 4, 100))[1:] == ["1 canceled 3 REDUCE_ONLY", "3 traded 4@100 with 2"]
    assert market.position(1) == -5


def test_two_reduce_only_trades_of_one_account_end_though_its_position_does_not_move() -> None:
    market = Market(set_account(1), set_holding(1, position=1))
    market.tell(submit(1, SELL, 9, 100, account=1, flags=REDUCE_ONLY))
    assert market.tell(submit(2, BUY, 9, 100, account=1))[1:] == ["2 traded 1@100 with 1", "1 canceled 8 REDUCE_ONLY"]
    assert market.position(1) == 1


def test_the_largest_numbers_trade_without_overflow() -> None:
    market = Market(set_account(1), set_account(2))
    market.tell(submit(1, SELL, QUANTITY_MAX, PRICE_MAX, account=1))
    traded = market.tell(submit(2, BUY, QUANTITY_MAX, PRICE_MAX, account=2))[1:]
    assert traded == [f"2 traded {QUANTITY_MAX}@{PRICE_MAX} with 1"]
    assert (market.position(1), market.position(2)) == (-QUANTITY_MAX, QUANTITY_MAX)


def test_an_order_leaves_its_level_from_the_middle() -> None:
    market = Market()
    market.tell(submit(1, BUY, 1, 99), submit(2, BUY, 2, 99), submit(3, BUY, 3, 99))
    assert market.tell(cancel(2), cancel(2)) == ["2 canceled 2", "2 cancel_rejected UNKNOWN_ORDER"]
    assert market.book() == ["99: 1=1/1 3=3/3"]
