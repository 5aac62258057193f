"""One term of writing a shard: from taking its lease until that is lost, or until the shard is to be let go.

After a term that failed its state is thrown away: it may be ahead of the journal, and only the journal is true. After
one that was drained the two are equal.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from breakwater.db.journal import Journal
from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import INTERNAL_VENUE, SIMULATED_VENUE
from breakwater.errors import EngineUnavailable
from fargate_engine.inbox import Inbox
from fargate_engine.leases import Leases
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.orders import EngineOrder
from fargate_engine.routing.router import Router
from fargate_engine.sequencer import Replaces, Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.snapshots import Snapshot, SnapshotStore
from fargate_engine.venues.exchange import ExchangeVenue
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.protocol import OrderVenue
from fargate_engine.venues.simulated import EventSource, SimulatedVenue

_LOG = logging.getLogger(__name__)

DRAIN_S = 3.0


class Term:
    """The gateway asks through `inbox`, looks up orders in `state`, and shows the books of `simulated`."""

    def __init__(
        self,
        state: ShardState,
        journal: Journal,
        *,
        leases: Leases,
        snapshots: SnapshotStore | None,
        instruments: Sequence[Instrument],
        sources: Mapping[str, EventSource],
        hub: MarketHub,
        market_speed: float,
        exchanges: Sequence[ExchangeConnection],
        events_written: Callable[[], None],
    ) -> None:
        self.shard = journal.shard
        self.epoch = journal.epoch
        self.state = state
        self.inbox = Inbox()
        self.simulated = SimulatedVenue(self.inbox, instruments, sources, hub=hub, speed=market_speed)
        by_symbol = {each.symbol: each for each in instruments}
        # By name: where an order is sent, and asked about after a restart.
        self.venues: dict[str, OrderVenue] = {
            SIMULATED_VENUE: self.simulated,
            **{each.name: ExchangeVenue(each, self.inbox, by_symbol, self._may_send) for each in exchanges},
        }
        router = Router(state, self.inbox, hub, dict(self.venues))
        self.venues[ROUTER_VENUE] = router
        state.venues = frozenset({INTERNAL_VENUE, *self.venues})
        replacing = {name for name, venue in self.venues.items() if isinstance(venue, Replaces)}
        state.replacing_venues = frozenset({INTERNAL_VENUE, *replacing})
        self.sequencer = Sequencer(
            state, self.inbox, journal, self.venues, events_written=events_written, router=router
        )
        self._journal = journal
        self._leases = leases
        self._snapshots = snapshots
        self._instruments = instruments
        self._time_limit = asyncio.timeout(None)

    @property
    def is_ready(self) -> bool:
        return self.inbox.is_open and self._leases.left_s(self.shard) > 0

    def _may_send(self) -> bool:
        """An order that waited while the lease ran out is the next holder's to ask about, and not ours to send."""
        return self._leases.left_s(self.shard) > 0

    def drain(self) -> None:
        """Take no more commands, finish those that wait, and end: `serve` returns."""
        self.inbox.stop_taking()
        self._time_limit.reschedule(asyncio.get_running_loop().time() + DRAIN_S)

    async def serve(self) -> None:
        """Until drained; then state and journal are equal, and nobody waits for an answer any more.

        Raises, in an exception group, Fenced, DatabaseUnavailable, EngineUnavailable when draining takes too long, or
        whatever broke an invariant.
        """
        try:
            async with self._time_limit, asyncio.TaskGroup() as tasks:
                beside = [tasks.create_task(self._leases.until_lost(self.shard)), tasks.create_task(self._trade())]
                await self._take_batches()
                for task in beside:
                    task.cancel()
        except TimeoutError as error:
            raise EngineUnavailable(f"shard {self.shard} was not empty in time") from error

    async def take_snapshot(self, snapshots: SnapshotStore) -> None:
        """Between two batches, when the state is what the journal says; the upload goes on in the background.

        Serialised in a thread: it may take seconds, and only this shard shall wait for them.
        """
        await self.sequencer.checkpoint()
        state = await asyncio.to_thread(self.state.snapshot)
        snapshots.save(self.shard, self.state.last_seq, Snapshot(self._journal.digest, state))

    async def _take_batches(self) -> None:
        try:
            await self.sequencer.list_instruments(self._instruments)
            while not self.inbox.is_drained:
                await self.sequencer.run_batch()
                if self._snapshots is not None and self._snapshots.is_due(self.shard, self.state.last_seq):
                    await self.take_snapshot(self._snapshots)
        finally:
            # At once, before anything else of the term ends: nobody shall be taken in by a shard that is gone.
            self.inbox.close()
            self.sequencer.abandon_waiting()

    async def _trade(self) -> None:
        """Bring the open orders back to their venues, once these are open; then take orders."""
        async with asyncio.TaskGroup() as tasks:
            for venue in self.venues.values():
                tasks.create_task(venue.run())
            for venue in self.venues.values():
                await venue.opened()
            for order in list(self.state.open_orders()):
                self._restore(order)
            self.inbox.open()

    def _restore(self, order: EngineOrder) -> None:
        venue = self.venues.get(order.submitted.venue)
        if venue is not None:
            venue.restore(order)
        elif order.submitted.venue != INTERNAL_VENUE:
            _LOG.error("order %s is open at %s, which is no venue here now", order.order_id, order.submitted.venue)
