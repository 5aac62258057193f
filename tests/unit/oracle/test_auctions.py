"""Halts and auctions, by example."""

from tests.oracle.records import POST_ONLY, REDUCE_ONLY, Kind, SelfTrade, Side, TimeInForce, Type
from tests.support.core_commands import of_symbol, set_account, set_holding, submit
from tests.unit.oracle.told import Market

BUY, SELL = Side.BUY, Side.SELL
AUCTION, UNCROSS, HALT, RESUME = (
    of_symbol(kind) for kind in (Kind.START_AUCTION, Kind.UNCROSS, Kind.HALT, Kind.RESUME)
)


def test_an_auction_gathers_orders_and_ends_at_the_price_at_which_most_can_trade() -> None:
    market = Market()
    assert market.tell(AUCTION) == ["auction_started"]
    market.tell(submit(1, BUY, 5, 103), submit(2, BUY, 5, 101), submit(3, SELL, 4, 100), submit(4, SELL, 6, 101))
    assert market.book() == ["101: 4=6/6", "100: 3=4/4", "103: 1=5/5", "101: 2=5/5"]
    assert market.tell(UNCROSS) == [
        "3 traded 4@101 with 1",
        "4 traded 1@101 with 1",
        "4 traded 5@101 with 2",
        "uncrossed 10@101",
    ]
    assert market.book() == []


def test_least_imbalance_then_the_reference_then_the_lowest_price_settle_a_tie() -> None:
    market = Market()
    market.tell(AUCTION, submit(1, BUY, 5, 104), submit(2, SELL, 5, 100))
    assert market.tell(UNCROSS)[-1] == "uncrossed 5@100"
    market.tell(AUCTION, of_symbol(Kind.SET_MARK, price=104), submit(3, BUY, 5, 104), submit(4, SELL, 5, 99))
    assert market.tell(UNCROSS)[-1] == "uncrossed 5@99"  # The last price, 100, is asked before the mark.
    market.tell(AUCTION, submit(5, BUY, 5, 104), submit(6, SELL, 5, 100), submit(7, SELL, 3, 102))
    assert market.tell(UNCROSS)[-1] == "uncrossed 5@100"


def test_an_auction_without_a_cross_ends_without_a_trade() -> None:
    market = Market()
    market.tell(AUCTION, submit(1, BUY, 5, 99), submit(2, SELL, 5, 100))
    assert market.tell(UNCROSS) == ["uncrossed"]
    assert market.tell(UNCROSS) == ["rejected INVALID_TERMS"]


def test_only_plain_limit_orders_and_dormant_ones_enter_an_auction() -> None:
    market = Market()
    market.tell(AUCTION)
    for wrong in (
        submit(1, BUY, 5, type=Type.MARKET),
        submit(1, BUY, 5, 100, time_in_force=TimeInForce.IOC),
        submit(1, BUY, 5, 100, flags=POST_ONLY),
        submit(1, BUY, 5, 100, min_quantity=1),
        submit(1, BUY, 5, 100, price_bound=90),
    ):
        assert market.tell(wrong) == ["1 rejected NOT_IN_AUCTION"]
    assert market.tell(submit(1, BUY, 5, type=Type.STOP, stop_price=100)) == ["1 accepted 5"]
    assert market.tell(HALT, submit(2, BUY, 5, 100)) == ["halted", "2 rejected HALTED"]


def test_the_younger_order_of_a_pair_minds_its_owner_and_the_book_is_uncrossed_again() -> None:
    market = Market()
    market.tell(
        AUCTION,
        submit(1, BUY, 5, 103, account=1),
        submit(2, SELL, 5, 100, account=1, self_trade=SelfTrade.CANCEL_OLDEST),
        submit(3, BUY, 2, 101, account=2),
    )
    assert market.tell(UNCROSS) == ["1 canceled 5 SELF_TRADE", "3 traded 2@100 with 2", "uncrossed 2@100"]
    assert market.book() == ["100: 2=3/3"]


def test_icebergs_take_turns_and_reduce_only_orders_stop_at_nothing_in_an_uncross() -> None:
    market = Market(set_account(1), set_holding(1, position=3))
    market.tell(
        AUCTION,
        submit(1, BUY, 9, 100, display_quantity=2),
        submit(2, BUY, 1, 100),
        submit(3, SELL, 5, 100, account=1, flags=REDUCE_ONLY),
    )
    assert market.tell(UNCROSS) == [
        "3 traded 2@100 with 1",
        "3 traded 1@100 with 2",
        "3 canceled 2 REDUCE_ONLY",
        "uncrossed 3@100",
    ]
    assert market.book() == ["100: 1=2/7"]


def test_reduce_only_orders_with_nothing_to_reduce_leave_an_uncross_the_maker_first() -> None:
    market = Market(set_account(1), set_holding(1, position=3), set_account(2), set_holding(2, position=-3))
    market.tell(
        AUCTION,
        submit(1, SELL, 3, 100, account=1, flags=REDUCE_ONLY),
        submit(2, BUY, 3, 100, account=2, flags=REDUCE_ONLY),
        submit(3, SELL, 2, 100),
        submit(4, BUY, 2, 100),
    )
    market.tell(set_holding(1), set_holding(2))
    assert market.tell(UNCROSS) == [
        "1 canceled 3 REDUCE_ONLY",
        "2 canceled 3 REDUCE_ONLY",
        "4 traded 2@100 with 3",
        "uncrossed 2@100",
    ]


def test_an_order_is_cancelled_rather_than_uncrossed_beyond_its_bound() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 100, price_bound=102), AUCTION, submit(2, BUY, 5, 110), submit(3, SELL, 5, 105))
    market.tell(submit(4, BUY, 9, 105))
    assert market.tell(UNCROSS) == ["1 canceled 5 PRICE_BAND", "3 traded 5@105 with 2", "uncrossed 5@105"]


def test_a_halted_auction_cannot_be_resumed_while_the_book_is_crossed() -> None:
    market = Market()
    market.tell(AUCTION, submit(1, BUY, 5, 100), submit(2, SELL, 5, 100), HALT)
    assert market.tell(RESUME) == ["rejected INVALID_TERMS"]
    assert market.tell(AUCTION, UNCROSS)[-1] == "uncrossed 5@100"
    assert market.tell(HALT, RESUME, RESUME) == ["halted", "resumed", "rejected INVALID_TERMS"]


def test_the_price_of_an_uncross_triggers_stops() -> None:
    market = Market()
    market.tell(submit(1, BUY, 1, 105, type=Type.STOP_LIMIT, stop_price=100), AUCTION)
    market.tell(submit(2, BUY, 5, 100), submit(3, SELL, 5, 100))
    assert market.tell(UNCROSS) == ["3 traded 5@100 with 2", "uncrossed 5@100", "1 triggered @100"]
