"""Matching in continuous trading: the section "Matching" of docs/matching.md, step by step."""

import copy

from tests.oracle.records import FIRM_SELF_TRADE, EventKind, Reason, SelfTrade, Side, TimeInForce, Type
from tests.oracle.state import Holding, Instrument, Order, Place, State


def enter(state: State, order: Order) -> None:
    """Match an order that comes in by a submit, with its look ahead if it asks for one."""
    wanted = order.quantity if order.time_in_force is TimeInForce.FOK else order.min_quantity
    if wanted > 0:
        tradable, ended_by = look_ahead(state, order)
        if tradable < wanted:
            short = Reason.FOK_NOT_FILLABLE if order.time_in_force is TimeInForce.FOK else Reason.MIN_QUANTITY
            state.cancel(order, ended_by if ended_by in {Reason.PRICE_BAND, Reason.SELF_TRADE} else short)
            return
    match(state, order)


def match(state: State, order: Order) -> None:
    """Trade while something is left and something can, then rest or end."""
    instrument = state.instruments[order.symbol]
    while order.leaves > 0:
        maker = instrument.front(order.side.opposite)
        if maker is None or (order.price != 0 and is_beyond(order.side, maker.price, order.price)):
            _rest_or_end(state, order, is_price_in_the_way=maker is not None)
            return
        if is_outside_bound(state, order, maker.price):
            state.cancel(order, Reason.PRICE_BAND)
        elif is_prevented(state, order, maker):
            prevent_self_trade(state, order, maker)
        elif maker.is_reduce_only and state.reducible(maker) == 0:
            state.cancel(maker, Reason.REDUCE_ONLY)
        elif order.is_reduce_only and state.reducible(order) == 0:
            state.cancel(order, Reason.REDUCE_ONLY)
        else:
            trade(state, order, maker, maker.price)


def look_ahead(state: State, order: Order) -> tuple[int, int]:
    """What `match` would trade of it at once, and the reason with which it would then be cancelled (or kNone).

    It is found by doing it, in a copy.
    """
    trial = _copy_of_market(state, order)
    same_order = trial.orders[order.order_id]
    match(trial, same_order)
    cancels = [
        event.reason for event in trial.events if event.kind is EventKind.CANCELED and event.order_id == order.order_id
    ]
    return same_order.traded, cancels[0] if cancels else Reason.NONE


def is_beyond(side: Side, price: int, limit: int) -> bool:
    """Whether `price` is worse for this side than `limit`."""
    return side.sign * price > side.sign * limit


def is_outside_bound(state: State, order: Order, price: int) -> bool:
    """`price_bound`: a buy never trades below it, a sell never above. A leased sell has that of its lease, too."""
    if (
        order.is_leased
        and order.side is Side.SELL
        and price > state.leases[order.account, order.symbol].terms.price_high
    ):
        return True
    return order.price_bound != 0 and order.side.sign * price < order.side.sign * order.price_bound


def is_prevented(state: State, taker: Order, maker: Order) -> bool:
    """Whether the two have the same owner, and the taker minds."""
    if taker.self_trade is SelfTrade.ALLOW:
        return False
    if taker.account == maker.account and taker.account != 0:
        return True
    if not taker.flags & FIRM_SELF_TRADE:
        return False
    ours, theirs = state.accounts.get(taker.account), state.accounts.get(maker.account)
    return ours is not None and theirs is not None and ours.terms.firm == theirs.terms.firm != 0


def prevent_self_trade(state: State, taker: Order, maker: Order) -> None:
    match taker.self_trade:
        case SelfTrade.CANCEL_NEWEST:
            state.cancel(taker, Reason.SELF_TRADE)
        case SelfTrade.CANCEL_OLDEST:
            state.cancel(maker, Reason.SELF_TRADE)
        case SelfTrade.CANCEL_BOTH:
            state.cancel(maker, Reason.SELF_TRADE)
            state.cancel(taker, Reason.SELF_TRADE)
        case SelfTrade.DECREMENT:
            quantity = min(taker.leaves, maker.leaves)
            _decrement(state, maker, quantity)
            _decrement(state, taker, quantity)
        case SelfTrade.ALLOW:
            raise AssertionError("nothing to prevent")


def trade(state: State, taker: Order, maker: Order, price: int) -> int:
    """One trade of all that both offer at this moment; returns how much."""
    quantity = min(_offered(state, taker), _offered(state, maker))
    ending = [order for order in (maker, taker) if order.is_reduce_only and state.reducible(order) == quantity]
    for order in (taker, maker):
        state.fill(order, quantity, price)
        if order.place is Place.RESTING:
            order.shown -= quantity
    state.instruments[taker.symbol].last_price = price
    state.emit(
        EventKind.TRADED,
        order_id=taker.order_id,
        maker_id=maker.order_id,
        symbol=taker.symbol,
        price=price,
        quantity=quantity,
        leaves=taker.leaves,
        maker_leaves=maker.leaves,
    )
    for order in (maker, taker):
        _settle(state, order, has_reduced_all=order in ending)
    return quantity


def _offered(state: State, order: Order) -> int:
    offered = order.shown if order.place is Place.RESTING else order.leaves
    return min(offered, state.reducible(order)) if order.is_reduce_only else offered


def _settle(state: State, order: Order, *, has_reduced_all: bool) -> None:
    """What a trade leaves of an order: nothing, nothing to reduce, or the next part of an iceberg."""
    if order.leaves == 0:
        state.forget(order)
    elif has_reduced_all:
        state.cancel(order, Reason.REDUCE_ONLY)
    elif order.place is Place.RESTING and order.shown == 0:
        state.leave_book(order)
        state.rest(order)


def _decrement(state: State, order: Order, quantity: int) -> None:
    if order.leaves == quantity:
        state.cancel(order, Reason.SELF_TRADE)
        return
    order.leaves -= quantity
    order.shown = min(order.shown, order.leaves)
    state.emit_for(order, EventKind.REDUCED, quantity=quantity, leaves=order.leaves, reason=Reason.SELF_TRADE)


def _rest_or_end(state: State, order: Order, *, is_price_in_the_way: bool) -> None:
    if order.type is Type.MARKET:
        state.cancel(order, Reason.PRICE_BAND if is_price_in_the_way else Reason.NO_LIQUIDITY)
    elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
        state.cancel(order, Reason.NO_LIQUIDITY)
    else:
        state.rest(order)


def _copy_of_market(state: State, order: Order) -> State:
    """The part of the state that one match can change: this order, the other side of its book, positions."""
    instrument = state.instruments[order.symbol]
    makers = {
        price: [copy.copy(maker) for maker in level] for price, level in instrument.levels[order.side.opposite].items()
    }
    book = Instrument(order.symbol, instrument.terms, levels={order.side: {}, order.side.opposite: makers})
    orders = [copy.copy(order)] + [maker for level in makers.values() for maker in level]
    return State(
        orders_max=state.orders_max,
        orders={each.order_id: each for each in orders},
        instruments={order.symbol: book},
        accounts=state.accounts,
        holdings={key: Holding(each.position) for key, each in state.holdings.items() if key[1] == order.symbol},
        leases={key: copy.deepcopy(each) for key, each in state.leases.items()},
    )
