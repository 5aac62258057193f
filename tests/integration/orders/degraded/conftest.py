"""A desk whose ledger can be made silent: somebody holds the firm's node, as a session that hangs would."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db import connection as database_connection
from breakwater.db.degraded import LEDGER
from breakwater.domain.degraded import EmergencyLimits, Mode
from breakwater.domain.orders import OrderSnapshot, PlaceOrder, Side
from breakwater.errors import DatabaseUnavailable, OrderRefused
from breakwater.services import degraded, order_saga
from events.limits import DegradedModeChanged
from tests.integration.limits.firm import order_of, set_reference
from tests.integration.orders.conftest import Desk

LOCK_TIMEOUT_MS = 300  # Of the functions: 3 s elsewhere.


@dataclass
class SilentDesk:
    """Its clock is the test's; it begins now, so that what Postgres notes lies before what the test says."""

    desk: Desk
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def at(self, minutes: float = 0, seconds: float = 0) -> datetime:
        """So long after the first failure."""
        return self.began_at + timedelta(minutes=minutes, seconds=seconds)

    @contextmanager
    def nodes_held(self, how: str = "FOR UPDATE") -> Iterator[None]:
        with psycopg.connect(self.desk.urls.admin) as connection:
            connection.execute(f"SELECT 1 FROM limits.nodes WHERE node_id = %s {how}", (self.desk.firm.firm,))
            yield

    @contextmanager
    def tables_held(self) -> Iterator[None]:
        """Not even readers pass."""
        with psycopg.connect(self.desk.urls.admin) as connection:
            connection.execute("LOCK TABLE limits.nodes IN ACCESS EXCLUSIVE MODE")
            yield

    def order(self, quantity: str = "1", side: Side = Side.BUY, *, at: datetime, account: int = 0) -> PlaceOrder:
        """At 2,000, and the price is fresh."""
        set_reference(self.desk.urls.admin, Decimal(2000), at)
        return order_of(self.desk.firm, side, quantity, at=at, account=account)

    def reserve(self, order: PlaceOrder, at: datetime, emergency: EmergencyLimits | None = None) -> None:
        order_saga.reserve_limits(order, self.desk.transactions, at, emergency or EmergencyLimits())

    def fails(self, at: datetime) -> None:
        with pytest.raises(DatabaseUnavailable):
            self.reserve(self.order(at=at), at)

    def become_silent(self) -> None:
        """Two attempts of one saga."""
        self.fails(self.at())
        self.fails(self.at(seconds=3))
        assert self.mode is Mode.CACHED

    def passes(self, quantity: str = "1", side: Side = Side.BUY, *, at: datetime) -> PlaceOrder:
        order = self.order(quantity, side, at=at)
        self.reserve(order, at)
        return order

    def refused(self, quantity: str = "1", side: Side = Side.BUY, *, at: datetime) -> OrderRefused:
        with pytest.raises(OrderRefused) as refusal:
            self.reserve(self.order(quantity, side, at=at), at)
        return refusal.value

    def send(self, order: PlaceOrder, at: datetime) -> OrderSnapshot:
        """The rest of its saga."""
        snapshot = order_saga.submit_order(order, self.desk.transactions, self.desk.engine, at)
        order_saga.confirm_order(order, snapshot, self.desk.transactions, at)
        return snapshot

    def mind(self, at: datetime) -> None:
        degraded.mind(self.desk.firm.tenant_id, self.desk.transactions, at, try_ledger=True)

    @property
    def mode(self) -> Mode:
        with self.desk.transactions(self.desk.firm.tenant_id) as tx:
            row = tx.degraded.mode(LEDGER)
        return Mode.NORMAL if row is None else row.mode

    def told_modes(self) -> list[tuple[str, str, int]]:
        """(before, after, how many orders had passed beside the ledger), as the events have it."""
        rows = self.desk.admin(
            "SELECT payload FROM trading.events WHERE topic = %s ORDER BY occurred_at_ns", DegradedModeChanged.topic
        )
        changes = [DegradedModeChanged.model_validate(payload) for (payload,) in rows]
        return [(change.mode_before, change.mode, change.provisional_orders) for change in changes]

    def mark(self, order: PlaceOrder) -> Any:
        """What the saga's first step says of how the order passed."""
        with self.desk.transactions(self.desk.firm.tenant_id) as tx:
            return tx.orders.saga_steps(order.order_id)[0]["detail"]

    def node_state(self, node_id: uuid.UUID) -> str:
        ((state,),) = self.desk.admin("SELECT state FROM limits.nodes WHERE node_id = %s", node_id)
        return str(state)


@pytest.fixture
def silent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> SilentDesk:
    options = database_connection._SESSION_OPTIONS.replace("lock_timeout=3000", f"lock_timeout={LOCK_TIMEOUT_MS}")
    monkeypatch.setattr(database_connection, "_SESSION_OPTIONS", options)
    return SilentDesk(desk)
