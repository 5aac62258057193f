"""Replace a resting order: another quantity, another price, or both (decision 102).

The ledger first holds the larger of what the order has and of what it may get; then the engine is asked; its word says
which of the two remains. While nothing is known the larger stays held, and the reconciler asks.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.db.degraded import Gate
from breakwater.db.orders import OrderRow
from breakwater.db.replaces import REPLACES_MAX, ReplaceRow
from breakwater.domain.degraded import are_stale
from breakwater.domain.money import format_amount
from breakwater.domain.orders import (
    OrderSnapshot,
    OrderTerms,
    OrderType,
    OrdStatus,
    PlaceOrder,
    ReplaceOrder,
    TimeInForce,
    VoidReplace,
)
from breakwater.domain.permissions import Caller
from breakwater.domain.replaces import TOO_LATE, NewTerms, ReplaceState, ReplaceTerms
from breakwater.domain.times import nanoseconds
from breakwater.errors import (
    Conflict,
    EngineForgot,
    EngineUnavailable,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    OrderFinal,
    Rejection,
    ReplaceIdReused,
    ReplacePending,
    ReplaceRefused,
    Unavailable,
)
from breakwater.services import limits, orders
from breakwater.services.engine_client import EngineClient
from breakwater.services.order_saga import publish
from breakwater.services.projections import snapshot_of
from breakwater.services.settlement import TenantTransactions, settle, state_of
from events.audit import ReplaceRequested
from events.orders import OrderReplaceRejected

UNSUPPORTED = "REPLACE_UNSUPPORTED"
_CAN_BE_REPLACED = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Replaced:
    """`is_decided` is False while nobody knows which terms the order has."""

    order: OrderRow
    is_decided: bool


def replace_order(
    order_id: uuid.UUID,
    asked: ReplaceTerms,
    caller: Caller,
    transactions: TenantTransactions,
    engine: EngineClient,
    *,
    at: datetime,
) -> Replaced:
    """The order after its replace, or what became of it when it was sent before.

    ReplaceRefused when the limits, the engine or the venue said no: the order is as it was, the same each time it is
    sent. OrderFinal, ReplacePending, ReplaceIdReused, InvalidRequest (nothing changes, tick, lot), NotFound, and
    Unavailable when nothing was begun.
    """
    caller.require("orders:create")
    refusal: Rejection | None = None
    with transactions(caller.tenant_id) as tx:
        row = orders.accessible(order_id, caller, tx)
        gate = tx.degraded.pass_gate(row.account_id)  # Before anything is locked, as for orders.
        tx.orders.lock(order_id)
        known = tx.replaces.find(order_id, asked.replace_id)
        if known is None:
            row = orders.accessible(order_id, caller, tx)  # As it is now: it was not locked before.
            known, refusal = _reserve(tx, gate, row, asked, caller, at=at)
    if (known.asked_quantity, known.asked_price) != (asked.quantity, asked.price):
        raise ReplaceIdReused("this replace_id was used for another replace of the order")
    if refusal is not None:
        raise refusal
    if known.state is ReplaceState.PENDING:
        try:
            snapshot = engine.replace(_command(known, caller.tenant_id))
        except (Unavailable, NotFound):
            return _answer(order_id, known, caller, transactions)
        settle_replace(snapshot, caller.tenant_id, transactions)
    return _answer(order_id, known, caller, transactions)


def replaces_of(order_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> Sequence[ReplaceRow]:
    """The newest first, at most the latest 200."""
    orders.order(order_id, caller, tx)
    return tx.replaces.of(order_id, limit=_SHOWN_MAX)


def resolve(tenant_id: uuid.UUID, order_id: uuid.UUID, transactions: TenantTransactions, engine: EngineClient) -> None:
    """Have the engine decide a replace that nobody has heard of.

    What never reached it is given up there first, so that one which comes late finds a refusal; only then is what it
    held given back. One that waits for a venue is not: EngineUnavailable, and it stays held. Where the engine has
    forgotten the order, the order's row decides once it is final; EngineForgot before that.
    """
    with transactions(tenant_id) as tx:
        pending = next((each for each in tx.replaces.of(order_id, limit=1)), None)
    if pending is None or pending.state is not ReplaceState.PENDING:
        return
    void = VoidReplace(
        order_id=order_id, tenant_id=tenant_id, replace_no=pending.replace_no, replace_id=pending.replace_id
    )
    try:
        snapshot = engine.void_replace(void, correlation_id=pending.correlation_id)
    except NotFound:
        raise EngineUnavailable("the engine does not know the order of this replace") from None
    except EngineForgot:
        if not _ended_with_its_order(pending, tenant_id, transactions):
            raise
        return
    settle_replace(snapshot, tenant_id, transactions)


def _ended_with_its_order(pending: ReplaceRow, tenant_id: uuid.UUID, transactions: TenantTransactions) -> bool:
    """False while the order's end has not been told. Its last terms are those that were asked for, or others."""
    with transactions(tenant_id) as tx:
        row = tx.orders.get(pending.order_id)
        if row is None or not row.status.is_final:
            return False
        has_new_terms = (row.quantity, row.price) == (pending.quantity, pending.price)
        told = snapshot_of(state_of(row, 0), terms_no=pending.replace_no if has_new_terms else None)
        tx.replaces.end(told)
    return True


def settle_replace(snapshot: OrderSnapshot, tenant_id: uuid.UUID, transactions: TenantTransactions) -> None:
    """Book the engine's own answer about a replace. After the order's end there is nothing left to replace."""
    with transactions(tenant_id) as tx:
        settle(tx, snapshot)
        if snapshot.status.is_final:
            tx.replaces.end(snapshot)


def _reserve(
    tx: TenantTransaction, gate: Gate, row: OrderRow, asked: ReplaceTerms, caller: Caller, *, at: datetime
) -> tuple[ReplaceRow, Rejection | None]:
    """The replace as it is written: PENDING with its limits held, or REJECTED with the refusal to be told."""
    replace_no = _require_replaceable(tx, gate, row)
    terms, price = _terms_of(tx, row), row.price
    if price is None or row.price_low is None:
        raise RuntimeError(f"order {row.order_id} rests without a price or a band")
    new = NewTerms.of(asked, row.quantity, price)
    if not new.is_less and are_stale(gate.unbooked_since, at):
        raise Unavailable("the account's positions are more than 10 minutes old: the order can be made smaller only")
    order = PlaceOrder(
        order_id=row.order_id,
        tenant_id=caller.tenant_id,
        correlation_id=caller.correlation_id,
        placed_by=caller.username,
        placed_at=at,
        terms=terms.model_copy(update={"quantity": new.quantity, "price": new.price}),
        api_key_id=caller.api_key_id,
    )
    order.terms.check_against(tx.market.instrument(row.symbol))
    written = ReplaceRow(
        order_id=row.order_id,
        replace_no=replace_no,
        replace_id=asked.replace_id,
        asked_quantity=asked.quantity,
        asked_price=asked.price,
        quantity=new.quantity,
        price=new.price,
        price_low=new.price,
        price_high=new.price,
        state=ReplaceState.PENDING,
        reject_code=None,
        reject_reason=None,
        refusals=None,
        requested_by=caller.actor,
        correlation_id=caller.correlation_id,
        requested_at=at,
        decided_at=None,
    )
    _tell_request(tx, row, asked, caller, at)
    try:
        held = limits.reserve_replace(tx, order, replace_no, at, price_low=row.price_low, is_less=new.is_less)
    except (LimitExceeded, ReplaceRefused) as refusal:
        return _refuse(tx, row, written, order, refusal, at=at)
    written = replace(written, price_low=held.price_low, price_high=held.price_high)
    tx.replaces.add(written)
    for breach in held.warnings:
        publish(tx, order, breach, breach.node_id, at)
    return written, None


def _require_replaceable(tx: TenantTransaction, gate: Gate, row: OrderRow) -> int:
    """The number of its next replace. The order is locked, and what the gate said of the ledger holds."""
    if row.status.is_final:
        raise OrderFinal(f"the order is {row.status} already", order_id=str(row.order_id), order_status=row.status)
    _, _, has_exit, is_external = tx.replaces.origin(row.order_id)
    owner = _owner_of(row, has_exit=has_exit, is_external=is_external)
    if owner is not None:
        raise ReplaceRefused(f"{owner}: cancel it and place it anew", code=UNSUPPORTED, order_id=str(row.order_id))
    if row.type is not OrderType.LIMIT or not row.time_in_force.may_rest:
        raise InvalidRequest("only a LIMIT order that is GTC, GTD or DAY rests, and can be replaced")
    last = next((each for each in tx.replaces.of(row.order_id, limit=1)), None)
    if last is not None and last.state is ReplaceState.PENDING:
        raise ReplacePending("another replace of the order is not decided yet", replace_id=last.replace_id)
    if row.status not in _CAN_BE_REPLACED:
        raise ReplacePending(f"the order is {row.status}: what becomes of it is not known yet")
    if not gate.is_ledger_open or tx.degraded.is_provisional(row.order_id):
        raise Unavailable("limits cannot be reserved at the moment: the order can be cancelled, not replaced")
    replace_no = 1 if last is None else last.replace_no + 1
    if replace_no > REPLACES_MAX:
        raise Conflict(f"an order is replaced {REPLACES_MAX} times at most: cancel it and place it anew")
    return replace_no


def _owner_of(row: OrderRow, *, has_exit: bool, is_external: bool) -> str | None:
    """What else counts on its terms; None where it is nobody's but the client's."""
    if row.execution is not None:
        return f"an execution algorithm ({row.execution.algorithm}) works the order"
    if has_exit:
        return "the order is the entry of a bracket, whose exits are made for its terms"
    if row.is_leased:
        return "the engine took the order by itself, within a lease"
    return "the order was not placed through the platform" if is_external else None


def _terms_of(tx: TenantTransaction, row: OrderRow) -> OrderTerms:
    strategy_id, located, *_ = tx.replaces.origin(row.order_id)
    return OrderTerms(
        client_order_id=row.client_order_id,
        account_id=row.account_id,
        symbol=row.symbol,
        side=row.side,
        type=row.type,
        quantity=row.quantity,
        price=row.price,
        time_in_force=row.time_in_force,
        expire_time=row.expire_time if row.time_in_force is TimeInForce.GTD else None,
        post_only=row.post_only,
        reduce_only=row.reduce_only,
        venue=row.venue,
        strategy_id=strategy_id,
        located=located,
    )


def _refuse(
    tx: TenantTransaction, row: OrderRow, written: ReplaceRow, order: PlaceOrder, refusal: Rejection, *, at: datetime
) -> tuple[ReplaceRow, Rejection]:
    refusals = refusal.extensions.get("refusals")
    rejected = replace(
        written,
        state=ReplaceState.REJECTED,
        reject_code=refusal.code,
        reject_reason=refusal.message,
        refusals=refusals,
        decided_at=at,
    )
    tx.replaces.add(rejected)
    event = OrderReplaceRejected(
        replace_id=rejected.replace_id,
        replace_no=rejected.replace_no,
        code=refusal.code,
        reason=refusal.message,
        order=state_of(row, nanoseconds(at)),
    )
    publish(tx, order, event, row.order_id, at)
    for breach in limits.refusal_events(order, refusals or []):
        publish(tx, order, breach, breach.node_id, at)
    return rejected, _refusal_of(rejected)


def _refusal_of(row: ReplaceRow) -> ReplaceRefused:
    told: dict[str, Any] = {"order_id": str(row.order_id), "replace_id": row.replace_id}
    if row.refusals is not None:
        told["refusals"] = row.refusals
    return ReplaceRefused(row.reject_reason or "refused", code=row.reject_code or "REJECTED", **told)


def _answer(order_id: uuid.UUID, known: ReplaceRow, caller: Caller, transactions: TenantTransactions) -> Replaced:
    with transactions(caller.tenant_id) as tx:
        row = orders.accessible(order_id, caller, tx)
        now = tx.replaces.find(order_id, known.replace_id)
    if now is None:
        raise RuntimeError(f"replace {known.replace_no} of order {order_id} was written and is not there")
    if now.state is ReplaceState.REJECTED:
        if now.reject_code == TOO_LATE and row.status.is_final:
            raise OrderFinal(f"the order is {row.status} already", order_id=str(order_id), order_status=row.status)
        raise _refusal_of(now)
    return Replaced(row, is_decided=now.state is not ReplaceState.PENDING)


def _command(row: ReplaceRow, tenant_id: uuid.UUID) -> ReplaceOrder:
    return ReplaceOrder(
        order_id=row.order_id,
        tenant_id=tenant_id,
        replace_no=row.replace_no,
        replace_id=row.replace_id,
        quantity=row.quantity,
        price=row.price,
        price_low=row.price_low,
        price_high=row.price_high,
        correlation_id=row.correlation_id,
    )


def _tell_request(tx: TenantTransaction, row: OrderRow, asked: ReplaceTerms, caller: Caller, at: datetime) -> None:
    """For the audit trail, and no account's feed: what comes of it stands there."""
    event = ReplaceRequested(
        order_id=row.order_id,
        account_id=row.account_id,
        replace_id=asked.replace_id,
        quantity=None if asked.quantity is None else format_amount(asked.quantity),
        price=None if asked.price is None else format_amount(asked.price),
        requested_by=caller.actor,
    )
    tx.outbox.add(
        event,
        aggregate_id=row.order_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
