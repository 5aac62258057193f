"""Events that the engine writes outside of its journal: what somebody asked of it, in his name."""

import uuid

from psycopg.types.json import Jsonb

from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.ids import outbox_bucket
from events.envelope import Event

_APPEND = """
WITH event AS (
  INSERT INTO trading.events
    (event_id, topic, tenant_id, aggregate_id, correlation_id, occurred_at_ns, payload, actor)
  VALUES (%(event_id)s, %(topic)s, %(tenant_id)s, %(aggregate_id)s, %(correlation_id)s, %(occurred_at_ns)s,
          %(payload)s, %(actor)s)
  RETURNING event_id)
INSERT INTO trading.outbox (event_id, bucket) SELECT event_id, %(bucket)s FROM event
"""


async def add_event(
    pool: EnginePool,
    event: Event,
    *,
    tenant_id: uuid.UUID,
    aggregate_id: uuid.UUID,
    actor: str | None,
    correlation_id: str,
    occurred_at_ns: int,
) -> None:
    """For the audit trail, and no account's feed; `actor` None: nobody's doing.

    DatabaseUnavailable: it may or may not be there.
    """
    async with pooled(pool) as connection:
        await connection.execute(
            _APPEND,
            {
                "event_id": uuid.uuid4(),
                "topic": event.topic,
                "tenant_id": tenant_id,
                "aggregate_id": aggregate_id,
                "correlation_id": correlation_id,
                "occurred_at_ns": occurred_at_ns,
                "payload": Jsonb(event.model_dump(mode="json")),
                "actor": actor,
                "bucket": outbox_bucket(None),
            },
        )
