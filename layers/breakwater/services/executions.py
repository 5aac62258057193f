"""What the router makes of an order, recorded as it is told. No limit, position or balance counts it."""

import uuid

from breakwater.db.connection import TenantTransaction
from breakwater.db.executions import ChildRow, ChildTradeRow, MeasuredRow
from breakwater.domain.money import parse_amount
from breakwater.domain.times import from_nanoseconds
from breakwater.errors import NotFound
from events.envelope import Envelope
from events.orders import ChildOrderChanged, ChildOrderFilled, ExecutionMeasured, OrderState

TOPICS = frozenset({ChildOrderChanged.topic, ChildOrderFilled.topic, ExecutionMeasured.topic})


def project(tx: TenantTransaction, envelope: Envelope) -> None:
    """Record one event of TOPICS. NotFound when nobody has placed the order that it is about."""
    if envelope.topic == ExecutionMeasured.topic:
        measured = ExecutionMeasured.model_validate(envelope.payload)
        _require_order(tx, measured.order_id)
        tx.executions.take_measured(measured.order_id, _measured(measured))
    elif envelope.topic == ChildOrderFilled.topic:
        filled = ChildOrderFilled.model_validate(envelope.payload)
        _require_order(tx, filled.parent_order_id)
        tx.executions.take_child(_child(filled.parent_order_id, filled.order))
        tx.executions.add_trade(_trade(filled))
    else:
        changed = ChildOrderChanged.model_validate(envelope.payload)
        _require_order(tx, changed.parent_order_id)
        tx.executions.take_child(_child(changed.parent_order_id, changed.order))


def _require_order(tx: TenantTransaction, order_id: uuid.UUID) -> None:
    if tx.orders.get(order_id) is None:
        raise NotFound("the order that the router worked was never placed")


def _child(parent_id: uuid.UUID, state: OrderState) -> ChildRow:
    return ChildRow(
        order_id=state.order_id,
        parent_order_id=parent_id,
        venue=state.venue,
        side=state.side,
        type=state.type,
        time_in_force=state.time_in_force,
        quantity=parse_amount(state.quantity),
        price=None if state.price is None else parse_amount(state.price),
        status=state.status,
        cum_qty=parse_amount(state.cum_qty),
        leaves_qty=parse_amount(state.leaves_qty),
        cum_notional=parse_amount(state.cum_notional),
        reject_code=state.reject_code,
        reject_reason=state.reject_reason,
        engine_seq=state.engine_seq,
        transact_time=from_nanoseconds(state.transact_time_ns),
    )


def _trade(filled: ChildOrderFilled) -> ChildTradeRow:
    return ChildTradeRow(
        trade_id=filled.trade_id,
        order_id=filled.order.order_id,
        parent_order_id=filled.parent_order_id,
        venue=filled.order.venue,
        last_qty=parse_amount(filled.last_qty),
        last_px=parse_amount(filled.last_px),
        liquidity=filled.liquidity,
        fee=parse_amount(filled.fee),
        fee_currency=filled.fee_currency,
        transact_time=from_nanoseconds(filled.order.transact_time_ns),
    )


def _measured(told: ExecutionMeasured) -> MeasuredRow:
    arrival, cost, vwap = (
        None if price is None else parse_amount(price)
        for price in (told.arrival_px, told.arrival_cost_px, told.vwap_px)
    )
    return MeasuredRow(
        algorithm=told.algorithm,
        venues=list(told.venues),
        began_at=from_nanoseconds(told.began_at_ns),
        arrival_px=arrival,
        arrival_cost_px=cost,
        ended_at=None if told.ended_at_ns is None else from_nanoseconds(told.ended_at_ns),
        vwap_px=vwap,
        vwap_since=None if told.vwap_since_ns is None else from_nanoseconds(told.vwap_since_ns),
    )
