"""This engine's leases: one task looks at all shards, keeps those it holds, and notices those it has lost."""

import asyncio
import logging
import time

from breakwater.db import shard_leases
from breakwater.db.engine_connection import EngineConnection, EnginePool, engine_connection
from breakwater.db.journal import Fenced, Journal
from breakwater.db.shard_leases import LEASE_S, Lease
from breakwater.errors import DatabaseUnavailable

_LOG = logging.getLogger(__name__)

HEARTBEAT_S = 3.0
LOOK_S = 0.25
RECONNECT_S = 0.5


class Leases:
    """`seen` is what the database said at the last look, by shard; `held` is what this engine has, shard → epoch."""

    def __init__(self, conninfo: str, pool: EnginePool, *, holder: str, address: str) -> None:
        self._conninfo = conninfo
        self._pool = pool
        self._holder = holder
        self._address = address
        self._looked = asyncio.Event()
        self._journals: dict[int, Journal] = {}  # Of the shards held: how far each is committed goes with a heartbeat.
        self._kept_until: dict[int, float] = {}  # On the monotonic clock, by shard held.
        self._own_epochs: dict[int, int] = {}  # The last one under which this process held the shard.
        self.seen: dict[int, Lease] = {}
        self.held: dict[int, int] = {}
        self.is_reachable = False
        self.latency_s = 0.0  # Of the last look.

    async def run(self) -> None:
        """For ever. A lost connection is opened again: leases outlive that as long as they run."""
        while True:
            try:
                async with engine_connection(self._conninfo) as connection:
                    await self._keep(connection)
            except DatabaseUnavailable as error:
                self.is_reachable = False
                _LOG.warning("leases: %s", error.message)
                await asyncio.sleep(RECONNECT_S)

    async def next_look(self) -> None:
        """Until `seen` is new."""
        await self._looked.wait()

    def may_take(self, shard: int) -> bool:
        """Whether `acquire` is worth a try; only the database can say that it will succeed."""
        lease = self.seen[shard]
        if lease.reserved_for not in {None, self._holder}:
            return False
        return not lease.is_held or self._is_own(lease)

    async def acquire(self, journal: Journal) -> int | None:
        """The epoch under which this engine has the journal's shard now, or None."""
        shard, asked_at = journal.shard, time.monotonic()
        own_epoch = self._own_epochs.get(shard, 0)
        epoch = await shard_leases.acquire(
            self._pool, shard, holder=self._holder, address=self._address, own_epoch=own_epoch
        )
        if epoch is not None:
            self.held[shard] = self._own_epochs[shard] = epoch
            self._journals[shard] = journal
            self._kept_until[shard] = asked_at + LEASE_S
        return epoch

    async def release(self, shard: int, *, reserved_for: str | None = None) -> None:
        """Fenced when it was taken over already. The shard must not be written any more."""
        if shard not in self.held:
            raise Fenced(f"the lease of shard {shard} is lost")
        epoch, last_seq = self.held[shard], self._journals[shard].last_seq
        self.drop(shard)
        await shard_leases.release(self._pool, shard, epoch, last_seq=last_seq, reserved_for=reserved_for)

    def drop(self, shard: int) -> None:
        """Keep it no longer; it runs out by itself, unless this engine takes it back before."""
        self.held.pop(shard, None)
        self._journals.pop(shard, None)

    def left_s(self, shard: int) -> float:
        return max(self._kept_until[shard] - time.monotonic(), 0) if shard in self.held else 0.0

    async def until_lost(self, shard: int) -> None:
        """Raises Fenced when the database says that the shard is another's.

        Not when the lease merely ran out, as in a process that hung: nobody has taken it yet, and the next heartbeat
        decides. Until then `left_s` is 0.
        """
        epoch = self.held.get(shard)
        while epoch is not None and self.held.get(shard) == epoch:
            await self.next_look()
        raise Fenced(f"the lease of shard {shard} is lost")

    def holds_elsewhere(self, shard: int) -> Lease | None:
        """The lease when another engine has the shard, or it is kept for one."""
        lease = self.seen.get(shard)
        if lease is None or shard in self.held:
            return None
        if lease.is_held:
            return None if self._is_own(lease) else lease
        return lease if lease.reserved_for not in {None, self._holder} else None

    def _is_own(self, lease: Lease) -> bool:
        """Of a process of this name: this one, or the one before it. Not of a namesake that fenced this one."""
        return lease.holder == self._holder and self._own_epochs.get(lease.shard, lease.epoch) == lease.epoch

    async def _keep(self, connection: EngineConnection) -> None:
        beaten_at = 0.0
        while True:
            asked_at = time.monotonic()
            if asked_at - beaten_at >= HEARTBEAT_S:
                await self._beat(connection, asked_at)
                beaten_at = asked_at
            looked_at = time.monotonic()
            self.seen = {lease.shard: lease for lease in await shard_leases.read_leases(connection)}
            self._give_up_what_was_taken()
            self.latency_s = time.monotonic() - looked_at
            self.is_reachable = True
            self._looked.set()
            self._looked.clear()  # Whoever waited goes on; whoever comes now waits for the next one.
            await asyncio.sleep(LOOK_S)

    async def _beat(self, connection: EngineConnection, asked_at: float) -> None:
        asked = {shard: (epoch, self._journals[shard].last_seq) for shard, epoch in self.held.items()}
        if not asked:
            return
        kept = await shard_leases.heartbeat(connection, asked)
        for shard, (epoch, _) in asked.items():
            if self.held.get(shard) != epoch:
                continue  # Given up, or taken anew, while the question was under way.
            if shard in kept:
                self._kept_until[shard] = asked_at + LEASE_S
            else:
                self._lose(shard)

    def _give_up_what_was_taken(self) -> None:
        """At once, not at the next heartbeat: until then it would answer questions from what it knew."""
        for shard, epoch in list(self.held.items()):
            if self.seen[shard].epoch > epoch:  # A lower one is only older: the shard was acquired during this look.
                self._lose(shard)

    def _lose(self, shard: int) -> None:
        _LOG.warning("shard %d is fenced: another engine has taken it", shard)
        self.drop(shard)
