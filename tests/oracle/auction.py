"""The end of an auction: one price for all that can trade at it."""

from tests.oracle.matching import is_outside_bound, is_prevented, prevent_self_trade, trade
from tests.oracle.records import INT64_MAX, EventKind, Reason, Side, TradingState
from tests.oracle.state import Instrument, Order, State


def uncross(state: State, instrument: Instrument) -> None:
    price_of_first, quantity = 0, 0
    auction = auction_price(instrument) if instrument.is_crossed else None
    while pair := _pair(instrument, auction):
        # What is still crossed after the auction's price meets as in continuous trading: at the older order's price.
        maker, taker = pair
        price = maker.price if auction is None else auction
        traded = _meet(state, maker, taker, price)
        price_of_first = price_of_first or (price if traded else 0)
        quantity += traded
        if auction is not None and _pair(instrument, auction) is None:
            auction = None
    quantity = min(quantity, INT64_MAX)
    state.emit(EventKind.UNCROSSED, symbol=instrument.symbol, price=price_of_first, quantity=quantity)
    instrument.trading = TradingState.CONTINUOUS


def auction_price(instrument: Instrument) -> int:
    """Of a crossed book: most traded, then least imbalance, then nearest to the reference, then lowest."""
    bids, asks = instrument.levels[Side.BUY], instrument.levels[Side.SELL]
    reference = instrument.last_price or instrument.mark_price

    def rank(price: int) -> tuple[int, int, int, int]:
        bought = sum(order.leaves for bid, level in bids.items() if bid >= price for order in level)
        sold = sum(order.leaves for ask, level in asks.items() if ask <= price for order in level)
        distance = abs(price - reference) if reference else 0
        return -min(bought, sold), abs(bought - sold), distance, price

    return min({*bids, *asks}, key=rank)


def _meet(state: State, maker: Order, taker: Order, price: int) -> int:
    """What the two traded; 0 when one or both of them had to go."""
    pair = (maker, taker)
    outside = next((order for order in pair if is_outside_bound(state, order, price)), None)
    useless = next((order for order in pair if order.is_reduce_only and state.reducible(order) == 0), None)
    if outside is not None:
        state.cancel(outside, Reason.PRICE_BAND)
    elif is_prevented(state, taker, maker):
        prevent_self_trade(state, taker, maker)
    elif useless is not None:
        state.cancel(useless, Reason.REDUCE_ONLY)
    else:
        return trade(state, taker, maker, price)
    return 0


def _pair(instrument: Instrument, price: int | None) -> tuple[Order, Order] | None:
    """The next two to trade at that price, or at any, the older one (the maker) first."""
    bid, ask = instrument.front(Side.BUY), instrument.front(Side.SELL)
    if bid is None or ask is None or bid.price < (price or ask.price) or ask.price > (price or bid.price):
        return None
    return (bid, ask) if bid.entry < ask.entry else (ask, bid)
