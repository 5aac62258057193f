"""Stops, take-profits and trailing stops, by example."""

from tests.oracle.records import REDUCE_ONLY, Command, Kind, Side, Trigger, Type
from tests.support.core_commands import of_symbol, replace_order, set_account, set_holding, submit
from tests.unit.oracle.told import Market

BUY, SELL = Side.BUY, Side.SELL


def trade_at(price: int, first_id: int = 100) -> tuple[Command, Command]:
    return submit(first_id, SELL, 1, price), submit(first_id + 1, BUY, 1, price)


def test_a_stop_becomes_a_market_order_when_the_last_price_reaches_it() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, type=Type.STOP, stop_price=95), submit(2, BUY, 5, 90))
    assert len(market.tell(*trade_at(96))) == 3
    assert market.tell(*trade_at(95))[3:] == ["1 triggered @95", "1 traded 5@90 with 2"]


def test_a_stop_limit_rests_at_its_price() -> None:
    market = Market()
    market.tell(submit(1, BUY, 5, 101, type=Type.STOP_LIMIT, stop_price=102))
    assert market.tell(*trade_at(102))[3:] == ["1 triggered @102"]
    assert market.book() == ["101: 1=5/5"]


def test_a_take_profit_waits_on_the_other_side() -> None:
    market = Market()
    market.tell(submit(1, SELL, 5, 110, type=Type.TAKE_PROFIT_LIMIT, stop_price=105))
    assert len(market.tell(*trade_at(104))) == 3
    assert market.tell(*trade_at(105))[3:] == ["1 triggered @105"]


def test_each_order_watches_the_price_that_it_names() -> None:
    market = Market()
    market.tell(
        submit(1, SELL, 5, 80, type=Type.STOP_LIMIT, stop_price=95, trigger=Trigger.MARK),
        submit(2, SELL, 5, 80, type=Type.STOP_LIMIT, stop_price=95),
    )
    assert market.tell(of_symbol(Kind.SET_MARK, price=95)) == ["updated", "1 triggered @95"]
    assert market.tell(of_symbol(Kind.SET_MARK)) == ["updated"]


def test_all_that_trigger_are_taken_by_entry_and_what_they_trade_may_trigger_more() -> None:
    market = Market()
    market.tell(
        submit(1, SELL, 1, type=Type.STOP, stop_price=90),
        submit(2, SELL, 1, type=Type.STOP, stop_price=95),
        submit(3, SELL, 1, type=Type.STOP, stop_price=96),
        submit(4, BUY, 9, 90),
    )
    assert market.tell(*trade_at(95))[3:] == [
        "2 triggered @95",
        "2 traded 1@90 with 4",
        "3 triggered @95",
        "3 traded 1@90 with 4",
        "1 triggered @90",
        "1 traded 1@90 with 4",
    ]


def test_a_stop_whose_condition_holds_already_triggers_with_its_submit() -> None:
    market = Market(of_symbol(Kind.SET_MARK, price=100))
    stop = submit(1, BUY, 1, 99, type=Type.STOP, stop_price=100, trigger=Trigger.MARK)
    assert market.tell(stop) == ["1 accepted 1@99", "1 triggered @100", "1 canceled 1 NO_LIQUIDITY"]


def test_a_trailing_stop_follows_the_best_price_and_triggers_on_the_way_back() -> None:
    market = Market()
    trailing = submit(1, SELL, 1, type=Type.TRAILING_STOP, stop_price=5, trigger=Trigger.MARK)
    market.tell(trailing)
    for price in (100, 110, 106):
        assert market.tell(of_symbol(Kind.SET_MARK, price=price)) == ["updated"]
    assert market.tell(of_symbol(Kind.SET_MARK, price=105))[1] == "1 triggered @105"


def test_a_trailing_buy_follows_downwards_and_forgets_its_stop_with_new_terms() -> None:
    market = Market()
    market.tell(submit(1, BUY, 1, type=Type.TRAILING_STOP, stop_price=5, trigger=Trigger.MARK))
    market.tell(of_symbol(Kind.SET_MARK, price=50))
    assert market.tell(of_symbol(Kind.SET_MARK, price=54)) == ["updated"]
    assert market.tell(replace_order(1, 0, 1, stop_price=6)) == ["1 replaced 1"]
    assert market.tell(of_symbol(Kind.SET_MARK, price=59)) == ["updated"]
    assert market.tell(of_symbol(Kind.SET_MARK, price=60))[1] == "1 triggered @60"


def test_nothing_triggers_while_the_symbol_is_halted() -> None:
    market = Market()
    market.tell(submit(1, SELL, 1, type=Type.STOP, stop_price=95, trigger=Trigger.MARK), of_symbol(Kind.HALT))
    assert market.tell(of_symbol(Kind.SET_MARK, price=90)) == ["updated"]
    assert market.tell(of_symbol(Kind.RESUME))[:2] == ["resumed", "1 triggered @90"]


def test_a_dormant_reduce_only_order_is_judged_when_it_trades() -> None:
    market = Market(set_account(1))
    stop = submit(1, SELL, 5, type=Type.STOP, stop_price=95, trigger=Trigger.MARK, account=1, flags=REDUCE_ONLY)
    assert market.tell(stop, submit(2, BUY, 9, 94)) == ["1 accepted 5", "2 accepted 9@94"]
    market.tell(set_holding(1, position=3))
    assert market.tell(of_symbol(Kind.SET_MARK, price=95))[1:] == [
        "1 triggered @95",
        "1 traded 3@94 with 2",
        "1 canceled 2 REDUCE_ONLY",
    ]
