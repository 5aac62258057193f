"""Market data of Bybit in the hub, through ccxt and over real sockets, from its public stream as it is documented."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from breakwater.domain.orders import Side
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.market import Market
from fargate_engine.venues import market_streams
from fargate_engine.venues.market_streams import MarketStreams
from tests.support.bybit_market import Levels
from tests.support.bybit_server import Bybit, bybit_server
from tests.support.exchange_scene import SECRET, VENUE, connected, fed, until
from tests.unit.fargate_engine.orders import ETH

BIDS, ASKS = {"2000.00": "1.5", "1999.99": "0.0001"}, {"2000.01": "2", "2000.05": "7.25"}

type Scene = tuple[Bybit, Market, MarketStreams]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    hub = MarketHub()
    async with bybit_server(SECRET) as (bybit, url):
        await bybit.market.show(BIDS, ASKS)
        async with connected(url, exchange="bybit") as connection, fed(hub, [connection]) as streams:
            await until(lambda: {bybit.market.book_topic, bybit.market.trade_topic} <= set(bybit.market.subscribed))
            await until(lambda: (market := hub.get(VENUE, ETH.symbol)) is not None and market.update_id > 0)
            market = hub.get(VENUE, ETH.symbol)
            assert market is not None
            yield bybit, market, streams


def as_told(levels: Levels) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(quantity) for price, quantity in levels.items()}


def shown(market: Market, side: Side) -> dict[Decimal, Decimal]:
    return {ETH.price(ticks): ETH.quantity(lots) for ticks, lots in market.book.levels(side)}


async def until_shown(market: Market, bids: Levels, asks: Levels) -> None:
    await until(lambda: (shown(market, Side.BUY), shown(market, Side.SELL)) == (as_told(bids), as_told(asks)))


async def test_a_book_is_its_snapshot_and_what_has_changed_of_it(scene: Scene) -> None:
    bybit, market, _ = scene
    await until_shown(market, BIDS, ASKS)
    await bybit.market.change({"2000.00": "0", "1999.98": "3"}, {"2000.01": "1.9"})
    await bybit.market.change(asks={"2000.02": "0.5"})
    bids = {"1999.99": "0.0001", "1999.98": "3"}
    await until_shown(market, bids, {"2000.01": "1.9", "2000.02": "0.5", "2000.05": "7.25"})
    assert next(iter(market.book.levels(Side.SELL)))[0] == 200_001


async def test_a_snapshot_in_the_middle_takes_the_place_of_all_that_was_told(scene: Scene) -> None:
    bybit, market, _ = scene
    await bybit.market.change({"1998": "9"})
    await bybit.market.show({"1990": "1"}, {"1991": "1"})
    await until_shown(market, {"1990": "1"}, {"1991": "1"})


async def test_trades_come_with_their_sides_and_numbers(scene: Scene) -> None:
    bybit, market, _ = scene
    await bybit.market.trade("Buy", "0.25", "2000.01")
    await bybit.market.trade("Sell", "1", "2000")
    await until(lambda: market.trade_count == 2)
    told = [(each.trade_id, each.taker, each.price_ticks, each.quantity_lots) for each in market.trades]
    assert told == [(2_290_000_001, Side.BUY, 200_001, 2_500), (2_290_000_002, Side.SELL, 200_000, 10_000)]


async def test_after_a_cut_the_book_begins_with_a_new_snapshot(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "RETRY_S", 0.05)
    bybit, market, _ = scene
    bybit.faults.disconnect()
    await until(lambda: not bybit.market.sockets)
    await bybit.market.change({"1990": "4"})  # Nobody hears it.
    await until_shown(market, BIDS | {"1990": "4"}, ASKS)


async def test_a_stream_that_answers_pings_and_tells_nothing_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "SILENCE_S", 0.3)
    monkeypatch.setattr(market_streams, "RETRY_S", 0.05)
    hub = MarketHub()
    async with bybit_server(SECRET) as (bybit, url):
        await bybit.market.show(BIDS, ASKS)
        async with connected(url, exchange="bybit") as connection, fed(hub, [connection]):
            await until(lambda: (market := hub.get(VENUE, ETH.symbol)) is not None and market.update_id > 0)
            market = hub.get(VENUE, ETH.symbol)
            assert market is not None
            bybit.market.is_mute = True
            asked = len(bybit.market.subscribed)
            await until(lambda: len(bybit.market.subscribed) > asked + 1)
            bybit.market.is_mute = False
            await bybit.market.change({"1990": "4"})
            await until_shown(market, BIDS | {"1990": "4"}, ASKS)


async def test_a_symbol_that_nobody_wants_is_taken_off(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "LINGER_S", 0.1)
    bybit, market, streams = scene
    streams.unsubscribe(market)
    await until(lambda: streams.symbols == {})
    assert streams.client.sockets == []
    await until(lambda: not bybit.market.sockets)
