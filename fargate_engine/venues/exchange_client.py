"""Requests to one exchange with one key: within its rate limits, through the breaker, and with failures that say what
they mean. One for each venue in the process; every shard's orders go through it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from fargate_engine import metrics
from fargate_engine.venues.binance_spot import BinanceSpot
from fargate_engine.venues.bybit_spot import BybitSpot
from fargate_engine.venues.ccxt_failures import failure_of, heard_of
from fargate_engine.venues.ccxt_loading import REQUEST_TIMEOUT_S, load_exchange
from fargate_engine.venues.circuit_breaker import BreakerState, CircuitBreaker
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.dialect import ChangedOrder, Dialect, NewOrder, Page, instruments
from fargate_engine.venues.failures import ClockRefused, ListTooLong, NotAtVenue, NotSent, OutcomeUnknown, VenueRefused
from fargate_engine.venues.listings import Listing, Listings
from fargate_engine.venues.protocol import (
    Acknowledged,
    Balance,
    FillAtVenue,
    FillsRead,
    OrderAtVenue,
    VenueInstrument,
)

_LOG = logging.getLogger(__name__)

DIALECTS: dict[str, type[Dialect]] = {"binance": BinanceSpot, "bybit": BybitSpot}
ORDER_WAIT_S = 2.0  # For room in the budget. An order that would wait longer is refused: its price is of now.
QUESTION_WAIT_S = 30.0
LISTING_WAIT_S = 60.0  # For what another client asks of the same exchange.
WAITING_MAX = 2_000  # Requests that wait for room, and as many cancels; the next one is turned away at once.
PAGES_MAX = 100  # Of one list. Each is paid for by itself.
AT_ONCE_MAX = 64  # Requests on the wire, and as many cancels.
ANSWER_S = REQUEST_TIMEOUT_S + 1.0  # ccxt's own time-out comes first, unless something else of it hangs.
# The request whose answer is heard in this task. None where ccxt has asked for a book, by itself.
_ASKED: ContextVar[str | None] = ContextVar("asked", default=None)


def _oldest_first(fills: list[FillAtVenue]) -> list[FillAtVenue]:
    return sorted(fills, key=lambda fill: fill.at_ms)


@dataclass(frozen=True, slots=True)
class _Cost:
    request: str
    weight: int
    wait_max_s: float
    is_order: bool = False
    is_cancel: bool = False


class _Queue:
    """Places on the wire, and those who wait for one."""

    def __init__(self) -> None:
        self.waiting = 0
        self.places = asyncio.Semaphore(AT_ONCE_MAX)


class ExchangeClient:
    """Raises what venues/failures.py draws."""

    def __init__(self, venue: VenueSettings, listings: Listings) -> None:
        self.name = venue.name
        self.breaker = CircuitBreaker()
        self.markets: Mapping[str, VenueInstrument] = {}
        self.order_latency_ms = 0.0  # Of answers to new orders: half of it is the newest, a quarter the one before.
        self._venue = venue
        self.listing = listings.of(venue)
        self._dialect = DIALECTS[venue.exchange]()
        self.budget = self._dialect.budget()
        self.is_clock_off = False  # The venue says so: `sync_clock` is due.
        self._exchange: Any = None  # Of ccxt, once there is a key.
        self._cancels = _Queue()
        self._others = _Queue()

    async def connect(self, credentials: Credentials) -> None:
        """Nothing is asked yet: `load` does. With another key, what was open under the one before is closed."""
        await self.close()
        self._exchange = await load_exchange(self._venue, credentials, self.heard)

    async def close(self) -> None:
        if self._exchange is not None:
            await self._exchange.close()

    def heard(self, status: int, headers: Mapping[str, str], body: str) -> None:
        now, request = time.monotonic(), _ASKED.get()
        word = self._dialect.rate_word(status, headers, body, int(self._exchange.nonce()))
        if word.used is not None:
            self.budget.weight.learn(word.used, now)
        if word.wait_s and not word.is_of_request:
            self.budget.blocked(word.wait_s, now)
        elif word.wait_s and request is not None:
            self.budget.blocked(word.wait_s, now, request=request)

    async def load(self) -> None:
        """Its instruments, and how far its clock is from ours. What another client has just read is not asked again."""
        listing = self.listing
        try:
            async with asyncio.timeout(LISTING_WAIT_S):
                await listing.lock.acquire()
        except TimeoutError as error:
            raise NotSent(f"others still ask what {self._venue.exchange} lists") from error
        try:
            is_shared = listing.is_fresh(time.monotonic())
            if not is_shared:
                await self._read(listing)
        finally:
            listing.lock.release()
        if is_shared:
            await self.sync_clock()
            self._exchange.set_markets_from_exchange(listing.exchange)
        self.markets = listing.instruments

    async def _read(self, listing: Listing) -> None:
        cost = _Cost("markets", self._dialect.weights.markets, QUESTION_WAIT_S)
        markets = await self._ask(cost, lambda: self._exchange.load_markets(True))
        listing.took(self._exchange, instruments(markets), time.monotonic())

    async def sync_clock(self) -> None:
        """How far the venue's clock is from ours; requests are stamped with its time."""
        await self._ask(_Cost("time", 1, QUESTION_WAIT_S), self._exchange.load_time_difference)
        self.is_clock_off = False

    async def place(self, order: NewOrder, may_send: Callable[[], bool]) -> OrderAtVenue | Acknowledged:
        """`may_send` is asked at the last moment, when every wait is over; NotSent when it says no."""
        cost = _Cost("place", self._dialect.weights.place, ORDER_WAIT_S, is_order=True)
        return await self._ask(cost, lambda: self._dialect.place(self._exchange, order), may_send)

    @property
    def renames(self) -> bool:
        """Whether an order that is replaced goes on under another client id there."""
        return self._dialect.renames

    def unsupported(self, change: ChangedOrder) -> str | None:
        """Why the order cannot be replaced so; None where it can."""
        return self._dialect.unsupported(change)

    async def replace(self, change: ChangedOrder, may_send: Callable[[], bool]) -> OrderAtVenue | None:
        """`may_send` as for a new order. None where the venue does not tell what became of it."""
        weights, is_amended = self._dialect.weights, self._dialect.is_amended(change)
        weight = weights.amend if is_amended else weights.replace
        is_order = self._dialect.amends_as_order or not is_amended
        cost = _Cost("replace", weight, ORDER_WAIT_S, is_order=is_order)
        return await self._ask(cost, lambda: self._dialect.replace(self._exchange, change), may_send)

    async def cancel(self, client_id: str, symbol: str) -> OrderAtVenue | None:
        cost = _Cost("cancel", self._dialect.weights.cancel, QUESTION_WAIT_S, is_cancel=True)
        return await self._ask(cost, lambda: self._dialect.cancel(self._exchange, client_id, symbol))

    async def cancel_all(self, symbol: str, may_send: Callable[[], bool]) -> Sequence[OrderAtVenue]:
        """Whatever the key has open in the symbol. `may_send` as for a new order. What became of those it tells of."""
        cost = _Cost("cancel_all", self._dialect.weights.cancel, QUESTION_WAIT_S, is_cancel=True)
        return await self._ask(cost, lambda: self._dialect.cancel_all(self._exchange, symbol), may_send)

    async def open_before_cancel_all(self, symbol: str) -> AsyncIterator[Sequence[OrderAtVenue]]:
        """What the key has open in the symbol, page by page. A part of the cancels that it saves, and paid for so."""
        cost = _Cost("open_orders", self._dialect.weights.open_orders, QUESTION_WAIT_S, is_cancel=True)
        async for page in self._pages(cost, lambda page: self._dialect.open_orders(self._exchange, symbol, page)):
            yield page.items

    async def order(self, client_id: str, symbol: str) -> OrderAtVenue:
        cost = _Cost("order", self._dialect.weights.order, QUESTION_WAIT_S)
        return await self._ask(cost, lambda: self._dialect.order(self._exchange, client_id, symbol))

    async def order_of(self, fill: FillAtVenue) -> OrderAtVenue:
        """The order that was filled, whoever placed it."""
        cost = _Cost("order", self._dialect.weights.order, QUESTION_WAIT_S)
        return await self._ask(cost, lambda: self._dialect.order_of(self._exchange, fill))

    async def open_orders(self, symbol: str | None = None) -> list[OrderAtVenue]:
        weights = self._dialect.weights
        cost = _Cost(
            "open_orders", weights.open_orders_of_all if symbol is None else weights.open_orders, QUESTION_WAIT_S
        )
        pages = self._pages(cost, lambda page: self._dialect.open_orders(self._exchange, symbol, page))
        return [order async for page in pages for order in page.items]

    async def fills_of(self, symbol: str, client_id: str, venue_order_id: str) -> AsyncIterator[Sequence[FillAtVenue]]:
        """Page by page, so that whoever has found what is missing need not read on."""
        cost = _Cost("fills", self._dialect.weights.fills, QUESTION_WAIT_S)
        ask = self._dialect.fills_of
        pages = self._pages(cost, lambda page: ask(self._exchange, symbol, client_id, venue_order_id, page))
        async for page in pages:
            yield page.items

    async def fills_since(self, symbol: str, since_ms: int) -> FillsRead:
        """Where more was filled than is read at once, up to a moment: each read gets on, or it would stick for good."""
        cost, ask = _Cost("fills", self._dialect.weights.fills, QUESTION_WAIT_S), self._dialect.fills_since
        begin: Any = None
        while True:  # Each time with half of the span, down to the shortest there is.
            fills: list[FillAtVenue] = []
            whole, until_ms, narrower = 0, since_ms, None
            try:
                pages = self._pages(cost, lambda page: ask(self._exchange, symbol, since_ms, page), begin)
                async for page in pages:
                    fills += page.items
                    narrower = page.narrower
                    if page.whole_until_ms is not None:
                        whole, until_ms = len(fills), page.whole_until_ms
            except ListTooLong:
                if until_ms > since_ms:
                    return FillsRead(_oldest_first(fills[:whole]), until_ms)
                if narrower is None:
                    raise
                begin = narrower
            else:
                return FillsRead(_oldest_first(fills))

    async def balances(self) -> dict[str, Balance]:
        cost = _Cost("balances", self._dialect.weights.balances, QUESTION_WAIT_S)
        return await self._ask(cost, lambda: self._dialect.balances(self._exchange))

    async def watch_orders(self) -> list[OrderAtVenue]:
        """What the private stream tells next, however long that takes. OutcomeUnknown when the stream is lost."""
        return await heard_of(self._dialect.watch_orders(self._exchange))

    async def watch_fills(self) -> list[FillAtVenue]:
        return await heard_of(self._dialect.watch_fills(self._exchange))

    @property
    def is_streaming(self) -> bool:
        """The private socket is open. That it also tells is not certain: the poll is for that."""
        if self._exchange is None:
            return False
        private = (client for url, client in self._exchange.clients.items() if self._dialect.private_path in url)
        return any(not client.closed() for client in private)

    def health(self) -> dict[str, Any]:
        now = time.monotonic()
        state = self.breaker.state(now)
        weight = self.budget.weight
        metrics.VENUE_WEIGHT_USED.labels(self.name).set(weight.used(now))
        metrics.VENUE_WEIGHT_MAX.labels(self.name).set(weight.weight_max)
        metrics.VENUE_BREAKER_OPEN.labels(self.name).set(state is not BreakerState.CLOSED)
        return {
            "breaker": state.value,
            "weight_used": weight.used(now),
            "weight_max": weight.weight_max,
            "blocked_s": round(max(self.budget.blocked_until - now, 0), 3),
        }

    async def _pages[Each](
        self, cost: _Cost, ask: Callable[[Any], Awaitable[Page[Each]]], begin: Any = None
    ) -> AsyncIterator[Page[Each]]:
        """Each with its own wait for room. ListTooLong when the last one is not among the first hundred."""
        next_page = begin
        for _ in range(PAGES_MAX):
            page = await self._ask(cost, partial(ask, next_page))
            yield page
            next_page = page.next_page
            if next_page is None:
                return
        words = f"{self.name} has more than {PAGES_MAX} pages of {cost.request}: the rest was not read"
        _LOG.error("%s", words)
        raise ListTooLong(words)

    async def _ask[Answer](
        self, cost: _Cost, request: Callable[[], Awaitable[Answer]], may_send: Callable[[], bool] = lambda: True
    ) -> Answer:
        async with self._admitted(cost):
            if not may_send():
                raise NotSent("the shard is another engine's now")
            started = time.monotonic()
            outcome = "unknown"
            asked = _ASKED.set(cost.request)
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await request()
                outcome = "answered"
                self.breaker.succeeded()
                if cost.is_order:
                    self.order_latency_ms = (self.order_latency_ms + (time.monotonic() - started) * 1000) / 2
                return answer
            except (NotAtVenue, VenueRefused):
                outcome = "refused"
                self.breaker.succeeded()
                raise
            except Exception as error:
                failure = failure_of(error)
                self.is_clock_off = self.is_clock_off or isinstance(failure, ClockRefused)
                if isinstance(failure, OutcomeUnknown):
                    self.breaker.failed(time.monotonic())
                else:
                    outcome = "refused"
                    self.breaker.succeeded()
                raise failure from error
            finally:
                _ASKED.reset(asked)
                metrics.VENUE_SECONDS.labels(self.name, cost.request, outcome).observe(time.monotonic() - started)

    @asynccontextmanager
    async def _admitted(self, cost: _Cost) -> AsyncIterator[None]:
        """A place on the wire, paid for. NotSent when budget, breaker or queue have none in time.

        Cancels have a queue of their own: a venue that hangs on questions shall not keep them back.
        """
        if self._exchange is None:
            raise NotSent(f"there is no key of {self.name} yet")
        queue = self._cancels if cost.is_cancel else self._others
        if queue.waiting >= WAITING_MAX:
            raise NotSent(f"{WAITING_MAX} requests wait for {self.name} already")
        queue.waiting += 1
        try:
            await self._enter(queue, cost)
        finally:
            queue.waiting -= 1
        asked_at = time.monotonic()
        try:
            if not cost.is_cancel and not self.breaker.may_ask(asked_at):
                raise NotSent(f"{self.name} has not answered for a while")
            yield
        finally:
            if not cost.is_cancel:
                self.breaker.left(asked_at)
            queue.places.release()

    async def _enter(self, queue: _Queue, cost: _Cost) -> None:
        """Whoever waits looks again when there may be room: others may have been faster.

        Paid with a place in hand, so in the moment in which it is sent: the venue counts it then, and not before.
        NotSent when that takes too long, with what was lacking at the end.
        """
        lacking = ""
        try:
            async with asyncio.timeout(cost.wait_max_s):
                while True:
                    lacking = f"{AT_ONCE_MAX} requests to {self.name} are under way, and none has its answer in time"
                    await queue.places.acquire()
                    now = time.monotonic()
                    wait_s = self.budget.wait_s(
                        cost.weight, now, request=cost.request, is_order=cost.is_order, is_cancel=cost.is_cancel
                    )
                    if not wait_s:
                        return self.budget.take(cost.weight, now, is_order=cost.is_order)
                    queue.places.release()  # Nobody keeps a place while he waits for room.
                    lacking = f"the rate limit of {self.name} is used up"
                    await asyncio.sleep(wait_s)
        except TimeoutError as error:
            raise NotSent(lacking) from error
