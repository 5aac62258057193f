"""The one rule that settles everything: an order and its reservation take the engine's newest word."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime

from breakwater.db.connection import TenantTransaction
from breakwater.db.orders import OrderRow
from breakwater.domain.money import format_amount
from breakwater.domain.orders import VOIDED, OrderSnapshot
from breakwater.errors import NotFound
from breakwater.services import limits
from events.orders import OrderRejected, OrderState

# Opens a tenant's transaction: commits when its block ends, rolls back when it raises.
TenantTransactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]


def settle(tx: TenantTransaction, snapshot: OrderSnapshot) -> None:
    """Book the snapshot on order and ledger; each keeps what it has where it has heard as much or more already.

    The order's row is locked before the ledger's nodes, here and in reserve_limits, so that the two never deadlock.
    NotFound when nothing was ever reserved for the order.
    """
    _apply(tx, snapshot)
    limits.settle(tx, snapshot)
    tx.replaces.decide(snapshot)


def settle_cancel(tx: TenantTransaction, snapshot: OrderSnapshot, at: datetime) -> None:
    """The same for an order that the engine was asked to cancel, and one message more at its nodes.

    While the ledger is silent the order's row alone takes the word, so that a cancel is answered: its event, or the
    reconciler, tells the ledger later. Until then it holds more than it has to.
    """
    if tx.degraded.is_ledger_silent():
        _apply(tx, snapshot)
        return
    settle(tx, snapshot)
    tx.limits.count_cancel(snapshot.order_id, at)


def _apply(tx: TenantTransaction, snapshot: OrderSnapshot) -> None:
    if tx.orders.apply(snapshot) and snapshot.reject_code == VOIDED:
        _tell_of_void(tx, snapshot)


def settle_if_known(snapshot: OrderSnapshot, tenant_id: uuid.UUID, transactions: TenantTransactions) -> None:
    """In a transaction of its own. An order of a lease that the ledger has not heard of yet is left to its events."""
    with suppress(NotFound), transactions(tenant_id) as tx:
        settle(tx, snapshot)


def _tell_of_void(tx: TenantTransaction, snapshot: OrderSnapshot) -> None:
    """The feed has told that it was placed. The engine never had its terms, so its end is told from here."""
    row = tx.orders.get(snapshot.order_id)
    if row is None:
        raise RuntimeError(f"order {snapshot.order_id} took a snapshot and is not there")
    tx.outbox.add(
        OrderRejected(order=state_of(row, snapshot.transact_time_ns)),
        aggregate_id=row.order_id,
        account_id=row.account_id,
        correlation_id=row.correlation_id,
        occurred_at_ns=snapshot.transact_time_ns,
    )


def state_of(row: OrderRow, transact_time_ns: int) -> OrderState:
    """An order as its events carry it, where they are told from its row."""
    return OrderState(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        account_id=row.account_id,
        symbol=row.symbol,
        side=row.side,
        type=row.type,
        time_in_force=row.time_in_force,
        venue=row.venue,
        status=row.status,
        quantity=format_amount(row.quantity),
        price=None if row.price is None else format_amount(row.price),
        cum_qty=format_amount(row.cum_qty),
        leaves_qty=format_amount(row.leaves_qty),
        cum_notional=format_amount(row.cum_notional),
        reject_code=row.reject_code,
        reject_reason=row.reject_reason,
        engine_seq=row.engine_seq,
        transact_time_ns=transact_time_ns,
    )
