"""The algorithms that work an order over time: TWAP, VWAP, POV, ICEBERG (domain/executions.py).

The first three have a line: how many lots should be done by now. What is due first rests at the best own price, for
half of a slice's time, and then takes. The line never waits for the order: what the market did not give is due still,
but no more than a few slices of it are sent at once.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal

from breakwater.domain.executions import Iceberg, PercentageOfVolume, Twap, Vwap
from breakwater.domain.money import EXACT
from fargate_engine.routing.moves import Moves, View
from fargate_engine.routing.taking import (
    REMAINDER_TOO_SMALL,
    SECOND_NS,
    best_own_ticks,
    cheapest_to_rest,
    is_too_small,
    least_lots,
    next_back_at_ns,
    open_to,
    rest_at,
    take_cheapest,
)
from fargate_engine.terms import Reason

EXECUTION_ENDED = Reason("EXECUTION_ENDED", "its time is over, and nothing more is to be had within its price")
SLICE_S = 30
SLICES_MIN = 2
POV_SLICE_S = 10
CATCH_UP_SLICES = 3
PATIENCE_NS_MAX = 15 * SECOND_NS
LOOK_NS = SECOND_NS // 4
_SLOT_NS = 300 * SECOND_NS
_SLOTS = 288


def twap(execution: Twap, view: View) -> Moves:
    """The line steps up by one slice at the beginning of each."""
    slices = execution.slices or max(SLICES_MIN, execution.duration_s // SLICE_S)
    began_ns, end_ns = _span(view, execution.start_at, execution.duration_s)
    slice_ns = max(1, (end_ns - began_ns) // slices)
    begun = min(slices, (view.now_ns - began_ns) // slice_ns + 1)
    due = _share(view.quantity_lots, Decimal(begun), Decimal(slices))
    return _work(
        view, due, began_ns=began_ns, end_ns=end_ns, slice_ns=slice_ns, slice_lots=view.quantity_lots // slices
    )


def vwap(execution: Vwap, view: View) -> Moves:
    """The line is the share of the profile's volume between begin and end that lies before now."""
    slices = max(SLICES_MIN, execution.duration_s // SLICE_S)
    began_ns, end_ns = _span(view, execution.start_at, execution.duration_s)
    slice_ns = (end_ns - began_ns) // slices
    by_ns = min(end_ns, began_ns + ((view.now_ns - began_ns) // slice_ns + 1) * slice_ns)
    whole = _volume(view, began_ns, end_ns)
    past, whole = (
        (_volume(view, began_ns, by_ns), whole) if whole else (Decimal(by_ns - began_ns), Decimal(end_ns - began_ns))
    )
    due = _share(view.quantity_lots, past, whole)
    return _work(
        view, due, began_ns=began_ns, end_ns=end_ns, slice_ns=slice_ns, slice_lots=view.quantity_lots // slices
    )


def percentage_of_volume(execution: PercentageOfVolume, view: View) -> Moves:
    """The line is `percent` of what has traded since it began, its own fills among it: own / all <= percent."""
    began_ns, end_ns = _span(view, None, execution.duration_s)
    due = min(view.quantity_lots, _share(view.market_lots, execution.percent, Decimal(100)))
    slice_ns = POV_SLICE_S * SECOND_NS
    is_over = view.now_ns >= end_ns
    if is_over:
        return _finish(view, may_take=False)
    moves = _work(view, due, began_ns=began_ns, end_ns=end_ns, slice_ns=slice_ns, slice_lots=view.quantity_lots)
    return _or_look(moves, end_ns)


def iceberg(execution: Iceberg, view: View) -> Moves:
    """One part at a time, where it was asked for first or rests for least; the next one when it is filled."""
    if view.children:
        return Moves()
    lots = min(view.unsent_lots, int(EXACT.divide(execution.display_qty, view.lot_size)))
    if is_too_small(view, lots):
        return Moves(ends=REMAINDER_TOO_SMALL)
    named = [each for each in open_to(view) if execution.venues and each.venue == execution.venues[0]]
    venue = cheapest_to_rest(view, named or open_to(view))
    if venue is None:
        return Moves(look_at_ns=next_back_at_ns(view))
    return Moves(send=rest_at(view, venue, lots, view.limit_ticks, post_only=view.post_only))


def _span(view: View, start_at: datetime | None, duration_s: int) -> tuple[int, int]:
    began_ns = view.began_at_ns
    if start_at is not None:
        since_epoch = start_at - datetime(1970, 1, 1, tzinfo=UTC)
        began_ns = max(began_ns, (since_epoch.days * 86_400 + since_epoch.seconds) * SECOND_NS)
    return began_ns, began_ns + duration_s * SECOND_NS


def _work(view: View, due: int, *, began_ns: int, end_ns: int, slice_ns: int, slice_lots: int) -> Moves:
    """Send what is due and in no child yet: to rest in the first half of a slice, then to take."""
    if view.now_ns < began_ns:
        return Moves(look_at_ns=began_ns)
    if view.now_ns >= end_ns:
        return _finish(view, may_take=not view.post_only)
    into_slice_ns = (view.now_ns - began_ns) % slice_ns
    next_slice_ns = view.now_ns + slice_ns - into_slice_ns
    patience_ns = min(slice_ns // 2, PATIENCE_NS_MAX)
    behind = due - view.cum_lots
    if view.post_only or into_slice_ns < patience_ns:
        look_at_ns = (
            min(next_slice_ns, end_ns)
            if view.post_only
            else min(next_slice_ns, end_ns, view.now_ns + patience_ns - into_slice_ns)
        )
        return _or_look(_rest(view, behind, slice_lots), look_at_ns)
    resting = tuple(each.order_id for each in view.children if each.rests and not each.is_being_canceled)
    if resting:
        return Moves(cancel=resting, look_at_ns=min(next_slice_ns, end_ns))
    lots = min(view.unsent_lots, behind - sum(each.leaves_lots for each in view.children), _most(view, slice_lots))
    sends = take_cheapest(view, lots) if lots > 0 else ()
    look_at_ns = view.now_ns + LOOK_NS if lots > 0 and not sends else next_slice_ns
    return Moves(send=sends, look_at_ns=min(look_at_ns, next_slice_ns, end_ns))


def _rest(view: View, behind: int, slice_lots: int) -> Moves:
    """At the best own price. What rests from before stays where it is: half a slice is soon over."""
    lots = min(view.unsent_lots, behind - sum(each.leaves_lots for each in view.children), _most(view, slice_lots))
    places = [(each, ticks) for each in open_to(view) if (ticks := best_own_ticks(view, each)) is not None]
    if lots <= 0 or not places:
        return Moves()
    best = max(view.side.sign * ticks for _, ticks in places) * view.side.sign
    venue = cheapest_to_rest(view, [each for each, ticks in places if ticks == best])
    return Moves() if venue is None else Moves(send=rest_at(view, venue, lots, best, post_only=True))


def _finish(view: View, *, may_take: bool) -> Moves:
    """Its time is over: take what is left once more, as far as it goes, and end."""
    resting = tuple(each.order_id for each in view.children if each.rests and not each.is_being_canceled)
    if view.children:
        return Moves(cancel=resting)
    sends = take_cheapest(view, view.unsent_lots) if may_take else ()
    if sends:
        return Moves(send=sends)
    return Moves(ends=REMAINDER_TOO_SMALL if is_too_small(view, view.unsent_lots) else EXECUTION_ENDED)


def _volume(view: View, from_ns: int, to_ns: int) -> Decimal:
    """Of the profile between two times; what a slot has is spread evenly over it."""
    total = Decimal(0)
    at_ns = from_ns
    while at_ns < to_ns:
        slot_end_ns = (at_ns // _SLOT_NS + 1) * _SLOT_NS
        part_ns = min(slot_end_ns, to_ns) - at_ns
        lots = view.volume_profile[at_ns // _SLOT_NS % _SLOTS]
        total += EXACT.divide(Decimal(lots * part_ns), Decimal(_SLOT_NS))
        at_ns += part_ns
    return total


def _share(lots: int, part: Decimal, whole: Decimal) -> int:
    """Rounded down: never ahead of the line."""
    return int(EXACT.divide(EXACT.multiply(Decimal(lots), part), whole).to_integral_value(rounding=ROUND_FLOOR))


def _most(view: View, slice_lots: int) -> int:
    """At once, of what is due; never less than a venue takes at all."""
    least = max((least_lots(each, view.limit_ticks) for each in view.venues), default=1)
    return max(least, CATCH_UP_SLICES * slice_lots)


def _or_look(moves: Moves, at_ns: int) -> Moves:
    return replace(moves, look_at_ns=at_ns if moves.look_at_ns is None else min(at_ns, moves.look_at_ns))
