"""The risk stage: what is refused before the core, because integers cannot say it or must not meet it. Pure.

The core refuses what it can see itself (docs/matching.md, "Submit").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from matching_core import PRICE_MAX, QUANTITY_MAX

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import DIGITS_MAX, EXACT
from breakwater.domain.orders import VENUES, OrderType, Side, SubmitOrder, TimeInForce
from breakwater.errors import InvalidRequest
from fargate_engine.terms import Reason, WorkingTerms

OPEN_ORDERS_MAX = 100_000  # In one shard. Bounds memory, and the time a restart takes to restore a venue.
NOTIONAL_MAX = Decimal(10) ** DIGITS_MAX  # A wider amount would not fit the contracts' decimal strings.


@dataclass(frozen=True, slots=True)
class RiskApproved:
    """Proof that the checks were done: only this reaches a book or a venue."""

    instrument: Instrument
    terms: WorkingTerms


def check(order: SubmitOrder, instruments: Mapping[str, Instrument], open_orders: int) -> RiskApproved | Reason:  # noqa: PLR0911 - one guard, one reason
    instrument = instruments.get(order.symbol)
    if instrument is None:
        return Reason("UNKNOWN_SYMBOL", f"{order.symbol} is not traded here")
    if order.venue not in VENUES:
        return Reason("UNKNOWN_VENUE", f"{order.venue} is not a venue of this engine")
    if open_orders >= OPEN_ORDERS_MAX:
        return Reason("TOO_MANY_OPEN_ORDERS", f"the engine holds {OPEN_ORDERS_MAX} open orders already")
    contradiction = _contradiction(order)
    if contradiction is not None:
        return Reason("INVALID_TERMS", contradiction)
    try:
        quantity_lots = instrument.quantity_lots(order.quantity)
    except InvalidRequest as error:
        return Reason("INVALID_QUANTITY", error.message)
    # Rounded inwards: a band between two ticks must not be widened to the next.
    low_ticks = _band_ticks(order.price_low, instrument, ROUND_CEILING)
    high_ticks = min(_band_ticks(order.price_high, instrument, ROUND_FLOOR), PRICE_MAX)  # Nothing trades beyond.
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


def _contradiction(order: SubmitOrder) -> str | None:
    if order.type is OrderType.LIMIT and order.price is None:
        return "a LIMIT order needs a price"
    if order.type is OrderType.MARKET and order.price is not None:
        return "a MARKET order has no price"
    if order.type is OrderType.MARKET and order.time_in_force is TimeInForce.GTC:
        return "a MARKET order is IOC or FOK"
    if order.post_only and (order.type is OrderType.MARKET or order.time_in_force is not TimeInForce.GTC):
        return "post_only needs a LIMIT order that is GTC"
    return None


def _band_ticks(price: Decimal, instrument: Instrument, rounding: str) -> int:
    return int(EXACT.divide(price, instrument.tick_size).to_integral_value(rounding=rounding))
