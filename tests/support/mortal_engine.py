"""Engines that can die, freeze and be let go, over a database and an object store that outlive them.

Everything of the product runs as it is (shard, term, leases, sequencer, venue, recovery, snapshots); the edges are not
real: database (engine_database.py), object store, clocks (virtual_time.py). `STAGES` are the places to die at.
"""

import asyncio
import contextvars
import functools
import inspect
import io
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from breakwater.db import engine_market, journal, shard_leases
from breakwater.db.engine_connection import answered
from breakwater.db.journal import Journal
from breakwater.domain.shards import shard_of
from fargate_engine import leases, snapshots
from fargate_engine.inbox import Inbox
from fargate_engine.leases import Leases
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.sequencer import Sequencer
from fargate_engine.settings import Settings
from fargate_engine.shard import Shard, Shared
from fargate_engine.shard_state import ShardState
from fargate_engine.snapshots import SnapshotStore
from fargate_engine.term import Term
from fargate_engine.venues.simulated import SimulatedVenue
from tests.support.engine_database import EngineDatabase, Network
from tests.support.virtual_time import Clock, run_in_virtual_time
from tests.unit.fargate_engine.orders import ETH

SHARD = shard_of(ETH.symbol)
SNAPSHOT_COMMANDS = 60  # Often enough that a short run has some.
SNAPSHOT_PAUSE_S = 0.5

# What is done with a life between its stages: (class, method, before, after).
_WATCHED = [
    (Inbox, "next_batch", "before taking from the inbox", "after taking from the inbox"),
    (ShardState, "apply", "after stamping", "after the core applied"),
    (Sequencer, "_answer", "before answering", "after answering"),
    (SimulatedVenue, "submitted", "before an order to the venue", "after an order to the venue"),
    (SimulatedVenue, "canceled", "before a cancel to the venue", "after a cancel to the venue"),
    (ShardState, "snapshot", "before a snapshot is taken", "after a snapshot is taken"),
    (ShardState, "replay", "before a row is replayed", "after a row is replayed"),
]
_ON_THE_WIRE = [
    "before the commit",
    "after the commit, before its answer came",
    "before a take-over",
    "after a take-over",
    "before a release",
    "after a release",
    "while a snapshot is written",
    "after a snapshot is written",
]
DRAINING = "during the drain"
STAGES = [stage for *_, before, after in _WATCHED for stage in (before, after)] + [*_ON_THE_WIRE, DRAINING]

_LIFE: contextvars.ContextVar["Life | None"] = contextvars.ContextVar("life", default=None)


class Killed(BaseException):
    """The process is gone. Nothing of it may catch this."""


class ObjectStore(dict[str, bytes]):
    """What is kept, by key."""

    is_down = False


class ObjectStoreClient:
    """S3, as far as snapshots need it, as one life sees it."""

    def __init__(self, store: ObjectStore, passes: Callable[[str], None] = lambda _: None) -> None:
        self._store = store
        self._passes = passes

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self._passes("while a snapshot is written")  # S3 has an object whole or not at all.
        self._reachable()[Key] = Body
        self._passes("after a snapshot is written")

    def list_objects_v2(self, Bucket: str, Prefix: str) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in sorted(self._reachable()) if key.startswith(Prefix)]}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._reachable()[Key])}

    def _reachable(self) -> ObjectStore:
        if self._store.is_down:
            raise EndpointConnectionError(endpoint_url="s3")
        return self._store


class Reaper:
    """Kills whoever passes the stage it waits at, after letting some go by."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.deaths: Counter[str] = Counter()
        self._stage: str | None = None
        self._spared = 0

    def wait_at(self, stage: str | None, spared: int = 0) -> None:
        self._stage, self._spared = stage, spared

    @property
    def is_waiting(self) -> bool:
        return self._stage is not None

    def takes(self, stage: str) -> bool:
        self.passed[stage] += 1
        if stage != self._stage:
            return False
        self._spared -= 1
        if self._spared >= 0:
            return False
        self._stage = None
        self.deaths[stage] += 1
        return True


class Life:
    """One process with one shard, from its start to its death. `state_hashes` are those after its newest batches."""

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.is_dead = False
        self.is_draining = False
        self.state_hashes: deque[int] = deque(maxlen=2)
        self.network = Network(world.database, self.passes)
        self.leases = Leases("", self.network.as_pool(), holder=name, address=name)
        self.snapshots = SnapshotStore(ObjectStoreClient(world.objects, self.passes), "snapshots")
        pool = self.network.as_pool()
        shared = Shared(_SETTINGS, pool, self.leases, self.snapshots, MarketHub(), events_written=lambda: None)
        self.shard = Shard(SHARD, shared)
        self.world = world
        self._is_freezing = False
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._context = contextvars.copy_context()
        self._context.run(_LIFE.set, self)
        self.task = self._do(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(self.leases.run())
            await self.shard.run()
            await self.snapshots.finish(5)
            keeping.cancel()

    def _do(self, work: Any) -> asyncio.Task[Any]:
        return asyncio.create_task(work, context=self._context)

    @property
    def is_over(self) -> bool:
        return self.task.done()

    def serving(self) -> Term | None:
        return None if self.is_dead or self.is_over else self.shard.serving()

    async def stop(self) -> None:
        """SIGTERM."""
        await self._do(self.shard.stop())
        await asyncio.wait([self.task], timeout=10)

    def passes(self, stage: str) -> None:
        """Called between the stages, and never returns to the dead."""
        if not self.is_dead and (
            self.world.reaper.takes(stage) or (self.is_draining and self.world.reaper.takes(DRAINING))
        ):
            self.kill()
        if self.is_dead:
            raise Killed(f"{self.name} {stage}")

    def kill(self) -> None:
        self.is_dead = True
        asyncio.get_running_loop().call_soon(self.task.cancel)

    def freeze(self) -> None:
        """From its next journal write on it stands still with that in its hand, as a process that is not scheduled."""
        self._is_freezing = True

    def thaw(self) -> None:
        self._is_freezing = False
        self._thawed.set()

    @property
    def is_frozen(self) -> bool:
        return self._is_freezing

    async def before_append(self) -> None:
        if self._is_freezing:
            self._thawed.clear()
        await self._thawed.wait()

    async def thawed(self) -> None:
        await self._thawed.wait()


_SETTINGS = Settings(
    database_url="",
    database_secret_arn="",
    queue_url="",
    event_bus="",
    snapshot_bucket="snapshots",
    service_token_key_id="",
    host="",
    port=0,
    engine_id="",
    address="",
    market_recordings=(),
    market_speed=1.0,
)


class World:
    """What outlives every engine, and those that live. `hashes` are the writers', by the digest of the row."""

    def __init__(self, clock: Clock, seed: int, engines: int = 2) -> None:
        self.clock = clock
        self.engines = engines  # At any time.
        self.chance = random.Random(seed)  # noqa: S311 - a simulation, repeatable
        self.database = EngineDatabase(clock, [ETH])
        self.objects = ObjectStore()
        self.reaper = Reaper()
        self.lives: list[Life] = []
        self.hashes: dict[bytes, int] = {}
        self.compared: set[bytes] = (
            set()
        )  # Digests of the rows that another engine replayed, and came to the same hash.
        self.leases_broke = False  # Set where leases end too early: then only the epochs guard the journal.
        self.forgets = False  # Set where orders are forgotten while they are still asked about.
        self._born = 0

    def start(self, name: str | None = None) -> Life:
        self._born += 1
        life = Life(name or f"engine-{self._born}", self)
        self.lives.append(life)
        return life

    def leader(self) -> Life | None:
        serving = [life for life in self.lives if life.serving() is not None]
        assert len(serving) <= 1 or self.leases_broke, "two engines take orders for one shard"
        return serving[0] if serving else None

    async def leading(self, timeout_s: float = 60) -> Life:
        """The life that serves, as soon as one does."""
        async with asyncio.timeout(timeout_s):
            while (leader := self.leader()) is None:
                await asyncio.sleep(0.05)
        return leader

    def bury(self) -> list[Life]:
        """Those that are over, and no longer of `lives`. What broke an invariant is raised here."""
        over = [life for life in self.lives if life.is_over]
        self.lives = [life for life in self.lives if not life.is_over]
        for life in over:
            failure = None if life.task.cancelled() else life.task.exception()
            if failure is not None and not life.is_dead:
                raise failure
        return over

    async def end(self) -> None:
        for life in self.lives:
            life.kill()
        await asyncio.gather(*(life.task for life in self.lives), return_exceptions=True)


def simulate(main: Callable[[Clock], Coroutine[Any, Any, None]]) -> None:
    """Run it in virtual time; every engine's stages are watched, and what it says to the database goes its own way."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for owner, name, before, after in _WATCHED:
            monkeypatch.setattr(owner, name, _watched(getattr(owner, name), before, after))
        monkeypatch.setattr(ShardState, "apply", _hashed(ShardState.apply))
        monkeypatch.setattr(ShardState, "checkpoint", _hashed(ShardState.checkpoint))
        monkeypatch.setattr(ShardState, "replay", _compared(ShardState.replay))
        monkeypatch.setattr(Term, "drain", _drained(Term.drain))
        monkeypatch.setattr(Journal, "append", _kept(Journal.append))
        for name in ("read_leases", "heartbeat"):
            monkeypatch.setattr(shard_leases, name, _frozen(getattr(shard_leases, name)))
        for module in (engine_market, journal, shard_leases):
            monkeypatch.setattr(module, "pooled", _connected)
        monkeypatch.setattr(leases, "engine_connection", _own_connection)
        monkeypatch.setattr(snapshots, "SNAPSHOT_COMMANDS", SNAPSHOT_COMMANDS)
        monkeypatch.setattr(snapshots, "SNAPSHOT_PAUSE_S", SNAPSHOT_PAUSE_S)
        run_in_virtual_time(main)


@asynccontextmanager
async def _connected(pool: Any) -> AsyncIterator[Any]:
    async with answered():
        yield pool


@asynccontextmanager
async def _own_connection(_: str) -> AsyncIterator[Any]:
    life = _LIFE.get()
    assert life is not None
    yield life.network


def _watched(real: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
    def passes(stage: str) -> None:
        life = _LIFE.get()
        if life is not None:
            life.passes(stage)

    @functools.wraps(real)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        passes(before)
        result = await real(*args, **kwargs)
        passes(after)
        return result

    @functools.wraps(real)
    def called(*args: Any, **kwargs: Any) -> Any:
        passes(before)
        result = real(*args, **kwargs)
        passes(after)
        return result

    return awaited if inspect.iscoroutinefunction(real) else called


def _frozen(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    async def waiting(*args: Any, **kwargs: Any) -> Any:
        life = _LIFE.get()
        if life is not None:
            await life.thawed()
        return await real(*args, **kwargs)

    return waiting


def _hashed(real: Callable[..., Any]) -> Callable[..., Any]:
    """Remember the state's hash, which belongs to the row that is appended next."""

    @functools.wraps(real)
    def changed(state: ShardState, *args: Any, **kwargs: Any) -> Any:
        result = real(state, *args, **kwargs)
        life = _LIFE.get()
        if life is not None:
            life.state_hashes.append(state.state_hash())
        return result

    return changed


def _kept(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    async def append(journal: Journal, row: Any, events: Any, *, second: Any = None) -> None:
        life = _LIFE.get()
        assert life is not None
        await life.before_append()
        # By its digest, because a row that was not written may have a rival of the same number.
        for written, state_hash in zip([second, row] if second else [row], reversed(life.state_hashes), strict=False):
            life.world.hashes[written.digest] = state_hash
        await real(journal, row, events, second=second)

    return append


def _compared(real: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever replays a row must come to where its writer was."""

    @functools.wraps(real)
    def replay(state: ShardState, row: Any) -> Any:
        result = real(state, row)
        life = _LIFE.get()
        if life is not None:
            assert state.state_hash() == life.world.hashes[row.digest], f"row {row.seq} leads elsewhere in a replay"
            life.world.compared.add(row.digest)
        return result

    return replay


def _drained(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def drain(term: Term) -> None:
        life = _LIFE.get()
        if life is not None:
            life.is_draining = True
        real(term)

    return drain
