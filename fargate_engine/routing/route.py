"""The algorithms that work an order now: BEST, IMPROVE, SEEK, LEAST_COST (domain/executions.py says what each does)."""

import uuid
from collections.abc import Sequence
from decimal import Decimal

from breakwater.domain.executions import Route
from breakwater.domain.orders import TimeInForce
from fargate_engine.routing.aggregated_book import all_in
from fargate_engine.routing.moves import NOTHING, Child, Moves, Send, VenueView, View
from fargate_engine.routing.taking import (
    NO_VENUE,
    REMAINDER_TOO_SMALL,
    SECOND_NS,
    best_own_ticks,
    cheapest_to_rest,
    free_to_take,
    in_steps,
    inwards,
    is_too_small,
    next_back_at_ns,
    open_to,
    rest_at,
    rest_ticks,
    shown_within,
    take_cheapest,
    takes_less,
)
from fargate_engine.terms import NO_LIQUIDITY

MOVE_AGAIN_NS = SECOND_NS  # A child that rests is moved once in this time at most.


def route(execution: Route, view: View) -> Moves:
    patient_until_ns = view.began_at_ns + execution.patience_s * SECOND_NS
    match execution.algorithm:
        case "IMPROVE" if view.now_ns < patient_until_ns:
            return _or_look(_peg(view, improves=True), patient_until_ns)
        case "LEAST_COST" if view.now_ns < patient_until_ns and _rests_for_less(view):
            return _or_look(_peg(view, improves=False), patient_until_ns)
        case "SEEK":
            return _take_or_rest(view, _sweep(view))
        case _:
            return _take_or_rest(view, take_cheapest(view, view.unsent_lots))


def _take_or_rest(view: View, takes: tuple[Send, ...]) -> Moves:
    """Take; with what is left end, if it may not rest, or rest at the limit, and come back for what others show."""
    stale = [each for each in _resting(view) if each.limit_ticks != _rest_ticks(view, each)]
    if stale:
        return _moved(view, stale)  # From when it was worked in another way, or the market was elsewhere.
    if takes and not view.post_only:
        return Moves(send=takes)
    if view.is_market or view.time_in_force is TimeInForce.IOC:
        return _end_if_done(view)
    pulled, look_at_ns = _pulled(view)
    return Moves(cancel=pulled) if pulled else _or_look(_rest(view), look_at_ns)


def _rest(view: View) -> Moves:
    """At the limit, with all that is in no child. A child that takes may leave some: for a moment it is waited for."""
    if not view.unsent_lots:
        return NOTHING
    taking_ns = [each.sent_at_ns for each in view.children if not each.rests]
    if taking_ns and view.now_ns - max(taking_ns) < MOVE_AGAIN_NS:
        return Moves(look_at_ns=max(taking_ns) + MOVE_AGAIN_NS)
    if not view.children and is_too_small(view, view.unsent_lots):
        return Moves(ends=REMAINDER_TOO_SMALL)
    lots, limit_ticks = view.unsent_lots, view.limit_ticks
    fitting = [each for each in open_to(view) if in_steps(each, lots, inwards(view.side, limit_ticks, each.tick_step))]
    venue = cheapest_to_rest(view, fitting)
    if venue is None:
        return Moves(look_at_ns=next_back_at_ns(view))
    return Moves(send=rest_at(view, venue, lots, limit_ticks, post_only=view.post_only))


def _end_if_done(view: View) -> Moves:
    """An order that takes at once ends when there is nothing more, once its children have."""
    if view.children:
        return Moves(cancel=tuple(each.order_id for each in _resting(view)))
    return Moves(ends=NO_LIQUIDITY if open_to(view) else NO_VENUE)


def _sweep(view: View) -> tuple[Send, ...]:
    """All that each venue shows within the limit, the cheapest venue first, down to the limit: hidden orders, too."""
    left, sends = view.unsent_lots, []
    for venue in sorted(free_to_take(view), key=lambda each: _head_cost(view, each)):
        shown = shown_within(view.side, venue, view.limit_ticks)
        limit_ticks = inwards(view.side, view.limit_ticks, venue.tick_step)
        lots = in_steps(venue, min(shown, left), limit_ticks)
        if lots:
            sends.append(Send(venue.venue, lots, limit_ticks, TimeInForce.IOC))
            left -= lots
    return tuple(sends)


def _head_cost(view: View, venue: VenueView) -> tuple[int, float, str]:
    head_ticks = venue.opposite[0][0] if venue.opposite else 0
    return all_in(view.side, head_ticks, venue.taker_fee), venue.latency_ms, venue.venue


def _peg(view: View, *, improves: bool) -> Moves:
    """Rest at the best own price, or one step better where the spread leaves room; follow it when it moves."""
    placed = _best_place(view, improves=improves)
    if placed is None:
        return Moves(look_at_ns=next_back_at_ns(view))
    venue, price_ticks = placed
    stale = [each for each in _resting(view) if (each.venue, each.limit_ticks) != (venue.venue, price_ticks)]
    if stale:
        return _moved(view, stale)
    return Moves(send=rest_at(view, venue, view.unsent_lots, price_ticks, post_only=True))


def _moved(view: View, stale: Sequence[Child]) -> Moves:
    """Cancelled, to be sent again elsewhere: each once it has rested for a moment."""
    due = tuple(each.order_id for each in stale if view.now_ns - each.sent_at_ns >= MOVE_AGAIN_NS)
    young_ns = [each.sent_at_ns for each in stale if each.order_id not in due]
    return Moves(cancel=due, look_at_ns=min(young_ns) + MOVE_AGAIN_NS if young_ns else None)


def _best_place(view: View, *, improves: bool) -> tuple[VenueView, int] | None:
    """Venue and price. A market order has no price of its own, so without a book there is none."""
    prices = [(each, best_own_ticks(view, each)) for each in open_to(view)]
    shown = [(each, ticks) for each, ticks in prices if ticks is not None]
    if not shown:
        return None
    best = max(view.side.sign * ticks for _, ticks in shown) * view.side.sign
    venue = cheapest_to_rest(view, [each for each, ticks in shown if ticks == best])
    assert venue is not None  # noqa: S101 - one of them has the best price
    better = best + view.side.sign * venue.tick_step
    has_room = bool(venue.opposite) and view.side.sign * (venue.opposite[0][0] - better) > 0
    is_within = view.side.sign * (better - view.limit_ticks) <= 0
    already_best = any(each.venue == venue.venue and each.limit_ticks == best for each in _resting(view))
    is_better = improves and has_room and is_within and not already_best
    return venue, inwards(view.side, better if is_better else best, venue.tick_step)


def _rests_for_less(view: View) -> bool:
    placed = _best_place(view, improves=False)
    return placed is not None and takes_less(view, *placed)


def _resting(view: View) -> list[Child]:
    """Those whose cancel is not on its way."""
    return [each for each in view.children if each.rests and not each.is_being_canceled]


def _rest_ticks(view: View, child: Child) -> int:
    """Where it would rest if it were sent now."""
    venue = next((each for each in view.venues if each.venue == child.venue), None)
    if venue is None:
        return child.limit_ticks
    return rest_ticks(view, venue, view.limit_ticks, post_only=view.post_only)


def _pulled(view: View) -> tuple[tuple[uuid.UUID, ...], int | None]:
    """Children that rest while another venue offers for no more, fees counted, and when the next one may be pulled."""
    pulled, look_at_ns = [], None
    fees = {each.venue: each.maker_fee for each in view.venues}
    for child in _resting(view):
        costs = all_in(view.side, child.limit_ticks, fees.get(child.venue, Decimal(0)))
        others = [each for each in free_to_take(view) if each.venue != child.venue]
        if view.post_only or not any(_offers_for(view, each, child.leaves_lots, costs) for each in others):
            continue
        if view.now_ns - child.sent_at_ns >= MOVE_AGAIN_NS:
            pulled.append(child.order_id)
        else:
            look_at_ns = _soonest(look_at_ns, child.sent_at_ns + MOVE_AGAIN_NS)
    return tuple(pulled), look_at_ns


def _offers_for(view: View, venue: VenueView, lots: int, costs: int) -> bool:
    """Whether its best level is within the limit, costs no more than that, and is enough for an order there."""
    if not venue.opposite or view.side.sign * (venue.opposite[0][0] - view.limit_ticks) > 0:
        return False
    ticks, offered = venue.opposite[0]
    is_cheap = all_in(view.side, ticks, venue.taker_fee) <= costs
    return is_cheap and bool(in_steps(venue, min(offered, lots), ticks))


def _or_look(moves: Moves, at_ns: int | None) -> Moves:
    return Moves(moves.send, moves.cancel, _soonest(moves.look_at_ns, at_ns), moves.note, moves.ends)


def _soonest(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
