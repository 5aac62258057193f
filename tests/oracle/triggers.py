"""Step 4 of each command: dormant orders whose condition holds become market or limit orders."""

from tests.oracle.matching import match
from tests.oracle.records import EventKind, Side, TradingState, Trigger, Type
from tests.oracle.state import Order, Place, State


def run_triggers(state: State, symbol: int) -> None:
    """Look at the symbol until nothing triggers any more. Ends: each round uses up dormant orders."""
    while triggered := _look(state, symbol):
        for order, reference in triggered:
            _wake(state, order, reference)


def _look(state: State, symbol: int) -> list[tuple[Order, int]]:
    """What triggers now, by entry, each with its reference price. Moves trailing prices first."""
    instrument = state.instruments.get(symbol)
    if instrument is None or instrument.trading is not TradingState.CONTINUOUS:
        return []
    triggered = []
    for order in state.in_place(symbol, Place.DORMANT):
        reference = instrument.last_price if order.trigger is Trigger.LAST else instrument.mark_price
        if reference == 0:
            continue
        if order.type is Type.TRAILING_STOP:
            _trail(order, reference)
        if _is_reached(order, reference):
            triggered.append((order, reference))
    return triggered


def _trail(order: Order, reference: int) -> None:
    """The order's `stop_price` is the distance. A sell's stop only rises, a buy's only falls; below 1 there is none."""
    candidate = reference + order.side.sign * order.stop_price
    if order.side is Side.SELL:
        order.trailing_price = max(order.trailing_price, candidate, 0)
    elif order.trailing_price == 0 or candidate < order.trailing_price:
        order.trailing_price = candidate


def _is_reached(order: Order, reference: int) -> bool:
    stop = order.trailing_price if order.type is Type.TRAILING_STOP else order.stop_price
    if stop == 0:
        return False
    is_take_profit = order.type in {Type.TAKE_PROFIT, Type.TAKE_PROFIT_LIMIT}
    waits_for_a_rise = (order.side is Side.BUY) != is_take_profit
    return reference >= stop if waits_for_a_rise else reference <= stop


def _wake(state: State, order: Order, reference: int) -> None:
    order.type = Type.LIMIT if order.type.needs_price else Type.MARKET
    order.stop_price = order.trailing_price = 0
    order.place = Place.INCOMING
    state.take_entry(order)
    state.emit_for(order, EventKind.TRIGGERED, price=reference)
    match(state, order)
