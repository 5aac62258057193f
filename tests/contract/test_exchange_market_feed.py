"""Market data of an exchange in the hub: the book that the exchange shows, and its trades."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import Side
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.venues import exchange_connection, market_client, market_feed, market_streams
from fargate_engine.venues.market_client import PublicTrade
from fargate_engine.venues.market_streams import MarketStreams, Steps
from tests.support.exchange_scene import VENUE, Simulated, background, connected, fed, simulated_exchange, until
from tests.unit.fargate_engine.orders import ETH

FINER = replace(ETH, symbol="BTC/USDT")  # Not traded there.


@pytest.fixture
async def there() -> AsyncIterator[Simulated]:
    async with simulated_exchange(speed=0.5) as simulated:  # Slow enough to see both sides the same.
        yield simulated


async def test_the_hub_has_the_book_and_the_trades_that_the_exchange_shows(there: Simulated) -> None:
    hub, shown = MarketHub(), there.exchange.market(ETH.symbol)
    async with connected(there.base_url) as connection, fed(hub, [connection], [ETH, FINER]):
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
        fed(hub, [connection]),
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
        fed(MarketHub(), [connection]),
    ):
        await until(lambda: connection.health()["stream"] == "UP")
        there.faults.disconnect()
        await until(lambda: connection.health()["stream"] == "DOWN")
        await until(lambda: "its private stream" in (connection.failure or ""))
        await until(lambda: connection.health()["stream"] == "UP")
        assert connection.failure is None


async def test_market_sockets_that_tell_nothing_any_more_are_opened_anew(
    there: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_streams, "SILENCE_S", 0.5)
    monkeypatch.setattr(market_streams, "RETRY_S", 0.05)
    hub = MarketHub()
    async with connected(there.base_url) as connection, fed(hub, [connection]) as streams:
        await until(lambda: (market := hub.get(VENUE, ETH.symbol)) is not None and market.trade_count > 0)
        market = hub.get(VENUE, ETH.symbol)
        assert market is not None
        for client in streams.client.sockets:
            client.on_message_callback = lambda *_: None  # It answers pings still.
        updates, trades = market.update_id, market.trade_count
        await until(lambda: market.update_id > updates + 3 and market.trade_count > trades)


class Quiet:
    """In place of a client: its market shows its book when it is opened, and never changes."""

    name = "quiet"

    def __init__(self) -> None:
        self.is_new = asyncio.Event()
        self.is_new.set()
        self.reopened = 0

    async def watch_book(self, symbol: str) -> tuple[list[list[float]], list[list[float]]]:
        await self.is_new.wait()
        self.is_new.clear()
        return [[2684.05, 0.5]], []

    async def watch_trades(self, symbol: str) -> list[PublicTrade]:
        await asyncio.get_running_loop().create_future()
        return []

    def reopen_book(self, symbol: str) -> None:
        self.reopened += 1
        self.is_new.set()

    def reopen_trades(self, symbol: str) -> None:
        pass

    async def connect(self, heard: Any) -> None:
        pass

    async def close(self) -> None:
        pass


async def watched(client: Any) -> None:
    """The market of this client, for ever."""
    streams = MarketStreams(client)
    running = asyncio.create_task(streams.run())
    await streams.opened()
    streams.subscribe(MarketHub().open(VENUE, ETH))
    try:
        await running
    finally:
        running.cancel()


async def test_a_quiet_market_is_opened_anew_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "SILENCE_S", 0.02)
    monkeypatch.setattr(market_streams, "SILENCE_MAX_S", 0.64)
    client = Quiet()
    async with background(watched(client)):
        await asyncio.sleep(1.4)  # 0.02 + 0.04 + … + 0.64 = 1.26
    assert 4 <= client.reopened <= 6


class Leisurely(Quiet):
    """Its market changes now and then, with a longer silence after every third time."""

    def __init__(self) -> None:
        super().__init__()
        self._told = 0

    async def watch_book(self, symbol: str) -> tuple[list[list[float]], list[list[float]]]:
        if not self.is_new.is_set():
            self._told += 1
            await asyncio.sleep(0.2 if self._told % 4 else 0.35)
        self.is_new.clear()
        return [[2684.05, 0.5]], []


async def test_a_market_that_is_only_slow_is_opened_anew_once_and_then_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "SILENCE_S", 0.3)
    client = Leisurely()
    async with background(watched(client)):
        await asyncio.sleep(4.5)  # Four such silences.
    assert 1 <= client.reopened <= 2


async def test_what_the_venue_lists_later_has_a_market_then(there: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_feed, "LISTED_LOOK_S", 0.05)
    hub = MarketHub()
    async with connected(there.base_url) as connection:
        listed, connection.client.markets = connection.client.markets, {}
        async with fed(hub, [connection]):
            await asyncio.sleep(0.2)
            assert hub.get(VENUE, ETH.symbol) is None
            connection.client.markets = listed
            await until(lambda: (market := hub.get(VENUE, ETH.symbol)) is not None and market.update_id > 1)


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


# Shared by venues -----------------------------------------------------------------------------------------------------


@pytest.fixture
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_streams, "LINGER_S", 0.3)


async def test_two_keys_of_one_exchange_hear_its_market_by_the_same_sockets(there: Simulated) -> None:
    hub, shown = MarketHub(), there.exchange.market(ETH.symbol)
    async with (
        connected(there.base_url, name="FIRST") as first,
        connected(there.base_url, name="SECOND") as second,
        fed(hub, [first, second]) as streams,
    ):
        names = ("FIRST", "SECOND")
        await until(lambda: all((each := hub.get(name, ETH.symbol)) and each.trade_count > 0 for name in names))
        assert streams.symbols == {ETH.symbol: 2}
        assert len(streams.client.sockets) == 2  # Books and trades.
        for name in names:
            market = hub.get(name, ETH.symbol)
            assert market is not None
            assert (market.venue, market.instrument) == (name, ETH)
            await until(lambda market=market: list(market.book.levels(Side.BUY)) == list(shown.book.levels(Side.BUY)))  # type: ignore[misc]
        for connection in (first, second):
            urls = list(connection.client._exchange.clients)
            assert all("/ws-api/" in url for url in urls)  # Its private one, and no other.


async def test_streams_end_a_while_after_the_last_venue_has_let_go(there: Simulated, short_linger: None) -> None:
    first, second = (MarketHub().open(name, ETH) for name in ("FIRST", "SECOND"))
    async with connected(there.base_url) as connection, fed(MarketHub(), [connection], []) as streams:
        await streams.opened()
        streams.subscribe(first)
        await until(lambda: first.update_id > 2)
        streams.subscribe(second)
        assert second.update_id == 1  # At once: what the other one was told last.
        assert list(second.book.levels(Side.BUY)) == list(first.book.levels(Side.BUY))
        assert second.book_told_at == pytest.approx(first.book_told_at, abs=0.001)
        sockets = streams.client.sockets
        streams.unsubscribe(first)
        updates = second.update_id
        await until(lambda: second.update_id > updates + 2)
        streams.unsubscribe(second)
        assert streams.client.sockets == sockets
        await until(lambda: streams.symbols == {})
        assert streams.client.sockets == []
        assert all(each.closed() for each in sockets)
        updates = second.update_id
        streams.subscribe(second)
        await until(lambda: second.update_id > updates + 2)
        assert len(streams.client.sockets) == 2


async def test_who_comes_back_soon_finds_the_same_sockets(there: Simulated, short_linger: None) -> None:
    market = MarketHub().open(VENUE, ETH)
    async with connected(there.base_url) as connection, fed(MarketHub(), [connection], []) as streams:
        await streams.opened()
        streams.subscribe(market)
        await until(lambda: market.trade_count > 0)
        sockets = streams.client.sockets
        streams.unsubscribe(market)
        await asyncio.sleep(0.1)
        streams.subscribe(market)
        await asyncio.sleep(0.5)
        assert streams.client.sockets == sockets
        assert streams.symbols == {ETH.symbol: 1}


async def test_of_a_socket_that_others_need_a_symbol_is_taken_off(short_linger: None) -> None:
    btc = replace(ETH, symbol="BTC/USDT", base_asset="BTC")
    async with (
        simulated_exchange(speed=0.5, instruments=[ETH, btc]) as there,
        connected(there.base_url) as connection,
        fed(MarketHub(), [connection], []) as streams,
    ):
        await streams.opened()
        streams.client._exchange.options["streamLimits"]["spot"] = 1  # As where there are more than it has sockets.
        eth, other = (MarketHub().open(VENUE, each) for each in (ETH, btc))
        streams.subscribe(eth)
        streams.subscribe(other)
        await until(lambda: eth.trade_count > 0 and other.trade_count > 0)
        (socket,) = streams.client.sockets
        streams.unsubscribe(eth)
        await until(lambda: streams.symbols == {btc.symbol: 1})
        assert not any(key.endswith(ETH.symbol) for key in socket.subscriptions)
        assert streams.client.sockets == [socket]
        updates, before = other.update_id, eth.update_id
        await until(lambda: other.update_id > updates + 2)
        assert eth.update_id == before
        streams.subscribe(eth)
        await until(lambda: eth.update_id > before + 2)


async def test_where_the_exchange_does_not_take_it_off_the_others_open_another_socket(
    short_linger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_client, "UNWATCH_S", 0.2)
    monkeypatch.setattr(market_streams, "RETRY_S", 0.05)
    btc = replace(ETH, symbol="BTC/USDT", base_asset="BTC")
    async with (
        simulated_exchange(speed=0.5, instruments=[ETH, btc]) as there,
        connected(there.base_url) as connection,
        fed(MarketHub(), [connection], []) as streams,
    ):
        await streams.opened()
        streams.client._exchange.options["streamLimits"]["spot"] = 1
        eth, other = (MarketHub().open(VENUE, each) for each in (ETH, btc))
        streams.subscribe(eth)
        streams.subscribe(other)
        await until(lambda: eth.trade_count > 0 and other.trade_count > 0)
        (socket,) = streams.client.sockets
        socket.on_message_callback = lambda *_: None
        streams.unsubscribe(eth)
        await until(lambda: streams.symbols == {btc.symbol: 1})
        updates = other.update_id
        await until(lambda: other.update_id > updates + 2)
        (another,) = streams.client.sockets
        assert another is not socket
        assert not any(key.endswith(ETH.symbol) for key in another.subscriptions)


async def test_what_the_venue_lists_no_more_has_no_market(
    there: Simulated, monkeypatch: pytest.MonkeyPatch, short_linger: None
) -> None:
    monkeypatch.setattr(market_feed, "LISTED_LOOK_S", 0.05)
    hub = MarketHub()
    async with connected(there.base_url) as connection, fed(hub, [connection]) as streams:
        await until(lambda: hub.get(VENUE, ETH.symbol) is not None)
        connection.client.markets = {}
        await until(lambda: hub.get(VENUE, ETH.symbol) is None)
        await until(lambda: streams.symbols == {})


async def test_what_it_says_of_its_limits_is_heard_by_every_venue(
    there: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book begins with a snapshot, which the address pays for."""
    async with (
        connected(there.base_url, name="FIRST") as first,
        connected(there.base_url, name="SECOND") as second,
    ):
        heard: set[str] = set()
        for each in (first, second):
            # Of its own requests it hears otherwise: these are told what was bound when it connected.
            monkeypatch.setattr(each.client, "heard", lambda *_, name=each.name: heard.add(name))
        async with fed(MarketHub(), [first, second]):
            await until(lambda: heard == {"FIRST", "SECOND"})
