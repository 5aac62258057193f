"""Where an account's feed stands. The relay numbers events after their commit, without gaps within an account."""

import uuid

import psycopg
from psycopg.rows import TupleRow


def latest_sequence(connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID, account_id: uuid.UUID) -> int:
    """0 before the first event."""
    row = connection.execute(
        "SELECT coalesce(max(sequence), 0) FROM trading.account_feed WHERE tenant_id = %s AND account_id = %s",
        (tenant_id, account_id),
    ).fetchone()
    return 0 if row is None else int(row[0])


def sequence_of(connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID, event_id: uuid.UUID) -> int | None:
    """None for an event without an account."""
    row = connection.execute(
        "SELECT sequence FROM trading.account_feed WHERE tenant_id = %s AND event_id = %s", (tenant_id, event_id)
    ).fetchone()
    return None if row is None else int(row[0])
