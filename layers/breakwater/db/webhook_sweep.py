"""What is asked of the queue of all organisations, before a tenant is known."""

import uuid
from datetime import timedelta

import psycopg
from psycopg.rows import TupleRow

from breakwater.db.webhook_queue import Lane


def overdue_lanes(
    connection: psycopg.Connection[TupleRow], late: timedelta, at_most: int
) -> dict[uuid.UUID, list[Lane]]:
    """Lanes that are due for so long and that nobody works on, by tenant; of an endpoint that fails one."""
    rows = connection.execute(
        "SELECT tenant_id, endpoint_id, lane FROM webhooks.overdue_lanes(%s, %s)", (late, at_most)
    ).fetchall()
    lanes: dict[uuid.UUID, list[Lane]] = {}
    for tenant_id, endpoint_id, lane in rows:
        lanes.setdefault(tenant_id, []).append((endpoint_id, lane))
    return lanes


def forget_old(connection: psycopg.Connection[TupleRow], older_than: timedelta, at_most: int) -> int:
    """How many deliveries went, with their attempts."""
    row = connection.execute("SELECT webhooks.forget_old(%s, %s)", (older_than, at_most)).fetchone()
    return 0 if row is None else int(row[0])
