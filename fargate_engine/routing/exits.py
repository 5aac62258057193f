"""The algorithms that wait for a price: STOP, TAKE_PROFIT, TRAILING_STOP, OCO (domain/executions.py).

Prices are told times the side's sign here where they are compared: `worse` is always more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from breakwater.domain.executions import Oco, Route, Stop, TakeProfit, TrailingStop
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side
from fargate_engine.routing.moves import NOTHING, Moves, View
from fargate_engine.routing.route import route
from fargate_engine.routing.taking import (
    REMAINDER_TOO_SMALL,
    cheapest_to_rest_with,
    is_too_small,
    next_back_at_ns,
    open_to,
    rest_at,
    take_cheapest,
)
from fargate_engine.terms import NO_LIQUIDITY, Reason

EXITED = Reason("EXITED", "all that its entry had filled is exited")
ENTRY_NOT_FILLED = Reason("ENTRY_NOT_FILLED", "its entry ended without a fill")
LOOK_NS = 250_000_000  # While nothing but time says that there is something to do.
NOTES_APART_NS = 250_000_000
NOTHING_THERE_NS = 60_000_000_000  # A market order that was triggered ends when its band has held nothing for so long.
LOCK_AT_HALF, LOCK_AT_TARGET = Decimal("0.5"), Decimal("0.8")
_AT_ONCE = Route()

type AnyExit = Stop | TakeProfit | TrailingStop | Oco


@dataclass(frozen=True, slots=True)
class Kept:
    """What a restart must find again. `peak_ticks`: the best price until `seen_ns`; 0: none yet.

    `triggered_ns`: when its price was reached; 0: not yet. `noted_ns`: when this was noted. `found_ns`: when it was
    triggered or, at the market, last found something to take.
    """

    peak_ticks: int = 0
    seen_ns: int = 0
    triggered_ns: int = 0
    noted_ns: int = 0
    found_ns: int = 0

    @classmethod
    def of(cls, view: View) -> "Kept":
        return cls(*map(int, view.note.split())) if view.note else cls(seen_ns=view.began_at_ns)

    def written(self) -> str:
        return f"{self.peak_ticks} {self.seen_ns} {self.triggered_ns} {self.noted_ns} {self.found_ns}"

    def triggered(self, at_ns: int) -> "Kept":
        return replace(self, triggered_ns=at_ns, found_ns=at_ns)


def stop(execution: Stop, view: View) -> Moves:
    stop_ticks = _ticks(execution.stop_px, view)
    return _exit(execution, view, lambda price: view.side.sign * (price - stop_ticks) >= 0)


def take_profit(execution: TakeProfit, view: View) -> Moves:
    stop_ticks = _ticks(execution.stop_px, view)
    return _exit(execution, view, lambda price: view.side.sign * (price - stop_ticks) <= 0)


def trailing_stop(execution: TrailingStop, view: View) -> Moves:
    waiting = _waiting(view)
    if waiting is not None:
        return waiting
    kept = Kept.of(view)
    if kept.triggered_ns:
        return _go(view, kept)
    for at_ns, price in _prices(execution, view, kept.seen_ns):
        has_better = not kept.peak_ticks or view.side.sign * (price - kept.peak_ticks) < 0
        kept = replace(kept, peak_ticks=price if has_better else kept.peak_ticks, seen_ns=max(kept.seen_ns, at_ns))
        if view.side.sign * (price - stop_ticks_of(execution, view, kept.peak_ticks)) >= 0:
            return _go(view, kept.triggered(view.now_ns))
    return _follow(execution, view, kept)


def oco(execution: Oco, view: View) -> Moves:
    """The half that takes profit rests; the other is sent when that is certainly over."""
    waiting = _waiting(view)
    if waiting is not None:
        return waiting
    kept, stop_ticks = Kept.of(view), _ticks(execution.stop_px, view)
    reached = any(view.side.sign * (price - stop_ticks) >= 0 for _, price in _prices(execution, view, kept.seen_ns))
    if not kept.triggered_ns and reached:
        kept = kept.triggered(view.now_ns)
    if not kept.triggered_ns:
        return _rest_to_profit(view, _stop_limit_ticks(execution, view))
    resting = tuple(each.order_id for each in view.children if each.rests and not each.is_being_canceled)
    if resting or any(each.rests for each in view.children):
        return Moves(cancel=resting, note=_note(view, kept))
    # With a limit of its own it waits there as a limit order does; without one it is a market order.
    gives_up = execution.stop_limit_px is None
    return _go_at_market(view, kept, _stop_limit_ticks(execution, view), gives_up=gives_up)


def stop_ticks_of(execution: TrailingStop, view: View, peak_ticks: int) -> int:
    """Where it stops now, rounded away from the market: for a sale downwards.

    A sale from 100, trailing by 10 with target 140: peak 115 stops at 105. Peak 120 is half of the way: a stop at
    100 + 50 % of 20 = 110, which is where it trails, too. Peak 130: 120. Peak 140: 100 + 80 % of 40 = 132.
    """
    sign = -view.side.sign  # Which way the price has to go for it.
    if execution.offset is not None:
        distance = Decimal(_ticks(execution.offset, view))
    else:
        distance = EXACT.divide(EXACT.multiply(Decimal(peak_ticks), execution.percent or Decimal(0)), Decimal(100))
    trailed = Decimal(peak_ticks) - sign * distance
    locked = _locked(execution, view, peak_ticks)
    exact = trailed if locked is None else max(trailed * sign, locked * sign) * sign
    return int(exact.to_integral_value(rounding=ROUND_FLOOR if sign > 0 else ROUND_CEILING))


def _locked(execution: TrailingStop, view: View, peak_ticks: int) -> Decimal | None:
    """The price at which the locked share of the profit is kept; None where nothing is locked yet."""
    if execution.entry_px is None or execution.target_px is None:
        return None
    sign = -view.side.sign
    entry, target = _ticks(execution.entry_px, view), _ticks(execution.target_px, view)
    gained, whole = sign * (peak_ticks - entry), sign * (target - entry)
    if 2 * gained < whole:
        return None
    share = LOCK_AT_TARGET if gained >= whole else LOCK_AT_HALF
    return entry + sign * EXACT.multiply(share, Decimal(gained))


def _exit(execution: AnyExit, view: View, is_reached: Callable[[int], bool]) -> Moves:
    waiting = _waiting(view)
    if waiting is not None:
        return waiting
    kept = Kept.of(view)
    if not kept.triggered_ns and not any(is_reached(price) for _, price in _prices(execution, view, kept.seen_ns)):
        return _watch(view)
    return _go(view, kept if kept.triggered_ns else kept.triggered(view.now_ns))


def _waiting(view: View) -> Moves | None:
    """What its entry makes of it; None: it may work."""
    entry = view.entry
    if entry is None:
        return None
    if entry.is_final and entry.left_lots <= view.cum_lots and not view.children:
        return Moves(ends=EXITED if entry.cum_lots else ENTRY_NOT_FILLED)
    if not entry.cum_lots:
        return Moves(look_at_ns=view.now_ns + LOOK_NS)
    # It begins with what its entry has filled: what traded before that must not trigger it.
    return None if view.note else Moves(note=Kept(seen_ns=view.now_ns).written(), look_at_ns=view.now_ns)


def _lots(view: View) -> int:
    """What it may send: no more than its entry has filled, and neither it nor another exit sells already."""
    if view.entry is None:
        return view.unsent_lots
    under_way = sum(each.leaves_lots for each in view.children)
    left = view.entry.left_lots - view.entry.under_way_lots - view.cum_lots - under_way
    return max(0, min(view.unsent_lots, left))


def _watch(view: View) -> Moves:
    """An entry that fills is not heard of."""
    return Moves(look_at_ns=view.now_ns + LOOK_NS) if _may_get_more(view) else NOTHING


def _may_get_more(view: View) -> bool:
    return view.entry is not None and view.entry.may_leave_more


def _follow(execution: TrailingStop, view: View, kept: Kept) -> Moves:
    """Note the peak when the stop moves with it, so that a restart stops where this does; a few times in a second."""
    watching, before = _watch(view), Kept.of(view).peak_ticks
    if not kept.peak_ticks:
        return watching
    moved = not before or stop_ticks_of(execution, view, before) != stop_ticks_of(execution, view, kept.peak_ticks)
    if not moved:
        return watching
    if view.now_ns - kept.noted_ns < NOTES_APART_NS:
        return Moves(look_at_ns=kept.noted_ns + NOTES_APART_NS)
    return replace(watching, note=replace(kept, noted_ns=view.now_ns).written())


def _go(view: View, kept: Kept) -> Moves:
    """Its price was reached: from now on it is the market or limit order that it says it is."""
    if view.is_market:
        return _go_at_market(view, kept, view.limit_ticks)
    moves = route(_AT_ONCE, replace(view, unsent_lots=_lots(view)))
    if _may_get_more(view):
        moves = replace(
            moves, ends=None, look_at_ns=min(moves.look_at_ns or view.now_ns + LOOK_NS, view.now_ns + LOOK_NS)
        )
    return replace(moves, note=_note(view, kept))


def _go_at_market(view: View, kept: Kept, limit_ticks: int, *, gives_up: bool = True) -> Moves:
    """Take what there is within the limit, and what comes; for ever unless it gives up."""
    lots = _lots(view)
    sends = take_cheapest(view, lots, limit_ticks=limit_ticks) if lots else ()
    if sends:
        is_news = view.now_ns - kept.found_ns >= NOTES_APART_NS
        return Moves(send=sends, note=_note(view, replace(kept, found_ns=view.now_ns) if is_news else kept))
    note = _note(view, kept)
    if view.children:
        return Moves(note=note)
    if lots and not _may_get_more(view):
        if _is_too_small_within(view, lots, limit_ticks):
            return Moves(ends=REMAINDER_TOO_SMALL, note=note)
        if gives_up and view.now_ns - kept.found_ns >= NOTHING_THERE_NS:
            return Moves(ends=NO_LIQUIDITY, note=note)
    return Moves(look_at_ns=view.now_ns + LOOK_NS, note=note)


def _rest_to_profit(view: View, stop_limit_ticks: int) -> Moves:
    lots, watching = _lots(view), _watch(view)
    if not lots:
        return watching
    venue = cheapest_to_rest_with(view, open_to(view), lots, view.limit_ticks)
    if venue is not None:
        return replace(watching, send=rest_at(view, venue, lots, view.limit_ticks, post_only=False))
    is_all = not view.children and not _may_get_more(view)
    if is_all and is_too_small(view, lots) and _is_too_small_within(view, lots, stop_limit_ticks):
        return Moves(ends=REMAINDER_TOO_SMALL)
    return replace(watching, look_at_ns=watching.look_at_ns or next_back_at_ns(view))


def _stop_limit_ticks(execution: Oco, view: View) -> int:
    """How far the half that stops may go: to its own limit, and never out of the band."""
    edge = view.high_ticks if view.side is Side.BUY else view.low_ticks
    if execution.stop_limit_px is None:
        return edge
    limit_ticks = _ticks(execution.stop_limit_px, view)
    return min(edge, limit_ticks) if view.side is Side.BUY else max(edge, limit_ticks)


def _is_too_small_within(view: View, lots: int, limit_ticks: int) -> bool:
    """Whether no price from the limit to the good edge of the band makes so little enough: the highest one decides."""
    highest = limit_ticks if view.side is Side.BUY else view.high_ticks
    return is_too_small(replace(view, limit_ticks=highest), lots)


def _note(view: View, kept: Kept) -> str | None:
    """When it is triggered, and when it found something after that."""
    before = Kept.of(view)
    is_known = before.triggered_ns and before.found_ns == kept.found_ns
    return None if is_known else replace(kept, noted_ns=view.now_ns).written()


def _prices(execution: AnyExit, view: View, since_ns: int) -> Iterator[tuple[int, int]]:
    """(time, ticks) of what it watches, oldest first: every trade since then, or the best price that is shown now."""
    if execution.trigger_by == "BEST":
        shown = [each.opposite[0][0] for each in view.venues if each.opposite]
        if shown:
            yield view.now_ns, min(shown) if view.side is Side.BUY else max(shown)
        return
    found = []
    for venue in view.venues:
        for trade in reversed(venue.trades):
            if trade.at_ns <= since_ns:
                break
            found.append((trade.at_ns, trade.price_ticks))
    yield from sorted(found, key=lambda each: each[0])


def _ticks(price: Decimal, view: View) -> int:
    """Exact: a price is whole ticks, or the order was refused."""
    return int(EXACT.divide(price, view.tick_size))
