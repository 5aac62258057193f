"""The reference book: price-time priority, and every way an order can end."""

import uuid

import pytest

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.book import Book, BookTrade, Matched
from fargate_engine.terms import FOK_NOT_FILLABLE, NO_LIQUIDITY, POST_ONLY_WOULD_TAKE, PRICE_BAND, SELF_TRADE
from tests.unit.fargate_engine.orders import terms


def order_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=1000 + number)


@pytest.fixture
def book() -> Book:
    """Asks: 5 lots at 101 (order 1), 5 at 101 (order 2, younger), 5 at 102 (order 3)."""
    book = Book()
    for number, ticks in ((1, 101), (2, 101), (3, 102)):
        assert book.submit(terms(number, side=Side.SELL, quantity_lots=5, limit_ticks=ticks)) == Matched()
    return book


def test_the_best_price_trades_first_and_at_one_price_the_oldest_order(book: Book) -> None:
    matched = book.submit(terms(9, quantity_lots=12, limit_ticks=102))
    assert matched.trades == (
        BookTrade(order_id(1), 5, 101),
        BookTrade(order_id(2), 5, 101),
        BookTrade(order_id(3), 2, 102),
    )
    assert list(book.resting()) == [(Side.SELL, 102, order_id(3), 3)]


def test_a_partly_filled_maker_keeps_its_place(book: Book) -> None:
    book.submit(terms(8, quantity_lots=2, limit_ticks=101))
    assert book.submit(terms(9, quantity_lots=4, limit_ticks=101)).trades == (
        BookTrade(order_id(1), 3, 101),
        BookTrade(order_id(2), 1, 101),
    )


def test_what_does_not_trade_of_a_gtc_order_rests_at_its_limit(book: Book) -> None:
    assert book.submit(terms(9, quantity_lots=12, limit_ticks=101)).canceled is None
    assert (Side.BUY, 101, order_id(9), 2) in list(book.resting())


def test_what_does_not_trade_of_an_ioc_order_is_cancelled(book: Book) -> None:
    matched = book.submit(terms(9, quantity_lots=12, limit_ticks=101, time_in_force=TimeInForce.IOC))
    assert [trade.quantity_lots for trade in matched.trades] == [5, 5]
    assert matched.canceled == NO_LIQUIDITY
    assert order_id(9) not in [resting[2] for resting in book.resting()]


def test_a_fok_order_trades_whole_or_not_at_all(book: Book) -> None:
    refused = book.submit(terms(8, quantity_lots=11, limit_ticks=101, time_in_force=TimeInForce.FOK))
    assert refused == Matched(canceled=FOK_NOT_FILLABLE)
    filled = book.submit(terms(9, quantity_lots=11, limit_ticks=102, time_in_force=TimeInForce.FOK))
    assert sum(trade.quantity_lots for trade in filled.trades) == 11


def test_a_post_only_order_that_would_take_is_rejected_and_one_that_would_not_rests(book: Book) -> None:
    assert book.submit(terms(8, limit_ticks=101, post_only=True)) == Matched(rejected=POST_ONLY_WOULD_TAKE)
    assert book.submit(terms(9, limit_ticks=100, post_only=True)) == Matched()


def test_a_market_order_stops_at_the_edge_of_its_band(book: Book) -> None:
    market = terms(9, quantity_lots=12, limit_ticks=101, high_ticks=101, is_market=True, time_in_force=TimeInForce.IOC)
    matched = book.submit(market)
    assert sum(trade.quantity_lots for trade in matched.trades) == 10
    assert matched.canceled == PRICE_BAND


def test_a_crossing_order_whose_band_forbids_the_best_price_is_cancelled_and_never_left_crossing(book: Book) -> None:
    matched = book.submit(terms(9, limit_ticks=103, low_ticks=103))
    assert matched == Matched(canceled=PRICE_BAND)
    assert order_id(9) not in [resting[2] for resting in book.resting()]


def test_an_account_does_not_trade_with_itself_its_newest_order_is_cancelled(book: Book) -> None:
    matched = book.submit(terms(9, account_id=uuid.UUID(int=2), quantity_lots=12, limit_ticks=102))
    assert matched == Matched((BookTrade(order_id(1), 5, 101),), canceled=SELF_TRADE)
    assert [resting[2] for resting in book.resting()] == [order_id(2), order_id(3)]


def test_a_cancelled_order_trades_no_more(book: Book) -> None:
    book.cancel(order_id(1))
    assert book.submit(terms(9, quantity_lots=5, limit_ticks=101)).trades == (BookTrade(order_id(2), 5, 101),)
    with pytest.raises(KeyError):
        book.cancel(order_id(1))
