"""The simulated venue SIM: a market for every instrument, replayed at the chosen speed, looping.

It remembers nothing beyond the process. What it did counts once the journal has it: after a restart it is given the
open orders the journal knows, and fills that were never journalled never happened.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import SIMULATED_VENUE, OrdStatus, Side
from breakwater.errors import EngineUnavailable
from fargate_engine.market_data import recording, synthetic
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthSnapshot, TimedEvent
from fargate_engine.market_data.market import Market
from fargate_engine.messages import VenueReport
from fargate_engine.orders import EngineOrder
from fargate_engine.settings import StartFailed
from fargate_engine.terms import Reason, WorkingTerms
from fargate_engine.venues.failures import NotAtVenue
from fargate_engine.venues.protocol import Balance, FillsRead, MarketVenue, OrderAtVenue, VenueInstrument
from fargate_engine.venues.simulated_market import FEE_RATE, SimulatedMarket

_LOG = logging.getLogger(__name__)

SYNTHETIC_SEED = 2024
LATE_MAX_S = 1.0  # Further behind than this the replay goes on from now: it does not sprint through what it missed.
PAUSE_S = 0.05
OPEN_TIMEOUT_S = 30

type EventSource = Callable[[], Iterator[TimedEvent]]  # A new pass from the beginning at each call.


class TakesReports(Protocol):
    """An Inbox; or the simulated exchange, whose market this is as well."""

    @property
    def has_room(self) -> bool: ...

    def report(self, report: VenueReport) -> None: ...


class SimulatedVenue(MarketVenue):
    name = SIMULATED_VENUE

    def __init__(
        self,
        inbox: TakesReports,
        instruments: Sequence[Instrument],
        sources: Mapping[str, EventSource],
        *,
        hub: MarketHub,
        speed: float,
    ) -> None:
        self.markets = {instrument.symbol: SimulatedMarket(instrument) for instrument in instruments}
        self._sources = sources
        self._speed = speed
        self._inbox = inbox
        self._hub = hub
        self.moved_at: dict[str, float] = {}  # On the monotonic clock, by symbol.
        self._shown: dict[str, dict[Market, None]] = {symbol: {} for symbol in self.markets}
        self._opened = asyncio.Event()
        if not self.markets:
            self._opened.set()  # A shard without instruments has nothing to wait for.

    async def opened(self) -> None:
        """Wait until every market shows a book. EngineUnavailable when one does not in time."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._opened.wait()
        except TimeoutError as error:
            raise EngineUnavailable("a market did not open in time") from error

    def submit(self, terms: WorkingTerms) -> None:
        self.report(self.submitted(terms))

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None:
        self.report(self.canceled(order_id, symbol))

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None:
        for order_id in order_ids:
            self.cancel(order_id, symbol)

    def replace(self, terms: WorkingTerms, replace_no: int) -> None:
        """The order keeps its id here, so the number says nothing."""
        self.report(self.replaced(terms))

    def submitted(self, terms: WorkingTerms) -> list[VenueReport]:
        return self.markets[terms.symbol].submit(terms)

    def canceled(self, order_id: uuid.UUID, symbol: str) -> list[VenueReport]:
        return self.markets[symbol].cancel(order_id)

    def replaced(self, terms: WorkingTerms) -> list[VenueReport]:
        return self.markets[terms.symbol].replace(terms)

    def restore(self, order: EngineOrder) -> None:
        """Bring back an open order after a replay of the journal."""
        market = self.markets[order.terms.symbol]
        if order.status is OrdStatus.PENDING_NEW:
            self.report(market.submit(order.terms))
            return
        self.report(market.restore(order.terms, order.leaves_lots))
        if order.replacing is not None and order.replacing.terms is not None:
            self.report(market.replace(order.replacing.terms))
        if order.status is OrdStatus.PENDING_CANCEL:
            self.report(market.cancel(order.terms.order_id))

    async def open_orders(self) -> list[OrderAtVenue]:
        return [order for market in self.markets.values() for order in market.open_orders()]

    async def order(self, client_id: str, symbol: str) -> OrderAtVenue:
        """Only what rests: of what ended it keeps nothing."""
        for order in self.markets[symbol].open_orders():
            if order.client_id == client_id:
                return order
        raise NotAtVenue("no such order rests here")

    async def fills_since(self, symbol: str, since_ms: int) -> FillsRead:
        """The journal alone remembers what was filled here."""
        return FillsRead([])

    async def balances(self) -> dict[str, Balance]:
        """It holds no money."""
        return {}

    async def positions(self) -> dict[str, Decimal]:
        return {}

    async def instruments(self) -> dict[str, VenueInstrument]:
        return {symbol: _terms(market.instrument) for symbol, market in self.markets.items()}

    def refusal(self, account_id: uuid.UUID) -> Reason | None:
        """It has no key."""
        return None

    def listed(self, symbol: str) -> VenueInstrument | None:
        market = self.markets.get(symbol)
        return None if market is None else _terms(market.instrument)

    @property
    def latency_ms(self) -> float:
        return 0.0

    async def run(self) -> None:
        """Replay every market for ever, for all to see in the hub."""
        try:
            async with asyncio.TaskGroup() as markets:
                for symbol, market in self.markets.items():
                    self.subscribe(self._hub.open(SIMULATED_VENUE, market.instrument))
                    markets.create_task(self._replay(market, self._sources[symbol]))
        finally:
            for symbol in self.markets:
                self._hub.close(SIMULATED_VENUE, symbol)

    def subscribe(self, market: Market) -> None:
        """The replay goes on whoever listens: it is what orders here trade with."""
        symbol = market.instrument.symbol
        self._shown[symbol][market] = None
        told_at, book = self.moved_at.get(symbol), self.markets[symbol].book
        if told_at is not None:
            bids, asks = (tuple(book.levels(side)) for side in (Side.BUY, Side.SELL))
            market.begin_as_told(DepthSnapshot(bids, asks), time.time_ns(), told_at)

    def unsubscribe(self, market: Market) -> None:
        self._shown[market.instrument.symbol].pop(market, None)

    async def _replay(self, market: SimulatedMarket, source: EventSource) -> None:
        while True:
            try:
                await self._replay_once(market, source())
            except recording.BrokenRecording as error:
                # The part before the gap is true: loop over that.
                _LOG.warning("recording of %s ends early: %s", market.instrument.symbol, error)
            await asyncio.sleep(PAUSE_S)

    async def _replay_once(self, market: SimulatedMarket, events: Iterator[TimedEvent]) -> None:
        loop = asyncio.get_running_loop()
        started: float | None = None
        for timed in events:
            if started is None:
                started, first_ns = loop.time(), timed.at_ns
            due = started + (timed.at_ns - first_ns) / 1e9 / self._speed
            late_s = loop.time() - due
            if late_s > LATE_MAX_S:
                started += late_s
            await asyncio.sleep(max(-late_s, 0))  # Also when late: nobody else runs before this yields.
            if not self._inbox.has_room:
                await self._until_room(market.instrument.symbol)
            self.report(market.apply(timed.event))
            at_ns = time.time_ns()  # Now: a recording's own time is years ago, and comes again.
            for shown in self._shown[market.instrument.symbol]:
                shown.apply(timed.event, at_ns)
            self.moved_at[market.instrument.symbol] = time.monotonic()
            if len(self.moved_at) == len(self.markets):
                self._opened.set()

    async def _until_room(self, symbol: str) -> None:
        """A market that stands still is late by then, and goes on from where it stood."""
        _LOG.warning("the market of %s stands still: as many reports wait to be journalled as may", symbol)
        while not self._inbox.has_room:
            await asyncio.sleep(PAUSE_S)

    def report(self, reports: list[VenueReport]) -> None:
        """What the venue did becomes true through the sequencer."""
        for report in reports:
            self._inbox.report(report)


def _terms(instrument: Instrument) -> VenueInstrument:
    return VenueInstrument(
        instrument.symbol,
        instrument.tick_size,
        instrument.lot_size,
        notional_min=instrument.notional_min or None,
        taker_fee=FEE_RATE,
        maker_fee=FEE_RATE,
    )


def event_sources(recordings: Sequence[Path], instruments: Sequence[Instrument]) -> dict[str, EventSource]:
    """A recording for each symbol that has one, the seeded synthetic market for every other.

    Raises OSError when a recording cannot be read. One of an instrument that is not among these is of another shard.
    """
    return {
        each.symbol: _source(each, [path for path in recordings if recording.market_name(path) == _market_name(each)])
        for each in instruments
    }


def check_recordings(recordings: Sequence[Path], instruments: Sequence[Instrument]) -> None:
    """StartFailed unless each recording is of an instrument and each market has a first event: now, not at night."""
    ours = {_market_name(instrument) for instrument in instruments}
    try:
        names = {path: recording.market_name(path) for path in recordings}
        for source in event_sources(recordings, instruments).values():
            next(source())
    except (recording.BrokenRecording, OSError) as error:
        raise StartFailed(f"MARKET_RECORDINGS: {error}") from error
    for path, name in names.items():
        if name not in ours:
            raise StartFailed(f"MARKET_RECORDINGS: {path.name} records {name}, which is not an instrument")


def _market_name(instrument: Instrument) -> str:
    return instrument.base_asset + instrument.quote_asset


def _source(instrument: Instrument, paths: list[Path]) -> EventSource:
    if not paths:
        return lambda: synthetic.events(instrument, SYNTHETIC_SEED)
    return lambda: recording.events(paths, instrument)
