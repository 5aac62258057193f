"""What the relay does in Postgres: one bucket's due events in order, their feed sequences, and forgetting them."""

import uuid
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from breakwater.db.engine_connection import EngineConnection, answered
from breakwater.db.outbox import BACKLOG_COUNTED_MAX, OUTBOX_BACKLOG
from breakwater.domain.ids import OUTBOX_BUCKETS
from events.envelope import Envelope

_ADVISORY_LOCK_CLASS = 72711

# An event that has its sequence keeps it: after a crash the rest of the batch goes on from the highest one.
_ASSIGN_SEQUENCES = """
INSERT INTO trading.account_feed (account_id, sequence, event_id, tenant_id)
SELECT event.account_id,
       coalesce((SELECT max(sequence) FROM trading.account_feed feed WHERE feed.account_id = event.account_id), 0)
         + row_number() OVER (PARTITION BY event.account_id ORDER BY due.id),
       event.event_id, event.tenant_id
FROM trading.outbox due JOIN trading.events event USING (event_id)
WHERE due.id = ANY(%s) AND event.account_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM trading.account_feed feed WHERE feed.event_id = event.event_id)
"""
_DUE = """
SELECT due.id AS outbox_id, event.event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns,
       payload
FROM trading.outbox due JOIN trading.events event USING (event_id)
WHERE due.bucket = %s ORDER BY due.id LIMIT %s
"""
_BUCKETS_DUE = """
SELECT bucket FROM generate_series(0, %s - 1) bucket
WHERE EXISTS (SELECT 1 FROM trading.outbox due WHERE due.bucket = bucket.bucket)
"""


@dataclass(frozen=True, slots=True)
class DueEvent:
    outbox_id: int
    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID | None
    aggregate_id: uuid.UUID
    correlation_id: str
    occurred_at_ns: int
    payload: dict[str, Any]

    def envelope(self) -> Envelope:
        return Envelope(
            event_id=self.event_id,
            topic=self.topic,
            tenant_id=self.tenant_id,
            account_id=self.account_id,
            aggregate_id=self.aggregate_id,
            correlation_id=self.correlation_id,
            occurred_at_ns=self.occurred_at_ns,
            payload=self.payload,
        )


async def lock_bucket(connection: EngineConnection, bucket: int) -> bool:
    """True when this session alone works on the bucket, until the session ends. Two would interleave its events."""
    async with answered():
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_ADVISORY_LOCK_CLASS, bucket))
        row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def take_due(connection: EngineConnection, bucket: int, limit: int) -> list[DueEvent]:
    """The oldest due events of a bucket, each with its place in its account's feed. Needs the bucket's lock."""
    async with answered(), connection.cursor(row_factory=class_row(DueEvent)) as cursor:
        await cursor.execute(_DUE, (bucket, limit))
        due = await cursor.fetchall()
        if due:
            await cursor.execute(_ASSIGN_SEQUENCES, ([event.outbox_id for event in due],))
    return due


async def forget(connection: EngineConnection, outbox_ids: list[int]) -> None:
    async with answered():
        await connection.execute("DELETE FROM trading.outbox WHERE id = ANY(%s)", (outbox_ids,))


async def buckets_due(connection: EngineConnection) -> list[int]:
    async with answered():
        return [row[0] for row in await (await connection.execute(_BUCKETS_DUE, (OUTBOX_BUCKETS,))).fetchall()]


async def backlog(connection: EngineConnection) -> tuple[int, float]:
    """(events that wait, age of the oldest in seconds). Not more than BACKLOG_COUNTED_MAX are counted."""
    async with answered():
        row = await (await connection.execute(OUTBOX_BACKLOG, (BACKLOG_COUNTED_MAX,))).fetchone()
    return (0, 0.0) if row is None else (row[0], row[1])
