"""Orders while the ledger is silent, and the way back. Decision 91 says what that means and why no limit is passed."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.degraded import LEDGER, POSITIONS, Gate, ModeRow, degraded_tenants
from breakwater.db.orders import OrderRow
from breakwater.domain.degraded import (
    POSITIONS_AGE_MAX,
    SILENCE_MIN,
    EmergencyLimits,
    LimitsUnavailable,
    Mode,
    PositionsStale,
    ProvisionalOrder,
    are_stale,
    later_mode,
    mode_after,
    with_provisional,
)
from breakwater.domain.exposure import ZERO
from breakwater.domain.limits import refused, self_trade_mode
from breakwater.domain.money import format_amount, trim
from breakwater.domain.orders import OrderSnapshot, PlaceOrder
from breakwater.domain.settlement import HeldReservation, ReservationState, change_between, released
from breakwater.domain.times import nanoseconds
from breakwater.errors import BreakwaterError, DatabaseUnavailable, LimitExceeded
from breakwater.services.limits import (
    Reservation,
    judge,
    read_ladder,
    refusal_message,
    reserve_entered,
    reserve_limits,
    settle,
    soft_breaches,
)
from breakwater.services.overdrawn import Booked, limits_over, reduce_where_over
from breakwater.services.settlement import TenantTransactions
from events.envelope import Event
from events.limits import DegradedModeChanged, ProvisionalOrderBooked

LEDGER_TRIED_EVERY = timedelta(seconds=5)
LOCK_WAIT_MAX = timedelta(milliseconds=500)
BOOKED_AT_ONCE_MAX = 200
CHANGED_BY = "ledger"  # Who put a node into REDUCE_ONLY that was over a limit when its orders were booked.


def reserve(
    tx: TenantTransaction, order: PlaceOrder, emergency: EmergencyLimits, at: datetime
) -> tuple[Reservation, Mode]:
    """As `limits.reserve_limits`, or beside the ledger in the mode that comes with it.

    PositionsStale and LimitsUnavailable beyond what that raises. Like LimitExceeded they have written what belongs into
    the commit of the refusal.
    """
    entry = tx.ladders.enter(order, at=at, unbooked_since_min=at - POSITIONS_AGE_MAX)
    tx.let_go_early(is_told=True)
    _refuse_old_positions(tx, entry.gate, at)
    if entry.gate.is_ledger_open:
        return reserve_entered(tx, order, entry, at), Mode.NORMAL
    ledger = tx.degraded.silent_ledger()
    if ledger is not None:
        return _reserve_beside_ledger(tx, order, ledger, emergency, at)
    return reserve_limits(tx, order, at), Mode.NORMAL  # It has come back while this order waited for the mode's row.


def note_silence(tenant_id: uuid.UUID, transactions: TenantTransactions, at: datetime) -> None:
    """Reserving has failed. If it has for a while, and nobody's has succeeded, the ledger counts as silent from here.

    DatabaseUnavailable when it is not only the ledger: then nothing passes.
    """
    with transactions(tenant_id) as tx:
        ledger = tx.degraded.note_failure(at)
    if ledger.mode is not Mode.NORMAL or at - ledger.since < SILENCE_MIN:
        return
    with transactions(tenant_id) as tx:
        tx.degraded.shut_gate()
        now = tx.degraded.mode(LEDGER, lock=True)
        # Asked again behind the gate: one that was under way may have been reserved after all.
        if now == ledger and tx.degraded.is_still_failing():
            _change_mode(tx, ledger, mode_after(at - ledger.since), at)


def mind_all(
    untenanted: Callable[[], AbstractContextManager[Connection]], transactions: TenantTransactions, at: datetime
) -> list[str]:
    """Move every organisation's modes on, or end them. What went wrong, in words; it is tried again."""
    with untenanted() as connection:
        tenants = degraded_tenants(connection)
    troubles = []
    for tenant_id in tenants:
        try:
            mind(tenant_id, transactions, at, try_ledger=True)
        except BreakwaterError as error:
            troubles.append(f"degraded modes of {tenant_id}: {error.message}")
    return troubles


def mind(tenant_id: uuid.UUID, transactions: TenantTransactions, at: datetime, *, try_ledger: bool) -> None:
    """Move the organisation's modes on with the time, and leave them where what was gone is back."""
    with transactions(tenant_id) as tx:
        ledger, positions = tx.degraded.mode(LEDGER, lock=True), tx.degraded.mode(POSITIONS, lock=True)
        if positions is not None and positions.mode is Mode.STALE and not are_stale(tx.degraded.unbooked_since(), at):
            _change_mode(tx, positions, Mode.NORMAL, at)
        is_silent = ledger is not None and ledger.mode is not Mode.NORMAL
        if ledger is not None and is_silent:
            _move_on(tx, ledger, at)
    if is_silent and try_ledger:
        _return_to_ledger(tenant_id, transactions, at)


def _refuse_old_positions(tx: TenantTransaction, gate: Gate, at: datetime) -> None:
    since = gate.unbooked_since
    if since is None or not are_stale(since, at):
        return
    if tx.degraded.enter_stale_positions(since, at):
        _tell_mode(tx, ModeRow(POSITIONS, Mode.NORMAL, since), Mode.STALE, at)
    raise PositionsStale


def _reserve_beside_ledger(
    tx: TenantTransaction, order: PlaceOrder, ledger: ModeRow, emergency: EmergencyLimits, at: datetime
) -> tuple[Reservation, Mode]:
    """The mode's row is locked, so one order after the other, each with all before it in its sight."""
    mode = _move_on(tx, ledger, at)
    if mode is Mode.CLOSED:
        raise LimitsUnavailable
    terms = order.terms
    ladder = read_ladder(tx, terms, order.api_key_id, at)
    ladder = replace(ladder, scopes=with_provisional(ladder.scopes, tx.degraded.unbooked_orders()))
    proposed, findings = judge(ladder, terms)
    refusals = [finding.to_json() for finding in refused(findings)]
    if mode is Mode.EMERGENCY:
        refusals += emergency.refusals(ladder.scopes[0], proposed, tx.degraded.spent_today(at))
    if refusals:
        raise LimitExceeded(refusal_message(refusals), refusals=refusals)
    band = proposed.band
    tx.degraded.add(order, [scope.node.node_id for scope in ladder.scopes], band.high, mode, at)
    told = tuple(soft_breaches(order, findings))
    self_trade = self_trade_mode(ladder.scopes, proposed)
    return Reservation(order.order_id, band.low, band.high, told, self_trade), mode


def _move_on(tx: TenantTransaction, ledger: ModeRow, at: datetime) -> Mode:
    mode = later_mode(ledger.mode, mode_after(at - ledger.since))
    if mode is not ledger.mode:
        _change_mode(tx, ledger, mode, at)
    return mode


def _return_to_ledger(tenant_id: uuid.UUID, transactions: TenantTransactions, at: datetime) -> None:
    """Book what passed beside the ledger, some at a time, and end the mode where nothing is left to be booked."""
    is_silent = True
    while is_silent:
        try:
            with transactions(tenant_id) as tx:
                is_silent = not _book_some(tx, at)
        except DatabaseUnavailable:  # It is silent still.
            return


def _book_some(tx: TenantTransaction, at: datetime) -> bool:
    """True when the mode has ended."""
    ledger = tx.degraded.mode(LEDGER, lock=True)
    if ledger is None or ledger.mode is Mode.NORMAL:
        return True
    orders = tx.degraded.unbooked_orders(BOOKED_AT_ONCE_MAX)
    tx.wait_at_most(LOCK_WAIT_MAX)
    tx.degraded.lock_orders([order.order_id for order in orders])
    tx.degraded.lock_every_node()
    if orders:
        leaves = sorted({order.node_ids[-1] for order in orders})
        what = "orders that passed while the ledger was silent are booked"
        booked = Booked(what, limits_over(tx, leaves, at))
        for order in orders:
            _book(tx, order, at)
        reduce_where_over(tx, leaves, booked, by=CHANGED_BY, correlation_id=str(uuid.uuid4()), at=at)
    if len(orders) < BOOKED_AT_ONCE_MAX:
        _change_mode(tx, ledger, Mode.NORMAL, at)
        return True
    return False


def _book(tx: TenantTransaction, order: ProvisionalOrder, at: datetime) -> None:
    """As if it had been reserved when it passed, and settled since by the word that its row has."""
    row = tx.orders.get(order.order_id)
    if row is None:
        raise RuntimeError(f"order {order.order_id} passed and is not there")
    held = HeldReservation(
        order_id=order.order_id,
        node_ids=order.node_ids,
        symbol=order.symbol,
        venue=order.venue,
        is_automated=order.is_automated,
        side=order.side,
        quantity=order.quantity,
        valuation_price=order.valuation_price,
        open_qty=order.quantity,
        cum_qty=ZERO,
        cum_notional=ZERO,
        engine_seq=0,
        state=ReservationState.HELD,
    )
    if tx.limits.lock_reservation(order.order_id) is None:
        tx.limits.hold(held, change_between(released(held), held), order.account_id, order.created_at)
        tx.limits.count_activity(order.node_ids, order.symbol, order.venue, order.created_at, new_count=1)
        tx.limits.note_in_cash(order.order_id, tx.portfolio.traded_notional(order.order_id))
    # Else the engine took it by itself under a lease as well, and the ledger has heard so.
    if row.engine_seq > 0:
        settle(tx, _last_word(row))
    tx.degraded.note_booked(order.order_id, at)
    booked = ProvisionalOrderBooked(
        order_id=order.order_id,
        account_id=order.account_id,
        mode=order.mode,
        symbol=order.symbol,
        side=order.side,
        quantity=format_amount(order.quantity),
        cum_qty=format_amount(row.cum_qty),
        valuation_price=format_amount(order.valuation_price),
    )
    _tell(tx, booked, order.order_id, row.correlation_id, at)


def _last_word(row: OrderRow) -> OrderSnapshot:
    return OrderSnapshot(
        order_id=row.order_id,
        status=row.status,
        quantity=row.quantity,
        cum_qty=row.cum_qty,
        leaves_qty=row.leaves_qty,
        cum_notional=row.cum_notional,
        reject_code=row.reject_code,
        reject_reason=row.reject_reason,
        engine_seq=row.engine_seq,
        transact_time_ns=nanoseconds(row.updated_at),
    )


def _change_mode(tx: TenantTransaction, row: ModeRow, mode: Mode, at: datetime) -> None:
    """The row is locked."""
    tx.degraded.set_mode(row.kind, mode)
    _tell_mode(tx, row, mode, at)


def _tell_mode(tx: TenantTransaction, row: ModeRow, mode: Mode, at: datetime) -> None:
    count, notional = tx.degraded.passed_since(row.since) if row.kind == LEDGER else (0, ZERO)
    change = DegradedModeChanged(
        kind="LEDGER" if row.kind == LEDGER else "POSITIONS",
        mode_before=row.mode,
        mode=mode,
        since_ns=nanoseconds(row.since),
        provisional_orders=count,
        provisional_notional=format_amount(trim(notional)),
    )
    _tell(tx, change, tx.tenant_id, str(uuid.uuid4()), at)


def _tell(tx: TenantTransaction, event: Event, aggregate_id: uuid.UUID, correlation_id: str, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=aggregate_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
