"""Leases as rows. Who changes one has locked the nodes above its account first, as for an order."""

import uuid
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.db import limit_statements
from breakwater.domain.leases import Lease
from breakwater.domain.orders import Side

_FIELDS = [field.name for field in fields(Lease)]
_COLUMNS = ", ".join(_FIELDS)
_NEVER_CHANGED = ("lease_id", "account_id", "symbol", "created_at")
_INSERT = (
    f"INSERT INTO limits.leases (tenant_id, {_COLUMNS})"  # noqa: S608  # Names of the row's own fields.
    f" VALUES (%(tenant_id)s, {', '.join(f'%({name})s' for name in _FIELDS)})"
)
_UPDATE = (
    "UPDATE limits.leases SET "  # noqa: S608  # Likewise.
    + ", ".join(f"{name} = %({name})s" for name in _FIELDS if name not in _NEVER_CHANGED)
    + " WHERE lease_id = %(lease_id)s"
)
_OF = f"SELECT {_COLUMNS} FROM limits.leases WHERE account_id = %(account_id)s AND symbol = %(symbol)s"  # noqa: S608
_ONE = f"SELECT {_COLUMNS} FROM limits.leases WHERE lease_id = %(lease_id)s"  # noqa: S608
_LIVING = """(s.state = 'OPEN' OR s.answered_version < s.version OR s.buy_held > s.buy_taken
  OR s.sell_held > s.sell_taken OR s.orders_held > s.live_orders)"""
_BELOW = f"""
SELECT {", ".join(f"s.{name}" for name in _FIELDS)} FROM limits.leases s
WHERE (%(node_id)s::uuid IS NULL OR EXISTS (
    SELECT FROM limits.reservations r
    WHERE r.lease_id = s.lease_id AND NOT r.is_of_order AND %(node_id)s = ANY (r.node_ids)))
  AND (%(account_ids)s::uuid[] IS NULL OR s.account_id = ANY (%(account_ids)s))
  AND (NOT %(living_only)s OR {_LIVING})
ORDER BY s.symbol, s.lease_id
"""  # noqa: S608
# What orders of a lease may come to at a higher price is held at it from now on.
_RAISE = """
WITH raised AS (
  UPDATE limits.reservations r SET valuation_price = %(price)s
  FROM (SELECT order_id, valuation_price AS was FROM limits.reservations
        WHERE lease_id = %(lease_id)s AND is_of_order AND state <> 'FINAL' AND valuation_price < %(price)s
        FOR NO KEY UPDATE) before
  WHERE r.order_id = before.order_id
  RETURNING r.node_ids, r.symbol, r.venue, r.side, r.open_qty * (%(price)s - before.was) AS notional),
by_node AS (
  SELECT node_id, symbol, venue, sum(notional) AS notional,
         coalesce(sum(notional) FILTER (WHERE side = 'BUY'), 0) AS buy_notional
  FROM raised, unnest(node_ids) AS node_id GROUP BY node_id, symbol, venue)
UPDATE limits.exposures e
SET open_notional = e.open_notional + b.notional, open_buy_notional = e.open_buy_notional + b.buy_notional
FROM by_node b WHERE e.node_id = b.node_id AND e.symbol = b.symbol AND e.venue = b.venue
"""
# In key order, as for orders: leases below a node are stopped one by one, each with all nodes that it is held at.
_LOCK_NODES_BELOW = f"""
SELECT 1 FROM limits.nodes WHERE node_id = %(node_id)s OR node_id IN (
  SELECT unnest(r.node_ids) FROM limits.reservations r JOIN limits.leases s USING (lease_id)
  WHERE NOT r.is_of_order AND %(node_id)s = ANY (r.node_ids) AND {_LIVING})
ORDER BY node_id FOR NO KEY UPDATE
"""  # noqa: S608
_PRESSING = """
SELECT s.lease_id FROM limits.leases s
JOIN limits.reservations r ON r.lease_id = s.lease_id AND NOT r.is_of_order AND r.side = 'BUY'
WHERE s.state = 'OPEN' AND (
  EXISTS (SELECT FROM limits.nodes n WHERE n.node_id = ANY (r.node_ids) AND n.state <> 'ACTIVE')
  OR EXISTS (SELECT FROM limits.limits l WHERE l.node_id = ANY (r.node_ids) AND l.updated_at > s.asked_at))
"""
_BEGIN = """
INSERT INTO limits.reservations (order_id, tenant_id, account_id, node_ids, symbol, venue, is_automated, side, quantity,
                                 valuation_price, open_qty, state, lease_id, is_of_order, order_count, created_at,
                                 updated_at)
VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s, %(node_ids)s, %(symbol)s, %(venue)s, true, %(side)s, 0,
        %(price_held)s, 0, 'FINAL', %(lease_id)s, false, 0, %(at)s, %(at)s)
ON CONFLICT (order_id) DO UPDATE SET node_ids = excluded.node_ids, venue = excluded.venue
"""
_BEGIN_EXPOSURES = """
INSERT INTO limits.exposures (node_id, symbol, venue, tenant_id, session_date)
SELECT n.node_id, %(symbol)s, %(venue)s, %(tenant_id)s, limits.session_day(%(at)s, n.time_zone, n.session_start)
FROM limits.nodes n WHERE n.node_id = ANY (%(node_ids)s)
ON CONFLICT DO NOTHING
"""


class LeaseRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def of(self, account_id: uuid.UUID, symbol: str) -> Lease | None:
        return self._one(_OF, {"account_id": account_id, "symbol": symbol})

    def lock(self, lease_id: uuid.UUID) -> Lease | None:
        """As it is now, the nodes that it is held at locked first."""
        self._connection.execute(limit_statements.LOCK_RESERVED_NODES, {"order_id": side_id(lease_id, Side.BUY)})
        return self._one(f"{_ONE} FOR NO KEY UPDATE", {"lease_id": lease_id})

    def get(self, lease_id: uuid.UUID) -> Lease | None:
        return self._one(_ONE, {"lease_id": lease_id})

    def add(self, lease: Lease) -> None:
        self._connection.execute(_INSERT, {**_values(lease), "tenant_id": self._tenant_id})

    def put(self, lease: Lease) -> None:
        self._connection.execute(_UPDATE, _values(lease))

    def page(
        self,
        *,
        node_id: uuid.UUID | None = None,
        account_ids: Sequence[uuid.UUID] | None = None,
        living_only: bool = True,
    ) -> list[Lease]:
        """Those that are held at the node, or all; the living ones hold something or may be used."""
        accounts = None if account_ids is None else list(account_ids)
        wanted = {"node_id": node_id, "account_ids": accounts, "living_only": living_only}
        with self._connection.cursor(row_factory=class_row(Lease)) as cursor:
            return cursor.execute(_BELOW, wanted).fetchall()

    def held_by_orders(self, lease_id: uuid.UUID) -> list[tuple[str, Decimal, Decimal]]:
        """(side, price, quantity) of what its known orders may still trade, by the price at which it is held."""
        return self._connection.execute(
            """SELECT side, valuation_price, sum(open_qty) FROM limits.reservations
               WHERE lease_id = %s AND is_of_order AND state <> 'FINAL'
               GROUP BY side, valuation_price ORDER BY side, valuation_price""",
            (lease_id,),
        ).fetchall()

    def raise_price(self, lease_id: uuid.UUID, price: Decimal) -> None:
        """Hold what its known orders may still trade at this price, where it was held at a lower one."""
        self._connection.execute(_RAISE, {"lease_id": lease_id, "price": price})

    def lock_nodes_below(self, node_id: uuid.UUID) -> None:
        """The node, and all nodes that living leases below it are held at."""
        self._connection.execute(_LOCK_NODES_BELOW, {"node_id": node_id})

    def node_ids(self, lease_id: uuid.UUID) -> list[uuid.UUID]:
        """Those that it is held at."""
        row = self._connection.execute(
            "SELECT node_ids FROM limits.reservations WHERE order_id = %s", (side_id(lease_id, Side.BUY),)
        ).fetchone()
        return list(row[0]) if row else []

    def pressing(self) -> set[uuid.UUID]:
        """Open leases of which a node was stopped, or a limit set, since they were asked last."""
        return {row[0] for row in self._connection.execute(_PRESSING).fetchall()}

    def begin(self, lease: Lease, node_ids: Sequence[uuid.UUID], at: datetime) -> None:
        """Hold nothing for it, at these nodes; they are locked. Nothing is held for it at others."""
        for side in Side:
            values = {"order_id": side_id(lease.lease_id, side), "side": side, "node_ids": list(node_ids), "at": at}
            self._connection.execute(_BEGIN, {**_values(lease), **values, "tenant_id": self._tenant_id})
        self._connection.execute(
            _BEGIN_EXPOSURES, {**_values(lease), "node_ids": list(node_ids), "at": at, "tenant_id": self._tenant_id}
        )

    def _one(self, statement: str, wanted: dict[str, Any]) -> Lease | None:
        with self._connection.cursor(row_factory=class_row(Lease)) as cursor:
            return cursor.execute(statement, wanted).fetchone()


def side_id(lease_id: uuid.UUID, side: Side) -> uuid.UUID:
    """The id of what the lease holds on one side."""
    return uuid.uuid5(lease_id, side.value)


def _values(lease: Lease) -> dict[str, Any]:
    return {name: getattr(lease, name) for name in _FIELDS}
