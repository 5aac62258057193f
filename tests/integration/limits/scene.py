"""A firm as people and bots reach it: the functions' own handlers, a real database, and an engine over HTTP."""

import itertools
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from breakwater.domain.orders import PlaceOrder
from breakwater.domain.times import nanoseconds
from breakwater.errors import Rejection
from breakwater.services import order_saga
from functions.limits import app as limits_app
from functions.orders import app as orders_app
from tests.integration.limits.firm import SYMBOL, set_reference
from tests.integration.limits.watches import Watches
from tests.integration.orders.conftest import Desk
from tests.unit.runtime.http_events import LambdaContext, caller_context, http_event

HANDLERS: dict[str, Callable[..., dict[str, Any]]] = {"limits": limits_app.handler, "orders": orders_app.handler}


class Scene:
    """All happens now, or when `stopped_at` says; the price is 2000 until told otherwise, and fresh at every order."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.firm = desk.firm
        self.price = Decimal(2000)
        self.price_age = timedelta(0)
        self.stopped_at: datetime | None = None  # Of a clock that stands, for what is exactly at a boundary of time.
        self._numbers = itertools.count(1)

    def now(self) -> datetime:
        return self.stopped_at or datetime.now(UTC)

    def call(
        self, method: str, path: str, body: Any = None, *, api_key_id: str = "", **query: str
    ) -> tuple[int, dict[str, Any]]:
        caller = caller_context("organisation_admin", self.firm.tenant_id, username="ada", api_key_id=api_key_id)
        event = http_event(method, path, body=body, query=query, caller=caller)
        answer = HANDLERS[path.split("/")[1]](event, LambdaContext())
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    def limit(self, limit_type: str, value: str | None = None, *, node: uuid.UUID | None = None, **more: Any) -> None:
        """On the desk, if no other node is named."""
        body = {"node_id": str(node or self.firm.desk), "limit_type": limit_type, "value": value, **more}
        status, answer = self.call("POST", "/limits", body)
        assert status == 200, answer

    def order(self, quantity: str = "1", side: str = "BUY", *, api_key_id: str = "", **terms: Any) -> Any:
        """(status, body) of an order at the price, which stands then as of now or its age before."""
        set_reference(self.desk.urls.admin, self.price, self.now() - self.price_age)
        body = {
            "client_order_id": f"order-{next(self._numbers)}",
            "account_id": str(self.firm.account_ids[0]),
            "symbol": SYMBOL,
            "side": side,
            "type": "LIMIT",
            "quantity": quantity,
            "price": str(self.price),
            **terms,
        }
        return self.call("POST", "/orders", body, api_key_id=api_key_id)

    def passes(self, quantity: str = "1", side: str = "BUY", **terms: Any) -> uuid.UUID:
        status, answer = self.order(quantity, side, **terms)
        assert status == 201, answer
        return uuid.UUID(answer["order_id"])

    def refused(self, *limit_types: str, quantity: str = "1", side: str = "BUY", **terms: Any) -> list[dict[str, Any]]:
        """422, by these types and no others."""
        status, answer = self.order(quantity, side, **terms)
        assert (status, answer.get("code")) == (422, "LIMIT_EXCEEDED"), answer
        refusals: list[dict[str, Any]] = answer["refusals"]
        assert {refusal["limit_type"] for refusal in refusals} == set(limit_types)
        return refusals

    def fill(self, order_id: uuid.UUID, price: Decimal | None = None) -> None:
        """All of it, and the balances and positions have heard of it."""
        self.desk.model.now_ns = nanoseconds(self.now())
        self.desk.model.fill(order_id, self.desk.model.orders[order_id].order.quantity, price or self.price)
        self.desk.project_all()

    def trade(self, quantity: str = "1", side: str = "BUY", **terms: Any) -> None:
        self.fill(self.passes(quantity, side, **terms))

    def lose_a_round_trip(self) -> None:
        self.trade()
        self.trade(side="SELL")  # The fees are a loss.

    def pay_in(self, amount: str) -> None:
        self.desk.admin(
            "INSERT INTO trading.balances (account_id, asset, tenant_id, total) VALUES (%s, 'USDT', %s, %s)",
            self.firm.account_ids[0],
            self.firm.tenant_id,
            Decimal(amount),
        )

    def know(self, **terms: str) -> None:
        """What the firm says of ETH/USDT, as of today."""
        body = {"symbol": SYMBOL, "as_of": datetime.now(UTC).date().isoformat(), **terms}
        status, answer = self.call("PUT", "/limits/risk-terms", body)
        assert status == 200, answer

    def let_pass(self, seconds: int) -> None:
        """For limits that look back: all that has happened was so much earlier."""
        with psycopg.connect(self.desk.urls.admin) as connection:
            connection.execute("SET session_replication_role = replica")  # Nothing new has happened.
            connection.execute("UPDATE limits.activity SET at = at - make_interval(secs => %s)", (seconds,))
            connection.execute("DELETE FROM limits.activity_blocks")
            connection.execute(
                "INSERT INTO limits.activity_blocks"
                " SELECT node_id, limits.activity_block(at), symbol, venue, tenant_id,"
                " sum(new_count), sum(replace_count), sum(cancel_count), sum(fill_count), sum(automated_fill_count),"
                " sum(traded_notional) FROM limits.activity"
                " GROUP BY node_id, limits.activity_block(at), symbol, venue, tenant_id"
            )

    def watch_at(self, price: str) -> None:
        """The price moves, and the watch looks."""
        self.price = Decimal(price)
        now = self.now()
        set_reference(self.desk.urls.admin, self.price, now)
        desk = self.desk
        Watches(desk.database.untenanted_transaction, desk.transactions, desk.engine, tell=_fail).run_round(now)

    def run_saga(self, order: PlaceOrder) -> None:
        """The state machine's way through while nothing is lost; refusals end it."""
        now = self.now()
        self.desk.model.now_ns = nanoseconds(now)
        try:
            order_saga.reserve_limits(order, self.desk.transactions, now)
        except Rejection:
            return
        snapshot = order_saga.submit_order(order, self.desk.transactions, self.desk.engine, now)
        order_saga.confirm_order(order, snapshot, self.desk.transactions, now)


def _fail(told: str) -> None:
    raise AssertionError(told)
