"""The engine's contract without an engine: orders by id, snapshots that grow, events, and `void`.

Tests serve it over HTTP (`serve`) or call it directly. What becomes of an order on arrival is the test's to say.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from breakwater.domain.money import format_amount
from breakwater.domain.orders import OrderSnapshot, OrdStatus, SubmitOrder
from breakwater.errors import NotFound
from breakwater.services.engine_client import CanceledOrders
from events.envelope import Envelope, Event
from events.orders import OrderAccepted, OrderCanceled, OrderRejected, OrderState, TradeExecuted
from tests.support.loopback import QuietHandler, served

FEE_RATE = Decimal("0.001")


@dataclass
class LiveOrder:
    order: SubmitOrder
    status: OrdStatus = OrdStatus.NEW
    cum_qty: Decimal = Decimal(0)
    cum_notional: Decimal = Decimal(0)
    reject_code: str | None = None
    engine_seq: int = 0


Arrival = Callable[["EngineModel", LiveOrder], None]


def rest(_: "EngineModel", __: LiveOrder) -> None:
    """The order stays open."""


def reject(model: "EngineModel", live: LiveOrder) -> None:
    live.status, live.reject_code = OrdStatus.REJECTED, "POST_ONLY_WOULD_TAKE"


@dataclass
class EngineModel:
    arrival: Arrival = rest
    orders: dict[uuid.UUID, LiveOrder] = field(default_factory=dict)
    voided: dict[uuid.UUID, OrderSnapshot] = field(default_factory=dict)
    events: list[Envelope] = field(default_factory=list)
    now_ns: int = 1_800_000_000_000_000_000
    _seq: int = 0

    def submit(self, order: SubmitOrder) -> OrderSnapshot:
        if order.order_id in self.voided:
            return self.voided[order.order_id]
        if order.order_id not in self.orders:
            live = self.orders[order.order_id] = LiveOrder(order)
            self.arrival(self, live)
            if live.engine_seq == 0:
                self._report(live, OrderRejected if live.status is OrdStatus.REJECTED else OrderAccepted)
        return self.snapshot(self.orders[order.order_id])

    def get(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str = "test") -> OrderSnapshot:
        if order_id in self.voided:
            return self.voided[order_id]
        live = self.orders.get(order_id)
        if live is None or live.order.tenant_id != tenant_id:
            raise NotFound("the engine does not know this order")
        return self.snapshot(live)

    def cancel(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str = "test") -> OrderSnapshot:
        self.get(order_id, tenant_id=tenant_id)
        live = self.orders.get(order_id)
        if live is not None and not live.status.is_final:
            live.status = OrdStatus.CANCELED
            self._report(live, OrderCanceled)
        return self.get(order_id, tenant_id=tenant_id)

    def void(
        self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, correlation_id: str
    ) -> OrderSnapshot:
        if order_id not in self.orders and order_id not in self.voided:
            self.voided[order_id] = OrderSnapshot(
                order_id=order_id,
                status=OrdStatus.REJECTED,
                quantity=Decimal(0),
                cum_qty=Decimal(0),
                leaves_qty=Decimal(0),
                cum_notional=Decimal(0),
                reject_code="VOIDED",
                reject_reason="never heard of",
                engine_seq=self._next_seq(),
                transact_time_ns=self.now_ns,
            )
        return self.get(order_id, tenant_id=tenant_id) if order_id in self.orders else self.voided[order_id]

    def cancel_all(
        self, account_ids: list[uuid.UUID], *, tenant_id: uuid.UUID, correlation_id: str = "test"
    ) -> CanceledOrders:
        open_ids = [
            order_id
            for order_id, live in self.orders.items()
            if live.order.account_id in account_ids and not live.status.is_final
        ]
        return CanceledOrders(canceled=[self.cancel(order_id, tenant_id=tenant_id) for order_id in open_ids], failed=[])

    def fill(self, order_id: uuid.UUID, last_qty: Decimal, last_px: Decimal | None = None) -> None:
        live = self.orders[order_id]
        px = last_px or live.order.price or live.order.price_high
        live.cum_qty += last_qty
        live.cum_notional += last_qty * px
        live.status = OrdStatus.FILLED if live.cum_qty == live.order.quantity else OrdStatus.PARTIALLY_FILLED
        self._trade(live, last_qty, px)

    def snapshot(self, live: LiveOrder) -> OrderSnapshot:
        return OrderSnapshot(
            order_id=live.order.order_id,
            status=live.status,
            quantity=live.order.quantity,
            cum_qty=live.cum_qty,
            leaves_qty=Decimal(0) if live.status.is_final else live.order.quantity - live.cum_qty,
            cum_notional=live.cum_notional,
            reject_code=live.reject_code,
            reject_reason=live.reject_code,
            engine_seq=live.engine_seq,
            transact_time_ns=self.now_ns,
        )

    def _report(self, live: LiveOrder, event: type[Any]) -> None:
        live.engine_seq = self._next_seq()
        self._publish(live, event(order=self._state(live)))

    def _trade(self, live: LiveOrder, last_qty: Decimal, last_px: Decimal) -> None:
        live.engine_seq = self._next_seq()
        trade = TradeExecuted(
            trade_id=uuid.uuid4(),
            last_qty=format_amount(last_qty),
            last_px=format_amount(last_px),
            liquidity="TAKER",
            fee=format_amount(last_qty * last_px * FEE_RATE),
            fee_currency=live.order.symbol.partition("/")[2],
            order=self._state(live),
        )
        self._publish(live, trade)

    def _publish(self, live: LiveOrder, event: Event) -> None:
        envelope = Envelope(
            event_id=uuid.uuid4(),
            topic=event.topic,
            tenant_id=live.order.tenant_id,
            account_id=live.order.account_id,
            aggregate_id=live.order.order_id,
            correlation_id=live.order.correlation_id,
            occurred_at_ns=self.now_ns,
            payload=event.model_dump(mode="json"),
        )
        self.events.append(envelope)

    def _state(self, live: LiveOrder) -> OrderState:
        order = live.order.model_dump(mode="json")
        told = {name: order[name] for name in OrderState.model_fields if name in order}
        words = self.snapshot(live).model_dump(mode="json", exclude_none=True)
        untold: dict[str, Any] = dict.fromkeys(("reject_code", "reject_reason"))
        return OrderState(**(untold | words | told))

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq


@contextmanager
def serve(model: EngineModel, answer: Callable[[str, str], tuple[int, bytes] | None] | None = None) -> Iterator[str]:
    """The model behind real HTTP on loopback. `answer` may take a call over: (status, body), or None to let it pass."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            taken = answer(self.command, self.path) if answer else None
            status, told = taken or self._route(json.loads(body) if body else {})
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_DELETE = _serve  # The names http.server looks for.

        def _route(self, body: dict[str, Any]) -> tuple[int, bytes]:  # noqa: PLR0911  # A return a route.
            address = urlsplit(self.path)
            parts = address.path.strip("/").split("/")
            if address.path == "/health":
                return 200, b'{"status": "READY", "unserved": []}'
            if self.headers.get("Authorization") != "Bearer test-token":
                return 401, b"{}"
            if parts == ["internal", "orders"]:
                return 200, model.submit(SubmitOrder.model_validate(body)).model_dump_json().encode()
            if parts == ["internal", "cancel-all"]:
                accounts = [uuid.UUID(each) for each in body["account_ids"]]
                return 200, model.cancel_all(
                    accounts, tenant_id=uuid.UUID(body["tenant_id"])
                ).model_dump_json().encode()
            order_id = uuid.UUID(parts[2])
            if parts[-1] == "void":
                tenant_id, account_id = uuid.UUID(body["tenant_id"]), uuid.UUID(body["account_id"])
                voided = model.void(
                    order_id, tenant_id=tenant_id, account_id=account_id, symbol=body["symbol"], correlation_id="test"
                )
                return 200, voided.model_dump_json().encode()
            tenant_id = uuid.UUID(parse_qs(address.query)["tenant_id"][0])
            call = model.cancel if self.command == "DELETE" else model.get
            try:
                return 200, call(order_id, tenant_id=tenant_id).model_dump_json().encode()
            except NotFound:
                return 404, b"{}"

    with served(Handler) as url:
        yield url
