"""The life of one shard in this engine: follow its journal, take its lease when it is free, serve it, let it go."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from breakwater.db.engine_connection import EnginePool
from breakwater.db.engine_market import read_instruments
from breakwater.db.journal import DamagedJournal, Fenced, Journal
from breakwater.domain.instruments import Instrument
from breakwater.domain.shards import shard_of
from breakwater.errors import EngineUnavailable, Unavailable
from fargate_engine.leases import Leases
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.recovery import catch_up, recover
from fargate_engine.settings import Settings
from fargate_engine.shard_state import ShardState
from fargate_engine.snapshots import SnapshotStore
from fargate_engine.term import DRAIN_S, Term
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.simulated import event_sources

_LOG = logging.getLogger(__name__)

RETRY_S = 1.0
BROKEN_RETRY_S = 30.0
LET_GO_S = DRAIN_S + 2  # With what the database needs for the last row and the lease.


class ShardStatus(StrEnum):
    RECOVERING = "RECOVERING"  # Reading snapshot and journal.
    FOLLOWING = "FOLLOWING"  # As far as the journal, ready to take over.
    OPENING = "OPENING"  # It has the lease, and takes orders as soon as the market shows a book.
    SERVING = "SERVING"
    DRAINING = "DRAINING"
    BROKEN = "BROKEN"  # Its journal is damaged; nobody may serve it from that.
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Shared:
    """What the shards of one engine use together."""

    settings: Settings
    pool: EnginePool
    leases: Leases
    snapshots: SnapshotStore | None
    hub: MarketHub
    events_written: Callable[[], None]
    exchanges: Sequence[ExchangeConnection] = ()


class Shard:
    def __init__(self, number: int, shared: Shared) -> None:
        self.number = number
        self.term: Term | None = None
        self.last_seq = 0  # What it knows of the journal.
        self.failure: str | None = None  # Why it is broken.
        self.kept_steps: list[str] = []  # Symbols that are listed with another tick or lot than they are traded with.
        self._status = ShardStatus.RECOVERING
        self._shared = shared
        self._is_stopping = False
        self._reserve_for: str | None = None
        self._released = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def status(self) -> ShardStatus:
        is_open = self._status is ShardStatus.OPENING and self.serving() is not None
        return ShardStatus.SERVING if is_open else self._status

    def serving(self) -> Term | None:
        """The term that takes orders."""
        return self.term if self.term is not None and self.term.is_ready else None

    async def run(self) -> None:
        """Until stopped. What may pass is logged, and the shard starts again from its journal; the rest is raised."""
        self._running = asyncio.current_task()
        while not self._is_stopping:
            pause_s = RETRY_S
            try:
                await self._live()
            except* (Unavailable, Fenced) as errors:
                _LOG.warning("shard %d starts again from its journal: %s", self.number, _first(errors))
            except* DamagedJournal as errors:
                pause_s = BROKEN_RETRY_S
                self._break(str(_first(errors)))
            finally:
                self.term = None
                if self._is_stopping or self._status is ShardStatus.BROKEN:
                    await self._give_back()
                self._shared.leases.drop(self.number)
            if not self._is_stopping:
                await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """Let the shard go, and end `run`. Returns when that is done, or has taken too long."""
        if self._running is None or self._running.done():
            return
        self._is_stopping = True
        if self.term is not None:
            self._drain()
        else:
            self._running.cancel()
        await asyncio.wait([self._running], timeout=LET_GO_S)
        self._status = ShardStatus.STOPPED

    async def move(self, engine_id: str) -> None:
        """Let the shard go to another engine, which has a few seconds to take it. EngineUnavailable if it failed."""
        if self.serving() is None or self._status is ShardStatus.DRAINING:
            raise EngineUnavailable(f"shard {self.number} cannot be moved: it is {self.status}")
        self._reserve_for = engine_id
        self._released.clear()
        self._drain()
        try:
            async with asyncio.timeout(LET_GO_S):
                await self._released.wait()
        except TimeoutError as error:
            raise EngineUnavailable(f"shard {self.number} was not let go in time") from error
        finally:
            self._reserve_for = None

    def _drain(self) -> None:
        if self.term is not None and self._status is not ShardStatus.DRAINING:  # Else a move lets it go already.
            self._status = ShardStatus.DRAINING
            self.term.drain()

    async def _live(self) -> None:
        """Recover, then follow and serve in turns. Ends when the shard is stopped."""
        if self._status is not ShardStatus.BROKEN:  # That it stays until its journal could be read to the end.
            self._status = ShardStatus.RECOVERING
        leases, snapshots = self._shared.leases, self._shared.snapshots
        while self.number not in leases.seen:
            await leases.next_look()
        lease = leases.seen[self.number]  # From before the journal is read, which must hold what it says was written.
        state, journal = await recover(self.number, self._shared.pool, snapshots if lease.journal_seq > 0 else None)
        journal.check_end(lease.last_seq)
        while not self._is_stopping:
            journal.epoch = await self._follow(state, journal)
            await catch_up(state, journal)  # To the last row of the one before, who can write no more.
            await self._serve(state, journal)
            journal.epoch = 0

    async def _follow(self, state: ShardState, journal: Journal) -> int:
        """Tail the journal until the lease is ours; its epoch. DamagedJournal also for one that has lost its end."""
        self._status, self.failure = ShardStatus.FOLLOWING, None
        leases = self._shared.leases
        while True:
            lease = leases.seen[self.number]
            if lease.journal_seq > state.last_seq:
                await catch_up(state, journal)
            journal.check_end(lease.last_seq)
            self.last_seq = state.last_seq
            if leases.may_take(self.number):
                epoch = await leases.acquire(journal)
                if epoch is not None:
                    return epoch
            await leases.next_look()

    async def _serve(self, state: ShardState, journal: Journal) -> None:
        """One term, and the lease given back after it. What it raises leaves the lease as it is."""
        settings, snapshots = self._shared.settings, self._shared.snapshots
        instruments = await self._instruments(state)
        self.term = Term(
            state,
            journal,
            leases=self._shared.leases,
            snapshots=snapshots,
            instruments=instruments,
            sources=event_sources(settings.market_recordings, instruments),
            hub=self._shared.hub,
            market_speed=settings.market_speed,
            exchanges=self._shared.exchanges,
            events_written=self._shared.events_written,
        )
        self._status = ShardStatus.OPENING
        _LOG.info("shard %d is served from row %d on, epoch %d", self.number, state.last_seq + 1, journal.epoch)
        await self.term.serve()
        if snapshots is not None and snapshots.is_new(self.number, state.last_seq):
            await self.term.take_snapshot(snapshots)
        await self._shared.leases.release(self.number, reserved_for=self._reserve_for)
        self.term, self.last_seq = None, state.last_seq
        self._released.set()
        _LOG.info("shard %d is let go after row %d", self.number, state.last_seq)

    async def _instruments(self, state: ShardState) -> list[Instrument]:
        """What is listed, and what was listed once: orders may rest in it, and on the terms that it has."""
        listed = await read_instruments(self._shared.pool)
        ours = {each.symbol: each for each in listed if shard_of(each.symbol) == self.number}
        self.kept_steps = sorted(each.symbol for each in ours.values() if not state.may_list(each))
        for symbol in self.kept_steps:
            _LOG.error(
                "%s is traded with its old tick and lot: orders, leases or positions are counted in them", symbol
            )
            del ours[symbol]
        return list({**state.instruments, **ours}.values())

    async def _give_back(self) -> None:
        """A lease that is still held although nothing is served under it."""
        if self.number not in self._shared.leases.held:
            return
        try:
            await self._shared.leases.release(self.number)
        except (Unavailable, Fenced) as error:
            _LOG.warning("the lease of shard %d was not given back: %s", self.number, error)

    def _break(self, failure: str) -> None:
        self._status, self.failure = ShardStatus.BROKEN, failure
        _LOG.critical("shard %d is not served: %s", self.number, failure)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
