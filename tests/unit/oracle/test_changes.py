"""Replace, mass cancel, expiry and outside venues, by example."""

from dataclasses import replace

from tests.oracle.records import POST_ONLY, PRICE_MAX, REDUCE_ONLY, Command, Kind, Side, TimeInForce, Type
from tests.support.core_commands import at, cancel, of_symbol, replace_order, set_account, set_holding, submit
from tests.unit.oracle.told import Market

BUY, SELL = Side.BUY, Side.SELL


def test_a_smaller_quantity_keeps_the_place_and_anything_else_loses_it() -> None:
    market = Market()
    market.tell(*(submit(number, BUY, 5, 100) for number in (1, 2, 3)))
    assert market.tell(replace_order(1, 100, 3), replace_order(2, 100, 6)) == ["1 replaced 3@100", "2 replaced 6@100"]
    assert market.book() == ["100: 1=3/3 3=5/5 2=6/6"]
    market.tell(replace_order(1, 101, 3))
    assert market.book() == ["101: 1=3/3", "100: 3=5/5 2=6/6"]


def test_the_new_quantity_is_the_whole_with_what_has_traded() -> None:
    market = Market()
    market.tell(submit(1, BUY, 5, 100), submit(2, SELL, 2, 100))
    assert market.tell(replace_order(1, 100, 2)) == ["1 replace_rejected TOO_LATE"]
    assert market.tell(replace_order(1, 100, 3)) == ["1 replaced 3@100"]
    assert market.book() == ["100: 1=1/1"]


def test_a_replaced_order_trades_like_an_incoming_one() -> None:
    market = Market()
    market.tell(submit(1, BUY, 5, 100), submit(2, SELL, 3, 102), submit(3, BUY, 5, 100, flags=POST_ONLY))
    assert market.tell(replace_order(3, 102, 5)) == ["3 replace_rejected POST_ONLY_WOULD_TAKE"]
    assert market.tell(replace_order(1, 102, 5)) == ["1 replaced 5@102", "1 traded 3@102 with 2"]
    assert market.book() == ["102: 1=2/2", "100: 3=5/5"]


def test_a_replaced_iceberg_shows_no_more_than_is_left() -> None:
    market = Market()
    market.tell(submit(1, BUY, 10, 100, display_quantity=4))
    market.tell(replace_order(1, 100, 3))
    assert market.book() == ["100: 1=3/3"]


def test_out_of_continuous_trading_only_what_keeps_its_place_is_replaced() -> None:
    market = Market()
    market.tell(submit(1, BUY, 5, 100), of_symbol(Kind.HALT))
    assert market.tell(replace_order(1, 101, 5), replace_order(1, 100, 4)) == [
        "1 replace_rejected HALTED",
        "1 replaced 4@100",
    ]
    market.tell(of_symbol(Kind.START_AUCTION))
    assert market.tell(replace_order(1, 100, 5)) == ["1 replace_rejected NOT_IN_AUCTION"]


def test_an_order_may_be_made_smaller_though_its_limits_are_tighter_now() -> None:
    market = Market(set_account(1))
    market.tell(submit(1, BUY, 9, 100, account=1), set_account(1, order_quantity_max=2))
    assert market.tell(replace_order(1, 100, 8)) == ["1 replaced 8@100"]


def test_a_mass_cancel_takes_what_fits_in_order_of_entry() -> None:
    market = Market()
    market.tell(
        submit(3, BUY, 1, 100, account=1, session=1),
        submit(1, BUY, 2, 101, account=1, session=2),
        submit(2, BUY, 3, 102, account=2, session=2),
        submit(4, BUY, 4, type=Type.STOP, stop_price=200, account=1, session=2),
        submit(5, BUY, 4, 100, account=1, session=2, venue=1),
    )
    assert market.tell(Command(Kind.MASS_CANCEL, account=1, session=2)) == [
        "1 canceled 2 MASS_CANCEL",
        "4 canceled 4 MASS_CANCEL",
        "5 cancel_requested MASS_CANCEL",
    ]
    assert market.tell(Command(Kind.MASS_CANCEL, symbol=9)) == []
    assert len(market.tell(Command(Kind.MASS_CANCEL))) == 3


def test_orders_expire_by_their_time_before_the_command_that_brings_it() -> None:
    market = Market()
    dated = TimeInForce.GTD
    market.tell(
        submit(1, SELL, 1, 100, time_in_force=dated, expire_at_ns=30),
        submit(2, SELL, 2, 100, time_in_force=dated, expire_at_ns=20),
        submit(3, SELL, 3, 100, time_in_force=dated, expire_at_ns=40, venue=1),
        submit(4, SELL, 4, 100, time_in_force=dated, expire_at_ns=31),
    )
    assert market.tell(at(29), submit(5, BUY, 4, 100, at_ns=30)) == [
        "2 expired 2",
        "1 expired 1",
        "5 accepted 4@100",
        "5 traded 4@100 with 4",
    ]
    assert market.tell(at(10), submit(6, SELL, 1, 100, time_in_force=dated, expire_at_ns=30)) == [
        "6 rejected INVALID_TERMS"
    ]
    assert market.tell(at(50)) == []


def test_a_routed_order_lives_by_what_its_venue_says() -> None:
    market = Market(set_account(1))
    assert market.tell(submit(1, BUY, 5, 100, account=1, venue=1)) == ["1 routed 5@100"]
    assert market.tell(submit(2, SELL, 5, 100)) == ["2 accepted 5@100"]  # It is not in this book.
    filled = Command(Kind.VENUE_FILLED, order_id=1, price=99, quantity=2)
    assert market.tell(filled, Command(Kind.VENUE_ACCEPTED, order_id=1), Command(Kind.VENUE_ACCEPTED, order_id=1)) == [
        "1 venue_filled 2@99",
        "1 accepted 5@100",
    ]
    assert market.position(1) == 2
    assert market.tell(replace(filled, quantity=4), replace(filled, quantity=0), replace(filled, price=0)) == [
        "1 rejected OVERFLOW",
        "1 rejected INVALID_QUANTITY",
        "1 rejected INVALID_PRICE",
    ]
    assert market.tell(cancel(1), replace_order(1, 100, 2)) == ["1 cancel_requested", "1 replace_rejected TOO_LATE"]
    assert market.tell(replace_order(1, 101, 8)) == ["1 replace_requested"]
    assert market.tell(Command(Kind.VENUE_REPLACED, order_id=1, price=101, quantity=8)) == ["1 replaced 8@101"]
    refused = Command(Kind.REFUSE_REPLACE, order_id=1, reason=150)
    assert market.tell(refused, Command(Kind.VENUE_REPLACED, order_id=1, price=101, quantity=2)) == [
        "1 replace_rejected 150",
        "1 replace_rejected TOO_LATE",
    ]
    assert market.tell(Command(Kind.VENUE_CANCELED, order_id=1, reason=200)) == ["1 canceled 6 200"]
    assert market.tell(filled, Command(Kind.VENUE_EXPIRED, order_id=2)) == []


def test_a_venue_may_refuse_or_expire_an_order() -> None:
    market = Market()
    market.tell(submit(1, BUY, 5, 100, venue=1), submit(2, BUY, 5, 100, venue=1))
    assert market.tell(
        Command(Kind.VENUE_REJECTED, order_id=1, reason=150), Command(Kind.VENUE_EXPIRED, order_id=2)
    ) == ["1 rejected 150", "2 expired 5"]


def test_an_id_that_shall_never_trade_is_refused_with_its_callers_reason() -> None:
    refusals = [Command(Kind.REFUSE, order_id=7, symbol=symbol, reason=140) for symbol in (1, 65_535, 65_536)]
    market = Market()
    assert market.tell(*refusals) == ["7 rejected 140"] * 3
    events = market.pair.apply_commands(*refusals)
    assert [event.symbol for event in events] == [1, 65_535, 0]


def test_a_fill_that_an_account_cannot_count_is_refused() -> None:
    market = Market(set_account(1), set_holding(1, position=-1))
    market.tell(submit(1, BUY, 5, 100, account=1, venue=1, flags=REDUCE_ONLY), set_holding(1, position=PRICE_MAX - 4))
    assert market.tell(Command(Kind.VENUE_FILLED, order_id=1, price=100, quantity=5)) == ["1 rejected OVERFLOW"]
    assert market.tell(Command(Kind.VENUE_FILLED, order_id=1, price=100, quantity=4)) == ["1 venue_filled 4@100"]


def test_a_fill_of_what_was_counted_as_open_always_fits() -> None:
    market = Market(set_account(1), set_holding(1, position=PRICE_MAX - 5))
    market.tell(submit(1, BUY, 5, 100, account=1, venue=1))
    assert market.tell(Command(Kind.VENUE_FILLED, order_id=1, price=100, quantity=5)) == ["1 venue_filled 5@100"]
    assert market.position(1) == PRICE_MAX
