"""Two accounts that trade by leases, on a real ledger and a real core."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from breakwater.db.connection import Database
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.services import leases
from breakwater.services.leases import LeaseRequest
from breakwater.services.limit_views import LeaseView
from tests.conftest import DatabaseUrls
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.firm import NOW, SYMBOL, Firm, order_of, set_limit, set_reference
from tests.integration.limits.watches import Watches


class LeaseScene:
    """A firm with two accounts, its ledger, and an engine."""

    def __init__(self, urls: DatabaseUrls, database: Database, firm: Firm, risk: Caller) -> None:
        self.urls, self.database, self.firm, self.risk = urls, database, firm, risk
        self.engine = CoreEngine()
        self.at = NOW
        self.told: list[str] = []
        self._watch = Watches(
            database.untenanted_transaction, database.tenant_transaction, self.engine, self.told.append
        )
        self.engine.set_time_ns(nanoseconds(NOW))

    def go_on(self, seconds: float = 1, price: str = "2000") -> None:
        """Time passes, with a fresh price, and the watch looks once."""
        self.at += timedelta(seconds=seconds)
        self.engine.set_time_ns(nanoseconds(self.at))
        set_reference(self.urls.admin, Decimal(price), self.at)
        self._watch.run_round(self.at)

    def limit(self, node_id: uuid.UUID, limit_type: str, value: str) -> None:
        set_limit(self.urls.admin, self.firm, node_id, limit_type, value)

    def open(self, buy: str = "80", sell: str = "80", *, account: int = 0, orders: int = 10, **owner: Any) -> LeaseView:
        request = LeaseRequest(
            account_id=self.firm.account_ids[account],
            symbol=SYMBOL,
            venue="BOOK",
            buy_max=Decimal(buy),
            sell_max=Decimal(sell),
            orders_max=orders,
            **owner,
        )
        return leases.open_lease(request, self.risk, self.database.tenant_transaction, self.engine, self.at)

    def lease(self, account: int = 0) -> LeaseView:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            found = leases.list_leases(self.risk, tx, self.at, node_id=None, living_only=False)["items"]
        return next(each for each in found if each["account_id"] == str(self.firm.account_ids[account]))

    def order(self, side: Side = Side.BUY, quantity: str = "1", price: str = "2000", *, account: int = 0) -> PlaceOrder:
        return order_of(self.firm, side, quantity, price, account=account, at=self.at, venue="BOOK").of_lease()

    def send(self, side: Side = Side.BUY, quantity: str = "1", price: str = "2000", *, account: int = 0) -> PlaceOrder:
        order = self.order(side, quantity, price, account=account)
        self.engine.submit_leased(order)
        return order

    def status(self, order: PlaceOrder) -> tuple[OrdStatus, str | None]:
        told = self.engine.driven.snapshot(order.order_id)
        return told.status, told.reject_code

    def project(self, at_most: int | None = None) -> None:
        self.engine.project(self.database, at_most=at_most)

    def exposure(self, node_id: uuid.UUID) -> tuple[Decimal, Decimal, Decimal, int, Decimal]:
        """F, B, S, open orders, and open notional of a node."""
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            found = tx.limits.scopes_at(self.at, [node_id])[0].exposures
        sums = [
            sum((getattr(each, name) for each in found), Decimal(0))
            for name in ("filled_qty", "open_buy_qty", "open_sell_qty", "open_order_count", "open_notional")
        ]
        return (sums[0], sums[1], sums[2], int(sums[3]), sums[4])

    def books(self) -> None:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            assert tx.limits.ledger_differences() == []
            assert (not self.engine.events and tx.limits.order_differences() == []) or self.engine.events


def stop(scene: LeaseScene, lease: LeaseView) -> LeaseView:
    transactions = scene.database.tenant_transaction
    return leases.stop_lease(uuid.UUID(lease["lease_id"]), scene.risk, transactions, scene.engine, scene.at)
