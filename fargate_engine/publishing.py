"""What the world is told of an order's change: the envelopes of its event (events/orders.py).

The contracts are pydantic models; here their documents are written directly, once for each change. Tests hold them
against the models.
"""

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from breakwater.domain.ids import named_id
from breakwater.domain.money import format_amount, format_computed
from breakwater.domain.orders import OrdStatus, ReplaceOrder, SubmitOrder, VoidReplace
from events.envelope import EnvelopeDocument
from events.orders import (
    ChildOrderChanged,
    ChildOrderFilled,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderLeased,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderRestated,
    TradeExecuted,
)
from fargate_engine.messages import Liquidity
from fargate_engine.orders import TERMS, EngineOrder, RefusedOrder, Told
from fargate_engine.terms import Reason


class Fee(NamedTuple):
    """`currency` is None where it is the quote currency."""

    amount: Decimal
    currency: str | None = None


NO_FEE = Fee(Decimal(0))  # The internal book matches customers with each other and charges neither.
_TOPICS = {
    OrdStatus.NEW: OrderAccepted.topic,
    OrdStatus.REJECTED: OrderRejected.topic,
    OrdStatus.CANCELED: OrderCanceled.topic,
    OrdStatus.EXPIRED: OrderExpired.topic,
}


def changed(order: EngineOrder) -> EnvelopeDocument:
    """That it is accepted, rejected, cancelled or expired."""
    if order.parent_id is not None:
        child = {"parent_order_id": order.parent_id, "order": _state(order)}
        return _envelope(order.submitted, order, ChildOrderChanged.topic, child)
    return _envelope(order.submitted, order, _TOPICS[order.status], {"order": _state(order)})


def replaced(order: EngineOrder, asked: ReplaceOrder) -> EnvelopeDocument:
    """That it has other terms, and the order with them."""
    told = {"replace_id": asked.replace_id, "replace_no": asked.replace_no, "order": _state(order)}
    return _envelope(order.submitted, order, OrderReplaced.topic, told)


def replace_rejected(order: EngineOrder, asked: ReplaceOrder | VoidReplace, reason: Reason) -> EnvelopeDocument:
    """That a replace came to nothing, and the order as it is."""
    told = {"replace_id": asked.replace_id, "replace_no": asked.replace_no, "code": reason.code, "reason": reason.text}
    return _envelope(order.submitted, order, OrderReplaceRejected.topic, {**told, "order": _state(order)})


def restated(order: EngineOrder, lots: int, reason: Reason) -> EnvelopeDocument:
    """That it is for so many lots less, and the order with its new quantity. Of a child: that it changed."""
    if order.parent_id is not None:
        child = {"parent_order_id": order.parent_id, "order": _state(order)}
        return _envelope(order.submitted, order, ChildOrderChanged.topic, child)
    reduced_qty = format_computed(order.instrument.quantity(lots))
    told = {"restatement_reason": reason.code, "reduced_qty": reduced_qty, "order": _state(order)}
    return _envelope(order.submitted, order, OrderRestated.topic, told)


def leased(order: EngineOrder | RefusedOrder, submitted: SubmitOrder) -> EnvelopeDocument:
    """That it was sent within a lease, and all that nobody knows of it yet."""
    document = orjson.loads(order.document if isinstance(order, EngineOrder) else submitted.model_dump_json())
    told = {name: document[name] for name in ("post_only", "price_low", "price_high")}
    state = {name: document[name] for name in TERMS} | order.words()
    return _envelope(submitted, order, OrderLeased.topic, {"order": state, **document["leased"], **told})


def refused(order: RefusedOrder, submitted: SubmitOrder) -> EnvelopeDocument:
    state = Told.of(submitted.model_dump_json()).terms | order.words()
    if submitted.parent_id is not None:
        child = {"parent_order_id": submitted.parent_id, "order": state}
        return _envelope(submitted, order, ChildOrderChanged.topic, child)
    return _envelope(submitted, order, OrderRejected.topic, {"order": state})


def filled(order: EngineOrder, lots: int, ticks: int, liquidity: Liquidity, fee: Fee) -> EnvelopeDocument:
    """One fill, and the order after it. That of a child is told as such."""
    instrument = order.instrument
    trade = {
        "trade_id": named_id(order.order_id, f"trade/{order.engine_seq}"),
        "last_qty": format_amount(instrument.quantity(lots)),
        "last_px": format_amount(instrument.price(ticks)),
        "liquidity": liquidity,
        "fee": format_amount(fee.amount),
        "fee_currency": fee.currency or instrument.quote_asset,
        "order": _state(order),
    }
    if order.parent_id is not None:
        return _envelope(order.submitted, order, ChildOrderFilled.topic, {"parent_order_id": order.parent_id, **trade})
    return _envelope(order.submitted, order, TradeExecuted.topic, trade)


def _state(order: EngineOrder) -> dict[str, Any]:
    """OrderState's document."""
    return {**order.told.terms, **order.words()}


def _envelope(
    submitted: SubmitOrder, order: EngineOrder | RefusedOrder, topic: str, payload: dict[str, Any]
) -> EnvelopeDocument:
    """Its id follows from the order's change, so an event that is made again has the id it had."""
    return {
        "event_id": named_id(submitted.order_id, f"{topic}/{order.engine_seq}"),
        "topic": topic,
        "tenant_id": submitted.tenant_id,
        "account_id": submitted.account_id,
        "aggregate_id": submitted.order_id,
        "correlation_id": submitted.correlation_id,
        "occurred_at_ns": order.transact_time_ns,
        "payload": payload,
    }
