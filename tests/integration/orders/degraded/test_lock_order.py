"""Who stops a node waits for the mode's row with nodes locked: who has that row must not wait for a node."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.degraded import Mode
from breakwater.domain.orders import Side
from breakwater.errors import OrderRefused, TreeChanged
from breakwater.services import degraded, order_saga
from breakwater.services.brakes import StateChange, kill
from breakwater.services.nodes import NodeChange, change_node
from breakwater.services.settlement import TenantTransactions
from tests.integration.limits.firm import order_of, set_reference
from tests.integration.limits.people import node, risk_manager
from tests.integration.orders.conftest import Desk

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Others:
    """What other connections do meanwhile."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.pool = ThreadPoolExecutor(4)

    @property
    def transactions(self) -> TenantTransactions:
        """On a connection of its own: a database has one."""
        return Database(lambda: self._desk.urls.functions).tenant_transaction

    def blocked[T](self, count: int, work: Callable[[], T]) -> Future[T]:
        """Begun, and among so many who wait for a lock."""
        future = self.pool.submit(work)
        for _ in range(500):
            if self._desk.admin(WAITS) == [(count,)]:
                return future
            if future.done():
                future.result()
            time.sleep(0.01)
        raise AssertionError(f"not {count} wait for a lock")


@pytest.fixture
def others(desk: Desk) -> Iterator[Others]:
    others = Others(desk)
    yield others
    others.pool.shutdown()


@pytest.fixture
def mode_held(desk: Desk) -> Iterator[psycopg.Connection]:
    """The ledger is silent, and who ends that has the mode's row."""
    desk.admin(
        "INSERT INTO trading.degraded_modes (tenant_id, kind, mode, since, failed_at)"
        " VALUES (%s, 'LEDGER', 'CACHED', now(), now())",
        desk.firm.tenant_id,
    )
    with psycopg.connect(desk.urls.admin) as connection:
        connection.execute("SELECT 1 FROM trading.degraded_modes FOR UPDATE")
        yield connection


def ends(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE trading.degraded_modes SET mode = 'NORMAL'")
    connection.commit()


def test_an_order_that_finds_the_ledger_back_lets_a_kill_pass_that_waits_for_it(
    desk: Desk, others: Others, mode_held: psycopg.Connection
) -> None:
    now, firm = datetime.now(UTC), desk.firm
    set_reference(desk.urls.admin, Decimal(2000), now)
    order = order_of(firm, at=now)
    placed = others.blocked(1, lambda: order_saga.reserve_limits(order, others.transactions, now))
    stop = StateChange(node_id=firm.desk, reason="too much")
    killed = others.blocked(2, lambda: kill(stop, risk_manager(firm), others.transactions, desk.engine, now))
    ends(mode_held)
    assert killed.result(20)["state"] == "KILLED"
    with pytest.raises(OrderRefused) as refusal:  # Judged after the kill, by the ledger.
        placed.result(20)
    assert [each["limit_type"] for each in refusal.value.extensions["refusals"]] == ["KILL_SWITCH"]


def test_an_order_that_finds_the_ledger_back_lets_a_node_move_that_waits_for_it(
    desk: Desk, others: Others, mode_held: psycopg.Connection
) -> None:
    now, firm, risk = datetime.now(UTC), desk.firm, risk_manager(desk.firm)
    set_reference(desk.urls.admin, Decimal(2000), now)
    with desk.transactions(firm.tenant_id) as tx:
        other = node(tx, risk, firm.firm, "DESK", "other")

    def move() -> None:
        with others.transactions(firm.tenant_id) as tx:
            change_node(firm.trader, NodeChange(parent_id=other), risk, tx, now)

    order = order_of(firm, account=1, at=now)
    placed = others.blocked(1, lambda: order_saga.reserve_limits(order, others.transactions, now))
    moved = others.blocked(2, move)
    ends(mode_held)
    moved.result(20)
    try:
        placed.result(20)
    except TreeChanged:  # It had read its way before the move, and is sent again.
        order_saga.reserve_limits(order, desk.transactions, now)
    with desk.transactions(firm.tenant_id) as tx:
        held = tx.limits.lock_reservation(order.order_id)
    assert held is not None
    assert other in held.node_ids
    desk.assert_ledger_is_exact()


def test_who_books_gives_up_an_order_that_somebody_holds_and_lets_a_kill_pass(desk: Desk, others: Others) -> None:
    now, firm = datetime.now(UTC), desk.firm
    desk.admin(
        "INSERT INTO trading.degraded_modes (tenant_id, kind, mode, since, failed_at)"
        " VALUES (%s, 'LEDGER', 'CACHED', now(), now())",
        firm.tenant_id,
    )
    set_reference(desk.urls.admin, Decimal(2000), now)
    order = order_of(firm, Side.BUY, at=now)
    order_saga.reserve_limits(order, desk.transactions, now)
    stop = StateChange(node_id=firm.desk, reason="too much")
    with psycopg.connect(desk.urls.admin) as connection:
        connection.execute("SELECT 1 FROM trading.orders WHERE order_id = %s FOR UPDATE", (order.order_id,))
        booking = others.pool.submit(degraded.mind, firm.tenant_id, others.transactions, now, try_ledger=True)
        killed = others.blocked(2, lambda: kill(stop, risk_manager(firm), others.transactions, desk.engine, now))
        booking.result(20)
        with desk.transactions(firm.tenant_id) as tx:
            row = tx.degraded.mode("LEDGER")
        assert row is not None
        assert row.mode is Mode.CACHED  # Tried again later.
        with desk.transactions(firm.tenant_id) as tx:
            state = tx.limits.node(firm.desk, now, lock=True)
        assert state is not None
        assert state.state == "KILLED"
    assert killed.result(20)["state"] == "KILLED"
