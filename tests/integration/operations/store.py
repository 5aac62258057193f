"""The engine's events as they come to lie in the store, and somebody who runs the platform."""

import uuid
from collections.abc import Iterable

import psycopg
from psycopg.types.json import Jsonb

from breakwater.domain.permissions import Caller
from events.envelope import Envelope

OPERATOR = "operator"


def operator(tenant_id: uuid.UUID) -> Caller:
    return Caller(
        tenant_id=tenant_id,
        subject=OPERATOR,
        username=OPERATOR,
        role="system_admin",
        scopes=frozenset({"session"}),
        correlation_id="c-operations",
    )


def store(admin_conninfo: str, envelopes: Iterable[Envelope]) -> None:
    """Appended, and numbered in the feed of their account, as engine and relay do it."""
    with psycopg.connect(admin_conninfo) as connection:
        for envelope in envelopes:
            told = envelope.model_dump(exclude={"payload"}) | {"payload": Jsonb(envelope.payload)}
            connection.execute(
                """INSERT INTO trading.events (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id,
                     occurred_at_ns, payload)
                   VALUES (%(event_id)s, %(topic)s, %(tenant_id)s, %(account_id)s, %(aggregate_id)s,
                     %(correlation_id)s, %(occurred_at_ns)s, %(payload)s) ON CONFLICT DO NOTHING""",
                told,
            )
            if envelope.account_id is not None:
                connection.execute(
                    """INSERT INTO trading.account_feed (account_id, sequence, event_id, tenant_id)
                       SELECT %(account_id)s, coalesce(max(sequence), 0) + 1, %(event_id)s, %(tenant_id)s
                       FROM trading.account_feed WHERE account_id = %(account_id)s ON CONFLICT DO NOTHING""",
                    told,
                )
