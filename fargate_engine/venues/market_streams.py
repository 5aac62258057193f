"""The markets of one exchange, for all its venues in the process: of each symbol one stream of books and one of trades.

    MarketFeed       of a venue: which symbols have a market in the hub, and for how long
    └── MarketStreams    of an exchange and host: who wants which symbol; opened for the first, ended after the last
        └── MarketClient     its sockets

Two keys of one exchange are two venues and see the same market, so they share its streams. A reader is shown the newest
book, not every one. A stream that is lost leaves its markets as they were: their age says so (`Market.moved_at`).

A socket may answer pings and tell nothing. From here that looks like a quiet market, so a silent stream is opened anew:
after a minute at first, and ever more rarely where it was opened for nothing. Streams may share a socket: all of them
begin to wait anew when it is cut, so that many quiet markets cut it as rarely as one.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import DepthSnapshot, Levels, MarketTrade
from fargate_engine.market_data.market import Market
from fargate_engine.venues.configuration import VenueSettings
from fargate_engine.venues.failures import OutcomeUnknown
from fargate_engine.venues.listings import Listings
from fargate_engine.venues.market_client import Heard, MarketClient, PriceLevel, PublicTrade
from fargate_engine.venues.protocol import MarketVenue

_LOG = logging.getLogger(__name__)

RETRY_S = 1.0  # Doubles up to
RETRY_MAX_S = 30.0
# A book that somebody makes a market in changes many times in a second; in the quietest ones listed minutes may pass.
SILENCE_S = 60.0  # Doubles each time that the stream was opened anew for nothing, up to
SILENCE_MAX_S = 900.0
TRADES_SILENCES = 10  # Trades are so many times rarer than changes of a book.
LINGER_S = 30.0  # A symbol that nobody wants: whoever comes back soon finds it as it is.
_FEW = 2
STEPS_MAX = 1 << 52  # Beyond it a float does not tell one step from the next.


@dataclass(slots=True, eq=False)
class _Stream:
    """Of one symbol. `book` is the newest, `book_at` on the monotonic clock: who comes later begins with it."""

    symbol: str
    markets: dict[Market, "Steps"] = field(default_factory=dict)  # Those who want it are counted by being here.
    book: tuple[Sequence[PriceLevel], Sequence[PriceLevel]] | None = None
    book_at: float = -math.inf
    book_ns: int = 0
    is_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    is_left: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, market: Market) -> None:
        self.markets[market] = steps = Steps(market.instrument)
        self.is_left.clear()
        self.is_wanted.set()
        if self.book is not None:
            market.begin_as_told(steps.book(*self.book), self.book_ns, self.book_at)

    def remove(self, market: Market) -> None:
        self.markets.pop(market, None)
        if not self.markets:
            self.is_wanted.clear()
            self.is_left.set()

    def tell_book(self, bids: Sequence[PriceLevel], asks: Sequence[PriceLevel]) -> None:
        self.book, self.book_at, self.book_ns = (bids, asks), time.monotonic(), time.time_ns()
        for market, steps in self.markets.items():
            market.apply(steps.book(bids, asks), self.book_ns)

    def tell_trade(self, trade: PublicTrade) -> None:
        for market, steps in self.markets.items():
            told = steps.trade(trade)
            if told is not None:
                market.apply(told, trade.at_ms * 1_000_000)

    async def until_unwanted(self) -> None:
        """For a while: who comes back in it is not noticed."""
        while True:
            await self.is_left.wait()
            try:
                async with asyncio.timeout(LINGER_S):
                    await self.is_wanted.wait()
            except TimeoutError:
                return


class MarketStreams(MarketVenue):
    def __init__(self, client: MarketClient) -> None:
        self.client = client
        self._streams: dict[str, _Stream] = {}
        self._hears: list[Heard] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._running = asyncio.Event()

    async def opened(self) -> None:
        await self._running.wait()

    async def run(self) -> None:
        """For ever."""
        await self.client.connect(self._heard)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._running.set()
                await asyncio.get_running_loop().create_future()  # Until the engine ends, or an invariant is broken.
        finally:
            await self.client.close()

    def subscribe(self, market: Market) -> None:
        if self._tasks is None:
            raise AssertionError(f"a market of {self.client.name} was wanted before its streams ran")
        stream = self._streams.get(market.instrument.symbol)
        if stream is None:
            stream = self._streams[market.instrument.symbol] = _Stream(market.instrument.symbol)
            self._tasks.create_task(self._until_unwanted(stream))
        stream.add(market)

    def unsubscribe(self, market: Market) -> None:
        stream = self._streams.get(market.instrument.symbol)
        if stream is not None:
            stream.remove(market)

    @property
    def symbols(self) -> dict[str, int]:
        """Those that are told, and how many want each."""
        return {symbol: len(stream.markets) for symbol, stream in self._streams.items()}

    def hear(self, heard: Heard) -> None:
        """What the exchange says of the limits of this address: it counts snapshots with all that a venue asks."""
        self._hears.append(heard)

    def ignore(self, heard: Heard) -> None:
        self._hears.remove(heard)

    def _heard(self, status: int, headers: Mapping[str, str], body: str) -> None:
        for heard in self._hears:
            heard(status, headers, body)

    async def _until_unwanted(self, stream: _Stream) -> None:
        while True:
            async with asyncio.TaskGroup() as tasks:
                telling = [tasks.create_task(self.books(stream)), tasks.create_task(self.trades(stream))]
                await stream.until_unwanted()
                for each in telling:
                    each.cancel()
            stream.book = None  # From now on it would be of before.
            await self.client.unwatch(stream.symbol)
            if not stream.markets:  # Else somebody has come while it was ended.
                del self._streams[stream.symbol]
                return

    async def books(self, stream: _Stream) -> None:
        async def next_book() -> None:
            stream.tell_book(*await self.client.watch_book(stream.symbol))

        reopen = partial(self.client.reopen_book, stream.symbol)
        await self._for_ever(next_book, reopen, f"the stream of books of {stream.symbol}")

    async def trades(self, stream: _Stream) -> None:
        async def next_trades() -> None:
            for trade in await self.client.watch_trades(stream.symbol):
                stream.tell_trade(trade)

        reopen = partial(self.client.reopen_trades, stream.symbol)
        await self._for_ever(next_trades, reopen, f"the stream of trades of {stream.symbol}", TRADES_SILENCES)

    async def _for_ever(
        self, watch: Callable[[], Awaitable[None]], reopen: Callable[[], None], what: str, silences: int = 1
    ) -> None:
        pause_s = RETRY_S
        silence_s = usual_s = SILENCE_S * silences
        told, told_at, reopened_at = 0, math.inf, -math.inf
        longest_s = 0.0  # Between two words of a stream that did not hang: a quiet market has such a silence again.
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    await watch()
                pause_s, now = RETRY_S, time.monotonic()
                told, told_at, longest_s = told + 1, now, max(longest_s, now - told_at)
                # Any stream begins with a word. Where a second one follows soon it had hung, and was not quiet.
                if told == _FEW and now - reopened_at < usual_s:
                    silence_s = min(max(usual_s, 2 * longest_s), SILENCE_MAX_S * silences)
            except TimeoutError:
                _LOG.warning("%s: %s told nothing for %d s: it is opened anew", self.client.name, what, silence_s)
                silence_s = min(silence_s * 2, SILENCE_MAX_S * silences)
                told, told_at, reopened_at = 0, math.inf, time.monotonic()
                reopen()
            except OutcomeUnknown as error:
                _LOG.warning("%s: %s is lost: %s", self.client.name, what, error.message)
                told_at = math.inf
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)


class MarketStreamsOfAll:
    """One for the process. As what they list, markets differ by exchange and host, and not by key."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._streams: dict[tuple[str, bool, str | None], MarketStreams] = {}

    def of(self, venue: VenueSettings) -> MarketStreams:
        if venue.place not in self._streams:
            self._streams[venue.place] = MarketStreams(MarketClient(venue, self._listings.of(venue)))
        return self._streams[venue.place]

    def __iter__(self) -> Iterator[MarketStreams]:
        return iter(self._streams.values())


class Steps:
    """ccxt's floats as whole ticks and lots. Below 2^52 steps the nearest whole one is the one that was written."""

    def __init__(self, instrument: Instrument) -> None:
        self._tick, self._lot = float(instrument.tick_size), float(instrument.lot_size)

    def book(self, bids: Iterable[PriceLevel], asks: Iterable[PriceLevel]) -> DepthSnapshot:
        return DepthSnapshot(self.levels(bids), self.levels(asks))

    def levels(self, told: Iterable[PriceLevel]) -> Levels:
        """What is less than a lot is nothing that could be traded here, and what is beyond counting is none."""
        steps = ((level[0] / self._tick, level[1] / self._lot) for level in told)
        levels = ((round(ticks), round(lots)) for ticks, lots in steps if ticks < STEPS_MAX and lots < STEPS_MAX)
        return tuple((ticks, lots) for ticks, lots in levels if ticks > 0 and lots > 0)

    def trade(self, told: PublicTrade) -> MarketTrade | None:
        ticks, lots = told.price / self._tick, told.quantity / self._lot
        if ticks >= STEPS_MAX or lots >= STEPS_MAX or round(ticks) < 1 or round(lots) < 1:
            return None
        return MarketTrade(Side.BUY if told.is_buy else Side.SELL, round(ticks), round(lots), told.trade_id)
