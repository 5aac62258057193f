"""Fills that the platform did not originate: an order placed at the venue by hand, or the venue's own liquidation.

They have happened, so no limit is asked: they are booked like any other fill, flagged, and whoever is surprised by one
must not grow until somebody has looked: the account only reduces, and so does every scope whose limit they have passed.
"""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.portfolio import TradeRow
from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.exposure import ZERO, NodeState, Scope
from breakwater.domain.ids import ClientOrderId
from breakwater.domain.money import EXACT, Amount, format_amount
from breakwater.domain.orders import (
    SIMULATED_VENUE,
    OrderSnapshot,
    OrderTerms,
    OrderType,
    OrdStatus,
    PlaceOrder,
    Side,
    Symbol,
    TimeInForce,
    Venue,
)
from breakwater.domain.permissions import Caller
from breakwater.domain.portfolio import Fill, Position, balance_changes
from breakwater.domain.settlement import HeldReservation, ReservationState, change_between, released
from breakwater.domain.times import nanoseconds
from breakwater.errors import InvalidRequest, NotFound, OrderIdReused
from breakwater.services.limit_views import ExternalFillBookedView
from breakwater.services.limits import FilledOrder, settle
from breakwater.services.overdrawn import Booked, limits_over, reduce_where_over
from events.limits import ExternalFillBooked

EXTERNAL = "external"
_ENGINE_SEQ = 1  # The one word that is ever told of such an order.


class ExternalFill(BaseModel):
    """The body of POST /limits/external-fills. `external_id`: the venue's own id of it, unique in its account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: uuid.UUID
    external_id: ClientOrderId
    symbol: Symbol
    side: Side
    quantity: Amount
    price: Amount
    fee: Amount = ZERO
    fee_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")] | None = None
    venue: Venue = SIMULATED_VENUE
    transact_time: AwareDatetime


def book_external_fill(
    fill: ExternalFill, caller: Caller, tx: TenantTransaction, at: datetime
) -> ExternalFillBookedView:
    """Book it once, whatever the limits say, and brake what it has surprised.

    NotFound for an account that is not there; InvalidRequest for a symbol, a step of price or quantity, or a time that
    cannot be; OrderIdReused when another fill was booked under the same id.
    """
    caller.require("risk:manage")
    tx.identity.require_account(caller.subject, caller.role, fill.account_id)
    if fill.transact_time > at:
        raise InvalidRequest("a fill cannot be in the future", field="transact_time")
    if fill.venue == ROUTER_VENUE:
        raise InvalidRequest(f"nothing fills at {ROUTER_VENUE} itself: name the venue that it goes to", field="venue")
    instrument = tx.market.instrument(fill.symbol)
    instrument.quantity_lots(fill.quantity)
    instrument.price_ticks(fill.price)
    order = _as_order(fill, caller)
    if not tx.orders.add(order):
        return _booked_before(fill, order, tx, at)
    position = tx.portfolio.lock_position(fill.account_id, fill.symbol)
    nodes = tx.limits.node_ids_of_accounts([fill.account_id])
    if not nodes:
        raise NotFound("this account has no place in the tree of limits", field="account_id")
    scopes = tx.limits.lock_scopes(nodes[0], at)
    over_before = limits_over(tx, nodes[:1], at)
    tx.orders.mark_external(order.order_id, fill.price)
    _hold_and_settle(fill, order, scopes, tx)
    _book_trade(fill, order, position, tx)
    tx.outbox.add(
        ExternalFillBooked(
            order_id=order.order_id,
            account_id=fill.account_id,
            external_id=fill.external_id,
            symbol=fill.symbol,
            side=fill.side,
            quantity=format_amount(fill.quantity),
            price=format_amount(fill.price),
            venue=fill.venue,
            booked_by=caller.username,
        ),
        aggregate_id=order.order_id,
        account_id=fill.account_id,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
    what = f"external fill {fill.external_id}: {fill.side} {format_amount(fill.quantity)} {fill.symbol}"
    booked = Booked(what, over_before, FilledOrder(order.order_id, fill.account_id, fill.symbol))
    return {"order_id": str(order.order_id), "is_new": True, "reduce_only": _brake(booked, nodes[0], caller, tx, at)}


def _as_order(fill: ExternalFill, caller: Caller) -> PlaceOrder:
    terms = OrderTerms(
        client_order_id=fill.external_id,
        account_id=fill.account_id,
        symbol=fill.symbol,
        side=fill.side,
        type=OrderType.LIMIT,
        quantity=fill.quantity,
        price=fill.price,
        time_in_force=TimeInForce.IOC,
        venue=fill.venue,
    )
    return PlaceOrder.of(
        terms,
        tenant_id=caller.tenant_id,
        placed_by=EXTERNAL,
        correlation_id=caller.correlation_id,
        at=fill.transact_time,
    )


def _booked_before(
    fill: ExternalFill, order: PlaceOrder, tx: TenantTransaction, at: datetime
) -> ExternalFillBookedView:
    known = tx.orders.get(order.order_id)
    if known is None or known.fingerprint != order.terms.fingerprint():
        raise OrderIdReused("this external_id, or client_order_id, was used for something else")
    (node_id,) = tx.limits.node_ids_of_accounts([fill.account_id])
    node = tx.limits.node(node_id, at)
    braked = [] if node is None or node.state == NodeState.ACTIVE else [str(node_id)]
    return {"order_id": str(order.order_id), "is_new": False, "reduce_only": braked}


def _hold_and_settle(fill: ExternalFill, order: PlaceOrder, scopes: list[Scope], tx: TenantTransaction) -> None:
    """As a reservation that is final at once, so that the ledger adds up of these fills as of all others."""
    reservation = HeldReservation(
        order_id=order.order_id,
        node_ids=[scope.node.node_id for scope in scopes],
        symbol=fill.symbol,
        venue=fill.venue,
        is_automated=False,
        side=fill.side,
        quantity=fill.quantity,
        valuation_price=fill.price,
        open_qty=fill.quantity,
        cum_qty=ZERO,
        cum_notional=ZERO,
        engine_seq=0,
        state=ReservationState.HELD,
    )
    change = change_between(released(reservation), reservation)
    tx.limits.hold(reservation, change, fill.account_id, fill.transact_time)
    snapshot = OrderSnapshot(
        order_id=order.order_id,
        status=OrdStatus.FILLED,
        quantity=fill.quantity,
        cum_qty=fill.quantity,
        leaves_qty=ZERO,
        cum_notional=EXACT.multiply(fill.quantity, fill.price),
        engine_seq=_ENGINE_SEQ,
        transact_time_ns=nanoseconds(fill.transact_time),
    )
    tx.orders.apply(snapshot)
    settle(tx, snapshot)


def _book_trade(fill: ExternalFill, order: PlaceOrder, before: Position, tx: TenantTransaction) -> None:
    instrument = tx.market.instrument(fill.symbol)
    fee_currency = fill.fee_currency or instrument.quote_asset
    booked = Fill(fill.side, fill.quantity, fill.price, fill.fee, fee_currency)
    after = before.after(booked, instrument)
    row = TradeRow(
        trade_id=uuid.uuid5(order.order_id, fill.external_id),
        order_id=order.order_id,
        account_id=fill.account_id,
        symbol=fill.symbol,
        side=fill.side,
        last_qty=fill.quantity,
        last_px=fill.price,
        liquidity="TAKER",
        fee=fill.fee,
        fee_currency=fee_currency,
        realised_pnl=EXACT.subtract(after.realised_pnl, before.realised_pnl),
        venue=fill.venue,
        transact_time=fill.transact_time,
    )
    changes = balance_changes(booked, instrument)
    tx.portfolio.book(row, engine_seq=_ENGINE_SEQ, position=after, balance_changes=changes)
    tx.portfolio.mark_external(row.trade_id)
    tx.limits.note_in_cash(order.order_id, EXACT.multiply(fill.quantity, fill.price))


def _brake(booked: Booked, leaf_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> list[str]:
    """The account, and every scope above it that is over one of its limits now."""
    about = {"by": caller.username, "correlation_id": caller.correlation_id}
    braked = reduce_where_over(tx, [leaf_id], booked, also=[leaf_id], at=at, **about)
    return [str(node_id) for node_id in braked]
