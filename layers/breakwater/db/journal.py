"""The engine's journal and the lease under which it is written.

Every batch is one statement, so one transaction and one round trip: it locks the lease row FOR SHARE, and writes only
if the epoch there is still the writer's. A taker of the lease waits for that lock, so it reads the journal after the
last batch of the one before it; and whoever wakes from a stall finds another epoch and writes nothing.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.db.engine_connection import EngineConnection, answered
from breakwater.domain.ids import outbox_bucket
from events.envelope import Envelope

LEASE_S = 10

_ACQUIRE = """
INSERT INTO trading.shard_leases AS lease (shard, epoch, holder, expires_at)
VALUES (%(shard)s, 1, %(holder)s, clock_timestamp() + make_interval(secs => %(lease_s)s))
ON CONFLICT (shard) DO UPDATE
  SET epoch = lease.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
  WHERE lease.holder = excluded.holder OR lease.expires_at < clock_timestamp()
RETURNING epoch
"""
_HEARTBEAT = """
UPDATE trading.shard_leases SET expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE shard = %(shard)s AND epoch = %(epoch)s
"""
_RELEASE = """
UPDATE trading.shard_leases SET expires_at = clock_timestamp() - interval '1 second'
WHERE shard = %(shard)s AND epoch = %(epoch)s
"""
_APPEND = """
WITH lease AS (
  SELECT epoch FROM trading.shard_leases WHERE shard = %(shard)s AND epoch = %(epoch)s FOR SHARE
), journalled AS (
  INSERT INTO trading.journal (shard, seq, epoch, recorded_at_ns, kind, payload)
  SELECT %(shard)s, row.seq, lease.epoch, row.at_ns, row.kind, row.payload::jsonb
  FROM lease, unnest(%(seqs)s::bigint[], %(at_ns)s::bigint[], %(kinds)s::text[], %(payloads)s::text[])
    AS row (seq, at_ns, kind, payload)
  RETURNING 1
), event AS (
  INSERT INTO trading.events
    (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload)
  SELECT row.event_id, row.topic, row.tenant_id, row.account_id, row.aggregate_id, row.correlation_id,
         row.occurred_at_ns, row.payload::jsonb
  FROM lease, unnest(%(event_ids)s::uuid[], %(topics)s::text[], %(tenant_ids)s::uuid[], %(account_ids)s::uuid[],
                     %(aggregate_ids)s::uuid[], %(correlation_ids)s::text[], %(occurred_at_ns)s::bigint[],
                     %(event_payloads)s::text[])
    AS row (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload)
), due AS (
  INSERT INTO trading.outbox (event_id, bucket)
  SELECT row.event_id, row.bucket
  FROM lease, unnest(%(event_ids)s::uuid[], %(buckets)s::smallint[]) WITH ORDINALITY AS row (event_id, bucket, position)
  ORDER BY row.position
)
SELECT count(*) FROM journalled
"""


class Fenced(Exception):
    """Another writer took the shard over: this one must stop at once and forget what it holds."""


@dataclass(frozen=True, slots=True)
class JournalRow:
    """`payload` is JSON text on the way in and the parsed document on the way out."""

    seq: int
    recorded_at_ns: int
    kind: str
    payload: Any


class Journal:
    """The journal of one shard, for one holder. Heartbeats have a connection of their own: they must not queue."""

    def __init__(
        self,
        connection: EngineConnection,
        lease_connection: EngineConnection,
        *,
        shard: int,
        holder: str,
    ) -> None:
        self._connection = connection
        self._lease_connection = lease_connection
        self._shard = shard
        self._holder = holder
        self._epoch = 0

    async def acquire_lease(self) -> bool:
        """True when this holder has the shard now: it was free, expired, or held under the same name."""
        row = await self._one(
            self._connection, _ACQUIRE, {"shard": self._shard, "holder": self._holder, "lease_s": LEASE_S}
        )
        if row is None:
            return False
        self._epoch = row[0]
        return True

    async def heartbeat(self) -> None:
        await self._keep(_HEARTBEAT)

    async def release_lease(self) -> None:
        """So that the next holder need not wait for the lease to expire."""
        await self._keep(_RELEASE)

    async def read(self) -> AsyncIterator[JournalRow]:
        """Every row in sequence, streamed. Call it after the lease was acquired."""
        query = """SELECT seq, recorded_at_ns, kind, payload FROM trading.journal
                   WHERE shard = %s AND seq > %s ORDER BY seq LIMIT 5000"""
        seq = 0
        while True:
            async with answered(), self._connection.cursor(row_factory=class_row(JournalRow)) as cursor:
                await cursor.execute(query, (self._shard, seq))
                rows = await cursor.fetchall()
            for row in rows:
                yield row
            if not rows:
                return
            seq = rows[-1].seq

    async def append(self, rows: Sequence[JournalRow], events: Sequence[Envelope]) -> None:
        """Rows, events and outbox in one transaction. Fenced when the shard is another's by now.

        After DatabaseUnavailable nobody knows whether it was committed: only a replay tells.
        """
        parameters = {
            "shard": self._shard,
            "epoch": self._epoch,
            "seqs": [row.seq for row in rows],
            "at_ns": [row.recorded_at_ns for row in rows],
            "kinds": [row.kind for row in rows],
            "payloads": [row.payload for row in rows],
            "event_ids": [event.event_id for event in events],
            "topics": [event.topic for event in events],
            "tenant_ids": [event.tenant_id for event in events],
            "account_ids": [event.account_id for event in events],
            "aggregate_ids": [event.aggregate_id for event in events],
            "correlation_ids": [event.correlation_id for event in events],
            "occurred_at_ns": [event.occurred_at_ns for event in events],
            "event_payloads": [json.dumps(event.payload) for event in events],
            "buckets": [outbox_bucket(event.account_id) for event in events],
        }
        try:
            written = await self._one(self._connection, _APPEND, parameters)
        except psycopg.errors.UniqueViolation as error:
            raise Fenced("another writer has written these sequence numbers") from error
        if written is None or written[0] != len(rows):
            raise Fenced(f"epoch {self._epoch} of shard {self._shard} is over: another engine holds the lease")

    async def _keep(self, statement: str) -> None:
        async with answered():
            cursor = await self._lease_connection.execute(
                statement, {"shard": self._shard, "epoch": self._epoch, "lease_s": LEASE_S}
            )
        if cursor.rowcount != 1:
            raise Fenced(f"epoch {self._epoch} of shard {self._shard} is over: another engine holds the lease")

    async def _one(self, connection: EngineConnection, statement: str, parameters: dict[str, Any]) -> TupleRow | None:
        async with answered():
            return await (await connection.execute(statement, parameters)).fetchone()
