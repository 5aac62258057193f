"""Market data of an exchange into the hub: one book stream and one of trades for each symbol, for the whole process.

ccxt joins snapshot and differences, and asks for a new snapshot where one is missing. A reader is shown the newest
book, not every one. A stream that is lost leaves the market as it was: its age says so (`Market.moved_at`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

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
        traded = [each for each in self._instruments if self._is_traded(each)]
        try:
            async with asyncio.TaskGroup() as tasks:
                for instrument in traded:
                    market = self._hub.open(self._connection.name, instrument)
                    tasks.create_task(self._books(market))
                    tasks.create_task(self._trades(market))
                await asyncio.get_running_loop().create_future()  # Also where there is none.
        finally:
            for instrument in traded:
                self._hub.close(self._connection.name, instrument.symbol)

    def _is_traded(self, instrument: Instrument) -> bool:
        at_venue = self._client.markets.get(instrument.symbol)
        return at_venue is not None and misfit(instrument, at_venue) is None

    async def _books(self, market: Market) -> None:
        steps = Steps(market.instrument)

        async def next_book() -> None:
            bids, asks = await self._client.watch_book(market.instrument.symbol)
            market.apply(DepthSnapshot(steps.levels(bids), steps.levels(asks)), time.time_ns())

        await self._for_ever(next_book, f"the stream of books of {market.instrument.symbol}")

    async def _trades(self, market: Market) -> None:
        steps = Steps(market.instrument)

        async def next_trades() -> None:
            for trade in await self._client.watch_trades(market.instrument.symbol):
                told = steps.trade(trade)
                if told is not None:
                    market.apply(told, trade.at_ms * 1_000_000)

        await self._for_ever(next_trades, f"the stream of trades of {market.instrument.symbol}")

    async def _for_ever(self, watch: Callable[[], Awaitable[None]], what: str) -> None:
        pause_s = RETRY_S
        while True:
            try:
                await watch()
                pause_s = RETRY_S
            except OutcomeUnknown as error:
                _LOG.warning("%s: %s is lost: %s", self._connection.name, what, error.message)
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
