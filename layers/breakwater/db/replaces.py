"""Replaces of resting orders: what was asked for, and what became of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from breakwater.domain.orders import OrderSnapshot
from breakwater.domain.replaces import TOO_LATE, ReplaceState

REPLACES_MAX = 10_000  # Of one order.


@dataclass(frozen=True, slots=True)
class ReplaceRow:
    """`asked_*` as it was sent (None: as it is), `quantity` and `price` what the order shall have with it."""

    order_id: uuid.UUID
    replace_no: int
    replace_id: str
    asked_quantity: Decimal | None
    asked_price: Decimal | None
    quantity: Decimal
    price: Decimal
    price_low: Decimal
    price_high: Decimal
    state: ReplaceState
    reject_code: str | None
    reject_reason: str | None
    refusals: list[dict[str, Any]] | None
    requested_by: str
    correlation_id: str
    requested_at: datetime
    decided_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", ReplaceState(self.state))


_COLUMNS = ", ".join(field.name for field in fields(ReplaceRow))
_INSERT = f"""
INSERT INTO trading.order_replaces (tenant_id, {_COLUMNS})
VALUES (%(tenant_id)s, {", ".join(f"%({field.name})s" for field in fields(ReplaceRow))})
"""  # noqa: S608  # The interpolated text is made from the fields above.
# The order has another band then, which what is asked of it next is held to.
_DECIDE = """
WITH decided AS (
  UPDATE trading.order_replaces SET
    state = CASE WHEN replace_no = %(terms_no)s THEN 'REPLACED' ELSE 'REJECTED' END,
    reject_code = CASE WHEN replace_no = %(terms_no)s THEN NULL ELSE %(code)s END,
    reject_reason = CASE WHEN replace_no = %(terms_no)s THEN NULL ELSE %(reason)s END,
    decided_at = greatest(clock_timestamp(), requested_at)
  WHERE order_id = %(order_id)s AND tenant_id = %(tenant_id)s AND state = 'PENDING' AND replace_no <= %(replace_no)s
  RETURNING order_id, state, price_low, price_high)
UPDATE trading.orders o SET price_low = d.price_low, price_high = d.price_high
FROM decided d WHERE o.order_id = d.order_id AND d.state = 'REPLACED'
"""
_ALL = 2**31 - 1


class ReplaceRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, row: ReplaceRow) -> None:
        """Its order is locked, and none of it is pending where this one is."""
        values: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(row)}
        told = None if row.refusals is None else Jsonb(row.refusals)
        self._connection.execute(_INSERT, {**values, "refusals": told, "tenant_id": self._tenant_id})

    def of(self, order_id: uuid.UUID, *, limit: int) -> Sequence[ReplaceRow]:
        """The newest first."""
        with self._connection.cursor(row_factory=class_row(ReplaceRow)) as cursor:
            return cursor.execute(
                f"""SELECT {_COLUMNS} FROM trading.order_replaces WHERE order_id = %s AND tenant_id = %s
                    ORDER BY replace_no DESC LIMIT %s""",  # noqa: S608  # A constant.
                (order_id, self._tenant_id, limit),
            ).fetchall()

    def find(self, order_id: uuid.UUID, replace_id: str) -> ReplaceRow | None:
        with self._connection.cursor(row_factory=class_row(ReplaceRow)) as cursor:
            return cursor.execute(
                f"""SELECT {_COLUMNS} FROM trading.order_replaces
                    WHERE order_id = %s AND replace_id = %s AND tenant_id = %s""",  # noqa: S608  # A constant.
                (order_id, replace_id, self._tenant_id),
            ).fetchone()

    def origin(self, order_id: uuid.UUID) -> tuple[uuid.UUID | None, bool, bool, bool]:
        """What else its order was placed with: (strategy_id, located, whether an exit waits for it, is_external)."""
        row = self._connection.execute(
            """SELECT o.strategy_id, o.located, EXISTS (
                 SELECT FROM trading.orders e WHERE e.account_id = o.account_id AND e.tenant_id = o.tenant_id
                   AND e.execution->>'after' = o.order_id::text
                   AND e.status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')), o.is_external
               FROM trading.orders o WHERE o.order_id = %s AND o.tenant_id = %s""",
            (order_id, self._tenant_id),
        ).fetchone()
        if row is None:
            raise RuntimeError(f"order {order_id} is locked and not there")
        strategy_id, located, has_exit, is_external = row
        return strategy_id, located, has_exit, is_external

    def decide(self, snapshot: OrderSnapshot) -> None:
        """What the engine's word says became of them; nothing where it says nothing."""
        if snapshot.replace_no is not None:
            self._decide(snapshot, snapshot.replace_no, snapshot.replace_code, snapshot.replace_reason)

    def end(self, snapshot: OrderSnapshot) -> None:
        """The same of an order's last word, which came from the engine itself: after it nothing is replaced."""
        self.decide(snapshot)
        self._decide(snapshot, _ALL, TOO_LATE, f"the order is {snapshot.status} already")

    def _decide(self, snapshot: OrderSnapshot, replace_no: int, code: str | None, reason: str | None) -> None:
        about = {"order_id": snapshot.order_id, "tenant_id": self._tenant_id, "replace_no": replace_no}
        told = {"terms_no": snapshot.terms_no or 0, "code": code or TOO_LATE, "reason": reason or "it was refused"}
        self._connection.execute(_DECIDE, {**about, **told})


def undecided_replaces(
    connection: psycopg.Connection[TupleRow], *, older_than: timedelta, at_most: int
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(tenant_id, order_id) of every tenant's replaces that nobody has heard of, at random where there are more."""
    rows = connection.execute(
        "SELECT tenant_id, order_id FROM trading.undecided_replaces(%s, %s)", (older_than, at_most)
    ).fetchall()
    return [(tenant_id, order_id) for tenant_id, order_id in rows]
