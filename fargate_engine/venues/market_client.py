"""What an exchange tells everybody of its markets: that needs no key, and so one client does for all who have one.

ccxt joins snapshot and differences of a book, and asks for a new snapshot where one is missing.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fargate_engine.venues.ccxt_failures import heard_of
from fargate_engine.venues.ccxt_loading import load_exchange
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.failures import OutcomeUnknown
from fargate_engine.venues.listings import Listing

_LOG = logging.getLogger(__name__)

BOOK_LEVELS = 100  # Of each side.
AHEAD_MS_MAX = 5_000  # A trade may come from a clock so far ahead.
TRADE_ID_MAX = (1 << 62) - 1
UNWATCH_S = 5.0  # For an exchange to say that it tells no more.
_NOBODY = Credentials("", "")

type PriceLevel = Sequence[float]  # Price and quantity, as ccxt has them.
type Heard = Callable[[int, Mapping[str, str], str], None]


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """What anybody traded there. `trade_id` is None where it is no number."""

    trade_id: int | None
    price: float
    quantity: float
    is_buy: bool  # The taker bought.
    at_ms: int

    @classmethod
    def of(cls, trade: Any, now_ms: int) -> "PublicTrade | None":
        """None for one that makes no sense, or that comes from the future: it would keep out all that follow."""
        try:
            price, quantity, at_ms = float(trade["price"]), float(trade["amount"]), int(trade["timestamp"])
            trade_id = str(trade["id"])
            number = int(trade_id) if trade_id.isascii() and trade_id.isdecimal() else None
        except (LookupError, TypeError, ValueError, OverflowError):
            return None
        is_sane = 0 < price < math.inf and 0 < quantity < math.inf and 0 < at_ms <= now_ms + AHEAD_MS_MAX
        if not is_sane or (number is not None and number > TRADE_ID_MAX):
            return None
        return cls(number, price, quantity, trade["side"] == "buy", at_ms)


class MarketClient:
    """`listing` is what the venues have read of the exchange: there is nothing to watch before it."""

    def __init__(self, venue: VenueSettings, listing: Listing) -> None:
        self.name = venue.exchange
        self._venue = venue
        self._listing = listing
        self._exchange: Any = None  # Of ccxt.

    async def connect(self, heard: Heard) -> None:
        """Nothing is asked yet. `heard` is told of each answer: ccxt asks for snapshots of books by itself."""
        self._exchange = await load_exchange(self._venue, _NOBODY, heard)

    async def close(self) -> None:
        if self._exchange is not None:
            await self._exchange.close()

    @property
    def sockets(self) -> list[Any]:
        """Those of ccxt that are open."""
        clients = [] if self._exchange is None else list(self._exchange.clients.values())
        return [client for client in clients if not client.closed()]

    async def watch_book(self, symbol: str) -> tuple[list[PriceLevel], list[PriceLevel]]:
        """Bids and asks, best first, after the next change. OutcomeUnknown when the stream is lost."""
        self._know_markets()
        book = await heard_of(self._exchange.watch_order_book(symbol))
        bids, asks = _sane_levels(book["bids"]), _sane_levels(book["asks"])
        if not bids and not asks:
            raise OutcomeUnknown("its book is empty, or makes no sense")
        return bids, asks

    async def watch_trades(self, symbol: str) -> list[PublicTrade]:
        """OutcomeUnknown also when nothing of what came makes sense."""
        self._know_markets()
        told = await heard_of(self._exchange.watch_trades(symbol))
        now_ms = time.time_ns() // 1_000_000
        trades = [trade for trade in (PublicTrade.of(each, now_ms) for each in told) if trade is not None]
        if told and not trades:
            raise OutcomeUnknown("none of the trades that it tells makes sense")
        return trades

    async def unwatch(self, symbol: str) -> None:
        """No more of the symbol. A socket that told of nothing else is closed; another one goes on without it."""
        for client in list(self._exchange.clients.values()):
            topics = [topic for topic in ("orderbook", "trade") if _watches(client, topic, symbol)]
            if not topics:
                continue
            is_alone = all(key.endswith(f":{symbol}") for key in client.subscriptions)
            try:
                async with asyncio.timeout(UNWATCH_S):
                    await heard_of(self._close(client) if is_alone else self._unsubscribe(topics, symbol))
            except (TimeoutError, OutcomeUnknown) as error:
                _LOG.warning("%s: that %s is not wanted is not heard: %s", self.name, symbol, error)
                # Whatever else is on it opens another socket, on which the symbol is not asked for.
                client.on_error(ConnectionError(f"{symbol} goes on"))

    def reopen_book(self, symbol: str) -> None:
        self._reopen("orderbook", symbol)

    def reopen_trades(self, symbol: str) -> None:
        self._reopen("trade", symbol)

    def _reopen(self, topic: str, symbol: str) -> None:
        """Ends the socket that the stream is on, as a ping does that is not answered: the next `watch_` opens another.

        Whatever else is on it is lost for a moment as well.
        """
        for client in list(self._exchange.clients.values()):
            if _watches(client, topic, symbol):
                client.on_error(ConnectionError(f"the {topic} of {symbol} was silent"))

    async def _close(self, client: Any) -> None:
        self._exchange.clients.pop(client.url, None)
        await client.close()

    async def _unsubscribe(self, topics: Sequence[str], symbol: str) -> None:
        if "orderbook" in topics:
            await self._exchange.un_watch_order_book(symbol)
        if "trade" in topics:
            await self._exchange.un_watch_trades(symbol)

    def _know_markets(self) -> None:
        """What the exchange lists changes, and is read anew, by a venue for all."""
        source = self._listing.exchange
        if source is not None and self._exchange.markets is not source.markets:
            self._exchange.set_markets_from_exchange(source)


def _watches(client: Any, topic: str, symbol: str) -> bool:
    return any(key.startswith(f"{topic}:") and key.endswith(f":{symbol}") for key in client.subscriptions)


def _sane_levels(levels: Any) -> list[PriceLevel]:
    """Those of finite prices and quantities, up to as many as are kept."""
    return [
        level
        for level in levels[:BOOK_LEVELS]
        if all(isinstance(each, int | float) and 0 <= each < math.inf for each in level[:2])
    ]
