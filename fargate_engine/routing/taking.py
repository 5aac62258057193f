"""What every algorithm needs: which venues take a child now, and children in the steps and above the minimums there."""

from collections.abc import Sequence

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.routing.aggregated_book import Take, all_in, cheapest
from fargate_engine.routing.moves import Send, VenueView, View
from fargate_engine.terms import Reason

SECOND_NS = 1_000_000_000
LEFT_OUT_DOUBLINGS_MAX = 6  # A venue that refuses is left out for a second, then for two, up to 64.
REMAINDER_TOO_SMALL = Reason("REMAINDER_TOO_SMALL", "what is left is less than any of its venues takes")
NO_VENUE = Reason("NO_VENUE", "none of its venues takes it")


def back_at_ns(view: View, venue: str) -> int:
    """When a venue that has refused is asked again; 0 for one that has not."""
    refused = view.refused.get(venue)
    if refused is None:
        return 0
    return refused.at_ns + (SECOND_NS << min(refused.count, LEFT_OUT_DOUBLINGS_MAX))


def open_to(view: View) -> list[VenueView]:
    """The venues that are not left out."""
    return [each for each in view.venues if back_at_ns(view, each.venue) <= view.now_ns]


def next_back_at_ns(view: View) -> int | None:
    """When the first of those that are left out is back."""
    later = [at for each in view.venues if (at := back_at_ns(view, each.venue)) > view.now_ns]
    return min(later, default=None)


def free_to_take(view: View) -> list[VenueView]:
    """Those with no child under way that takes: until it has ended its venue's book is not what it shows.

    Nor those that would trade at a better price than the order was reserved for: a venue knows no band.
    """
    busy = {child.venue for child in view.children if not child.rests}
    return [each for each in open_to(view) if each.venue not in busy and not _is_beyond_good_edge(view, each)]


def in_steps(view: VenueView, lots: int, price_ticks: int) -> int:
    """As many of `lots` as the venue takes in one order at this price; 0 when that is less than its minimum."""
    lots -= lots % view.lot_step
    is_enough = lots >= view.lots_min and lots * price_ticks >= view.notional_min_steps
    return lots if is_enough else 0


def least_lots(view: VenueView, price_ticks: int) -> int:
    """The smallest order that the venue takes at this price."""
    of_notional = -(-view.notional_min_steps // max(price_ticks, 1))
    least = max(view.lots_min, of_notional, 1)
    return -(-least // view.lot_step) * view.lot_step


def inwards(side: Side, price_ticks: int, tick_step: int) -> int:
    """A price that the venue has, on the good side of this one."""
    rest = price_ticks % tick_step
    if not rest:
        return price_ticks
    return price_ticks - rest if side is Side.BUY else price_ticks - rest + tick_step


def take_cheapest(view: View, lots: int, *, limit_ticks: int | None = None) -> tuple[Send, ...]:
    """Children that take `lots` where that costs least. A venue for which its part is too small leaves it to others.

    First those that could not take more either, then the smallest part: what one leaves may be enough for the next.
    """
    venues, limit = free_to_take(view), view.limit_ticks if limit_ticks is None else limit_ticks
    while venues:
        takes = cheapest(view.side, lots, limit, venues)
        too_small = [each for each in takes if not in_steps(each.view, each.lots, each.worst_ticks)]
        if not too_small:
            return tuple(_ioc(each) for each in takes)
        hopeless = [each for each in too_small if not _could_take(view.side, each, lots, limit)]
        left_out = {each.view.venue for each in hopeless or [min(too_small, key=lambda each: each.lots)]}
        venues = [each for each in venues if each.venue not in left_out]
    return ()


def shown_within(side: Side, venue: VenueView, limit_ticks: int) -> int:
    """The lots that a venue offers within a limit."""
    return sum(lots for ticks, lots in venue.opposite if side.sign * (ticks - limit_ticks) <= 0)


def rest_at(view: View, venue: VenueView, lots: int, price_ticks: int, *, post_only: bool) -> tuple[Send, ...]:
    """A child that rests; none where that is too little for the venue, or it would trade at once out of the band."""
    price = rest_ticks(view, venue, price_ticks, post_only=post_only)
    fitting = in_steps(venue, lots, price)
    if not fitting or _is_beyond_good_edge(view, venue) or not view.low_ticks <= price <= view.high_ticks:
        return ()
    return (Send(venue.venue, fitting, price, TimeInForce.GTC, post_only=post_only),)


def rest_ticks(view: View, venue: VenueView, price_ticks: int, *, post_only: bool) -> int:
    """Where a child rests that may go to this price; one that must not take stays a step before what is offered."""
    sign = view.side.sign
    if post_only and venue.opposite:
        price_ticks = sign * min(sign * price_ticks, sign * venue.opposite[0][0] - venue.tick_step)
    return inwards(view.side, price_ticks, venue.tick_step)


def cheapest_to_rest(view: View, venues: Sequence[VenueView]) -> VenueView | None:
    """The lowest maker fee; then the best own price, the soonest answer, the name."""
    return min(
        venues,
        key=lambda each: (each.maker_fee, _own_rank(view.side, each), each.latency_ms, each.venue),
        default=None,
    )


def cheapest_to_rest_with(view: View, venues: Sequence[VenueView], lots: int, price_ticks: int) -> VenueView | None:
    """As `cheapest_to_rest`, of those that take so little at this price and have one within the band."""
    return cheapest_to_rest(view, [each for each in venues if rest_at(view, each, lots, price_ticks, post_only=False)])


def best_own_ticks(view: View, venue: VenueView) -> int | None:
    """Of its own side, within the limit; None where nothing rests."""
    if not venue.own:
        return None
    best = venue.own[0][0]
    return best if view.side.sign * (best - view.limit_ticks) <= 0 else view.limit_ticks


def takes_less(view: View, venue: VenueView, price_ticks: int) -> bool:
    """Whether to rest at this price, with the maker's fee, costs less than the best that it could take now."""
    taking = [
        all_in(view.side, each.opposite[0][0], each.taker_fee)
        for each in free_to_take(view)
        if shown_within(view.side, each, view.limit_ticks)
    ]
    return not taking or all_in(view.side, price_ticks, venue.maker_fee) < min(taking)


def is_too_small(view: View, lots: int) -> bool:
    """Whether none of its venues takes so little. Not while there is none, or one that is only left out."""
    prices = [(each, inwards(view.side, view.limit_ticks, each.tick_step)) for each in view.venues]
    return bool(prices) and not any(in_steps(each, lots, price) for each, price in prices)


def _could_take(side: Side, take: Take, lots: int, limit_ticks: int) -> bool:
    """Whether what its venue offers would be enough for it, if it had all of the order."""
    offered = min(lots, shown_within(side, take.view, limit_ticks))
    return bool(in_steps(take.view, offered, take.worst_ticks))


def _is_beyond_good_edge(view: View, venue: VenueView) -> bool:
    good_edge = view.low_ticks if view.side is Side.BUY else view.high_ticks
    return bool(venue.opposite) and view.side.sign * (venue.opposite[0][0] - good_edge) < 0


def _own_rank(side: Side, venue: VenueView) -> int:
    return -side.sign * venue.own[0][0] if venue.own else 2**62


def _ioc(take: Take) -> Send:
    lots = in_steps(take.view, take.lots, take.worst_ticks)
    return Send(take.view.venue, lots, take.worst_ticks, TimeInForce.IOC)
