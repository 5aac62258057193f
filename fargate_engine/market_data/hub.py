"""Every market this engine knows at this moment, by venue and symbol: one hub for the process."""

import asyncio
import time
from collections.abc import Iterator

from breakwater.domain.instruments import Instrument
from fargate_engine.market_data.market import Market

TICK_S = 0.25


class MarketHub:
    def __init__(self) -> None:
        self._markets: dict[tuple[str, str], Market] = {}

    def open(self, venue: str, instrument: Instrument) -> Market:
        """A new market, without a book. One that was open under this name is closed: its ids do not go on."""
        self.close(venue, instrument.symbol)
        market = self._markets[venue, instrument.symbol] = Market(venue, instrument)
        return market

    def get(self, venue: str, symbol: str) -> Market | None:
        return self._markets.get((venue, symbol))

    def close(self, venue: str, symbol: str) -> None:
        """Its subscriptions end."""
        market = self._markets.pop((venue, symbol), None)
        if market is not None:
            market.close()

    def __iter__(self) -> Iterator[Market]:
        return iter(list(self._markets.values()))

    def __len__(self) -> int:
        return len(self._markets)

    async def run(self) -> None:
        """For ever: bars end with their time, also where nothing trades."""
        while True:
            for market in self:
                market.pass_time(time.time_ns())
            await asyncio.sleep(TICK_S)
