"""The scope tree: its nodes come, get other names and calendars, move, and go."""

import uuid
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from breakwater.domain.exposure import Node


class NodeRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, node: Node, *, api_key_id: str | None) -> None:
        self._connection.execute(
            """INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, account_id, path, state, api_key_id,
                 time_zone, session_start) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                *(node.node_id, self._tenant_id, node.parent_id, node.kind, node.name, node.account_id),
                *(list(node.path), node.state, api_key_id, node.time_zone, node.session_start),
            ),
        )

    def rename(self, node_id: uuid.UUID, name: str) -> None:
        self._connection.execute("UPDATE limits.nodes SET name = %s WHERE node_id = %s", (name, node_id))

    def set_calendar(self, node_id: uuid.UUID, time_zone: str, session_start: timedelta) -> None:
        """Of the node and of all below it."""
        self._connection.execute(
            "UPDATE limits.nodes SET time_zone = %s, session_start = %s WHERE path @> ARRAY[%s::uuid]",
            (time_zone, session_start, node_id),
        )

    def calendar_of(self, account_id: uuid.UUID) -> tuple[str, timedelta]:
        """The time zone and the time of day at which the account's day begins. LookupError for one without a node."""
        row = self._connection.execute(
            "SELECT time_zone, session_start FROM limits.nodes WHERE account_id = %s AND tenant_id = %s",
            (account_id, self._tenant_id),
        ).fetchone()
        if row is None:
            raise LookupError(f"account {account_id} has no node")
        return row[0], row[1]

    def knows_time_zone(self, name: str) -> bool:
        """Whether Postgres can tell the time there: of one that it does not know, no order could be judged."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %s)", (name,)
        ).fetchone()
        return bool(row and row[0])

    def has_history(self, node_id: uuid.UUID) -> bool:
        """Whether anything was ever reserved at it, or set below it: then it has to stay."""
        row = self._connection.execute(
            """SELECT EXISTS (SELECT FROM limits.exposures WHERE node_id = %(id)s)
                   OR EXISTS (SELECT FROM limits.nodes WHERE parent_id = %(id)s)
                   OR EXISTS (SELECT FROM limits.limits WHERE node_id = %(id)s)""",
            {"id": node_id},
        ).fetchone()
        return bool(row and row[0])

    def delete(self, node_id: uuid.UUID) -> None:
        self._connection.execute("DELETE FROM limits.standings WHERE node_id = %s", (node_id,))
        self._connection.execute("DELETE FROM limits.nodes WHERE node_id = %s", (node_id,))

    def lock_subtrees(self, node_ids: list[uuid.UUID]) -> None:
        """All nodes below these and all above them, in key order, as every order does."""
        self._connection.execute(
            """SELECT 1 FROM limits.nodes n WHERE n.path && %(ids)s OR n.node_id IN (
                 SELECT unnest(path) FROM limits.nodes WHERE node_id = ANY (%(ids)s))
               ORDER BY n.node_id FOR NO KEY UPDATE""",
            {"ids": node_ids},
        )

    def has_open_reservations(self, node_id: uuid.UUID) -> bool:
        row = self._connection.execute(
            """SELECT EXISTS (SELECT FROM limits.reservations WHERE state <> 'FINAL' AND %(node_id)s = ANY (node_ids)
               UNION ALL SELECT FROM trading.provisional_orders
                         WHERE booked_at IS NULL AND %(node_id)s = ANY (node_ids))""",
            {"node_id": node_id},
        ).fetchone()
        return bool(row and row[0])

    def move(self, node: Node, parent: Node, at: datetime) -> None:
        """Hang the node under another parent, with all that has filled below it. Nothing is open; all is locked.

        What it has filled leaves the scopes above it and comes to those above its new place, in the exposures and in
        the reservations that they are made of, so that the ledger adds up as before.
        """
        above = {"old": list(node.path[:-1]), "new": list(parent.path)}
        values = {"id": node.node_id, **above, "parent": parent.node_id, "at": at}
        self._connection.execute(_TAKE_EXPOSURES, values)
        self._connection.execute(_GIVE_EXPOSURES, values)
        self._connection.execute(_MOVE_RESERVATIONS, values)
        self._connection.execute(_MOVE_NODES, values)


# All that was ever reserved below the node. It is counted anew by the day of each scope above it: their calendars may
# differ from the node's own.
_MOVED = """moved AS (
  SELECT symbol, venue, tenant_id, created_at, updated_at, cum_notional, is_of_order,
         CASE side WHEN 'BUY' THEN cum_qty ELSE -cum_qty END AS filled_qty
  FROM limits.reservations WHERE %(id)s = ANY (node_ids))"""
# Of an order that rested over midnight nobody knows which part is in the count of the day: what is left is then as high
# as it can be.
_TAKE_EXPOSURES = f"""
WITH {_MOVED},
goes AS (
  SELECT e.node_id, symbol, venue, sum(m.filled_qty) AS filled_qty,
         coalesce(sum(m.cum_notional) FILTER (WHERE is_of_today), 0) AS traded_notional,
         count(*) FILTER (WHERE is_of_today AND is_of_order) AS order_count
  FROM limits.exposures e JOIN limits.nodes n USING (node_id) JOIN moved m USING (symbol, venue)
  CROSS JOIN LATERAL (
    SELECT limits.session_day(m.created_at, n.time_zone, n.session_start) >= e.session_date AS is_of_today) d
  WHERE e.node_id = ANY (%(old)s) AND NOT e.node_id = ANY (%(new)s)
  GROUP BY e.node_id, symbol, venue),
stays AS (
  SELECT above.node_id, symbol, venue, sum(cum_notional) AS traded_most
  FROM limits.reservations r, unnest(r.node_ids) AS above (node_id)
  WHERE r.node_ids && %(old)s::uuid[] AND NOT %(id)s = ANY (r.node_ids) AND above.node_id = ANY (%(old)s)
  GROUP BY above.node_id, symbol, venue)
UPDATE limits.exposures e SET
  filled_qty = e.filled_qty - g.filled_qty,
  traded_notional = least(e.traded_notional - g.traded_notional, coalesce(s.traded_most, 0)),
  session_order_count = greatest(e.session_order_count - g.order_count, 0)
FROM goes g LEFT JOIN stays s USING (node_id, symbol, venue)
WHERE e.node_id = g.node_id AND e.symbol = g.symbol AND e.venue = g.venue
"""  # noqa: S608  # A constant.
_GIVE_EXPOSURES = f"""
WITH {_MOVED}
INSERT INTO limits.exposures AS e (node_id, symbol, venue, tenant_id, filled_qty, session_date, traded_notional,
                                   session_order_count)
SELECT n.node_id, m.symbol, m.venue, m.tenant_id, sum(m.filled_qty), d.today,
       coalesce(sum(m.cum_notional)
         FILTER (WHERE limits.session_day(m.updated_at, n.time_zone, n.session_start) >= d.today), 0),
       count(*) FILTER (WHERE m.is_of_order
                          AND limits.session_day(m.created_at, n.time_zone, n.session_start) >= d.today)
FROM moved m CROSS JOIN limits.nodes n
CROSS JOIN LATERAL (SELECT limits.session_day(%(at)s, n.time_zone, n.session_start) AS today) d
WHERE n.node_id = ANY (%(new)s) AND NOT n.node_id = ANY (%(old)s)
GROUP BY n.node_id, m.symbol, m.venue, m.tenant_id, d.today
ON CONFLICT (node_id, symbol, venue) DO UPDATE SET
  filled_qty = e.filled_qty + excluded.filled_qty,
  traded_notional = excluded.traded_notional
    + CASE WHEN e.session_date < excluded.session_date THEN 0 ELSE e.traded_notional END,
  session_order_count = excluded.session_order_count
    + CASE WHEN e.session_date < excluded.session_date THEN 0 ELSE e.session_order_count END,
  session_date = greatest(e.session_date, excluded.session_date)
"""  # noqa: S608  # A constant.
_MOVE_RESERVATIONS = """
UPDATE limits.reservations
SET node_ids = %(new)s::uuid[] || node_ids[array_position(node_ids, %(id)s::uuid):]
WHERE %(id)s = ANY (node_ids)
"""
_MOVE_NODES = """
UPDATE limits.nodes
SET path = %(new)s::uuid[] || path[array_position(path, %(id)s::uuid):],
    parent_id = CASE WHEN node_id = %(id)s THEN %(parent)s ELSE parent_id END
WHERE path @> ARRAY[%(id)s::uuid]
"""
