"""Tells the database the reference prices: when they changed, and often enough that they do not look stale."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.db.engine_market import Quote, write_reference_prices
from breakwater.domain.orders import Side
from breakwater.errors import DatabaseUnavailable
from fargate_engine.venues.simulated import SimulatedVenue

_LOG = logging.getLogger(__name__)

QUOTE_S = 0.25
QUOTE_AGE_MAX_S = 1.0
MARKET_SILENCE_MAX_S = 2.0


class Quotes:
    """Of the venues that `serving` gives: those of the shards that this engine serves at that moment."""

    def __init__(self, pool: EnginePool, serving: Callable[[], Iterable[SimulatedVenue]]) -> None:
        self._pool = pool
        self._serving = serving
        self._written: dict[str, tuple[Quote, float]] = {}

    async def run(self) -> None:
        """For ever. While the database is away prices grow old there, and orders are refused for that."""
        while True:
            try:
                await self._write(time.monotonic())
            except DatabaseUnavailable as error:
                _LOG.warning("reference prices were not written: %s", error.message)
            await asyncio.sleep(QUOTE_S)

    async def _write(self, now: float) -> None:
        due = [quote for quote in self._current(now) if self._is_due(quote, now)]
        if not due:
            return
        async with pooled(self._pool) as connection:
            await write_reference_prices(connection, due)
        self._written.update((quote.symbol, (quote, now)) for quote in due)

    def _is_due(self, quote: Quote, now: float) -> bool:
        written, written_at = self._written.get(quote.symbol, (None, 0.0))
        return quote != written or now - written_at > QUOTE_AGE_MAX_S

    def _current(self, now: float) -> Iterator[Quote]:
        for venue in self._serving():
            for symbol, market in venue.markets.items():
                if now - venue.moved_at.get(symbol, 0.0) > MARKET_SILENCE_MAX_S:
                    continue  # A price that no market stands behind any more must be seen to grow old.
                bid_ticks, ask_ticks = market.book.best_ticks(Side.BUY), market.book.best_ticks(Side.SELL)
                if bid_ticks is not None and ask_ticks is not None:
                    yield Quote(symbol, market.instrument.price(bid_ticks), market.instrument.price(ask_ticks))
