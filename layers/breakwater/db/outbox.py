"""State and event commit together; the engine's relay publishes what stands here."""

import uuid

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from breakwater.domain.ids import outbox_bucket
from events.envelope import Event

# Both rows in one statement, so that no event is stored without being due for publication.
APPEND_EVENT = """
WITH event AS (
  INSERT INTO trading.events
    (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload)
  VALUES (%(event_id)s, %(topic)s, %(tenant_id)s, %(account_id)s, %(aggregate_id)s,
          %(correlation_id)s, %(occurred_at_ns)s, %(payload)s)
  RETURNING event_id)
INSERT INTO trading.outbox (event_id, bucket) SELECT event_id, %(bucket)s FROM event
"""
# Asked every second, and most of all when there are many: so no more than these are counted.
BACKLOG_COUNTED_MAX = 100_000
OUTBOX_BACKLOG = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM trading.outbox LIMIT %s) waiting),
       coalesce((SELECT extract(epoch FROM now() - created_at) FROM trading.outbox ORDER BY id LIMIT 1), 0)::float8
"""


def set_actor(connection: psycopg.Connection[TupleRow], actor: str) -> None:
    """Who is told of in the audit trail until this transaction ends: for one that no tenant has opened."""
    connection.execute("SELECT set_config('breakwater.actor', %s, true)", (actor,))


class Outbox:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(
        self,
        event: Event,
        *,
        aggregate_id: uuid.UUID,
        account_id: uuid.UUID | None,
        correlation_id: str,
        occurred_at_ns: int,
    ) -> uuid.UUID:
        """Due for publication once this transaction commits; `account_id` None for what concerns the organisation.

        The event's id. ValueError for an account where the contract says that there is none, and the other way round.
        """
        if event.is_of_account is not None and event.is_of_account == (account_id is None):
            raise ValueError(f"{event.topic} is {'' if event.is_of_account else 'not '}of an account")
        event_id = uuid.uuid4()
        self._connection.execute(
            APPEND_EVENT,
            {
                "event_id": event_id,
                "topic": event.topic,
                "tenant_id": self._tenant_id,
                "account_id": account_id,
                "aggregate_id": aggregate_id,
                "correlation_id": correlation_id,
                "occurred_at_ns": occurred_at_ns,
                "payload": Jsonb(event.model_dump(mode="json")),
                "bucket": outbox_bucket(account_id),
            },
        )
        return event_id
