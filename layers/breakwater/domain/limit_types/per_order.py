"""Types 1 to 8: each order by itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from breakwater.domain.exposure import ZERO, Limit, Scope
from breakwater.domain.limit_types.verdict import ONE, ProposedOrder, Verdict, capped, no, yes
from breakwater.domain.market import MissingReference
from breakwater.domain.orders import Side
from breakwater.domain.valuation import collared_prices

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def price_collar(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The limit is a fraction of the reference price; a market order stays inside by its band.

    An exit is measured from where it trades, by the limit price that is furthest beyond that.
    """
    if order.limit_price is None:
        return Verdict(True, limit.cap, ZERO, ZERO, ZERO, None)
    if order.reference is None:
        raise MissingReference(f"a fresh price of {order.symbol}")
    prices = collared_prices(order.execution, order.side, order.limit_price, order.reference)
    beyond = [((price - around) * order.side.sign, around) for price, around in prices]
    passes = all(distance <= around * limit.cap for distance, around in beyond)
    # Only for the eye, and rounded up, so that what refused also reads as beyond the limit.
    furthest = max(distance / around for distance, around in beyond)
    deviation = max(ZERO, furthest).quantize(Decimal("1e-8"), ROUND_UP)
    return Verdict(passes, limit.cap, ZERO, ZERO, deviation, None if passes else ZERO)


def max_order_qty(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    return capped(order, limit.cap, ONE)


def max_order_notional(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    return capped(order, limit.cap, order.order_price * order.rate_into(limit.currency))


def adv_pct(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The limit is a fraction of the average daily volume; what is compared are quantities, so nothing is rounded."""
    return capped(order, limit.cap * order.market.average_daily_qty(order.symbol), ONE)


def restricted_list(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    listed = order.symbol in limit.parameters["symbols"]
    return yes(order) if listed == (limit.parameters["mode"] == "ALLOW") else no(order)


def order_permission(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Each parameter that is given names all that is allowed: a key that says no venue allows every venue.

    Venues that allow SOR allow whichever it goes to; else an order there may go to those of them that it names itself.
    """
    asked = {"types": order.type.value, "times_in_force": order.time_in_force.value, "sides": order.side.value}
    allowed = all(value in limit.parameters.get(name, [value]) for name, value in asked.items())
    allowed = allowed and _may_go_to(limit.parameters.get("venues"), order)
    hours = limit.parameters.get("hours")
    within = hours is None or is_within_hours(hours, order.at, scope.node.time_zone)
    return yes(order) if allowed and within else no(order)


def _may_go_to(venues: Sequence[str] | None, order: ProposedOrder) -> bool:
    if venues is None or order.venue in venues:
        return True
    named = () if order.execution is None else order.execution.venues
    return bool(named) and set(named) <= set(venues)


def is_within_hours(hours: Mapping[str, Any], at: datetime, time_zone: str) -> bool:
    """`hours` is {"days": ["MON", …], "from": "09:00", "until": "17:30"} in the node's time zone; `until` is outside.

    From 22:00 until 06:00 spans midnight and belongs to the day it begins on.
    """
    local = at.astimezone(ZoneInfo(time_zone))
    now, begins, ends = local.strftime("%H:%M"), str(hours["from"]), str(hours["until"])
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if begins < ends:
        return today in hours["days"] and begins <= now < ends
    return (today in hours["days"] and now >= begins) or (yesterday in hours["days"] and now < ends)


def short_sale(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """What is sold beyond what is held, less what open sells will sell, must be marked as located.

    An exit sells what its entry has bought by then, so that counts as held.
    """
    position = scope.position(order.symbol, limit.instrument)
    if order.side is Side.BUY or order.located:
        return yes(order)
    return capped(order, position.filled_qty + order.entry_open_qty, ONE, reserved=position.open_sell_qty)


def stale_data(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The age of the reference price in seconds."""
    if order.reference_age_s is None:
        raise MissingReference(f"a price of {order.symbol}")
    passes = order.reference_age_s <= limit.cap
    return Verdict(passes, limit.cap, ZERO, ZERO, order.reference_age_s, None if passes else ZERO)
