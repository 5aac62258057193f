"""Market data of an exchange into the hub: one book stream and one of trades for each symbol, for the whole process.

ccxt joins snapshot and differences, and asks for a new snapshot where one is missing. A reader is shown the newest
book, not every one. A stream that is lost leaves the market as it was: its age says so (`Market.moved_at`).

A socket may answer pings and tell nothing. From here that looks like a quiet market, so a silent stream is opened anew:
after a minute at first, and ever more rarely where it was opened for nothing. Streams may share a socket: all of them
begin to wait anew when it is cut, so that many quiet markets cut it as rarely as one.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthSnapshot, Levels, MarketTrade
from fargate_engine.market_data.market import Market
from fargate_engine.venues.exchange_client import PublicTrade
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.failures import OutcomeUnknown
from fargate_engine.venues.protocol import misfit

_LOG = logging.getLogger(__name__)

READY_LOOK_S = 0.2
RETRY_S = 1.0  # Doubles up to
RETRY_MAX_S = 30.0
# A book that somebody makes a market in changes many times in a second; in the quietest ones listed minutes may pass.
SILENCE_S = 60.0  # Doubles each time that the stream was opened anew for nothing, up to
SILENCE_MAX_S = 900.0
TRADES_SILENCES = 10  # Trades are so many times rarer than changes of a book.
_FEW = 2
LISTED_LOOK_S = 60.0  # Until what the venue lists now has its market; the list itself is read once an hour.
STEPS_MAX = 1 << 52  # Beyond it a float does not tell one step from the next.


class MarketFeed:
    def __init__(self, connection: ExchangeConnection, hub: MarketHub, instruments: Iterable[Instrument]) -> None:
        self._connection = connection
        self._client = connection.client
        self._hub = hub
        self._instruments = tuple(instruments)

    async def run(self) -> None:
        """For ever. A symbol that is not traded there, or not in steps of ours, has no market."""
        while not self._connection.is_ready:
            await asyncio.sleep(READY_LOOK_S)
        opened: set[str] = set()
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    for instrument in self._instruments:
                        if instrument.symbol not in opened and self._is_traded(instrument):
                            opened.add(instrument.symbol)
                            market = self._hub.open(self._connection.name, instrument)
                            tasks.create_task(self._books(market))
                            tasks.create_task(self._trades(market))
                    await asyncio.sleep(LISTED_LOOK_S)
        finally:
            for symbol in opened:
                self._hub.close(self._connection.name, symbol)

    def _is_traded(self, instrument: Instrument) -> bool:
        at_venue = self._client.markets.get(instrument.symbol)
        return at_venue is not None and misfit(instrument, at_venue) is None

    async def _books(self, market: Market) -> None:
        steps, symbol = Steps(market.instrument), market.instrument.symbol

        async def next_book() -> None:
            bids, asks = await self._client.watch_book(symbol)
            market.apply(DepthSnapshot(steps.levels(bids), steps.levels(asks)), time.time_ns())

        await self._for_ever(next_book, partial(self._client.reopen_book, symbol), f"the stream of books of {symbol}")

    async def _trades(self, market: Market) -> None:
        steps, symbol = Steps(market.instrument), market.instrument.symbol

        async def next_trades() -> None:
            for trade in await self._client.watch_trades(symbol):
                told = steps.trade(trade)
                if told is not None:
                    market.apply(told, trade.at_ms * 1_000_000)

        reopen, what = partial(self._client.reopen_trades, symbol), f"the stream of trades of {symbol}"
        await self._for_ever(next_trades, reopen, what, TRADES_SILENCES)

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
                _LOG.warning("%s: %s told nothing for %d s: it is opened anew", self._connection.name, what, silence_s)
                silence_s = min(silence_s * 2, SILENCE_MAX_S * silences)
                told, told_at, reopened_at = 0, math.inf, time.monotonic()
                reopen()
            except OutcomeUnknown as error:
                _LOG.warning("%s: %s is lost: %s", self._connection.name, what, error.message)
                told_at = math.inf
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)


class Steps:
    """ccxt's floats as whole ticks and lots. Below 2^52 steps the nearest whole one is the one that was written."""

    def __init__(self, instrument: Instrument) -> None:
        self._tick, self._lot = float(instrument.tick_size), float(instrument.lot_size)

    def levels(self, told: Iterable[Sequence[float]]) -> Levels:
        """What is less than a lot is nothing that could be traded here, and what is beyond counting is none."""
        steps = ((level[0] / self._tick, level[1] / self._lot) for level in told)
        levels = ((round(ticks), round(lots)) for ticks, lots in steps if ticks < STEPS_MAX and lots < STEPS_MAX)
        return tuple((ticks, lots) for ticks, lots in levels if ticks > 0 and lots > 0)

    def trade(self, told: PublicTrade) -> MarketTrade | None:
        ticks, lots = told.price / self._tick, told.quantity / self._lot
        if ticks >= STEPS_MAX or lots >= STEPS_MAX or round(ticks) < 1 or round(lots) < 1:
            return None
        return MarketTrade(Side.BUY if told.is_buy else Side.SELL, round(ticks), round(lots), told.trade_id)
