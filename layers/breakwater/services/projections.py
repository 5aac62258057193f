"""Read models from the engine's events: orders, trades, positions, balances, and the ledger with them."""

from decimal import Decimal
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.db.portfolio import TradeRow
from breakwater.domain.money import EXACT, parse_amount
from breakwater.domain.orders import OrderSnapshot, OrderTerms, OrderType, OrdStatus, PlaceOrder, Side, TimeInForce
from breakwater.domain.portfolio import Fill, balance_changes
from breakwater.domain.times import from_nanoseconds
from breakwater.services import executions, leased_orders
from breakwater.services.limits import count_round_trip
from breakwater.services.settlement import TenantTransactions, settle
from events.envelope import Envelope
from events.orders import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderLeased,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderRestated,
    OrderState,
    TradeExecuted,
)

CONSUMER = "projections"
ORDER_EVENTS = {
    event.topic: event for event in (OrderAccepted, OrderRestated, OrderRejected, OrderCanceled, OrderExpired)
}
# All that it books; it passes over the others.
TOPICS = {
    TradeExecuted.topic,
    OrderReplaced.topic,
    OrderReplaceRejected.topic,
    OrderLeased.topic,
    *ORDER_EVENTS,
    *executions.TOPICS,
}


def project(envelope: Envelope, transactions: TenantTransactions) -> None:
    """Book one event in one transaction; one that was booked before changes nothing, one of no concern neither.

    NotFound when the order was never reserved here: a broken promise, which belongs into the dead-letter queue.
    """
    if envelope.topic == TradeExecuted.topic:
        trade = TradeExecuted.model_validate(envelope.payload)
        with transactions(envelope.tenant_id) as tx:
            if tx.portfolio.first_time(CONSUMER, envelope.event_id):
                earned = _book_trade(tx, trade)
                # Last, because it holds limit nodes that other accounts wait for.
                settle(tx, snapshot_of(trade.order))
                tx.limits.note_in_cash(trade.order.order_id, _notional(trade))
                if earned is not None:  # Under the lock of the nodes, as every change of a standing.
                    _count_round_trip(tx, trade.order, lost=earned < 0)
    elif envelope.topic in ORDER_EVENTS:
        event = ORDER_EVENTS[envelope.topic].model_validate(envelope.payload)
        with transactions(envelope.tenant_id) as tx:
            if tx.portfolio.first_time(CONSUMER, envelope.event_id):
                _settle(tx, event.order)
    elif envelope.topic == OrderReplaced.topic:
        replaced = OrderReplaced.model_validate(envelope.payload)
        told = {"replace_no": replaced.replace_no, "terms_no": replaced.replace_no}
        with transactions(envelope.tenant_id) as tx:
            if tx.portfolio.first_time(CONSUMER, envelope.event_id):
                settle(tx, snapshot_of(replaced.order, **told))
    elif envelope.topic == OrderReplaceRejected.topic:
        _project_refused_replace(OrderReplaceRejected.model_validate(envelope.payload), envelope, transactions)
    elif envelope.topic == OrderLeased.topic:
        leased = OrderLeased.model_validate(envelope.payload)
        with transactions(envelope.tenant_id) as tx:
            if tx.portfolio.first_time(CONSUMER, envelope.event_id):
                _take_over(tx, envelope, leased)
    elif envelope.topic in executions.TOPICS:
        with transactions(envelope.tenant_id) as tx:
            if tx.portfolio.first_time(CONSUMER, envelope.event_id):
                executions.project(tx, envelope)


def _project_refused_replace(
    rejected: OrderReplaceRejected, envelope: Envelope, transactions: TenantTransactions
) -> None:
    """What limits refused was written when it was told: it never got so far as to be reserved."""
    told = {"replace_no": rejected.replace_no, "replace_code": rejected.code, "replace_reason": rejected.reason}
    with transactions(envelope.tenant_id) as tx:
        if tx.portfolio.first_time(CONSUMER, envelope.event_id):
            settle(tx, snapshot_of(rejected.order, **told))


def _settle(tx: TenantTransaction, state: OrderState) -> None:
    """An order of a lease that the engine refused at once is final in its row, and nothing was ever held for it."""
    row = tx.orders.get(state.order_id) if state.status == OrdStatus.REJECTED else None
    if row is None or row.engine_seq != state.engine_seq:
        settle(tx, snapshot_of(state))


def _take_over(tx: TenantTransaction, envelope: Envelope, leased: OrderLeased) -> None:
    """Record an order that the engine took by itself, and have it hold its part of the lease.

    It came first, so whatever else is told of the order finds it there. One that was refused holds nothing.
    """
    state = leased.order
    order = PlaceOrder(
        order_id=state.order_id,
        tenant_id=envelope.tenant_id,
        correlation_id=envelope.correlation_id,
        placed_by=leased.placed_by,
        placed_at=from_nanoseconds(envelope.occurred_at_ns),
        terms=OrderTerms(
            client_order_id=state.client_order_id,
            account_id=state.account_id,
            symbol=state.symbol,
            side=Side(state.side),
            type=OrderType(state.type),
            quantity=parse_amount(state.quantity),
            price=None if state.price is None else parse_amount(state.price),
            time_in_force=TimeInForce(state.time_in_force),
            post_only=leased.post_only,
            venue=state.venue,
            strategy_id=leased.strategy_id,
        ),
        api_key_id=leased.api_key_id,
    )
    if not (tx.orders.add(order) or tx.orders.lock(order.order_id)):
        raise RuntimeError(f"leased order {order.order_id} has a client order id that another order has")
    if state.status == OrdStatus.REJECTED:
        tx.orders.apply(snapshot_of(state))
        return
    low, high = parse_amount(leased.price_low), parse_amount(leased.price_high)
    leased_orders.adopt(tx, order, low, high, from_nanoseconds(state.transact_time_ns))


def _count_round_trip(tx: TenantTransaction, order: OrderState, *, lost: bool) -> None:
    at = from_nanoseconds(order.transact_time_ns)
    count_round_trip(tx, order.account_id, lost=lost, order_id=order.order_id, symbol=order.symbol, at=at)


def _book_trade(tx: TenantTransaction, trade: TradeExecuted) -> Decimal | None:
    """What the round trip that it ended has earned; None if it ended none."""
    order, fill = trade.order, fill_of(trade)
    instrument = tx.market.instrument(order.symbol)
    before = tx.portfolio.lock_position(order.account_id, order.symbol)
    after = before.after(fill, instrument)
    row = row_of(trade, realised_pnl=EXACT.subtract(after.realised_pnl, before.realised_pnl))
    changes = balance_changes(fill, instrument)
    tx.portfolio.book(row, engine_seq=order.engine_seq, position=after, balance_changes=changes)
    return before.round_trip_pnl(after)


def fill_of(trade: TradeExecuted) -> Fill:
    return Fill(
        side=Side(trade.order.side),
        last_qty=parse_amount(trade.last_qty),
        last_px=parse_amount(trade.last_px),
        fee=parse_amount(trade.fee),
        fee_currency=trade.fee_currency,
    )


def row_of(trade: TradeExecuted, *, realised_pnl: Decimal) -> TradeRow:
    order, fill = trade.order, fill_of(trade)
    return TradeRow(
        trade_id=trade.trade_id,
        order_id=order.order_id,
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side,
        last_qty=fill.last_qty,
        last_px=fill.last_px,
        liquidity=trade.liquidity,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        realised_pnl=realised_pnl,
        venue=order.venue,
        transact_time=from_nanoseconds(order.transact_time_ns),
    )


def _notional(trade: TradeExecuted) -> Decimal:
    return EXACT.multiply(parse_amount(trade.last_qty), parse_amount(trade.last_px))


def snapshot_of(order: OrderState, **replaced: Any) -> OrderSnapshot:
    """The order as an event tells it. `replaced`: what else a replace's event tells."""
    return OrderSnapshot(
        order_id=order.order_id,
        status=OrdStatus(order.status),
        quantity=parse_amount(order.quantity),
        cum_qty=parse_amount(order.cum_qty),
        leaves_qty=parse_amount(order.leaves_qty),
        cum_notional=parse_amount(order.cum_notional),
        reject_code=order.reject_code,
        reject_reason=order.reject_reason,
        engine_seq=order.engine_seq,
        transact_time_ns=order.transact_time_ns,
        price=None if order.price is None else parse_amount(order.price),
        **replaced,
    )
