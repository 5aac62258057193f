"""The algorithms that work an order over time: TWAP, VWAP, POV, ICEBERG (domain/executions.py).

The first three have a line: how many lots should be done by now. What is due first rests at the best own price, for
half of a slice's time, and then takes. The line never waits for the order: what the market did not give is due still,
but no more than a few slices of it are done in one.
"""

import uuid
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
    cheapest_to_rest_with,
    inwards,
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
SLICES_MIN, SLICES_MAX = 2, 1_000  # Each has children of its own, and an order has 10,000 at most.
POV_SLICE_S = 10
POV_PARTS_MAX = 1_000
CATCH_UP_SLICES = 3
PATIENCE_NS_MAX = 15 * SECOND_NS
LOOK_NS = SECOND_NS // 4
_SLOT_NS = 300 * SECOND_NS
_SLOTS = 288


def twap(execution: Twap, view: View) -> Moves:
    """The line steps up by one slice at the beginning of each."""
    slices = execution.slices or _slices(execution.duration_s)
    began_ns, end_ns = _span(view, execution.start_at, execution.duration_s)
    slice_ns = max(1, (end_ns - began_ns) // slices)
    begun = min(slices, (view.now_ns - began_ns) // slice_ns + 1)
    due = view.quantity_lots * begun // slices  # Rounded down: never ahead of the line.
    return _work(
        view, due, began_ns=began_ns, end_ns=end_ns, slice_ns=slice_ns, slice_lots=view.quantity_lots // slices
    )


def vwap(execution: Vwap, view: View) -> Moves:
    """The line is the share of the profile's volume between begin and end that lies before now."""
    slices = _slices(execution.duration_s)
    began_ns, end_ns = _span(view, execution.start_at, execution.duration_s)
    slice_ns = (end_ns - began_ns) // slices
    from_ns = began_ns + (view.now_ns - began_ns) // slice_ns * slice_ns
    by_ns = min(end_ns, from_ns + slice_ns)
    whole, before, part = (_volume(view, *each) for each in ((began_ns, end_ns), (began_ns, from_ns), (from_ns, by_ns)))
    if not whole:
        whole, before, part = end_ns - began_ns, from_ns - began_ns, by_ns - from_ns
    due = view.quantity_lots * (before + part) // whole  # Rounded down: never ahead of the line.
    # An hour with more than its share of the volume must be able to do its own.
    slice_lots = max(view.quantity_lots // slices, view.quantity_lots * part // whole)
    return _work(view, due, began_ns=began_ns, end_ns=end_ns, slice_ns=slice_ns, slice_lots=slice_lots)


def percentage_of_volume(execution: PercentageOfVolume, view: View) -> Moves:
    """The line is `percent` of what has traded since it began, its own fills among it: own / all <= percent."""
    began_ns, end_ns = _span(view, None, execution.duration_s)
    if view.now_ns >= end_ns:
        return _finish(view, may_take=False)
    due = min(view.quantity_lots, _share(view.market_lots, execution.percent))
    if due < view.quantity_lots:  # In parts: a child for each trade in the market would be too many.
        due -= due % max(1, view.quantity_lots // POV_PARTS_MAX)
    slice_ns = POV_SLICE_S * SECOND_NS
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
    venue = cheapest_to_rest_with(view, named, lots, view.limit_ticks) or cheapest_to_rest_with(
        view, open_to(view), lots, view.limit_ticks
    )
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
    number, into_slice_ns = divmod(view.now_ns - began_ns, slice_ns)
    next_slice_ns = min(view.now_ns + slice_ns - into_slice_ns, end_ns)
    patience_ns = min(slice_ns // 2, PATIENCE_NS_MAX)
    lots, note = _to_send(view, due, number, slice_lots)
    if view.post_only:
        late = _outbid(view, view.now_ns - into_slice_ns)
        moves = Moves(cancel=late) if late else _rest(view, lots)
        return replace(moves, look_at_ns=next_slice_ns, note=note)
    if into_slice_ns < patience_ns:
        look_at_ns = min(next_slice_ns, view.now_ns + patience_ns - into_slice_ns)
        return replace(_rest(view, lots), look_at_ns=look_at_ns, note=note)
    resting = tuple(each.order_id for each in view.children if each.rests and not each.is_being_canceled)
    if resting:
        return Moves(cancel=resting, look_at_ns=next_slice_ns, note=note)
    sends = take_cheapest(view, lots) if lots > 0 else ()
    look_at_ns = view.now_ns + LOOK_NS if lots > 0 and not sends else next_slice_ns
    return Moves(send=sends, look_at_ns=min(look_at_ns, next_slice_ns), note=note)


def _to_send(view: View, due: int, number: int, slice_lots: int) -> tuple[int, str | None]:
    """What is due and in no child, and no more than the slice of this number may catch up. Noted: where that began."""
    behind, most = due - view.cum_lots, _most(view, slice_lots)
    noted_number, noted_lots = map(int, view.note.split()) if view.note else (-1, 0)
    note = None
    if noted_number == number:
        behind = min(behind, most - (view.cum_lots - noted_lots))
    elif behind > most:
        behind, note = most, f"{number} {view.cum_lots}"
    return min(view.unsent_lots, behind - sum(each.leaves_lots for each in view.children)), note


def _rest(view: View, lots: int) -> Moves:
    """At the best own price. What rests from before stays where it is: half a slice is soon over."""
    best = _best_own_ticks(view)
    if lots <= 0 or best is None:
        return Moves()
    places = [each for each in open_to(view) if best_own_ticks(view, each) == best]
    venue = cheapest_to_rest_with(view, places, lots, best)
    return Moves() if venue is None else Moves(send=rest_at(view, venue, lots, best, post_only=True))


def _best_own_ticks(view: View) -> int | None:
    prices = [ticks for each in open_to(view) if (ticks := best_own_ticks(view, each)) is not None]
    return max(prices, key=lambda ticks: view.side.sign * ticks, default=None)


def _outbid(view: View, slice_began_ns: int) -> tuple[uuid.UUID, ...]:
    """Those that rest from a slice before, where the market no longer is. Only what never takes waits so long."""
    best = _best_own_ticks(view)
    steps = {each.venue: each.tick_step for each in view.venues}
    return tuple(
        each.order_id
        for each in view.children
        if best is not None
        and each.sent_at_ns < slice_began_ns
        and not each.is_being_canceled
        and each.limit_ticks != inwards(view.side, best, steps.get(each.venue, 1))
    )


def _finish(view: View, *, may_take: bool) -> Moves:
    """Its time is over: take what is left once more, as far as it goes, and end."""
    resting = tuple(each.order_id for each in view.children if each.rests and not each.is_being_canceled)
    if view.children:
        return Moves(cancel=resting)
    sends = take_cheapest(view, view.unsent_lots) if may_take else ()
    if sends:
        return Moves(send=sends)
    return Moves(ends=REMAINDER_TOO_SMALL if is_too_small(view, view.unsent_lots) else EXECUTION_ENDED)


def _slices(duration_s: int) -> int:
    return min(SLICES_MAX, max(SLICES_MIN, duration_s // SLICE_S))


def _volume(view: View, from_ns: int, to_ns: int) -> int:
    """Of the profile between two times, in lots times nanoseconds; what a slot has is spread evenly over it."""
    days, rest_ns = divmod(max(0, to_ns - from_ns), _SLOTS * _SLOT_NS)
    total = days * sum(view.volume_profile) * _SLOT_NS
    at_ns, to_ns = from_ns, from_ns + rest_ns
    while at_ns < to_ns:
        part_ns = min(_SLOT_NS - at_ns % _SLOT_NS, to_ns - at_ns)
        total += view.volume_profile[at_ns // _SLOT_NS % _SLOTS] * part_ns
        at_ns += part_ns
    return total


def _share(lots: int, percent: Decimal) -> int:
    """Rounded down: never ahead of the line."""
    exact = EXACT.divide(EXACT.multiply(Decimal(lots), percent), Decimal(100))
    return int(exact.to_integral_value(rounding=ROUND_FLOOR))


def _most(view: View, slice_lots: int) -> int:
    """In one slice, of what is due; never less than a venue takes at all."""
    least = max((least_lots(each, view.limit_ticks) for each in view.venues), default=1)
    return max(least, CATCH_UP_SLICES * slice_lots)


def _or_look(moves: Moves, at_ns: int) -> Moves:
    return replace(moves, look_at_ns=at_ns if moves.look_at_ns is None else min(at_ns, moves.look_at_ns))
