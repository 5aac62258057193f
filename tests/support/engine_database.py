"""What the engine's SQL does, in memory, and between engine and database a network that loses, doubles and delays.

It stands for Postgres: each statement is one transaction, the keys are unique, and time is its own. That the real
statements do the same is what tests/integration/fargate_engine shows.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, cast

import orjson
import psycopg

from breakwater.db.engine_connection import EnginePool
from breakwater.db.journal import JournalRow
from breakwater.db.shard_leases import Lease
from breakwater.domain.instruments import Instrument
from breakwater.domain.shards import SHARDS
from tests.support.virtual_time import Clock

LATENCY_S = 0.001


class _JournalKeyTaken(psycopg.errors.UniqueViolation):
    """Says of which table, as the server does."""

    @property
    def diag(self) -> Any:
        return SimpleNamespace(table_name="journal")


class WriteFault(StrEnum):
    """What may become of one journal write."""

    LOST = "an error, and it is not written"
    UNHEARD = "an error, and yet it is written"
    DOUBLED = "carried out twice"
    LATE = "an error, and carried out later"


@dataclass
class LeaseRow:
    epoch: int
    holder: str
    address: str
    expires_at_s: float
    reserved_for: str | None = None
    reserved_until_s: float = 0.0
    last_seq: int = 0


@dataclass(frozen=True)
class WrittenEvent:
    event_id: uuid.UUID
    topic: str
    order_id: uuid.UUID
    payload: Any


class EngineDatabase:
    """`rows` is the journal by shard; `leases` are by shard. Tests read and damage both."""

    def __init__(self, clock: Clock, instruments: Sequence[Instrument]) -> None:
        self.rows: dict[int, list[JournalRow]] = {}
        self.leases: dict[int, LeaseRow] = {}
        self.events: dict[uuid.UUID, WrittenEvent] = {}
        self.is_down = False
        self.clock_ahead_s = 0.0  # A jump of the server's clock.
        self.next_fault: Callable[[], tuple[WriteFault, float] | None] = lambda: None
        self.outcomes: Counter[str] = Counter()  # What became of faulty writes.
        self._clock = clock
        self._instruments = instruments

    def now_s(self) -> float:
        return self._clock.monotonic() + self.clock_ahead_s

    def journal(self, shard: int) -> list[JournalRow]:
        return self.rows.setdefault(shard, [])

    def append(self, told: Mapping[str, Any]) -> list[tuple[int]]:
        """One transaction: all of it or, by raising, nothing."""
        shard = told["shard"]
        lease = self.leases.get(shard)
        if lease is None or lease.epoch != told["epoch"]:
            return [(0,)]
        rows = [JournalRow(**{name: told[name] for name in JournalRow.__slots__})]
        if "second_seq" in told:
            of_row = {name: told.get(f"second_{name}", told.get(name)) for name in JournalRow.__slots__}
            rows.append(JournalRow(**of_row))
        if {row.seq for row in rows} & {each.seq for each in self.journal(shard)}:
            raise _JournalKeyTaken("journal_pkey")
        events = [
            WrittenEvent(uuid.UUID(each["event_id"]), each["topic"], uuid.UUID(each["aggregate_id"]), each["payload"])
            for each in orjson.loads(told["events"])
        ]
        # The key would refuse it; but an engine that even tries has told something twice.
        assert not any(event.event_id in self.events for event in events), "an event was told twice"
        assert len({event.event_id for event in events}) == len(events), "an event was told twice"
        self.journal(shard).extend(rows)
        self.journal(shard).sort(key=lambda each: each.seq)
        self.events.update((event.event_id, event) for event in events)
        return [(len(rows),)]

    def read(self, shard: int, after_seq: int, limit: int) -> list[JournalRow]:
        return [row for row in self.journal(shard) if row.seq > after_seq][:limit]

    def newest_digest(self, shard: int, last_seq: int) -> list[tuple[int, bytes]]:
        return [(row.last_seq, row.digest) for row in self.journal(shard) if row.seq <= last_seq][-1:]

    def acquire(self, told: Mapping[str, Any]) -> list[tuple[int]]:
        lease, holder, now_s = self.leases.get(told["shard"]), told["holder"], self.now_s()
        expires_at_s = now_s + told["lease_s"]
        if lease is None:
            self.leases[told["shard"]] = LeaseRow(1, holder, told["address"], expires_at_s)
            return [(1,)]
        is_free = lease.expires_at_s < now_s or (lease.holder == holder and told["own_epoch"] in {0, lease.epoch})
        if not is_free or (lease.reserved_until_s >= now_s and lease.reserved_for != holder):
            return []
        self.leases[told["shard"]] = LeaseRow(
            lease.epoch + 1, holder, told["address"], expires_at_s, last_seq=lease.last_seq
        )
        return [(lease.epoch + 1,)]

    def heartbeat(self, told: Mapping[str, Any]) -> Iterator[tuple[int]]:
        for shard, epoch, last_seq in zip(told["shards"], told["epochs"], told["last_seqs"], strict=True):
            lease = self.leases[shard]
            if lease.epoch == epoch:
                lease.expires_at_s = self.now_s() + told["lease_s"]
                lease.last_seq = max(lease.last_seq, last_seq)
                yield (shard,)

    def release(self, told: Mapping[str, Any]) -> Iterator[tuple[int]]:
        lease = self.leases[told["shard"]]
        if lease.epoch == told["epoch"]:
            lease.expires_at_s = self.now_s() - 1
            lease.reserved_for = told["reserved_for"]
            lease.reserved_until_s = self.now_s() + told["reserved_s"] if told["reserved_for"] is not None else 0.0
            lease.last_seq = max(lease.last_seq, told["last_seq"])
            yield (told["shard"],)

    def read_leases(self) -> Iterator[Lease]:
        for shard in range(SHARDS):
            lease = self.leases.get(shard, LeaseRow(0, "", "", 0.0))
            yield Lease(
                shard=shard,
                epoch=lease.epoch,
                holder=lease.holder,
                address=lease.address,
                is_held=lease.expires_at_s > self.now_s(),
                reserved_for=lease.reserved_for if lease.reserved_until_s > self.now_s() else None,
                journal_seq=max((row.seq for row in self.journal(shard)), default=0),
                last_seq=lease.last_seq,
            )

    def answer(self, query: str, told: Any) -> list[Any]:
        """What the statement gives; which one it is tells a word that no other has."""
        statements: dict[str, Callable[[], Any]] = {
            "INSERT INTO trading.journal": lambda: self.append(told),
            "FROM trading.journal WHERE shard = %s AND seq > %s": lambda: self.read(*told),
            "FROM trading.journal WHERE shard = %s AND seq <= %s": lambda: self.newest_digest(*told),
            "INSERT INTO trading.shard_leases": lambda: self.acquire(told),
            "FOR NO KEY UPDATE": lambda: self.heartbeat(told),
            "SET expires_at = clock_timestamp() - interval": lambda: self.release(told),
            "generate_series": self.read_leases,
            "market.instruments": lambda: self._instruments,
        }
        (statement,) = (does for words, does in statements.items() if words in query)
        return list(statement())


class _Cursor:
    def __init__(self, run: Callable[[str, Any], Any]) -> None:
        self._run = run
        self._rows: list[Any] = []

    async def execute(self, query: str, parameters: Any = None) -> "_Cursor":
        self._rows = await self._run(query, parameters)
        return self

    async def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None

    async def fetchall(self) -> list[Any]:
        return self._rows

    @property
    def rowcount(self) -> int:
        return len(self._rows)

    async def __aenter__(self) -> "_Cursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class Network:
    """The way of one engine to the database: its pool, and every connection. `passes` is told what goes over it."""

    def __init__(self, database: EngineDatabase, passes: Callable[[str], None] = lambda _: None) -> None:
        self._database = database
        self._passes = passes

    def as_pool(self) -> EnginePool:
        return cast(EnginePool, self)

    def cursor(self, **_: Any) -> _Cursor:
        return _Cursor(self._run)

    async def execute(self, query: str, parameters: Any = None) -> _Cursor:
        return await _Cursor(self._run).execute(query, parameters)

    async def _run(self, query: str, parameters: Any) -> list[Any]:
        await asyncio.sleep(LATENCY_S)
        if self._database.is_down:
            raise psycopg.OperationalError("connection refused")
        if "INSERT INTO trading.journal" in query:
            rows = await self._append(query, parameters)
        else:
            name = "release" if "- interval" in query else "take-over" if "shard_leases AS lease" in query else "query"
            self._passes(f"before a {name}")
            rows = self._database.answer(query, parameters)
            self._passes(f"after a {name}")
        await asyncio.sleep(LATENCY_S)
        return rows

    async def _append(self, query: str, parameters: Any) -> list[Any]:
        self._passes("before the commit")
        fault, delay_s = self._database.next_fault() or (None, 0.0)
        if fault is WriteFault.LATE:
            asyncio.get_running_loop().call_later(delay_s, self._append_late, query, parameters)
        if fault in {WriteFault.LATE, WriteFault.LOST}:
            raise psycopg.OperationalError(fault)
        rows = self._database.answer(query, parameters)
        if fault is WriteFault.DOUBLED:
            rows = self._database.answer(query, parameters)
        if fault is WriteFault.UNHEARD:
            raise psycopg.OperationalError(fault)
        self._passes("after the commit, before its answer came")
        return rows

    def _append_late(self, query: str, parameters: Any) -> None:
        """Nobody waits for it any more; what it does counts all the same."""
        try:
            written = self._database.answer(query, parameters)[0][0]
        except psycopg.errors.UniqueViolation:
            written = 0
        self._database.outcomes["late and written" if written else "late and fenced"] += 1
