"""The numbered feed of many accounts at once, as the engine reads it (decision 5)."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from breakwater.db.engine_connection import EngineConnection, answered

_END = "SELECT coalesce(max(sequence), 0) FROM trading.account_feed WHERE tenant_id = %s AND account_id = %s"
_AFTER = """
SELECT place.account_id, feed.sequence, event.event_id, event.topic, event.tenant_id, event.aggregate_id,
  event.correlation_id, event.occurred_at_ns, event.payload
FROM ROWS FROM (unnest(%(tenant_ids)s::uuid[]), unnest(%(account_ids)s::uuid[]), unnest(%(sequences)s::bigint[]))
  AS place (tenant_id, account_id, sequence)
CROSS JOIN LATERAL (
  SELECT sequence, event_id FROM trading.account_feed each
  WHERE each.account_id = place.account_id AND each.tenant_id = place.tenant_id AND each.sequence > place.sequence
  ORDER BY sequence LIMIT %(limit)s
) feed
JOIN trading.events event USING (event_id)
ORDER BY place.account_id, feed.sequence
"""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """`sequence` counts the events of `account_id` without a gap, from 1."""

    account_id: uuid.UUID
    sequence: int
    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    aggregate_id: uuid.UUID
    correlation_id: str
    occurred_at_ns: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """How far a reader is: it has all up to `sequence`."""

    tenant_id: uuid.UUID
    account_id: uuid.UUID
    sequence: int


async def feed_end(connection: EngineConnection, tenant_id: uuid.UUID, account_id: uuid.UUID) -> int:
    """The newest sequence; 0 for an account that has no event yet, or that is another tenant's."""
    async with answered():
        row = await (await connection.execute(_END, (tenant_id, account_id))).fetchone()
    return 0 if row is None else int(row[0])


async def feed_after(
    connection: EngineConnection, places: Collection[FeedPlace], *, events_each_max: int
) -> list[FeedEvent]:
    """The next events after each place, those of an account in order; twice where two places of one are near."""
    told = {
        "tenant_ids": [place.tenant_id for place in places],
        "account_ids": [place.account_id for place in places],
        "sequences": [place.sequence for place in places],
        "limit": events_each_max,
    }
    async with answered(), connection.cursor(row_factory=class_row(FeedEvent)) as cursor:
        await cursor.execute(_AFTER, told)
        return await cursor.fetchall()
