"""Place, show and cancel orders, as a client asks for it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from breakwater.db.connection import TenantTransaction
from breakwater.db.orders import OrderFilter, OrderRow
from breakwater.domain.digests import Calendar, Period, running
from breakwater.domain.executions import EXITS
from breakwater.domain.orders import OrderSnapshot, OrderTerms, OrdStatus, PlaceOrder, TimeInForce
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import EngineUnavailable, InvalidRequest, NotFound, OrderFinal, OrderIdReused, Unavailable
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.engine_client import EngineClient, FailedCancel
from breakwater.services.order_saga import refusal_of
from breakwater.services.settlement import TenantTransactions, settle_cancel
from events.audit import CancelRequested

UNRESOLVED = frozenset({OrdStatus.PENDING_NEW, OrdStatus.UNKNOWN})
ENDED_BEFORE_THE_CANCEL = frozenset({OrdStatus.FILLED, OrdStatus.EXPIRED})


@dataclass(frozen=True, slots=True)
class Placed:
    """`is_new` is False when the order had been sent before."""

    order: OrderRow
    is_new: bool


def place(
    terms: OrderTerms,
    caller: Caller,
    transactions: TenantTransactions,
    start_saga: Callable[[PlaceOrder], None],
    at: datetime,
) -> Placed:
    """Place it, or answer what became of it when it was sent before. Its row is the truth, never the saga's answer.

    OrderRefused when it is REJECTED, OrderIdReused, NotFound (the account), InvalidRequest (symbol, venue, ticks,
    lots, when it ends, the order to exit from), and Unavailable when not even its row was written.
    """
    caller.require("orders:create")
    command = PlaceOrder.of(
        terms,
        tenant_id=caller.tenant_id,
        placed_by=caller.username,
        correlation_id=caller.correlation_id,
        at=at,
        api_key_id=caller.api_key_id,
    )
    with transactions(caller.tenant_id) as tx:
        tx.identity.require_account(caller.subject, caller.role, terms.account_id)
        known = tx.orders.get(command.order_id)
        if known is None:
            terms.check_against(tx.market.instrument(terms.symbol))
            terms.check_expiry(at)
            require_reachable(terms, tx)
            command = with_its_day(command, tx)
    if known is not None:
        return Placed(_answer(known, terms), is_new=False)
    start_saga(command)
    with transactions(caller.tenant_id) as tx:
        placed = tx.orders.get(command.order_id)
    if placed is None:
        raise Unavailable("the order was not taken; send it again under the same client_order_id")
    return Placed(_answer(placed, terms), is_new=True)


def with_its_day(command: PlaceOrder, tx: TenantTransaction) -> PlaceOrder:
    """With the moment at which an order that is DAY ends. Told once: a calendar that changes later does not move it."""
    if command.terms.time_in_force is not TimeInForce.DAY:
        return command
    time_zone, session_start = tx.nodes.calendar_of(command.terms.account_id)
    day = running(Period.DAILY, Calendar(time_zone, session_start), command.placed_at)
    return command.model_copy(update={"day_ends_at": day.ends_at})


def require_reachable(terms: OrderTerms, tx: TenantTransaction) -> None:
    """InvalidRequest for a venue that is not known, and for an exit from an order that it cannot be the exit from."""
    execution = terms.execution
    for venue in (terms.venue, *(() if execution is None else execution.venues)):
        tx.market.require_venue(venue)
    if not isinstance(execution, EXITS) or execution.after is None:
        return
    entry = tx.orders.get(execution.after)
    if entry is None or entry.account_id != terms.account_id:
        raise InvalidRequest("after: this account has no such order", field="after")
    if entry.symbol != terms.symbol or entry.side == terms.side:
        raise InvalidRequest("after: an exit is of the same symbol and the other side", field="after")
    if entry.status.is_final and entry.cum_qty == 0:
        raise InvalidRequest(f"after: that order is {entry.status} and has filled nothing", field="after")


def order(order_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> OrderRow:
    """NotFound also for another tenant's order, and for one of an account the caller has no access to."""
    caller.require("orders:read")
    return accessible(order_id, caller, tx)


def page(
    caller: Caller,
    tx: TenantTransaction,
    *,
    account_id: uuid.UUID | None,
    wanted: OrderFilter,
    cursor: str | None,
    limit: int,
) -> tuple[list[OrderRow], str | None]:
    """The newest first, of one account or of all the caller may see, and the cursor to the older ones."""
    caller.require("orders:read")
    accounts = visible_accounts(caller, tx, account_id)
    rows = tx.orders.page(accounts, wanted=wanted, before=decode_cursor(cursor), limit=limit + 1)
    return next_cursor(rows, limit, lambda row: (row.created_at, row.order_id))


def cancel(
    order_id: uuid.UUID, caller: Caller, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> OrderRow:
    """The order after its cancel. OrderFinal when it had ended before; EngineUnavailable when nothing is known."""
    caller.require("orders:cancel")
    with transactions(caller.tenant_id) as tx:
        row = accessible(order_id, caller, tx)
        if not row.status.is_final:
            _tell_cancel(tx, row.account_id, row.order_id, caller, at)
    if row.status.is_final:
        raise _final(row)
    snapshot = _cancel_at_engine(row, caller, engine)
    with transactions(caller.tenant_id) as tx:
        settle_cancel(tx, snapshot, at)
        canceled = accessible(order_id, caller, tx)
    if canceled.status in ENDED_BEFORE_THE_CANCEL:
        raise _final(canceled)
    return canceled


def cancel_all(
    account_id: uuid.UUID, caller: Caller, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> tuple[list[OrderRow], list[FailedCancel]]:
    """Every open order of the account that the engine knows: those cancelled, and those that were not, with why."""
    caller.require("orders:cancel")
    with transactions(caller.tenant_id) as tx:
        tx.identity.require_account(caller.subject, caller.role, account_id)
        _tell_cancel(tx, account_id, None, caller, at)
    result = engine.cancel_all([account_id], tenant_id=caller.tenant_id, correlation_id=caller.correlation_id)
    canceled = []
    for snapshot in result.canceled:
        # One by one: a limit node is then held for one order's sake only.
        with transactions(caller.tenant_id) as tx:
            settle_cancel(tx, snapshot, at)
            canceled.append(accessible(snapshot.order_id, caller, tx))
    return canceled, result.failed


def _tell_cancel(
    tx: TenantTransaction, account_id: uuid.UUID, order_id: uuid.UUID | None, caller: Caller, at: datetime
) -> None:
    """For the audit trail, and no account's feed: what comes of it stands there."""
    tx.outbox.add(
        CancelRequested(order_id=order_id, account_id=account_id, requested_by=caller.actor),
        aggregate_id=order_id or account_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def visible_accounts(caller: Caller, tx: TenantTransaction, account_id: uuid.UUID | None) -> list[uuid.UUID]:
    """The one account asked for, NotFound if the caller may not see it, or all those he may see."""
    if account_id is None:
        return tx.identity.accessible_account_ids(caller.subject, caller.role)
    tx.identity.require_account(caller.subject, caller.role, account_id)
    return [account_id]


def _answer(row: OrderRow, terms: OrderTerms) -> OrderRow:
    if row.fingerprint != terms.fingerprint():
        raise OrderIdReused("this client_order_id was used for another order", order_id=str(row.order_id))
    refusal = refusal_of(row)
    if refusal is not None:
        raise refusal
    return row


def accessible(order_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> OrderRow:
    """NotFound as of `order`, whatever the caller may do with it."""
    row = tx.orders.get(order_id)
    if row is None:
        raise NotFound("no such order")
    try:
        tx.identity.require_account(caller.subject, caller.role, row.account_id)
    except NotFound:
        # The same words as above: an answer must not tell that the order exists.
        raise NotFound("no such order") from None
    return row


def _cancel_at_engine(row: OrderRow, caller: Caller, engine: EngineClient) -> OrderSnapshot:
    try:
        return engine.cancel(row.order_id, tenant_id=caller.tenant_id, correlation_id=caller.correlation_id)
    except NotFound:
        if row.status not in UNRESOLVED:
            raise EngineUnavailable("the engine does not know this order yet") from None
    # It is on its way, or was lost on it. Ended it can never rest, which is what a cancel asks for.
    return engine.end(
        row.order_id,
        tenant_id=caller.tenant_id,
        account_id=row.account_id,
        symbol=row.symbol,
        correlation_id=caller.correlation_id,
    )


def _final(row: OrderRow) -> OrderFinal:
    return OrderFinal(f"the order is {row.status} already", order_id=str(row.order_id), order_status=row.status.value)
