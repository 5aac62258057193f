"""Orders and their saga steps."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row
from psycopg.types.json import Jsonb

from breakwater.domain.executions import Execution, read_execution
from breakwater.domain.orders import OrderSnapshot, OrderType, OrdStatus, PlaceOrder, Side, TimeInForce

_COLUMNS = """
order_id, account_id, client_order_id, fingerprint, symbol, side, type, time_in_force, post_only, reduce_only,
quantity, price, price_low, price_high, venue, status, cum_qty, leaves_qty, cum_notional, reject_code, reject_reason,
refusals, engine_seq, correlation_id, created_at, updated_at, now() - updated_at AS age, self_trade,
is_leased, execution, expire_time
"""

_INSERT = """
INSERT INTO trading.orders (
  order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side, type, time_in_force, post_only,
  reduce_only, quantity, price, venue, strategy_id, located, execution, expire_time, status, leaves_qty,
  correlation_id, created_by, created_at, updated_at)
VALUES (
  %(order_id)s, %(tenant_id)s, %(account_id)s, %(client_order_id)s, %(fingerprint)s, %(symbol)s, %(side)s, %(type)s,
  %(time_in_force)s, %(post_only)s, %(reduce_only)s, %(quantity)s, %(price)s, %(venue)s, %(strategy_id)s, %(located)s,
  %(execution)s, %(expire_time)s, 'PENDING_NEW', %(quantity)s,
  %(correlation_id)s, %(created_by)s, %(created_at)s, now())
ON CONFLICT DO NOTHING
"""

# An older word of the engine, or the same one again, finds a higher number here and changes nothing.
_APPLY_SNAPSHOT = """
UPDATE trading.orders SET status = %(status)s, cum_qty = %(cum_qty)s, leaves_qty = %(leaves_qty)s,
  cum_notional = %(cum_notional)s, reject_code = %(reject_code)s, reject_reason = %(reject_reason)s,
  engine_seq = %(engine_seq)s, updated_at = now(),
  quantity = CASE WHEN %(price)s::numeric IS NULL THEN quantity ELSE %(quantity)s END,
  price = coalesce(%(price)s, price)
WHERE order_id = %(order_id)s AND tenant_id = %(tenant_id)s AND engine_seq < %(engine_seq)s
"""

# Of an order at the router, which alone has venues.
WORKED_AT_VENUE_ALONE = "execution->'venues' = jsonb_build_array(%(venue)s::text)"
_PAGE = f"""
SELECT {_COLUMNS} FROM trading.orders
WHERE account_id = ANY(%(account_ids)s) AND tenant_id = %(tenant_id)s
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (NOT %(open_only)s OR status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))
  AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND (%(client_order_id)s::text IS NULL OR client_order_id = %(client_order_id)s)
  AND (%(exchange_order_id)s::bigint IS NULL
    OR ('x' || right(replace(order_id::text, '-', ''), 13))::bit(52)::bigint = %(exchange_order_id)s)
  AND (%(algorithm)s::text IS NULL OR execution->>'algorithm' = %(algorithm)s)
  AND (%(leg_client_order_id)s::text IS NULL OR (execution->>'algorithm' = 'OCO'
    AND %(leg_client_order_id)s IN (execution->>'limit_client_order_id', execution->>'stop_client_order_id')))
  AND (%(venue)s::text IS NULL OR venue = %(venue)s OR {WORKED_AT_VENUE_ALONE})
  AND (%(before_at)s::timestamptz IS NULL OR (created_at, order_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY created_at DESC, order_id DESC LIMIT %(limit)s
"""  # noqa: S608  # The interpolated text is the constant above.


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """None: whatever it is. `exchange_order_id`: domain/orders.py. `leg_client_order_id`: of either half of an OCO.

    `open_only`: those that are not final. `venue`: sent there, or worked there alone by the router.
    """

    status: OrdStatus | None = None
    symbol: str | None = None
    client_order_id: str | None = None
    exchange_order_id: int | None = None
    algorithm: str | None = None
    leg_client_order_id: str | None = None
    open_only: bool = False
    venue: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as stored. The price band is null until its limits are reserved; `age` is since its last change."""

    order_id: uuid.UUID
    account_id: uuid.UUID
    client_order_id: str
    fingerprint: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    quantity: Decimal
    price: Decimal | None
    price_low: Decimal | None
    price_high: Decimal | None
    venue: str
    status: OrdStatus
    cum_qty: Decimal
    leaves_qty: Decimal
    cum_notional: Decimal
    reject_code: str | None
    reject_reason: str | None
    refusals: list[dict[str, Any]] | None
    engine_seq: int
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    age: timedelta
    self_trade: str | None
    is_leased: bool
    execution: Execution | None
    expire_time: datetime | None

    def __post_init__(self) -> None:
        for name, words in (("side", Side), ("type", OrderType), ("time_in_force", TimeInForce), ("status", OrdStatus)):
            object.__setattr__(self, name, words(getattr(self, name)))
        if self.execution is not None:
            object.__setattr__(self, "execution", read_execution(self.execution))


class OrderRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, order: PlaceOrder) -> bool:
        """Write it as PENDING_NEW; False when the account has used this client_order_id before.

        A second transaction with the same order waits here until the first has ended.
        """
        terms = order.terms
        cursor = self._connection.execute(
            _INSERT,
            {
                "order_id": order.order_id,
                "tenant_id": self._tenant_id,
                "account_id": terms.account_id,
                "client_order_id": terms.client_order_id,
                "fingerprint": terms.fingerprint(),
                "symbol": terms.symbol,
                "side": terms.side,
                "type": terms.type,
                "time_in_force": terms.effective_time_in_force,
                "post_only": terms.post_only,
                "reduce_only": terms.reduce_only,
                "quantity": terms.quantity,
                "price": terms.price,
                "venue": terms.venue,
                "strategy_id": terms.strategy_id,
                "located": terms.located,
                "execution": None if terms.execution is None else Jsonb(terms.execution.model_dump(mode="json")),
                "expire_time": order.expire_time,
                "correlation_id": order.correlation_id,
                "created_by": order.placed_by,
                "created_at": order.placed_at,
            },
        )
        return cursor.rowcount == 1

    def get(self, order_id: uuid.UUID) -> OrderRow | None:
        with self._connection.cursor(row_factory=class_row(OrderRow)) as cursor:
            return cursor.execute(
                f"SELECT {_COLUMNS} FROM trading.orders WHERE order_id = %s AND tenant_id = %s",  # noqa: S608  # A constant.
                (order_id, self._tenant_id),
            ).fetchone()

    def page(
        self,
        account_ids: Sequence[uuid.UUID],
        *,
        wanted: OrderFilter,
        before: tuple[datetime, uuid.UUID] | None,
        limit: int,
    ) -> list[OrderRow]:
        """The newest first, those older than `before` (created_at, order_id)."""
        before_at, before_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(OrderRow)) as cursor:
            return cursor.execute(
                _PAGE,
                {
                    "account_ids": list(account_ids),
                    "tenant_id": self._tenant_id,
                    **asdict(wanted),
                    "before_at": before_at,
                    "before_id": before_id,
                    "limit": limit,
                },
            ).fetchall()

    def set_band(
        self, order_id: uuid.UUID, price_low: Decimal, price_high: Decimal, self_trade: str | None = None
    ) -> None:
        """The prices its reservation was valued for: the engine trades it inside them only. And its self-trade mode."""
        self._connection.execute(
            """UPDATE trading.orders SET price_low = %s, price_high = %s, self_trade = %s
               WHERE order_id = %s AND tenant_id = %s""",
            (price_low, price_high, self_trade, order_id, self._tenant_id),
        )

    def lock(self, order_id: uuid.UUID) -> bool:
        """False when there is no such order."""
        row = self._connection.execute(
            "SELECT 1 FROM trading.orders WHERE order_id = %s AND tenant_id = %s FOR NO KEY UPDATE",
            (order_id, self._tenant_id),
        ).fetchone()
        return row is not None

    def exits_qty(self, entry_id: uuid.UUID, *, but: uuid.UUID) -> Decimal:
        """What the other orders that exit from this one have traded and may still trade."""
        row = self._connection.execute("SELECT trading.exits_qty(%s, %s)", (entry_id, but)).fetchone()
        return Decimal(0) if row is None else row[0]

    def mark_leased(self, order_id: uuid.UUID, price_low: Decimal, price_high: Decimal) -> None:
        """The engine took it by itself, inside this band, and nobody reserved for it before."""
        self._connection.execute(
            """UPDATE trading.orders SET is_leased = true, price_low = %s, price_high = %s
               WHERE order_id = %s AND tenant_id = %s""",
            (price_low, price_high, order_id, self._tenant_id),
        )

    def mark_external(self, order_id: uuid.UUID, price: Decimal) -> None:
        """It was not placed through the platform; what it traded at is all that is known of its band."""
        self._connection.execute(
            """UPDATE trading.orders SET is_external = true, price_low = %s, price_high = %s
               WHERE order_id = %s AND tenant_id = %s""",
            (price, price, order_id, self._tenant_id),
        )

    def refuse(self, order_id: uuid.UUID, *, code: str, reason: str, refusals: list[dict[str, Any]] | None) -> None:
        """REJECTED by limits, in the transaction that wrote it; `refusals` is what the client is told, each time."""
        told = None if refusals is None else Jsonb(refusals)
        self._connection.execute(
            """UPDATE trading.orders SET status = 'REJECTED', leaves_qty = 0, reject_code = %s, reject_reason = %s,
               refusals = %s, updated_at = now() WHERE order_id = %s AND tenant_id = %s""",
            (code, reason, told, order_id, self._tenant_id),
        )

    def apply(self, snapshot: OrderSnapshot) -> bool:
        """Take the engine's word if it is newer than the one the order stands on; False when it is not."""
        cursor = self._connection.execute(
            _APPLY_SNAPSHOT,
            {
                "status": snapshot.status,
                "quantity": snapshot.quantity,
                "price": snapshot.price,
                "cum_qty": snapshot.cum_qty,
                "leaves_qty": snapshot.leaves_qty,
                "cum_notional": snapshot.cum_notional,
                "reject_code": snapshot.reject_code,
                "reject_reason": snapshot.reject_reason,
                "engine_seq": snapshot.engine_seq,
                "order_id": snapshot.order_id,
                "tenant_id": self._tenant_id,
            },
        )
        return cursor.rowcount == 1

    def mark_unknown(self, order_id: uuid.UUID) -> bool:
        """UNKNOWN, but only while nobody has heard from the engine: a later saga never takes a known state back."""
        cursor = self._connection.execute(
            """UPDATE trading.orders SET status = 'UNKNOWN', updated_at = now()
               WHERE order_id = %s AND tenant_id = %s AND status = 'PENDING_NEW' AND engine_seq = 0""",
            (order_id, self._tenant_id),
        )
        return cursor.rowcount == 1

    def add_saga_step(
        self, order_id: uuid.UUID, *, step: str, outcome: str, detail: str | None, started_at: datetime
    ) -> None:
        self._connection.execute(
            """INSERT INTO trading.saga_steps (order_id, tenant_id, step, outcome, detail, started_at, finished_at)
               VALUES (%s, %s, %s, %s, %s, %s, greatest(clock_timestamp(), %s))""",
            (order_id, self._tenant_id, step, outcome, detail, started_at, started_at),
        )

    def saga_steps(self, order_id: uuid.UUID) -> list[dict[str, Any]]:
        """In the order they ended: step, outcome, detail, started_at, finished_at. Retries are steps of their own."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                """SELECT step, outcome, detail, started_at, finished_at FROM trading.saga_steps
                   WHERE order_id = %s AND tenant_id = %s ORDER BY id LIMIT 200""",
                (order_id, self._tenant_id),
            ).fetchall()


def unsettled_orders(
    connection: psycopg.Connection[TupleRow], *, older_than: timedelta, at_most: int
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(tenant_id, order_id) of every tenant's orders whose last word is missing, at random where there are more."""
    rows = connection.execute(
        "SELECT tenant_id, order_id FROM trading.unsettled_orders(%s, %s)", (older_than, at_most)
    ).fetchall()
    # An order is told once for its row and once for its reservation, when both are unsettled.
    return list(dict.fromkeys((tenant_id, order_id) for tenant_id, order_id in rows))
