"""The limits ledger: the scope tree, its limits, its exposures and the reservations behind them.

Who changes what belongs to a node locks the node first, and nodes are locked in the order of their ids, so two orders
never deadlock. FOR NO KEY UPDATE lets the foreign keys of others pass.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row
from psycopg.types.json import Jsonb

from breakwater.db import limit_statements as statements
from breakwater.domain.exposure import Exposure, Limit, Node, Scope
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from breakwater.domain.settlement import ExposureChange, HeldReservation


@dataclass(frozen=True, slots=True)
class HeldBand:
    """The price band an order was reserved with."""

    price_low: Decimal
    price_high: Decimal


@dataclass(frozen=True, slots=True)
class OpenOrder:
    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str


@dataclass(frozen=True, slots=True)
class Quote:
    """An instrument and its reference price, which may never have been observed."""

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    lot_size: Decimal
    notional_min: Decimal
    reference: Decimal | None
    observed_at: datetime | None

    @property
    def instrument(self) -> Instrument:
        return Instrument(
            self.symbol, self.base_asset, self.quote_asset, self.tick_size, self.lot_size, self.notional_min
        )


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that an order is judged by: its account's scopes, root first; `held` when it was reserved before."""

    scopes: Sequence[Scope]
    quote: Quote | None
    held: HeldBand | None


class LimitRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_ladder(self, account_id: uuid.UUID, symbol: str, order_id: uuid.UUID, day: date) -> Ladder:
        """Lock the account's scopes and read what stands against them; no scopes when the account is not known.

        One round trip: the lock is held for the shorter. The reads are statements of their own, because a statement
        that waited for a lock still sees other tables as they were before it waited.
        """
        return self._ladder(statements.LOCK_ACCOUNT_PATH, account_id, symbol, order_id, day)

    def read_ladder(self, account_id: uuid.UUID, symbol: str, order_id: uuid.UUID, day: date) -> Ladder:
        """The same without a lock, for questions that reserve nothing."""
        return self._ladder(statements.READ_ACCOUNT_PATH, account_id, symbol, order_id, day)

    def _ladder(self, path: str, account_id: uuid.UUID, symbol: str, order_id: uuid.UUID, day: date) -> Ladder:
        wanted = {"account_id": account_id, "symbol": symbol, "order_id": order_id}
        connection = self._connection
        with connection.pipeline():
            quote = connection.cursor(row_factory=class_row(Quote)).execute(statements.QUOTE, wanted)
            nodes = connection.cursor(row_factory=class_row(Node)).execute(path, wanted)
            limits = connection.cursor(row_factory=class_row(Limit)).execute(statements.ACCOUNT_LIMITS, wanted)
            exposures = connection.cursor(row_factory=class_row(Exposure)).execute(statements.ACCOUNT_EXPOSURES, wanted)
            held = connection.cursor(row_factory=class_row(HeldBand)).execute(statements.HELD_BAND, wanted)
        return Ladder(
            _scopes(nodes.fetchall(), limits.fetchall(), exposures.fetchall(), day),
            quote.fetchone(),
            held.fetchone(),
        )

    def hold(
        self, reservation: HeldReservation, change: ExposureChange, account_id: uuid.UUID, day: date, at: datetime
    ) -> None:
        """Write the reservation and book it in every scope. The scopes are locked."""
        values = {**_fields(reservation), **_booked(change), "account_id": account_id, "day": day, "at": at}
        self._connection.execute(statements.HOLD, {**values, "tenant_id": self._tenant_id})

    def lock_reservation(self, order_id: uuid.UUID) -> HeldReservation | None:
        """The order's reservation, its scopes locked first; None when there is none."""
        connection = self._connection
        with connection.pipeline():
            connection.execute(statements.LOCK_RESERVED_NODES, {"order_id": order_id})
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(statements.LOCK_RESERVATION, {"order_id": order_id})
        row = cursor.fetchone()
        return None if row is None else HeldReservation(**{**row, "side": Side(row["side"])})

    def settle(self, after: HeldReservation, change: ExposureChange, day: date) -> None:
        """Replace the reservation and book the change in every scope. Both are locked."""
        self._connection.execute(statements.SETTLE, {**_fields(after), **_booked(change), "day": day})

    def node(self, node_id: uuid.UUID, *, lock: bool = False) -> Node | None:
        statement = statements.LOCK_NODE if lock else statements.NODE
        with self._connection.cursor(row_factory=class_row(Node)) as cursor:
            return cursor.execute(statement, {"node_id": node_id}).fetchone()

    def scopes(self, day: date) -> list[Scope]:
        """Every scope of the organisation, parents before their children."""
        connection = self._connection
        with connection.pipeline():
            nodes = connection.cursor(row_factory=class_row(Node)).execute(statements.NODES)
            limits = connection.cursor(row_factory=class_row(Limit)).execute(statements.LIMITS)
            exposures = connection.cursor(row_factory=class_row(Exposure)).execute(statements.EXPOSURES)
        return _scopes(nodes.fetchall(), limits.fetchall(), exposures.fetchall(), day)

    def put(self, limit: Limit, created_by: str) -> Limit:
        """Create it or replace the one of the same node, type and instrument, whose id it then keeps."""
        values = {**_fields(limit), "parameters": Jsonb(limit.parameters)}
        with self._connection.cursor(row_factory=class_row(Limit)) as cursor:
            cursor.execute(statements.PUT_LIMIT, {**values, "tenant_id": self._tenant_id, "created_by": created_by})
            stored = cursor.fetchone()
        if stored is None:
            raise RuntimeError("an upsert that returns its row returned none")
        return stored

    def limit_at(self, node_id: uuid.UUID, limit_type: str, instrument: str) -> Limit | None:
        wanted = {"node_id": node_id, "limit_type": limit_type, "instrument": instrument}
        with self._connection.cursor(row_factory=class_row(Limit)) as cursor:
            return cursor.execute(statements.LIMIT_AT, wanted).fetchone()

    def delete(self, limit_id: uuid.UUID) -> Limit | None:
        """What was removed; None when there is no such limit."""
        with self._connection.cursor(row_factory=class_row(Limit)) as cursor:
            return cursor.execute(statements.DELETE_LIMIT, {"limit_id": limit_id}).fetchone()

    def set_state(self, node_id: uuid.UUID, state: str, *, reason: str, changed_by: str, at: datetime) -> None:
        values = {"node_id": node_id, "state": state, "reason": reason, "changed_by": changed_by, "at": at}
        self._connection.execute(statements.SET_STATE, values)

    def account_ids_below(self, node_id: uuid.UUID) -> list[uuid.UUID]:
        rows = self._connection.execute(statements.ACCOUNTS_BELOW, {"node_id": node_id}).fetchall()
        return [row[0] for row in rows]

    def open_orders(self, node_id: uuid.UUID) -> list[OpenOrder]:
        """The orders below the node whose reservation is not final."""
        with self._connection.cursor(row_factory=class_row(OpenOrder)) as cursor:
            return cursor.execute(statements.OPEN_ORDERS, {"node_id": node_id}).fetchall()

    def ledger_differences(self) -> list[dict[str, Any]]:
        """Every exposure that is not, to the last digit, what the reservations add up to. Empty when all is well.

        Of orders that rested over midnight the reservations do not tell which part traded on the last day; with them
        the traded notional is held between what must and what can have traded on it.
        """
        return self._rows(statements.LEDGER_DIFFERENCES)

    def order_differences(self) -> list[dict[str, Any]]:
        """Every order and reservation that disagree on what is filled or final. Empty when all is settled."""
        return self._rows(statements.ORDER_DIFFERENCES)

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement).fetchall()


def _fields(row: HeldReservation | ExposureChange | Limit) -> dict[str, Any]:
    """dataclasses.asdict without its deep copies, which cost more than the statement while nodes are locked."""
    return {field: getattr(row, field) for field in row.__slots__}


def _booked(change: ExposureChange) -> dict[str, Any]:
    return {f"booked_{name}": amount for name, amount in _fields(change).items()}


def _scopes(nodes: Iterable[Node], limits: Iterable[Limit], exposures: Iterable[Exposure], day: date) -> list[Scope]:
    limits_by_node: dict[uuid.UUID, list[Limit]] = defaultdict(list)
    for limit in limits:
        limits_by_node[limit.node_id].append(limit)
    exposures_by_node: dict[uuid.UUID, dict[str, Exposure]] = defaultdict(dict)
    for exposure in exposures:
        exposures_by_node[exposure.node_id][exposure.symbol] = exposure
    return [
        Scope(node, limits_by_node[node.node_id], exposures_by_node[node.node_id], day)
        for node in sorted(nodes, key=lambda node: len(node.path))
    ]
