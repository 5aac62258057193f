"""The markets of a venue in the hub, each for as long as the venue trades its symbol in steps of ours.

They are wanted always, not only while somebody looks: the router decides by the book of the moment and by the volume of
a day, bars begin with the first trade that is heard, and nothing fetches older ones.
"""

import asyncio
from collections.abc import Iterable

from breakwater.domain.instruments import Instrument
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.market import Market
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.market_streams import MarketStreams
from fargate_engine.venues.protocol import misfit

READY_LOOK_S = 0.2
LISTED_LOOK_S = 60.0  # Until what the venue lists now has its market; the list itself is read once an hour.


class MarketFeed:
    def __init__(
        self,
        connection: ExchangeConnection,
        hub: MarketHub,
        instruments: Iterable[Instrument],
        streams: MarketStreams,
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._hub = hub
        self._instruments = tuple(instruments)
        self._streams = streams
        self._markets: dict[str, Market] = {}

    async def run(self) -> None:
        """For ever. A symbol that is not traded there, or not in steps of ours, has no market."""
        while not self._connection.is_ready:
            await asyncio.sleep(READY_LOOK_S)
        await self._streams.opened()
        self._streams.hear(self._client.heard)
        try:
            while True:
                self._open_and_close()
                await asyncio.sleep(LISTED_LOOK_S)
        finally:
            self._streams.ignore(self._client.heard)
            for symbol in list(self._markets):
                self._close(symbol)

    def _open_and_close(self) -> None:
        for instrument in self._instruments:
            symbol, is_traded = instrument.symbol, self._is_traded(instrument)
            if is_traded and symbol not in self._markets:
                market = self._markets[symbol] = self._hub.open(self._connection.name, instrument)
                self._streams.subscribe(market)
            elif not is_traded and symbol in self._markets:
                self._close(symbol)

    def _close(self, symbol: str) -> None:
        self._streams.unsubscribe(self._markets.pop(symbol))
        self._hub.close(self._connection.name, symbol)

    def _is_traded(self, instrument: Instrument) -> bool:
        at_venue = self._client.markets.get(instrument.symbol)
        return at_venue is not None and misfit(instrument, at_venue) is None
