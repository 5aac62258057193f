"""What an outside venue says of an order that the core routed to it."""

from tests.oracle.records import PRICE_MAX, QUANTITY_MAX, Command, EventKind, Kind, Reason, Side
from tests.oracle.state import Order, Place, State

USED_MAX = 2**63 - 1  # Of a lease.


def hear_of(state: State, command: Command) -> None:
    """kVenue*: nothing for an order that is not live or not routed."""
    order = state.orders.get(command.order_id)
    if order is None or order.place is not Place.ROUTED:
        return
    match command.kind:
        case Kind.VENUE_ACCEPTED:
            if not order.venue_accepted:
                order.venue_accepted = True
                state.emit_for(
                    order, EventKind.ACCEPTED, price=order.price, quantity=order.quantity, leaves=order.leaves
                )
        case Kind.VENUE_REJECTED:
            state.forget(order)
            state.emit_for(order, EventKind.REJECTED, reason=command.reason)
        case Kind.VENUE_FILLED:
            _fill(state, order, command)
        case Kind.VENUE_CANCELED:
            state.cancel(order, command.reason)
        case Kind.VENUE_EXPIRED:
            state.end(order, EventKind.EXPIRED)
        case Kind.VENUE_REPLACED:
            _replace(state, order, command)


def _replace(state: State, order: Order, command: Command) -> None:
    if refused := _refuse_replace(state, order, command):
        state.emit_for(order, EventKind.REPLACE_REJECTED, reason=refused)
        return
    order.price, order.leaves = command.price, command.quantity - order.traded
    state.emit_for(order, EventKind.REPLACED, price=order.price, quantity=order.quantity, leaves=order.leaves)


def _refuse_replace(state: State, order: Order, command: Command) -> Reason | None:
    if command.quantity <= order.traded:
        return Reason.TOO_LATE
    if command.quantity > QUANTITY_MAX:
        return Reason.INVALID_QUANTITY
    if not 1 <= command.price <= PRICE_MAX:
        return Reason.INVALID_PRICE
    more = command.quantity - order.traded - order.leaves
    if order.is_leased and state.used(order.account, order.symbol, order.side) + more > USED_MAX:
        return Reason.OVERFLOW
    if order.account not in state.accounts or order.is_reduce_only:
        return None
    position = state.position(order.account, order.symbol)
    more_buys, more_sells = (more, 0) if order.side is Side.BUY else (0, more)
    fits = state.fits(order.account, order.symbol, position, more_buys, more_sells)
    return None if fits else Reason.OVERFLOW


def _fill(state: State, order: Order, command: Command) -> None:
    if refused := _refuse_fill(state, order, command):
        state.emit_for(order, EventKind.REJECTED, reason=refused)
        return
    state.fill(order, command.quantity, command.price)
    if order.leaves == 0:
        state.forget(order)
    state.emit_for(order, EventKind.VENUE_FILLED, price=command.price, quantity=command.quantity, leaves=order.leaves)


def _refuse_fill(state: State, order: Order, command: Command) -> Reason | None:
    if command.quantity < 1:
        return Reason.INVALID_QUANTITY
    if not 1 <= command.price <= PRICE_MAX:
        return Reason.INVALID_PRICE
    if command.quantity > order.leaves:
        return Reason.OVERFLOW
    if order.account not in state.accounts:
        return None
    position = state.position(order.account, order.symbol) + order.side.sign * command.quantity
    filled = 0 if order.is_reduce_only else command.quantity  # No longer open when it is filled.
    more_buys, more_sells = (-filled, 0) if order.side is Side.BUY else (0, -filled)
    fits = state.fits(order.account, order.symbol, position, more_buys, more_sells)
    return None if fits else Reason.OVERFLOW
