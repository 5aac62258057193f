"""A firm with limits, an engine behind real HTTP, and the saga's steps wired to both."""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.db.orders import OrderRow
from breakwater.domain.orders import PlaceOrder
from breakwater.errors import Rejection, Unavailable
from breakwater.services import order_saga
from breakwater.services.engine_client import EngineClient
from breakwater.services.projections import project
from breakwater.services.reconciliation import Outcome, reconcile
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, create_firm, set_limit
from tests.support.engine_model import EngineModel, serve


@dataclass
class Desk:
    """What a test of orders needs at hand."""

    firm: Firm
    database: Database
    urls: DatabaseUrls
    model: EngineModel
    engine: EngineClient

    def transactions(self, tenant_id: uuid.UUID) -> AbstractContextManager[TenantTransaction]:
        return self.database.tenant_transaction(tenant_id)

    def reserve(self, order: PlaceOrder) -> None:
        order_saga.reserve_limits(order, self.transactions, NOW)

    def run_saga(self, order: PlaceOrder) -> None:
        """The way through when nothing fails."""
        self.reserve(order)
        snapshot = order_saga.submit_order(order, self.transactions, self.engine, NOW)
        order_saga.confirm_order(order, snapshot, self.transactions, NOW)

    def follow_saga(self, order: PlaceOrder) -> None:
        """The state machine's way, whatever happens: see infra_cdk/constructs/order_saga.py."""
        try:
            self.reserve(order)
        except (Rejection, Unavailable):
            return
        try:
            snapshot = order_saga.submit_order(order, self.transactions, self.engine, NOW)
        except Rejection:
            order_saga.release_limits(order, self.transactions, self.engine, NOW)
            return
        except Unavailable:
            order_saga.mark_unknown(order, "Unavailable", self.transactions, NOW)
            return
        order_saga.confirm_order(order, snapshot, self.transactions, NOW)

    def project_all(self) -> None:
        for envelope in self.model.events:
            project(envelope, self.transactions)

    def reconcile(self) -> Outcome:
        return reconcile(self.database.untenanted_transaction, self.transactions, self.engine, lambda: 60.0)

    def row(self, order: PlaceOrder) -> OrderRow:
        with self.transactions(self.firm.tenant_id) as tx:
            row = tx.orders.get(order.order_id)
        assert row is not None
        return row

    def steps(self, order: PlaceOrder) -> list[tuple[str, str]]:
        with self.transactions(self.firm.tenant_id) as tx:
            return [(step["step"], step["outcome"]) for step in tx.orders.saga_steps(order.order_id)]

    def grow_old(self, order: PlaceOrder, seconds: int) -> None:
        """As if nothing had happened to the order and its reservation for so long."""
        self.admin(
            "UPDATE trading.orders SET updated_at = now() - make_interval(secs => %s) WHERE order_id = %s",
            seconds,
            order.order_id,
        )
        self.admin(
            "UPDATE limits.reservations SET updated_at = now() - make_interval(secs => %s) WHERE order_id = %s",
            seconds,
            order.order_id,
        )

    def admin(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.urls.admin) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def reserved(self) -> tuple[Any, ...]:
        """Open buy quantity, open sell quantity, open order count and position of the whole firm."""
        rows = self.admin(
            "SELECT open_buy_qty, open_sell_qty, open_order_count, filled_qty FROM limits.exposures WHERE node_id = %s",
            self.firm.firm,
        )
        return tuple(rows[0]) if rows else (0, 0, 0, 0)

    def assert_ledger_is_exact(self) -> None:
        with self.transactions(self.firm.tenant_id) as tx:
            assert tx.limits.ledger_differences() == []
            assert tx.limits.order_differences() == []


@pytest.fixture
def desk(database_urls: DatabaseUrls) -> Iterator[Desk]:
    firm = create_firm(database_urls.admin)
    set_limit(database_urls.admin, firm, firm.firm, "LONG_POSITION", "100", instrument="ETH/USDT")
    database = Database(lambda: database_urls.functions)
    model = EngineModel()
    with serve(model) as url:
        yield Desk(firm, database, database_urls, model, EngineClient(lambda: url, lambda: "test-token"))
    database.close()
