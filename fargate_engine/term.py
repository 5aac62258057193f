"""One term of writing: take the lease, replay the journal, serve until the lease or the database is lost.

After a term its core is thrown away. It may be ahead of the journal, and only a replay tells what was committed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from breakwater.db.engine_connection import EngineConnection, engine_connection
from breakwater.db.engine_market import Quote, read_instruments, write_reference_prices
from breakwater.db.journal import LEASE_S, Journal
from breakwater.domain.orders import SIMULATED_VENUE, Side
from fargate_engine import metrics, recovery
from fargate_engine.core import Core
from fargate_engine.inbox import Inbox
from fargate_engine.sequencer import Sequencer
from fargate_engine.settings import Settings
from fargate_engine.venues.simulated import SimulatedVenue, event_sources

SHARD = 0  # One for now; the journal and the lease are ready for sixteen.
HEARTBEAT_S = 3
STANDBY_POLL_S = 1
QUOTE_S = 0.25
QUOTE_AGE_MAX_S = 1.0
MARKET_SILENCE_MAX_S = 2.0


class Quotes:
    """Tells the database the reference prices: when they changed, and often enough that they do not look stale."""

    def __init__(self, connection: EngineConnection, venue: SimulatedVenue) -> None:
        self._connection = connection
        self._venue = venue
        self._written: dict[str, tuple[Quote, float]] = {}

    async def run(self) -> None:
        while True:
            now = time.monotonic()
            due = [quote for quote in self._current(now) if self._is_due(quote, now)]
            if due:
                await write_reference_prices(self._connection, due)
                self._written.update((quote.symbol, (quote, now)) for quote in due)
            await asyncio.sleep(QUOTE_S)

    def _is_due(self, quote: Quote, now: float) -> bool:
        written, written_at = self._written.get(quote.symbol, (None, 0.0))
        return quote != written or now - written_at > QUOTE_AGE_MAX_S

    def _current(self, now: float) -> Iterator[Quote]:
        for symbol, market in self._venue.markets.items():
            if now - self._venue.moved_at[symbol] > MARKET_SILENCE_MAX_S:
                continue  # A price that no market stands behind any more must be seen to grow old.
            bid_ticks, ask_ticks = market.book.best_ticks(Side.BUY), market.book.best_ticks(Side.SELL)
            if bid_ticks is not None and ask_ticks is not None:
                yield Quote(symbol, market.instrument.price(bid_ticks), market.instrument.price(ask_ticks))


class Term:
    """Its parts, once it has recovered. The gateway asks through `inbox`, and shows the books of `venue`."""

    def __init__(
        self, *, core: Core, inbox: Inbox, venue: SimulatedVenue, sequencer: Sequencer, journal: Journal, quotes: Quotes
    ) -> None:
        self.inbox = inbox
        self.venue = venue
        self.sequencer = sequencer
        self._core = core
        self._journal = journal
        self._quotes = quotes
        self._lease_until = 0.0
        self.database_latency_s = 0.0  # Of the last heartbeat.

    @property
    def lease_left_s(self) -> float:
        return max(self._lease_until - time.monotonic(), 0)

    @property
    def is_ready(self) -> bool:
        return self.inbox.is_open and self.lease_left_s > 0

    async def serve(self) -> None:
        """Until it fails: Fenced, DatabaseUnavailable or a broken invariant, in an exception group."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._heartbeat())
            tasks.create_task(self.sequencer.run())
            tasks.create_task(self.venue.run())
            tasks.create_task(self._open())

    async def _open(self) -> None:
        """Bring the resting orders back into their queues, once there are queues; then take orders."""
        await self.venue.opened()
        for order in list(self._core.open_orders()):
            if order.submitted.venue == SIMULATED_VENUE:
                self.venue.restore(order)
        self.inbox.open()
        await self._quotes.run()

    async def _heartbeat(self) -> None:
        while True:
            asked_at = time.monotonic()
            await self._journal.heartbeat()
            self._lease_until = asked_at + LEASE_S
            self.database_latency_s = time.monotonic() - asked_at
            metrics.JOURNAL_SEQ.set(self.sequencer.last_seq)
            metrics.OPEN_ORDERS.set(len(self._core.open_orders()))
            await asyncio.sleep(HEARTBEAT_S)


@asynccontextmanager
async def begin_term(
    conninfo: str, settings: Settings, *, events_written: Callable[[], None], standing_by: Callable[[], None]
) -> AsyncIterator[Term]:
    """Wait for the lease, replay, and give the term; the lease is handed back when the block ends in good order.

    Raises DatabaseUnavailable and BrokenJournal.
    """
    listed = await read_instruments(conninfo)
    async with (
        engine_connection(conninfo) as journal_connection,
        engine_connection(conninfo) as lease_connection,
        engine_connection(conninfo) as market_connection,
    ):
        journal = Journal(journal_connection, lease_connection, shard=SHARD, holder=settings.engine_id)
        while not await journal.acquire_lease():
            standing_by()
            await asyncio.sleep(STANDBY_POLL_S)
        async with _kept_alive(journal):
            core = Core()
            last_seq, last_at_ns = await recovery.replay(journal, core)
        # What was listed once keeps its market: orders may rest in it.
        instruments = list({**core.instruments, **{each.symbol: each for each in listed}}.values())
        sources = event_sources(settings.market_recordings, instruments)
        inbox = Inbox()
        venue = SimulatedVenue(inbox, instruments, sources, speed=settings.market_speed)
        sequencer = Sequencer(
            core, inbox, journal, venue, events_written=events_written, last_seq=last_seq, last_at_ns=last_at_ns
        )
        await sequencer.list_instruments(instruments)
        try:
            yield Term(
                core=core,
                inbox=inbox,
                venue=venue,
                sequencer=sequencer,
                journal=journal,
                quotes=Quotes(market_connection, venue),
            )
        except asyncio.CancelledError:
            await journal.release_lease()
            raise


@asynccontextmanager
async def _kept_alive(journal: Journal) -> AsyncIterator[None]:
    """A long replay must not lose the lease it was started under."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await journal.heartbeat()

    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(beat())
        yield
        beating.cancel()
