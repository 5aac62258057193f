"""Modes of an organisation whose ledger is silent or whose positions are old, and the orders that passed meanwhile.

Who locks more than one of these takes them in this order: the gate, the mode's row, orders, the queue of
orders (ladders.py), nodes. Whoever stops or moves nodes cannot: what passes beside the ledger is held back by the
mode's row alone, so he waits for that with nodes locked. Nobody may therefore wait for an order or a node with the
mode's row locked, but for those who book, who give up after half a second.
"""
# ruff: noqa: S608 - only constants of this module are put together here; every value is a parameter.

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.degraded import FAILURES_APART_MAX, Mode, ProvisionalOrder
from breakwater.domain.orders import PlaceOrder
from breakwater.domain.times import from_nanoseconds

LEDGER = "LEDGER"
POSITIONS = "POSITIONS"
GATE_LOCK_CLASS = 72712

_SHARE_GATE = "SELECT pg_advisory_xact_lock_shared(%(class)s, hashtext(%(tenant)s))"
_SHUT_GATE = "SELECT pg_advisory_xact_lock(%(class)s, hashtext(%(tenant)s))"
_MODE = "SELECT kind, mode, since FROM trading.degraded_modes WHERE tenant_id = %(tenant_id)s AND kind = %(kind)s"
# A saga ends within a minute, so older orders tell nothing. What is UNKNOWN was reserved before, and not settled since.
_WAS_RESERVED_SINCE = """EXISTS (
  SELECT FROM trading.orders o
  WHERE o.tenant_id = %(tenant_id)s AND o.created_at > m.since - interval '1 minute' AND o.updated_at >= m.since
    AND o.price_high IS NOT NULL AND o.status <> 'UNKNOWN')"""
_NOTE_FAILURE = f"""
INSERT INTO trading.degraded_modes AS m (tenant_id, kind, mode, since, failed_at)
VALUES (%(tenant_id)s, 'LEDGER', 'NORMAL', %(at)s, %(at)s)
ON CONFLICT (tenant_id, kind) DO UPDATE SET failed_at = greatest(m.failed_at, excluded.failed_at),
  since = CASE WHEN m.mode = 'NORMAL' AND (m.failed_at < excluded.failed_at - %(apart_max)s::interval
                                           OR {_WAS_RESERVED_SINCE}) THEN excluded.since ELSE m.since END
RETURNING kind, mode, since
"""
_IS_STILL_FAILING = f"""
SELECT NOT {_WAS_RESERVED_SINCE} FROM trading.degraded_modes m
WHERE m.tenant_id = %(tenant_id)s AND m.kind = 'LEDGER'
"""
_ENTER_STALE = """
INSERT INTO trading.degraded_modes AS m (tenant_id, kind, mode, since, failed_at)
VALUES (%(tenant_id)s, 'POSITIONS', 'STALE', %(since)s, %(at)s)
ON CONFLICT (tenant_id, kind) DO UPDATE SET mode = excluded.mode, since = excluded.since, failed_at = excluded.failed_at
WHERE m.mode = 'NORMAL' RETURNING 1
"""
_UNBOOKED_OF_ACCOUNT = "SELECT trading.unbooked_since_ns(%(account_id)s)"
_UNBOOKED_OF_ALL = """
SELECT min(trading.unbooked_since_ns(account_id)) FROM identity.accounts WHERE tenant_id = %(tenant_id)s
"""
_ORDER = """p.order_id, p.account_id, p.node_ids, p.symbol, p.venue, i.asset_class, i.quote_asset, p.is_automated,
  p.side, p.quantity, p.valuation_price, p.mode, p.created_at"""
_UNBOOKED_ORDERS = f"""
SELECT {_ORDER} FROM trading.provisional_orders p JOIN market.instruments i USING (symbol)
WHERE p.tenant_id = %(tenant_id)s AND p.booked_at IS NULL ORDER BY p.order_id LIMIT %(at_most)s
"""
_LOCK_ORDERS = """
SELECT 1 FROM trading.orders WHERE order_id = ANY (%(order_ids)s) ORDER BY order_id FOR NO KEY UPDATE
"""
_ADD_ORDER = """
INSERT INTO trading.provisional_orders (order_id, tenant_id, account_id, node_ids, symbol, venue, is_automated, side,
                                        quantity, valuation_price, mode, created_at)
VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s, %(node_ids)s, %(symbol)s, %(venue)s, %(is_automated)s, %(side)s,
        %(quantity)s, %(valuation_price)s, %(mode)s, %(at)s)
"""
_SPENT = """
SELECT coalesce(sum(quantity * valuation_price), 0) FROM trading.provisional_orders
WHERE tenant_id = %(tenant_id)s AND mode = 'EMERGENCY'
  AND created_at >= date_trunc('day', %(at)s::timestamptz, 'UTC')
"""
_PASSED_SINCE = """
SELECT count(*), coalesce(sum(quantity * valuation_price), 0) FROM trading.provisional_orders
WHERE tenant_id = %(tenant_id)s AND created_at >= %(since)s
"""


@dataclass(frozen=True, slots=True)
class ModeRow:
    """`since` when reserving fails, or the oldest unbooked fill has happened."""

    kind: str
    mode: Mode
    since: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", Mode(self.mode))


@dataclass(frozen=True, slots=True)
class Gate:
    """What an order meets before the ledger. `unbooked_since`: the oldest fill of its account that is not booked."""

    ledger: ModeRow | None
    unbooked_since: datetime | None

    @property
    def is_ledger_open(self) -> bool:
        return self.ledger is None or self.ledger.mode is Mode.NORMAL


class DegradedRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._about = {"tenant_id": tenant_id, "tenant": str(tenant_id), "class": GATE_LOCK_CLASS}

    def pass_gate(self, account_id: uuid.UUID) -> Gate:
        """As `is_ledger_open`, and how old the account's positions are, in one round trip: for replaces."""
        wanted = {**self._about, "kind": LEDGER, "account_id": account_id}
        connection = self._connection
        with connection.pipeline():
            connection.execute(_SHARE_GATE, wanted)
            # A statement of its own: one that waited for the lock would still see the mode before the wait.
            modes = connection.cursor(row_factory=class_row(ModeRow)).execute(_MODE, wanted)
            unbooked = connection.execute(_UNBOOKED_OF_ACCOUNT, wanted)
        return Gate(modes.fetchone(), _time_of(unbooked.fetchone()))

    def is_ledger_open(self) -> bool:
        """Until this transaction ends, nobody can shut the gate: what it says holds. Orders go by `ladders.enter`."""
        self._connection.execute(_SHARE_GATE, self._about)
        return not self.is_ledger_silent()

    def shut_gate(self) -> None:
        """Wait until every reservation of the organisation that is under way has ended, and let none begin."""
        self._connection.execute(_SHUT_GATE, self._about)

    def mode(self, kind: str, *, lock: bool = False) -> ModeRow | None:
        with self._connection.cursor(row_factory=class_row(ModeRow)) as cursor:
            return cursor.execute(_MODE + (" FOR UPDATE" if lock else ""), {**self._about, "kind": kind}).fetchone()

    def silent_ledger(self) -> ModeRow | None:
        """Its mode, locked, while it is silent; None once it has come back, and nothing is locked then.

        The gate is shared: as long as this transaction lasts, what has come back does not fall silent again.
        """
        self._connection.execute("SAVEPOINT before_mode")
        row = self.mode(LEDGER, lock=True)
        if row is not None and row.mode is not Mode.NORMAL:
            return row
        self._connection.execute("ROLLBACK TO SAVEPOINT before_mode")  # It lets go of the row.
        return None

    def is_ledger_silent(self) -> bool:
        row = self.mode(LEDGER)
        return row is not None and row.mode is not Mode.NORMAL

    def wait_for_provisional_orders(self) -> None:
        """Those that were being judged have committed after this, and the next ones see what this transaction did.

        Nodes may be locked already: see above why nobody who has the row waits for them.
        """
        self.mode(LEDGER, lock=True)

    def note_failure(self, at: datetime) -> ModeRow:
        """The ledger did not answer. `since` is when this began, if nothing was reserved in between."""
        with self._connection.cursor(row_factory=class_row(ModeRow)) as cursor:
            wanted = {**self._about, "at": at, "apart_max": FAILURES_APART_MAX}
            return cursor.execute(_NOTE_FAILURE, wanted).fetchall()[0]

    def is_still_failing(self) -> bool:
        """Nothing was reserved since the first failure."""
        row = self._connection.execute(_IS_STILL_FAILING, self._about).fetchone()
        return bool(row and row[0])

    def set_mode(self, kind: str, mode: Mode) -> None:
        """The row is locked."""
        self._connection.execute(
            "UPDATE trading.degraded_modes SET mode = %s WHERE tenant_id = %s AND kind = %s",
            (mode, self._about["tenant_id"], kind),
        )

    def enter_stale_positions(self, since: datetime, at: datetime) -> bool:
        """False when the organisation is in that mode already."""
        row = self._connection.execute(_ENTER_STALE, {**self._about, "since": since, "at": at}).fetchone()
        return row is not None  # Asked for: a statement that is only queued has no count of rows.

    def unbooked_since(self) -> datetime | None:
        """When the oldest fill of any account happened that is not booked; None when all are."""
        return _time_of(self._connection.execute(_UNBOOKED_OF_ALL, self._about).fetchone())

    def unbooked_orders(self, at_most: int | None = None) -> list[ProvisionalOrder]:
        """All without `at_most`: each of them counts."""
        with self._connection.cursor(row_factory=class_row(ProvisionalOrder)) as cursor:
            return cursor.execute(_UNBOOKED_ORDERS, {**self._about, "at_most": at_most}).fetchall()

    def lock_orders(self, order_ids: Sequence[uuid.UUID]) -> None:
        """Their rows, so that no word of the engine is taken until this transaction ends."""
        self._connection.execute(_LOCK_ORDERS, {"order_ids": list(order_ids)})

    def is_provisional(self, order_id: uuid.UUID) -> bool:
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM trading.provisional_orders WHERE order_id = %s)", (order_id,)
        ).fetchone()
        return bool(row and row[0])

    def add(
        self, order: PlaceOrder, node_ids: Sequence[uuid.UUID], valuation_price: Decimal, mode: Mode, at: datetime
    ) -> None:
        terms = order.terms
        about = {"order_id": order.order_id, "node_ids": list(node_ids), "valuation_price": valuation_price}
        known = {"is_automated": order.api_key_id is not None, "mode": mode, "at": at}
        self._connection.execute(_ADD_ORDER, {**terms.model_dump(), **self._about, **about, **known})

    def note_booked(self, order_id: uuid.UUID, at: datetime) -> None:
        self._connection.execute(
            "UPDATE trading.provisional_orders SET booked_at = %s WHERE order_id = %s", (at, order_id)
        )

    def spent_today(self, at: datetime) -> Decimal:
        """What all orders were worth that passed in an emergency on the UTC day of `at`."""
        row = self._connection.execute(_SPENT, {**self._about, "at": at}).fetchone()
        return Decimal(0) if row is None else Decimal(row[0])

    def passed_since(self, since: datetime) -> tuple[int, Decimal]:
        """How many orders passed beside the ledger, and what they were worth together."""
        row = self._connection.execute(_PASSED_SINCE, {**self._about, "since": since}).fetchone()
        return (0, Decimal(0)) if row is None else (int(row[0]), Decimal(row[1]))

    def lock_every_node(self) -> None:
        self._connection.execute(
            "SELECT 1 FROM limits.nodes WHERE tenant_id = %(tenant_id)s ORDER BY node_id FOR NO KEY UPDATE",
            self._about,
        )


def degraded_tenants(connection: psycopg.Connection[TupleRow]) -> list[uuid.UUID]:
    rows = connection.execute("SELECT tenant_id FROM trading.degraded_tenants(NULL)").fetchall()
    return [row[0] for row in rows]


def _time_of(row: tuple[Any, ...] | None) -> datetime | None:
    return None if row is None or row[0] is None else from_nanoseconds(int(row[0]))
