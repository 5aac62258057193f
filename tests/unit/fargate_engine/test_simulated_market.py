"""The simulated venue: takers walk the displayed book once, makers wait for their turn."""

import uuid
from decimal import Decimal

import pytest

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, MarketTrade
from fargate_engine.messages import VenueAccepted, VenueCanceled, VenueFilled, VenueRejected, VenueReport
from fargate_engine.venues.simulated_market import SimulatedMarket
from tests.unit.fargate_engine.orders import ETH, terms


@pytest.fixture
def market() -> SimulatedMarket:
    """Bids 7 at 99, 20 at 98; asks 5 at 101, 20 at 102."""
    market = SimulatedMarket(ETH)
    market.apply(DepthSnapshot(bids=((99, 7), (98, 20)), asks=((101, 5), (102, 20))))
    return market


def fills(reports: list[VenueReport]) -> list[tuple[int, int, str]]:
    return [(r.quantity_lots, r.price_ticks, r.liquidity) for r in reports if isinstance(r, VenueFilled)]


def test_a_taker_walks_the_levels_and_its_rest_rests(market: SimulatedMarket) -> None:
    reports = market.submit(terms(1, quantity_lots=8, limit_ticks=101))
    assert fills(reports) == [(5, 101, "TAKER")]
    assert not any(isinstance(report, VenueCanceled) for report in reports)
    assert market.cancel(terms(1).order_id) == [VenueCanceled(order_id=terms(1).order_id)]


def test_displayed_liquidity_is_taken_once_until_the_market_updates_the_level(market: SimulatedMarket) -> None:
    take = {"quantity_lots": 4, "limit_ticks": 101, "time_in_force": TimeInForce.IOC}
    assert fills(market.submit(terms(1, **take))) == [(4, 101, "TAKER")]
    assert fills(market.submit(terms(2, **take))) == [(1, 101, "TAKER")]
    assert fills(market.submit(terms(3, **take))) == []
    assert market.shown(Side.SELL, 1) == [(102, 20)]
    market.apply(DepthDiff(bids=(), asks=((101, 3),)))
    assert fills(market.submit(terms(4, **take))) == [(3, 101, "TAKER")]


def test_a_fee_is_a_thousandth_of_the_notional_to_the_last_digit(market: SimulatedMarket) -> None:
    (_, fill) = market.submit(terms(1, quantity_lots=3, limit_ticks=101))
    assert isinstance(fill, VenueFilled)
    assert (fill.fee, fill.fee_currency) == (Decimal("0.000000303"), "USDT")  # 0.0003 * 1.01 * 0.001


def test_a_fok_order_that_cannot_be_whole_takes_nothing(market: SimulatedMarket) -> None:
    fok = terms(1, quantity_lots=26, limit_ticks=102, time_in_force=TimeInForce.FOK)
    accepted, canceled = market.submit(fok)
    assert isinstance(accepted, VenueAccepted)
    assert isinstance(canceled, VenueCanceled)
    assert canceled.code == "FOK_NOT_FILLABLE"
    assert market.shown(Side.SELL, 2) == [(101, 5), (102, 20)]


def test_a_post_only_order_that_crosses_is_rejected(market: SimulatedMarket) -> None:
    (rejected,) = market.submit(terms(1, limit_ticks=101, post_only=True))
    assert isinstance(rejected, VenueRejected)
    assert rejected.code == "POST_ONLY_WOULD_TAKE"


def test_a_market_order_trades_to_the_edge_of_its_band_and_no_further(market: SimulatedMarket) -> None:
    order = terms(1, quantity_lots=10, limit_ticks=101, high_ticks=101, is_market=True, time_in_force=TimeInForce.IOC)
    reports = market.submit(order)
    assert fills(reports) == [(5, 101, "TAKER")]
    assert reports[-1] == VenueCanceled(
        order_id=order.order_id,
        code="PRICE_BAND",
        reason="the best opposite price lies outside the band the order was reserved for",
    )


def test_a_maker_is_filled_after_the_queue_that_was_ahead_of_it(market: SimulatedMarket) -> None:
    market.submit(terms(1, quantity_lots=4, limit_ticks=99))  # 7 lots are ahead.
    assert fills(market.apply(MarketTrade(Side.SELL, 99, 5))) == []
    assert fills(market.apply(MarketTrade(Side.SELL, 99, 3))) == [(1, 99, "MAKER")]
    assert fills(market.apply(MarketTrade(Side.SELL, 99, 9))) == [(3, 99, "MAKER")]


def test_a_queue_is_no_longer_than_what_is_displayed(market: SimulatedMarket) -> None:
    market.submit(terms(1, quantity_lots=4, limit_ticks=99))
    market.apply(DepthDiff(bids=((99, 2),), asks=()))
    assert fills(market.apply(MarketTrade(Side.SELL, 99, 3))) == [(1, 99, "MAKER")]


def test_a_trade_beyond_the_makers_price_fills_it_at_its_own_price(market: SimulatedMarket) -> None:
    market.submit(terms(1, quantity_lots=4, limit_ticks=99))
    assert fills(market.apply(MarketTrade(Side.SELL, 98, 10))) == [(4, 99, "MAKER")]


def test_a_trade_on_the_other_side_fills_no_one(market: SimulatedMarket) -> None:
    market.submit(terms(1, quantity_lots=4, limit_ticks=99))
    assert fills(market.apply(MarketTrade(Side.BUY, 98, 10))) == []


def test_makers_together_are_filled_with_no_more_than_was_traded(market: SimulatedMarket) -> None:
    for number in (1, 2, 3):
        market.submit(terms(number, quantity_lots=4, limit_ticks=100))  # Nobody is ahead inside the spread.
    reports = market.apply(MarketTrade(Side.SELL, 100, 6))
    assert fills(reports) == [(4, 100, "MAKER"), (2, 100, "MAKER")]
    assert [r.order_id for r in reports] == [uuid.UUID(int=1001), uuid.UUID(int=1002)]


def test_a_book_that_moves_through_a_maker_fills_it(market: SimulatedMarket) -> None:
    market.submit(terms(1, quantity_lots=4, limit_ticks=99))
    assert fills(market.apply(DepthDiff(bids=((99, 0),), asks=((97, 3),)))) == [(3, 99, "MAKER")]


def test_resting_orders_survive_the_loop_of_a_recording(market: SimulatedMarket) -> None:
    market.submit(terms(1, quantity_lots=4, limit_ticks=99))
    market.apply(DepthSnapshot(bids=((98, 7),), asks=((101, 5),)))
    assert fills(market.apply(MarketTrade(Side.SELL, 99, 4))) == [(4, 99, "MAKER")]


def test_a_restored_order_that_may_not_rest_is_cancelled(market: SimulatedMarket) -> None:
    (canceled,) = market.restore(terms(1, time_in_force=TimeInForce.IOC), 3)
    assert isinstance(canceled, VenueCanceled)
