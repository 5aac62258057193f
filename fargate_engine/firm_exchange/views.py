"""Orders and trades of the engine, of the API and of the account feed as the dialect shows them."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from breakwater.domain.executions import Execution, read_execution
from breakwater.domain.orders import (
    OrderTerms,
    OrderType,
    OrdStatus,
    Side,
    SubmitOrder,
    TimeInForce,
    exchange_order_id,
)
from fargate_engine.binance.exchange import Fill, ShownOrder, ShownTrade

_NS_PER_MS = 1_000_000
type Terms = OrderTerms | SubmitOrder


def number_of(id_: str) -> int:
    return exchange_order_id(uuid.UUID(id_))


def order_of_snapshot(
    snapshot: dict[str, Any], order: SubmitOrder, created_ms: int | None = None, fills: Sequence[Fill] = ()
) -> ShownOrder:
    """The engine's word on an order, and the terms that it was sent with."""
    updated_ms = int(snapshot["transact_time_ns"]) // _NS_PER_MS
    quantity, price = _terms_now(snapshot, order.quantity, order.price)
    return ShownOrder(
        order_number=exchange_order_id(order.order_id),
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        status=OrdStatus(snapshot["status"]),
        quantity=quantity,
        price=price,
        cum_qty=Decimal(snapshot["cum_qty"]),
        cum_notional=Decimal(snapshot["cum_notional"]),
        created_ms=created_ms or updated_ms,
        updated_ms=updated_ms,
        reject_reason=snapshot.get("reject_reason"),
        execution=order.execution,
        fills=fills,
    )


def updated(order: ShownOrder, snapshot: dict[str, Any]) -> ShownOrder:
    """The same order by a later word of the engine."""
    quantity, price = _terms_now(snapshot, order.quantity, order.price)
    return replace(
        order,
        quantity=quantity,
        price=price,
        status=OrdStatus(snapshot["status"]),
        cum_qty=Decimal(snapshot["cum_qty"]),
        cum_notional=Decimal(snapshot["cum_notional"]),
        updated_ms=int(snapshot["transact_time_ns"]) // _NS_PER_MS,
        reject_reason=snapshot.get("reject_reason"),
    )


def _terms_now(snapshot: dict[str, Any], quantity: Decimal, price: Decimal | None) -> tuple[Decimal, Decimal | None]:
    """Only of an order that was to be replaced the snapshot tells the price."""
    told = snapshot.get("price")
    return (quantity, price) if told is None else (Decimal(snapshot["quantity"]), Decimal(told))


def order_of_api(order: dict[str, Any], fills: Sequence[Fill] = ()) -> ShownOrder:
    """An order as `GET /orders` has it."""
    return ShownOrder(
        order_number=order["exchange_order_id"],
        client_order_id=order["client_order_id"],
        symbol=order["symbol"],
        side=Side(order["side"]),
        type=OrderType(order["type"]),
        time_in_force=TimeInForce(order["time_in_force"]),
        post_only=order["post_only"],
        status=OrdStatus(order["status"]),
        quantity=Decimal(order["quantity"]),
        price=None if order["price"] is None else Decimal(order["price"]),
        cum_qty=Decimal(order["cum_qty"]),
        cum_notional=Decimal(order["cum_notional"]),
        created_ms=milliseconds(order["created_at"]),
        updated_ms=milliseconds(order["updated_at"]),
        reject_reason=order["reject_reason"],
        execution=None if order["execution"] is None else read_execution(order["execution"]),
        fills=fills,
    )


def order_of_event(
    state: dict[str, Any], *, post_only: bool, created_ms: int | None, execution: Execution | None = None
) -> ShownOrder:
    """An OrderState (events/orders.py), which does not say whether it was post-only, when it was placed, or how it is
    worked.
    """
    updated_ms = int(state["transact_time_ns"]) // _NS_PER_MS
    return ShownOrder(
        order_number=number_of(state["order_id"]),
        client_order_id=state["client_order_id"],
        symbol=state["symbol"],
        side=Side(state["side"]),
        type=OrderType(state["type"]),
        time_in_force=TimeInForce(state["time_in_force"]),
        post_only=post_only,
        status=OrdStatus(state["status"]),
        quantity=Decimal(state["quantity"]),
        price=None if state["price"] is None else Decimal(state["price"]),
        cum_qty=Decimal(state["cum_qty"]),
        cum_notional=Decimal(state["cum_notional"]),
        created_ms=created_ms or updated_ms,
        updated_ms=updated_ms,
        reject_reason=state["reject_code"],
        execution=execution,
    )


def fill_of_event(trade: dict[str, Any]) -> Fill:
    """Of a TradeExecuted's payload."""
    return Fill(
        trade_number=number_of(str(trade["trade_id"])),
        price=Decimal(trade["last_px"]),
        quantity=Decimal(trade["last_qty"]),
        fee=Decimal(trade["fee"]),
        fee_asset=trade["fee_currency"],
    )


def trade_of_event(trade: dict[str, Any], order: ShownOrder) -> ShownTrade:
    return ShownTrade(
        symbol=order.symbol,
        order_number=order.order_number,
        fill=fill_of_event(trade),
        at_ms=order.updated_ms,
        side=order.side,
        is_maker=trade["liquidity"] == "MAKER",
    )


def trade_of_api(trade: dict[str, Any]) -> ShownTrade:
    """A trade as `GET /trades` has it."""
    return ShownTrade(
        symbol=trade["symbol"],
        order_number=number_of(trade["order_id"]),
        fill=fill_of_event(trade),
        at_ms=milliseconds(trade["transact_time"]),
        side=Side(trade["side"]),
        is_maker=trade["liquidity"] == "MAKER",
    )


def milliseconds(time_text: str) -> int:
    return int(datetime.fromisoformat(time_text).timestamp() * 1000)
