"""The scope tree: its nodes come, get other names and calendars, move, and go."""

import uuid
from datetime import timedelta

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
            "SELECT EXISTS (SELECT FROM limits.reservations WHERE state <> 'FINAL' AND %s = ANY (node_ids))", (node_id,)
        ).fetchone()
        return bool(row and row[0])

    def move(self, node: Node, parent: Node) -> None:
        """Hang the node under another parent, with all that has filled below it. Nothing is open; all is locked.

        What it has filled leaves the scopes above it and comes to those above its new place, in the exposures and in
        the reservations that they are made of, so that the ledger adds up as before.
        """
        values = {"id": node.node_id, "old": list(node.path[:-1]), "new": list(parent.path), "parent": parent.node_id}
        self._connection.execute(_TAKE_EXPOSURES, values)
        self._connection.execute(_GIVE_EXPOSURES, values)
        self._connection.execute(_MOVE_RESERVATIONS, values)
        self._connection.execute(_MOVE_NODES, values)


# Of today only what is still of that day at each scope; a day that is over there says nothing any more.
_TAKE_EXPOSURES = """
UPDATE limits.exposures e SET
  filled_qty = e.filled_qty - m.filled_qty,
  traded_notional = greatest(
    e.traded_notional - CASE WHEN m.session_date = e.session_date THEN m.traded_notional ELSE 0 END, 0),
  session_order_count = greatest(
    e.session_order_count - CASE WHEN m.session_date = e.session_date THEN m.session_order_count ELSE 0 END, 0)
FROM limits.exposures m
WHERE m.node_id = %(id)s AND e.symbol = m.symbol AND e.venue = m.venue
  AND e.node_id = ANY (%(old)s) AND NOT e.node_id = ANY (%(new)s)
"""
_GIVE_EXPOSURES = """
INSERT INTO limits.exposures AS e (node_id, symbol, venue, tenant_id, filled_qty, session_date, traded_notional,
                                   session_order_count)
SELECT above.node_id, m.symbol, m.venue, m.tenant_id, m.filled_qty, m.session_date, m.traded_notional,
       m.session_order_count
FROM limits.exposures m, unnest(%(new)s::uuid[]) AS above (node_id)
WHERE m.node_id = %(id)s AND NOT above.node_id = ANY (%(old)s)
ON CONFLICT (node_id, symbol, venue) DO UPDATE SET
  filled_qty = e.filled_qty + excluded.filled_qty,
  traded_notional = CASE WHEN e.session_date = excluded.session_date THEN e.traded_notional + excluded.traded_notional
                         WHEN e.session_date < excluded.session_date THEN excluded.traded_notional
                         ELSE e.traded_notional END,
  session_order_count = CASE
    WHEN e.session_date = excluded.session_date THEN e.session_order_count + excluded.session_order_count
    WHEN e.session_date < excluded.session_date THEN excluded.session_order_count
    ELSE e.session_order_count END,
  session_date = greatest(e.session_date, excluded.session_date)
"""
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
