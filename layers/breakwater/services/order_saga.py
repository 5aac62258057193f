"""The order saga's steps. Each may run twice, late, or beside another saga of its order, and changes nothing twice.

What carries this: the order's id follows from the client's, its row is written once, the engine answers a repeated
submit with the order it has, and an older word of the engine never replaces a newer one.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.db.orders import OrderRow
from breakwater.domain.degraded import RETRIED_LATER, RETRY_IN_MINUTES, EmergencyLimits, Mode
from breakwater.domain.executions import EXITS, Execution
from breakwater.domain.exposure import ZERO
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import OrderSnapshot, OrdStatus, PlaceOrder, SelfTrade, SubmitOrder
from breakwater.domain.times import nanoseconds
from breakwater.errors import DatabaseUnavailable, OrderIdReused, OrderRefused, Rejection, Unavailable
from breakwater.services import degraded, limits
from breakwater.services.engine_client import EngineClient
from breakwater.services.settlement import TenantTransactions, settle
from breakwater.services.trade_failures import REASONS, tell_failed
from events.envelope import Event
from events.limits import LimitBreached
from events.orders import OrderEndSet, OrderPlaced, OrderState
from events.orders import OrderRefused as OrderRefusedEvent

DONE = "DONE"
REJECTED = "REJECTED"
EXIT_BEYOND_ENTRY = "EXIT_BEYOND_ENTRY"
UNAVAILABLE = "UNAVAILABLE"
EMERGENCY_LIMITS = EmergencyLimits()  # Unless the function is told others.


def reserve_limits(
    order: PlaceOrder,
    transactions: TenantTransactions,
    at: datetime,
    emergency: EmergencyLimits = EMERGENCY_LIMITS,
) -> None:
    """Write the order and hold what it may consume, or write it as REJECTED with every refusing limit.

    OrderRefused after that was committed, also when an earlier saga had it refused; OrderIdReused for another body.
    Where the ledger alone does not answer, that is noted: the next orders may pass beside it (services/degraded.py).
    """
    try:
        with transactions(order.tenant_id) as tx:
            refusal, mode = _place(tx, order, emergency, at)
            outcome = REJECTED if refusal else DONE
            told = refusal.code if refusal else None if mode is Mode.NORMAL else mode
            _record(tx, order, "reserve_limits", outcome, at, detail=told)
    except DatabaseUnavailable:
        degraded.note_silence(order.tenant_id, transactions, at)
        raise
    if refusal is not None:
        raise refusal


def submit_order(
    order: PlaceOrder, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> OrderSnapshot:
    """Send it to the engine. OrderRefused when the engine says no, EngineUnavailable when nothing is known."""
    with transactions(order.tenant_id) as tx:
        row = tx.orders.get(order.order_id)
        execution = _as_sent(tx, order)
    if row is None:
        raise RuntimeError(f"order {order.order_id} is submitted but was never placed")
    # No transaction is open meanwhile: the engine may take longer than a session may idle in one.
    try:
        snapshot = engine.submit(_submission(row, order, execution))
    except Unavailable as error:
        with transactions(order.tenant_id) as tx:
            _record(tx, order, "submit_order", UNAVAILABLE, at, detail=error.message)
        raise
    rejected = snapshot.status is OrdStatus.REJECTED
    with transactions(order.tenant_id) as tx:
        _record(tx, order, "submit_order", REJECTED if rejected else DONE, at, detail=snapshot.reject_code)
    if rejected:
        raise OrderRefused(snapshot.reject_reason or "the engine refused it", code=snapshot.reject_code or "REJECTED")
    return snapshot


def confirm_order(order: PlaceOrder, snapshot: OrderSnapshot, transactions: TenantTransactions, at: datetime) -> None:
    """Settle order and reservation from the engine's answer: a resting order keeps what it may still consume."""
    with transactions(order.tenant_id) as tx:
        settle(tx, snapshot)
        _record(tx, order, "confirm_order", DONE, at, detail=snapshot.status)


def release_limits(order: PlaceOrder, transactions: TenantTransactions, engine: EngineClient, at: datetime) -> None:
    """Give back what a refused order held. The engine is asked once more: only its own word frees a reservation."""
    snapshot = engine.get(order.order_id, tenant_id=order.tenant_id, correlation_id=order.correlation_id)
    with transactions(order.tenant_id) as tx:
        settle(tx, snapshot)
        _record(tx, order, "release_limits", DONE, at, detail=snapshot.reject_code)


def mark_unknown(order: PlaceOrder, reason: str | None, transactions: TenantTransactions, at: datetime) -> None:
    """UNKNOWN until the reconciler has asked; the reservation stays held. A state that is known stays."""
    with transactions(order.tenant_id) as tx:
        if tx.orders.mark_unknown(order.order_id):
            tell_failed(
                order.order_id,
                order.terms.account_id,
                order.terms.symbol,
                tx,
                stage="SAGA",
                reason=reason or REASONS["SAGA"],
                correlation_id=order.correlation_id,
                at=at,
            )
        _record(tx, order, "mark_unknown", DONE, at, detail=reason)


def _place(
    tx: TenantTransaction, order: PlaceOrder, emergency: EmergencyLimits, at: datetime
) -> tuple[Rejection | None, Mode]:
    """The refusal, already written, if limits refuse; None when everything is reserved, in the ledger's mode."""
    if not tx.orders.add(order):
        return _refusal_so_far(tx, order), Mode.NORMAL
    try:
        _require_left_by_other_exits(tx, order)
        reservation, mode = degraded.reserve(tx, order, emergency, at)
    except Rejection as refusal:
        return _refuse(tx, order, refusal, at), Mode.NORMAL
    with tx.pipeline():
        tx.orders.set_band(order.order_id, reservation.price_low, reservation.price_high, reservation.self_trade)
        publish(tx, order, OrderPlaced(order=_state(order, at)), order.order_id, at)
        if order.expire_time is not None:
            ends = OrderEndSet(order_id=order.order_id, expire_time_ns=nanoseconds(order.expire_time))
            publish(tx, order, ends, order.order_id, at)
        _publish_breaches(tx, order, reservation.warnings, at)
    return None, mode


def _require_left_by_other_exits(tx: TenantTransaction, order: PlaceOrder) -> None:
    """OrderRefused for an exit that with the others from the same entry would trade more than that can fill.

    The entry is locked: of two exits that come at once the second sees the first.
    """
    execution = order.terms.execution
    if not isinstance(execution, EXITS) or execution.after is None:
        return
    tx.orders.lock(execution.after)
    left = _left_by_other_exits(tx, order, _entry(tx, order, execution.after))
    if order.terms.quantity > left:
        told = f"other exits leave {format_amount(trim(left))} of the order that it exits from"
        raise OrderRefused(told, code=EXIT_BEYOND_ENTRY)


def _as_sent(tx: TenantTransaction, order: PlaceOrder) -> Execution | None:
    """Without `after` where the entry has ended and filled enough for it: the engine may have forgotten that."""
    execution = order.terms.execution
    if not isinstance(execution, EXITS) or execution.after is None:
        return execution
    entry = _entry(tx, order, execution.after)
    is_covered = entry.status.is_final and order.terms.quantity <= _left_by_other_exits(tx, order, entry)
    return execution.model_copy(update={"after": None}) if is_covered else execution


def _entry(tx: TenantTransaction, order: PlaceOrder, entry_id: uuid.UUID) -> OrderRow:
    entry = tx.orders.get(entry_id)
    if entry is None:
        raise RuntimeError(f"order {order.order_id} exits from an order that is not there")
    return entry


def _left_by_other_exits(tx: TenantTransaction, order: PlaceOrder, entry: OrderRow) -> Decimal:
    whole = entry.cum_qty if entry.status.is_final else entry.quantity
    return max(ZERO, EXACT.subtract(whole, tx.orders.exits_qty(entry.order_id, but=order.order_id)))


def _refusal_so_far(tx: TenantTransaction, order: PlaceOrder) -> Rejection | None:
    known = tx.orders.get(order.order_id)
    if known is None:
        raise RuntimeError(f"client order id of {order.order_id} belongs to an order with another id")
    if known.fingerprint != order.terms.fingerprint():
        return OrderIdReused("this client_order_id was used for another order")
    return refusal_of(known)


def refusal_of(row: OrderRow) -> OrderRefused | None:
    """What a REJECTED order tells whoever sent it, the same each time; None for any other."""
    if row.status is not OrdStatus.REJECTED:
        return None
    extensions: dict[str, Any] = {"order_id": str(row.order_id)}
    if row.refusals is not None:
        extensions["refusals"] = row.refusals
    if row.reject_code in RETRIED_LATER:
        extensions["suggested_action"] = RETRY_IN_MINUTES
    return OrderRefused(row.reject_reason or "refused", code=row.reject_code or "REJECTED", **extensions)


def _refuse(tx: TenantTransaction, order: PlaceOrder, refusal: Rejection, at: datetime) -> OrderRefused:
    refusals = refusal.extensions.get("refusals")
    state = _state(order, at, status=OrdStatus.REJECTED, reject_code=refusal.code, reject_reason=refusal.message)
    with tx.pipeline():
        tx.orders.refuse(order.order_id, code=refusal.code, reason=refusal.message, refusals=refusals)
        publish(tx, order, OrderRefusedEvent(order=state), order.order_id, at)
        _publish_breaches(tx, order, limits.refusal_events(order, refusals or []), at)
    return OrderRefused(refusal.message, code=refusal.code, **refusal.extensions)


def _submission(row: OrderRow, order: PlaceOrder, execution: Execution | None) -> SubmitOrder:
    if row.price_low is None or row.price_high is None:
        raise RuntimeError(f"order {row.order_id} is submitted but its limits were never reserved")
    terms = order.terms
    return SubmitOrder(
        order_id=order.order_id,
        tenant_id=order.tenant_id,
        account_id=terms.account_id,
        client_order_id=terms.client_order_id,
        symbol=terms.symbol,
        side=terms.side,
        type=terms.type,
        time_in_force=terms.effective_time_in_force,
        post_only=terms.post_only,
        reduce_only=terms.reduce_only,
        quantity=terms.quantity,
        price=terms.price,
        price_low=row.price_low,
        price_high=row.price_high,
        venue=terms.venue,
        correlation_id=order.correlation_id,
        valid_until_ns=None if terms.valid_until is None else nanoseconds(terms.valid_until),
        expire_at_ns=None if row.expire_time is None else nanoseconds(row.expire_time),
        self_trade=None if row.self_trade is None else SelfTrade(row.self_trade),
        execution=execution,
    )


def _state(
    order: PlaceOrder,
    at: datetime,
    *,
    status: OrdStatus = OrdStatus.PENDING_NEW,
    reject_code: str | None = None,
    reject_reason: str | None = None,
) -> OrderState:
    """The order as its events carry it before the engine has heard of it."""
    terms = order.terms.model_dump(mode="json")
    return OrderState(
        order_id=order.order_id,
        client_order_id=terms["client_order_id"],
        account_id=terms["account_id"],
        symbol=terms["symbol"],
        side=terms["side"],
        type=terms["type"],
        time_in_force=order.terms.effective_time_in_force,
        venue=terms["venue"],
        status=status,
        quantity=terms["quantity"],
        price=terms["price"],
        cum_qty="0",
        leaves_qty="0" if status.is_final else terms["quantity"],
        cum_notional="0",
        reject_code=reject_code,
        reject_reason=reject_reason,
        engine_seq=0,
        transact_time_ns=nanoseconds(at),
    )


def _publish_breaches(
    tx: TenantTransaction, order: PlaceOrder, breaches: Iterable[LimitBreached], at: datetime
) -> None:
    for breach in breaches:
        publish(tx, order, breach, breach.node_id, at)


def publish(tx: TenantTransaction, order: PlaceOrder, event: Event, aggregate_id: uuid.UUID, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=aggregate_id,
        account_id=order.terms.account_id,
        correlation_id=order.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _record(
    tx: TenantTransaction, order: PlaceOrder, step: str, outcome: str, started_at: datetime, *, detail: str | None
) -> None:
    tx.orders.add_saga_step(order.order_id, step=step, outcome=outcome, detail=detail, started_at=started_at)
