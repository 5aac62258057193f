"""Market data of an exchange in the hub: the book that the exchange shows, and its trades."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import Side
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.venues import exchange_connection
from fargate_engine.venues.exchange_client import PublicTrade
from fargate_engine.venues.market_feed import MarketFeed, Steps
from tests.support.exchange_scene import VENUE, Simulated, background, connected, simulated_exchange, until
from tests.unit.fargate_engine.orders import ETH

FINER = replace(ETH, symbol="BTC/USDT")  # Not traded there.


@pytest.fixture
async def there() -> AsyncIterator[Simulated]:
    async with simulated_exchange(speed=0.5) as simulated:  # Slow enough to see both sides the same.
        yield simulated


async def test_the_hub_has_the_book_and_the_trades_that_the_exchange_shows(there: Simulated) -> None:
    hub, shown = MarketHub(), there.exchange.market(ETH.symbol)
    async with connected(there.base_url) as connection, background(MarketFeed(connection, hub, [ETH, FINER]).run()):
        await until(lambda: (market := hub.get(VENUE, ETH.symbol)) is not None and market.trade_count > 3)
        assert hub.get(VENUE, FINER.symbol) is None
        market = hub.get(VENUE, ETH.symbol)
        assert market is not None
        trades = {(each.trade_id, each.taker, each.price_ticks, each.quantity_lots) for each in shown.trades}
        assert {(each.trade_id, each.taker, each.price_ticks, each.quantity_lots) for each in market.trades} <= trades
        await until(lambda: all(list(market.book.levels(side)) == list(shown.book.levels(side)) for side in Side))
        assert market.update_id > 1
        there.faults.disconnect()
        before = market.update_id
        await until(lambda: market.update_id > before + 3)  # A new socket, and a new snapshot under it.
    assert hub.get(VENUE, ETH.symbol) is None


async def test_a_private_stream_that_is_refused_is_down_whatever_else_streams(
    there: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_connection, "POLL_S", 0.05)
    hub = MarketHub()
    async with (
        connected(there.base_url, secret="wrong") as connection,
        background(MarketFeed(connection, hub, [ETH]).run()),
    ):
        await until(lambda: (market := hub.get(VENUE, ETH.symbol)) is not None and market.update_id > 1)
        await until(lambda: "its private stream" in (connection.failure or ""))
        for _ in range(10):  # Polls that have nothing to ask.
            await asyncio.sleep(exchange_connection.POLL_S)
            health = connection.health()
            assert (health["stream"], health["polled_s"]) == ("DOWN", None)
            assert "its private stream" in health["failure"]


async def test_a_private_stream_is_up_beside_the_market_and_again_some_time_after_it_was_lost(
    there: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_connection, "STREAM_SURE_S", 1.0)
    async with (
        connected(there.base_url) as connection,
        background(MarketFeed(connection, MarketHub(), [ETH]).run()),
    ):
        await until(lambda: connection.health()["stream"] == "UP")
        there.faults.disconnect()
        await until(lambda: connection.health()["stream"] == "DOWN")
        assert "its private stream" in (connection.failure or "")
        await until(lambda: connection.health()["stream"] == "UP")
        assert connection.failure is None


def test_floats_become_the_steps_that_were_written() -> None:
    steps = Steps(ETH)
    for ticks in (1, 7, 268_405, 9_999_999_999):
        for lots in (1, 3, 123_456_789):
            price, quantity = float(ticks * ETH.tick_size), float(lots * ETH.lot_size)
            assert steps.levels([(price, quantity)]) == ((ticks, lots),)
    assert steps.levels([(1.0, 0.00001)]) == ()
    told = PublicTrade.of({"id": "17", "price": 2684.05, "amount": 0.5, "side": "sell", "timestamp": 5}, now_ms=5)
    assert told is not None
    trade = steps.trade(told)
    assert trade is not None
    assert (trade.trade_id, trade.taker, trade.price_ticks, trade.quantity_lots) == (17, Side.SELL, 268_405, 5_000)
    unnumbered = PublicTrade.of({"id": "a-b", "price": 1.0, "amount": 1.0, "side": "buy", "timestamp": 5}, now_ms=5)
    assert unnumbered is not None
    assert unnumbered.trade_id is None
    assert Decimal(str(2684.05)) == ETH.price(268_405)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"price": None},
        {"price": float("inf")},
        {"price": float("nan")},
        {"price": -1.0},
        {"amount": 0.0},
        {"timestamp": None},
        {"timestamp": 10**15},
        {"timestamp": 0},
        {"id": "9" * 40},
    ],
)
def test_a_trade_that_makes_no_sense_is_none_and_one_from_the_future_keeps_no_other_out(
    nonsense: dict[str, Any],
) -> None:
    trade = {"id": "17", "price": 2684.05, "amount": 0.5, "side": "sell", "timestamp": 10_000}
    assert PublicTrade.of(trade, now_ms=10_000) is not None
    assert PublicTrade.of(trade | nonsense, now_ms=10_000) is None


def test_what_is_beyond_counting_is_neither_a_level_nor_a_trade() -> None:
    steps = Steps(ETH)
    assert steps.levels([(1e307, 1.0), (2684.05, 1e307), (2684.05, 0.5)]) == ((268_405, 5_000),)
    assert steps.trade(PublicTrade(1, 1e307, 1.0, is_buy=True, at_ms=1)) is None
    assert steps.trade(PublicTrade(1, 1.0, 1e307, is_buy=True, at_ms=1)) is None
