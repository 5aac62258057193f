"""The risk stage: what is refused before the core, because integers cannot say it or must not meet it. Pure.

The core refuses what it can see itself (docs/matching.md, "Submit").
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from matching_core import PRICE_MAX, QUANTITY_MAX

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from breakwater.domain.money import DIGITS_MAX, EXACT, format_amount, format_computed
from breakwater.domain.orders import OrderType, ReplaceOrder, Side, SubmitOrder
from breakwater.errors import InvalidRequest
from fargate_engine.orders import EngineOrder
from fargate_engine.terms import TOO_LATE, Reason, WorkingTerms

OPEN_ORDERS_MAX = 100_000  # In one shard. Bounds memory, and the time a restart takes to restore a venue.
CAME_TOO_LATE = Reason("CAME_TOO_LATE", "it came after the time until which it was valid")
ENTRY_FORGOTTEN = Reason(
    "ENTRY_FORGOTTEN",
    "what it exits from ended over an hour ago: see what that has filled, and exit that much without `after`",
)
NO_LEASE = Reason("NO_LEASE", "there is no lease for this account, symbol, venue, strategy and key")
NO_REPLACE = "REPLACE_UNSUPPORTED"
REPLACE_GIVEN_UP = Reason("REPLACE_GIVEN_UP", "the replace was given up before the engine heard of it")
NO_PARENT = Reason("NO_PARENT", "the order that it is a child of is not open here")
NOTIONAL_MAX = Decimal(10) ** DIGITS_MAX  # A wider amount would not fit the contracts' decimal strings.


@dataclass(frozen=True, slots=True)
class RiskApproved:
    """Proof that the checks were done: only this reaches a book or a venue."""

    instrument: Instrument
    terms: WorkingTerms


def came_too_late(order: SubmitOrder, at_ns: int) -> Reason | None:
    if order.valid_until_ns is not None and at_ns > order.valid_until_ns:
        return CAME_TOO_LATE
    return CAME_TOO_LATE if order.expire_at_ns is not None and at_ns >= order.expire_at_ns else None


def check(  # noqa: PLR0911 - one guard, one reason
    order: SubmitOrder,
    instruments: Mapping[str, Instrument],
    venues: Collection[str],
    open_orders: int,
    lease: SetLease | None = None,
) -> RiskApproved | Reason:
    instrument = instruments.get(order.symbol)
    if instrument is None:
        return Reason("UNKNOWN_SYMBOL", f"{order.symbol} is not traded here")
    if order.venue not in venues:
        return Reason("UNKNOWN_VENUE", f"{order.venue} is not a venue of this engine")
    if open_orders >= OPEN_ORDERS_MAX:
        return Reason("TOO_MANY_OPEN_ORDERS", f"the engine holds {OPEN_ORDERS_MAX} open orders already")
    beyond_lease = _beyond_lease(order, lease) if order.leased is not None else None
    if beyond_lease is not None:
        return beyond_lease
    contradiction = _contradiction(order)
    if contradiction is not None:
        return Reason("INVALID_TERMS", contradiction)
    try:
        quantity_lots = instrument.quantity_lots(order.quantity)
    except InvalidRequest as error:
        return Reason("INVALID_QUANTITY", error.message)
    low_ticks, high_ticks = reserved_band(order, instrument)
    if not 0 <= low_ticks <= high_ticks or high_ticks == 0:
        return Reason("INVALID_BAND", "the price band is empty")
    if quantity_lots > QUANTITY_MAX or EXACT.multiply(order.quantity, order.price_high) >= NOTIONAL_MAX:
        return Reason("ORDER_TOO_LARGE", "quantity times price is beyond what amounts can express")
    if order.price is None:
        limit_ticks = high_ticks if order.side is Side.BUY else low_ticks
    else:
        try:
            limit_ticks = instrument.price_ticks(order.price)
        except InvalidRequest as error:
            return Reason("INVALID_PRICE", error.message)
        if not low_ticks <= limit_ticks <= high_ticks:
            return Reason("PRICE_OUTSIDE_BAND", "the price lies outside the band the order was reserved for")
    bound_ticks = low_ticks if order.side is Side.BUY else high_ticks
    terms = WorkingTerms.of(order, quantity_lots=quantity_lots, limit_ticks=limit_ticks, bound_ticks=bound_ticks)
    return RiskApproved(instrument, terms)


def check_replace(order: EngineOrder, asked: ReplaceOrder, replacing_venues: Collection[str]) -> WorkingTerms | Reason:  # noqa: PLR0911 - one guard, one reason
    """The terms that it would have, or why it cannot have them."""
    submitted, instrument = order.submitted, order.instrument
    unsupported = _unsupported(submitted, replacing_venues)
    if unsupported is not None:
        return Reason(NO_REPLACE, f"{unsupported}: cancel it and place it anew")
    if submitted.type is not OrderType.LIMIT or not submitted.time_in_force.may_rest:
        return Reason("INVALID_TERMS", "only a LIMIT order that is GTC, GTD or DAY rests, and can be replaced")
    if order.is_being_canceled:
        return TOO_LATE
    try:
        quantity_lots, limit_ticks = instrument.quantity_lots(asked.quantity), instrument.price_ticks(asked.price)
    except InvalidRequest as error:
        return Reason("INVALID_TERMS", error.message)
    low_ticks, high_ticks = reserved_band(asked, instrument)
    if not 0 < low_ticks <= limit_ticks <= high_ticks:
        return Reason("PRICE_OUTSIDE_BAND", "the price lies outside the band the order is reserved for")
    if quantity_lots > QUANTITY_MAX or _notional_at_most(order, asked) >= NOTIONAL_MAX:
        return Reason("ORDER_TOO_LARGE", "quantity times price is beyond what amounts can express")
    bound_ticks = low_ticks if submitted.side is Side.BUY else high_ticks
    return order.terms.replaced(quantity_lots=quantity_lots, limit_ticks=limit_ticks, bound_ticks=bound_ticks)


def _notional_at_most(order: EngineOrder, asked: ReplaceOrder) -> Decimal:
    """What it has traded, and whatever it may trade before it is replaced and after: at a dearer price it may have."""
    instrument, has = order.instrument, order.replaced or order.submitted
    before = EXACT.multiply(instrument.quantity(order.leaves_lots), has.price_high)
    traded = EXACT.add(instrument.notional(order.cum_notional_steps), before)
    return EXACT.add(traded, EXACT.multiply(asked.quantity, asked.price_high))


def _unsupported(order: SubmitOrder, replacing_venues: Collection[str]) -> str | None:
    if order.leased is not None:
        return "the order is of a lease"
    if order.venue == ROUTER_VENUE or order.parent_id is not None:
        return "the router works the order"
    return None if order.venue in replacing_venues else f"orders at {order.venue} cannot be replaced"


def beyond_parent(order: SubmitOrder, parent: EngineOrder, children: Iterable[EngineOrder]) -> Reason | None:
    """Why the parent's reservation does not hold for a child. `children`: those of it that live."""
    of = parent.submitted
    if of.venue != ROUTER_VENUE or order.venue == ROUTER_VENUE:
        return Reason("BEYOND_PARENT", f"an order at {ROUTER_VENUE} has children elsewhere, and no other order has any")
    if (order.account_id, order.symbol, order.side) != (of.account_id, of.symbol, of.side):
        return Reason("BEYOND_PARENT", "its parent is of another account, symbol or side")
    if order.price_low < of.price_low or order.price_high > of.price_high:
        return Reason("BEYOND_PARENT", "its parent is reserved for a narrower band")
    if parent.is_being_canceled:
        return Reason("BEYOND_PARENT", "its parent is being cancelled")
    left = EXACT.multiply(parent.instrument.lot_size, parent.leaves_lots - sum(each.leaves_lots for each in children))
    if order.quantity > left:
        return Reason("BEYOND_PARENT", f"its parent has {format_computed(left)} left that is in no other child")
    return None


def _beyond_lease(order: SubmitOrder, lease: SetLease | None) -> Reason | None:
    """What each order of a lease is held to beside the sums, which the core counts."""
    if lease is None or order.leased is None or lease.tenant_id != order.tenant_id:
        return NO_LEASE
    owner = (order.venue, order.leased.strategy_id, order.leased.api_key_id)
    if owner != (lease.venue, lease.strategy_id, lease.api_key_id):
        return NO_LEASE
    if order.quantity > lease.order_qty_max:
        return Reason("ORDER_TOO_LARGE", f"an order of this lease is of {format_amount(lease.order_qty_max)} at most")
    if order.price is not None and not within_collar(order.side, order.price, lease):
        return Reason("PRICE_OUTSIDE_BAND", "the price lies outside the band of its lease")
    return None


def within_collar(side: Side, price: Decimal, lease: SetLease) -> bool:
    """As PRICE_COLLAR has it: one-sided."""
    return price <= lease.price_high if side is Side.BUY else price >= lease.price_low


def _contradiction(order: SubmitOrder) -> str | None:
    if order.type is OrderType.LIMIT and order.price is None:
        return "a LIMIT order needs a price"
    if order.type is OrderType.MARKET and order.price is not None:
        return "a MARKET order has no price"
    if order.type is OrderType.MARKET and order.time_in_force.may_rest:
        return "a MARKET order is IOC or FOK"
    if (order.expire_at_ns is not None) != order.time_in_force.has_end:
        return "an order that is GTD or DAY says when it ends, and no other does"
    if order.post_only and not order.time_in_force.may_rest:
        return "post_only needs a LIMIT order that may rest: GTC, GTD or DAY"
    return None


def reserved_band(order: SubmitOrder | ReplaceOrder, instrument: Instrument) -> tuple[int, int]:
    """Rounded inwards: a band between two ticks must not be widened to the next. Nothing trades beyond PRICE_MAX."""
    low_ticks = band_ticks(order.price_low, instrument, ROUND_CEILING)
    return low_ticks, min(band_ticks(order.price_high, instrument, ROUND_FLOOR), PRICE_MAX)


def band_ticks(price: Decimal, instrument: Instrument, rounding: str) -> int:
    return int(EXACT.divide(price, instrument.tick_size).to_integral_value(rounding=rounding))
