"""What the router made of an order: its children, their fills, and what the market was meanwhile."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row

VENUES_MAX = 1_000

# An older word of the engine, or the same one again, finds a higher number here and changes nothing.
_UPSERT_CHILD = """
INSERT INTO trading.child_orders AS child (order_id, tenant_id, parent_order_id, venue, side, type, time_in_force,
  quantity, price, status, cum_qty, leaves_qty, cum_notional, reject_code, reject_reason, engine_seq, transact_time)
VALUES (%(order_id)s, %(tenant_id)s, %(parent_order_id)s, %(venue)s, %(side)s, %(type)s, %(time_in_force)s,
  %(quantity)s, %(price)s, %(status)s, %(cum_qty)s, %(leaves_qty)s, %(cum_notional)s, %(reject_code)s,
  %(reject_reason)s, %(engine_seq)s, %(transact_time)s)
ON CONFLICT (order_id) DO UPDATE SET quantity = excluded.quantity, status = excluded.status,
  cum_qty = excluded.cum_qty, leaves_qty = excluded.leaves_qty, cum_notional = excluded.cum_notional,
  reject_code = excluded.reject_code, reject_reason = excluded.reject_reason, engine_seq = excluded.engine_seq,
  transact_time = excluded.transact_time
WHERE child.engine_seq < excluded.engine_seq
"""
_ADD_TRADE = """
INSERT INTO trading.child_trades (trade_id, tenant_id, order_id, parent_order_id, venue, last_qty, last_px, liquidity,
  fee, fee_currency, transact_time)
VALUES (%(trade_id)s, %(tenant_id)s, %(order_id)s, %(parent_order_id)s, %(venue)s, %(last_qty)s, %(last_px)s,
  %(liquidity)s, %(fee)s, %(fee_currency)s, %(transact_time)s)
ON CONFLICT DO NOTHING
"""
# Told when it begins and when it ends, perhaps by an engine that was started in between and knows less. What it began
# with is what was told first, what it ended with what was told last, and nothing that is known is forgotten.
_UPSERT_MEASURED = """
INSERT INTO trading.executions AS known (order_id, tenant_id, algorithm, venues, began_at, arrival_px, arrival_cost_px,
  ended_at, vwap_px, vwap_since)
VALUES (%(order_id)s, %(tenant_id)s, %(algorithm)s, %(venues)s, %(began_at)s, %(arrival_px)s, %(arrival_cost_px)s,
  %(ended_at)s, %(vwap_px)s, %(vwap_since)s)
ON CONFLICT (order_id) DO UPDATE SET began_at = least(known.began_at, excluded.began_at),
  arrival_px = coalesce(known.arrival_px, excluded.arrival_px),
  arrival_cost_px = coalesce(known.arrival_cost_px, excluded.arrival_cost_px),
  ended_at = coalesce(excluded.ended_at, known.ended_at), vwap_px = coalesce(excluded.vwap_px, known.vwap_px),
  vwap_since = coalesce(excluded.vwap_since, known.vwap_since)
"""
_CHILDREN = """
SELECT order_id, parent_order_id, venue, side, type, time_in_force, quantity, price, status, cum_qty, leaves_qty,
  cum_notional, reject_code, reject_reason, engine_seq, transact_time
FROM trading.child_orders WHERE parent_order_id = %(order_id)s AND tenant_id = %(tenant_id)s
ORDER BY transact_time DESC, order_id DESC LIMIT %(limit)s
"""
_BY_VENUE = """
SELECT venue, count(*) AS children, sum(cum_qty) AS quantity, sum(cum_notional) AS notional
FROM trading.child_orders WHERE parent_order_id = %(order_id)s AND tenant_id = %(tenant_id)s
GROUP BY venue ORDER BY venue LIMIT %(limit)s
"""
_TRADED = """
SELECT venue, fee_currency, sum(fee) AS fee, sum(last_qty) AS quantity,
  coalesce(sum(last_qty) FILTER (WHERE liquidity = 'MAKER'), 0) AS maker_quantity
FROM trading.child_trades WHERE parent_order_id = %(order_id)s AND tenant_id = %(tenant_id)s
GROUP BY venue, fee_currency ORDER BY venue, fee_currency LIMIT %(limit)s
"""
_MEASURED = """
SELECT algorithm, venues, began_at, arrival_px, arrival_cost_px, ended_at, vwap_px, vwap_since
FROM trading.executions WHERE order_id = %(order_id)s AND tenant_id = %(tenant_id)s
"""


@dataclass(frozen=True, slots=True)
class ChildRow:
    order_id: uuid.UUID
    parent_order_id: uuid.UUID
    venue: str
    side: str
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal | None
    status: str
    cum_qty: Decimal
    leaves_qty: Decimal
    cum_notional: Decimal
    reject_code: str | None
    reject_reason: str | None
    engine_seq: int
    transact_time: datetime


@dataclass(frozen=True, slots=True)
class ChildTradeRow:
    trade_id: uuid.UUID
    order_id: uuid.UUID
    parent_order_id: uuid.UUID
    venue: str
    last_qty: Decimal
    last_px: Decimal
    liquidity: str
    fee: Decimal
    fee_currency: str
    transact_time: datetime


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """Prices in quote currency; None where the market did not show it, or while it is not known."""

    algorithm: str
    venues: list[str]
    began_at: datetime
    arrival_px: Decimal | None
    arrival_cost_px: Decimal | None
    ended_at: datetime | None
    vwap_px: Decimal | None
    vwap_since: datetime | None


@dataclass(frozen=True, slots=True)
class VenueRow:
    """What the children at one venue have come to."""

    venue: str
    children: int
    quantity: Decimal
    notional: Decimal


@dataclass(frozen=True, slots=True)
class TradedRow:
    """Fills at one venue with a fee in one currency."""

    venue: str
    fee_currency: str
    fee: Decimal
    quantity: Decimal
    maker_quantity: Decimal


class ExecutionRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def take_child(self, child: ChildRow) -> None:
        """The engine's word on it, if it is newer than what stands here."""
        self._connection.execute(_UPSERT_CHILD, {**asdict(child), "tenant_id": self._tenant_id})

    def add_trade(self, trade: ChildTradeRow) -> None:
        """Once, however often it is told."""
        self._connection.execute(_ADD_TRADE, {**asdict(trade), "tenant_id": self._tenant_id})

    def take_measured(self, order_id: uuid.UUID, measured: MeasuredRow) -> None:
        self._connection.execute(
            _UPSERT_MEASURED, {**asdict(measured), "order_id": order_id, "tenant_id": self._tenant_id}
        )

    def children(self, order_id: uuid.UUID, *, limit: int) -> list[ChildRow]:
        """Those that changed last come first."""
        return self._rows(ChildRow, _CHILDREN, order_id, limit)

    def by_venue(self, order_id: uuid.UUID) -> list[VenueRow]:
        return self._rows(VenueRow, _BY_VENUE, order_id, VENUES_MAX)

    def traded(self, order_id: uuid.UUID) -> list[TradedRow]:
        return self._rows(TradedRow, _TRADED, order_id, VENUES_MAX)

    def measured(self, order_id: uuid.UUID) -> MeasuredRow | None:
        """None while the router has not told of it."""
        return next(iter(self._rows(MeasuredRow, _MEASURED, order_id, 1)), None)

    def _rows[T: Any](self, row: type[T], statement: str, order_id: uuid.UUID, limit: int) -> list[T]:
        with self._connection.cursor(row_factory=class_row(row)) as cursor:
            wanted = {"order_id": order_id, "tenant_id": self._tenant_id, "limit": limit}
            return cursor.execute(statement, wanted).fetchall()
