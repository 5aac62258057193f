"""The oracle: the matching core's specification (docs/matching.md) as a program that is written to be read.

    oracle = Oracle()
    events = oracle.apply(command)
    oracle.state_hash()

The compiled core must give the same events and the same hash for the same commands.
"""

import copy
from collections.abc import Callable, Iterable
from typing import Final

from tests.oracle import checks, leases, reference_data, venues
from tests.oracle.matching import enter, match
from tests.oracle.records import (
    EXTENDED,
    SYMBOL_MAX,
    Command,
    Event,
    EventKind,
    Kind,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
    TradingState,
    Trigger,
    Type,
    order_terms,
)
from tests.oracle.state import Order, Place, State
from tests.oracle.state_hash import state_hash
from tests.oracle.triggers import run_triggers


class Oracle:
    def __init__(self, *, orders_max: int = 1 << 22) -> None:
        self.state = State(orders_max)

    def apply(self, command: Command, index: int = 0) -> list[Event]:
        """Apply one command; `index` is its place in its batch, which its events repeat."""
        state = self.state
        state.events, state.command_index = [], index
        state.now_ns = max(state.now_ns, command.at_ns)
        _expire(state)
        symbol = self._symbol_of(command)
        _HANDLERS.get(command.kind, _unknown_kind)(state, command)
        run_triggers(state, symbol)
        return state.events

    def apply_batch(self, commands: Iterable[Command]) -> list[Event]:
        return [event for index, command in enumerate(commands) for event in self.apply(command, index)]

    def state_hash(self) -> int:
        return state_hash(self.state)

    def _symbol_of(self, command: Command) -> int:
        """Whose dormant orders the command may wake."""
        if command.kind == Kind.REPLACE:
            order = self.state.orders.get(command.order_id)
            return order.symbol if order else 0
        return command.symbol


def _expire(state: State) -> None:
    due = [
        order
        for order in state.orders.values()
        if order.time_in_force is TimeInForce.GTD
        and order.expire_at_ns <= state.now_ns
        and order.place is not Place.ROUTED
    ]
    for order in sorted(due, key=lambda order: (order.expire_at_ns, order.entry)):
        state.end(order, EventKind.EXPIRED)


def _submit(state: State, command: Command) -> None:
    order = _order_of(command) if checks.is_readable(command) else None
    refused = Reason.INVALID_TERMS if order is None else checks.refuse_submit(state, order)
    if order is None or refused is not None:
        symbol = command.symbol if command.symbol <= SYMBOL_MAX else 0
        state.emit(EventKind.REJECTED, order_id=command.order_id, symbol=symbol, reason=refused or Reason.NONE)
        return
    state.orders[order.order_id] = order
    state.take_entry(order)
    state.emit_for(
        order,
        EventKind.ROUTED if order.venue else EventKind.ACCEPTED,
        price=order.price,
        quantity=order.quantity,
        leaves=order.leaves,
    )
    if order.venue:
        order.place = Place.ROUTED
    elif order.type.is_dormant:
        order.place = Place.DORMANT
    elif state.instruments[order.symbol].trading is TradingState.AUCTION:
        state.rest(order)
    else:
        enter(state, order)


def _order_of(command: Command) -> Order:
    """Of a readable submit."""
    terms = order_terms(command)
    return Order(
        order_id=command.order_id,
        symbol=command.symbol,
        account=command.account,
        session=command.session,
        side=Side(command.side),
        type=Type(command.type),
        time_in_force=TimeInForce(command.time_in_force),
        flags=command.flags & ~EXTENDED,
        self_trade=SelfTrade(command.self_trade),
        trigger=Trigger(command.trigger),
        venue=command.venue,
        price=command.price,
        leaves=command.quantity,
        stop_price=terms.stop_price,
        display_quantity=terms.display_quantity,
        min_quantity=terms.min_quantity,
        expire_at_ns=terms.expire_at_ns,
        price_bound=terms.price_bound,
    )


def _cancel(state: State, command: Command) -> None:
    order = state.orders.get(command.order_id)
    if order is None:
        state.emit(EventKind.CANCEL_REJECTED, order_id=command.order_id, reason=Reason.UNKNOWN_ORDER)
    else:
        _cancel_or_ask(state, order, Reason.NONE)


def _mass_cancel(state: State, command: Command) -> None:
    def fits(order: Order) -> bool:
        return (
            command.account in {0, order.account}
            and command.session in {0, order.session}
            and command.symbol in {0, order.symbol}
        )

    for order in sorted(state.orders.values(), key=lambda order: order.entry):
        if fits(order):
            _cancel_or_ask(state, order, Reason.MASS_CANCEL)


def _cancel_or_ask(state: State, order: Order, reason: Reason) -> None:
    if order.place is Place.ROUTED:
        state.emit_for(order, EventKind.CANCEL_REQUESTED, reason=reason)
    else:
        state.cancel(order, reason)


def _replace(state: State, command: Command) -> None:
    before = state.orders.get(command.order_id)
    if before is None:
        state.emit(EventKind.REPLACE_REJECTED, order_id=command.order_id, reason=Reason.UNKNOWN_ORDER)
        return
    after = copy.copy(before)
    after.price = command.price
    after.leaves = command.quantity - before.traded
    if before.place is Place.DORMANT and command.flags & EXTENDED:
        after.stop_price = order_terms(command).stop_price
    if before.price_bound and command.flags & EXTENDED and order_terms(command).price_bound:
        after.price_bound = order_terms(command).price_bound
    keeps_place = (
        after.price == before.price and after.stop_price == before.stop_price and after.leaves <= before.leaves
    )
    if refused := _refuse_replace(state, before, after, keeps_place=keeps_place):
        state.emit_for(before, EventKind.REPLACE_REJECTED, reason=refused)
        return
    if before.place is Place.ROUTED:
        state.emit_for(before, EventKind.REPLACE_REQUESTED)
        return
    if not keeps_place:
        before.price_bound = after.price_bound
        state.leave_book(before)
        state.take_entry(before)
        before.trailing_price = 0
    before.price, before.leaves, before.stop_price = after.price, after.leaves, after.stop_price
    if before.place is Place.RESTING:
        before.shown = min(before.shown, before.leaves) if before.display_quantity else before.leaves
    state.emit_for(before, EventKind.REPLACED, price=before.price, quantity=before.quantity, leaves=before.leaves)
    if before.place is Place.INCOMING:
        match(state, before)


def _refuse_replace(state: State, before: Order, after: Order, *, keeps_place: bool) -> Reason | None:
    instrument = state.instruments[before.symbol]
    is_here = before.place is not Place.ROUTED
    if not (is_here or before.venue_accepted) or after.leaves <= 0:
        return Reason.TOO_LATE
    if refused := checks.refuse_quantity(instrument, after):
        return refused
    if keeps_place:
        account = state.accounts.get(before.account)
        return checks.refuse_rate(state, account) if account else None
    if refused := checks.refuse_prices(instrument, after):
        return refused
    if is_here and instrument.trading is not TradingState.CONTINUOUS:
        return Reason.HALTED if instrument.trading is TradingState.HALTED else Reason.NOT_IN_AUCTION
    return (
        checks.refuse_account(state, instrument, after, before=before)
        or checks.refuse_lease(state, after, before=before)
        or checks.refuse_collar(instrument, after)
        or (checks.refuse_post_only(instrument, after) if is_here else None)
    )


def _refuse_replace_told(state: State, command: Command) -> None:
    order = state.orders.get(command.order_id)
    symbol = order.symbol if order else 0
    state.emit(EventKind.REPLACE_REJECTED, order_id=command.order_id, symbol=symbol, reason=command.reason)


def _refuse(state: State, command: Command) -> None:
    symbol = command.symbol if command.symbol <= SYMBOL_MAX else 0
    state.emit(EventKind.REJECTED, order_id=command.order_id, symbol=symbol, reason=command.reason)


def _unknown_kind(state: State, command: Command) -> None:
    state.emit(EventKind.REJECTED, order_id=command.order_id, reason=Reason.INVALID_TERMS)


def _advance_time(_state: State, _command: Command) -> None:
    """The time has moved already."""


_HANDLERS: Final[dict[int, Callable[[State, Command], None]]] = {
    Kind.SUBMIT: _submit,
    Kind.CANCEL: _cancel,
    Kind.REPLACE: _replace,
    Kind.MASS_CANCEL: _mass_cancel,
    Kind.REFUSE: _refuse,
    Kind.VENUE_ACCEPTED: venues.hear_of,
    Kind.VENUE_REJECTED: venues.hear_of,
    Kind.VENUE_FILLED: venues.hear_of,
    Kind.VENUE_CANCELED: venues.hear_of,
    Kind.VENUE_EXPIRED: venues.hear_of,
    Kind.VENUE_REPLACED: venues.hear_of,
    Kind.REFUSE_REPLACE: _refuse_replace_told,
    Kind.LIST_INSTRUMENT: reference_data.list_instrument,
    Kind.SET_ACCOUNT: reference_data.set_account,
    Kind.SET_HOLDING: reference_data.set_holding,
    Kind.SET_LEASE: leases.set_lease,
    Kind.SET_MARK: reference_data.set_mark,
    Kind.HALT: reference_data.change_trading,
    Kind.RESUME: reference_data.change_trading,
    Kind.START_AUCTION: reference_data.change_trading,
    Kind.UNCROSS: reference_data.change_trading,
    Kind.ADVANCE_TIME: _advance_time,
}
