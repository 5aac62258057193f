"""The 64-bit hash of the whole state: the section "State hash" of docs/matching.md."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple

from tests.oracle.records import Side
from tests.oracle.state import Holding, Order, Place, State

_WORD = 2**64 - 1


def state_hash(state: State) -> int:
    hashed = 0xCBF29CE484222325
    for word in _words(state):
        hashed = ((hashed ^ (word & _WORD)) * 0x9E3779B97F4A7C15) & _WORD
        hashed ^= hashed >> 32
    return hashed


def _words(state: State) -> Iterator[int]:
    yield from (state.now_ns, state.next_seq, state.next_entry, len(state.orders))
    for symbol, instrument in sorted(state.instruments.items()):
        yield from (symbol, *astuple(instrument.terms))
        yield from (instrument.trading, instrument.last_price, instrument.mark_price)
    live_orders = Counter(order.account for order in state.orders.values())
    for number, account in sorted(state.accounts.items()):
        yield from (number, *astuple(account.terms), live_orders[number], account.rate_window, account.rate_count)
    yield from _holding_words(state)
    yield from _lease_words(state)
    for symbol in sorted(state.instruments):
        for side in (Side.BUY, Side.SELL):
            for order in state.resting(symbol, side):
                yield from _order_words(order)
        for order in state.in_place(symbol, Place.DORMANT) + state.in_place(symbol, Place.ROUTED):
            yield from _order_words(order)


def _holding_words(state: State) -> Iterator[int]:
    open_quantities: Counter[tuple[int, int, Side]] = Counter()
    for order in state.orders.values():
        if order.account in state.accounts and not order.is_reduce_only:
            open_quantities[order.account, order.symbol, order.side] += order.leaves
    touched = {(account, symbol) for account, symbol, _ in open_quantities}
    for account, symbol in sorted(touched | state.holdings.keys()):
        holding = state.holdings.get((account, symbol), Holding())
        open_buys, open_sells = (open_quantities[account, symbol, side] for side in (Side.BUY, Side.SELL))
        words = (holding.position, holding.position_max, open_buys, open_sells)
        if any(words):
            yield from (account, symbol, *words)


def _lease_words(state: State) -> Iterator[int]:
    for (account, symbol), lease in sorted(state.leases.items()):
        orders = state.leased_orders(account, symbol)
        yield from (account, symbol, *astuple(lease.terms), lease.filled[Side.BUY], lease.filled[Side.SELL])
        for side in (Side.BUY, Side.SELL):
            yield from divmod(lease.notional[side], 2**64)
        yield from (sum(order.leaves for order in orders if order.side is side) for side in (Side.BUY, Side.SELL))
        yield len(orders)


def _order_words(order: Order) -> Iterator[int]:
    yield from (order.order_id, order.entry, order.price, order.traded, order.leaves, order.shown)
    yield from (order.account, order.session)
    small = (
        order.side,
        order.type,
        order.time_in_force,
        order.flags,
        order.self_trade,
        order.trigger,
        order.venue,
        order.venue_accepted,
    )
    yield sum(value << 8 * position for position, value in enumerate(small))
    yield from (order.stop_price, order.trailing_price, order.display_quantity, order.expire_at_ns, order.price_bound)
