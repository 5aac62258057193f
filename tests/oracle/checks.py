"""The checks of a submit, and those of them that a replace asks: numbers as in docs/matching.md.

Each function returns the reason of the first check that fails, or None. `order` is the order as it would be; for a
replace `before` is the order as it is.
"""

from tests.oracle.matching import is_beyond
from tests.oracle.records import (
    ALL_FLAGS,
    ICEBERG_PARTS_MAX,
    PRICE_MAX,
    QUANTITY_MAX,
    Command,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
    TradingState,
    Trigger,
    Type,
)
from tests.oracle.state import Account, Instrument, Order, State

_IMMEDIATE = {TimeInForce.IOC, TimeInForce.FOK}
_STAYING = {TimeInForce.GTC, TimeInForce.GTD}
_ICEBERG_TYPES = {Type.LIMIT, Type.STOP_LIMIT, Type.TAKE_PROFIT_LIMIT}


def is_readable(command: Command) -> bool:
    """Whether a submit's enumerations and flags are ones that exist."""
    return (
        command.side in set(Side)
        and command.type in set(Type)
        and command.time_in_force in set(TimeInForce)
        and command.self_trade in set(SelfTrade)
        and command.trigger in set(Trigger)
        and command.flags & ~ALL_FLAGS == 0
    )


def refuse_submit(state: State, order: Order) -> Reason | None:
    """All of them, in order. Counts the submit in the account's rate when check 9 is reached."""
    instrument = state.instruments.get(order.symbol)
    if instrument is None:
        return Reason.UNKNOWN_SYMBOL  # 1
    if order.order_id == 0 or order.order_id in state.orders:
        return Reason.DUPLICATE_ORDER_ID  # 2
    if not _terms_fit_together(order, state.now_ns):
        return Reason.INVALID_TERMS  # 3
    reason = refuse_quantity(instrument, order) or _refuse_parts(instrument, order) or refuse_prices(instrument, order)
    if reason is None and order.venue == 0:
        reason = _refuse_trading_state(instrument, order)
    if reason is not None:
        return reason
    if len(state.orders) >= state.orders_max:
        return Reason.CORE_FULL  # 8
    return (
        refuse_account(state, instrument, order, before=None)
        or refuse_lease(state, order, before=None)
        or refuse_collar(instrument, order)
        or _refuse_reduce_only(state, order)
        or (refuse_post_only(instrument, order) if order.venue == 0 else None)
    )


def _terms_fit_together(order: Order, now_ns: int) -> bool:
    """Check 3: the table of types, and no field that the type cannot have."""
    is_immediate = order.time_in_force in _IMMEDIATE
    is_good_till_date = order.time_in_force is TimeInForce.GTD
    if order.type is Type.MARKET and not is_immediate:
        return False
    if order.type.is_dormant:
        if is_immediate or order.min_quantity != 0:
            return False
    elif order.stop_price != 0:
        return False
    if order.is_post_only and (order.type is not Type.LIMIT or is_immediate or order.min_quantity != 0):
        return False
    if order.display_quantity != 0 and (order.type not in _ICEBERG_TYPES or is_immediate):
        return False
    return order.expire_at_ns > now_ns if is_good_till_date else order.expire_at_ns == 0


def refuse_quantity(instrument: Instrument, order: Order) -> Reason | None:
    """Check 4 for the quantity, and for the number of parts of an iceberg."""
    terms = instrument.terms
    is_right = (
        0 < order.quantity <= QUANTITY_MAX
        and order.quantity % terms.lot == 0
        and order.quantity >= terms.quantity_min
        and (terms.quantity_max == 0 or order.quantity <= terms.quantity_max)
        and (order.display_quantity == 0 or order.display_quantity * ICEBERG_PARTS_MAX >= order.quantity)
    )
    return None if is_right else Reason.INVALID_QUANTITY


def _refuse_parts(instrument: Instrument, order: Order) -> Reason | None:
    """Check 4 for the display and the minimum quantity."""
    parts = (order.display_quantity, order.min_quantity)
    is_right = all(0 <= part <= order.quantity and part % instrument.terms.lot == 0 for part in parts)
    return None if is_right else Reason.INVALID_QUANTITY


def refuse_prices(instrument: Instrument, order: Order) -> Reason | None:
    """Checks 5 and 6."""
    terms = instrument.terms

    def is_price(price: int) -> bool:
        return 1 <= price <= PRICE_MAX and price % terms.tick == 0

    needed = [order.price] if order.type.needs_price else []
    needed += [order.stop_price] if order.type.is_dormant else []
    if not all(is_price(price) for price in needed):
        return Reason.INVALID_PRICE
    if not all(price == 0 or is_price(price) for price in (order.price, order.price_bound)):
        return Reason.INVALID_PRICE
    if order.price and order.price_bound and order.side.sign * (order.price_bound - order.price) > 0:
        return Reason.INVALID_PRICE
    stop_price = 0 if order.type is Type.TRAILING_STOP else order.stop_price  # A distance is not in the band.
    for price in (order.price, stop_price):
        if price != 0 and (price < terms.price_low or (terms.price_high != 0 and price > terms.price_high)):
            return Reason.PRICE_OUTSIDE_BAND
    return None


def _refuse_trading_state(instrument: Instrument, order: Order) -> Reason | None:
    """Check 7."""
    if instrument.trading is TradingState.HALTED:
        return Reason.HALTED
    if instrument.trading is TradingState.CONTINUOUS or order.type.is_dormant:
        return None
    can_rest = order.type is Type.LIMIT and order.time_in_force in _STAYING
    asks_for_more = order.is_post_only or order.min_quantity != 0 or order.price_bound != 0
    return None if can_rest and not asks_for_more else Reason.NOT_IN_AUCTION


def refuse_account(state: State, instrument: Instrument, order: Order, *, before: Order | None) -> Reason | None:
    """Checks 9 to 13; nothing for an account that was never set."""
    account = state.accounts.get(order.account)
    if account is None:
        return None
    if refused := refuse_rate(state, account):
        return refused
    terms = account.terms
    if terms.order_quantity_max != 0 and order.quantity > terms.order_quantity_max:
        return Reason.ORDER_TOO_LARGE  # 10
    if refused := _refuse_notional(instrument, order, terms.order_notional_max):
        return refused  # 11
    if before is None and terms.open_orders_max != 0:  # 12
        live_orders = sum(other.account == order.account for other in state.orders.values())
        if live_orders + 1 > terms.open_orders_max:
            return Reason.TOO_MANY_OPEN_ORDERS
    more = order.leaves - (before.leaves if before else 0)
    return None if order.is_reduce_only else _refuse_position(state, order, more)


def _refuse_notional(instrument: Instrument, order: Order, notional_max: int) -> Reason | None:
    """Check 11."""
    if notional_max == 0:
        return None
    price = order.price or instrument.valuation_price
    if price == 0:
        return Reason.NO_REFERENCE_PRICE
    return Reason.NOTIONAL_TOO_LARGE if price * order.quantity > notional_max else None


def refuse_rate(state: State, account: Account) -> Reason | None:
    """Check 9. Counts, also what it refuses."""
    if account.terms.rate_max == 0:
        return None
    window = state.now_ns // account.terms.rate_window_ns
    if window != account.rate_window:
        account.rate_window, account.rate_count = window, 0
    account.rate_count += 1
    return Reason.RATE_LIMIT if account.rate_count > account.terms.rate_max else None


def _refuse_position(state: State, order: Order, more: int) -> Reason | None:
    """Check 13, for `more` lots on the order's side."""
    held = state.holdings.get((order.account, order.symbol))
    position, position_max = (held.position, held.position_max) if held else (0, 0)
    more_buys, more_sells = (more, 0) if order.side is Side.BUY else (0, more)
    if not state.fits(order.account, order.symbol, position, more_buys, more_sells):
        return Reason.OVERFLOW
    reached = order.side.sign * position + state.open_quantity(order.account, order.symbol, order.side) + more
    return Reason.POSITION_LIMIT if position_max != 0 and reached > position_max else None


def refuse_lease(state: State, order: Order, *, before: Order | None) -> Reason | None:
    """Check 14."""
    if not order.is_leased:
        return None
    lease = state.leases.get((order.account, order.symbol))
    if lease is None:
        return Reason.LEASE_EXHAUSTED
    if state.now_ns >= lease.terms.expires_at_ns:
        return Reason.LEASE_EXPIRED
    is_unpriced_buy = order.side is Side.BUY and order.price == 0
    has_all_orders = before is None and (
        len(state.leased_orders(order.account, order.symbol)) >= lease.terms.orders_max
    )
    more = order.leaves - (before.leaves if before else 0)
    is_beyond_grant = state.used(order.account, order.symbol, order.side) + more > lease.granted(order.side)
    if is_unpriced_buy or order.price > lease.terms.price_high or has_all_orders or is_beyond_grant:
        return Reason.LEASE_EXHAUSTED
    return None


def refuse_collar(instrument: Instrument, order: Order) -> Reason | None:
    """Check 15."""
    reference, collar_bps = instrument.valuation_price, instrument.terms.collar_bps
    price = order.price
    if price == 0 and order.type is not Type.TRAILING_STOP:
        price = order.stop_price
    if collar_bps == 0 or price == 0 or reference == 0:
        return None
    beyond = order.side.sign * (price - reference) * 10_000
    return Reason.COLLAR if beyond > collar_bps * reference else None


def _refuse_reduce_only(state: State, order: Order) -> Reason | None:
    """Check 16."""
    if not order.is_reduce_only:
        return None
    if order.account not in state.accounts:
        return Reason.UNKNOWN_ACCOUNT
    return None if order.type.is_dormant or state.reducible(order) > 0 else Reason.REDUCE_ONLY


def refuse_post_only(instrument: Instrument, order: Order) -> Reason | None:
    """Check 17."""
    if not order.is_post_only:
        return None
    maker = instrument.front(order.side.opposite)
    crosses = maker is not None and not is_beyond(order.side, maker.price, order.price)
    return Reason.POST_ONLY_WOULD_TAKE if crosses else None
