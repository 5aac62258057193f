"""The books of several venues as one: by what a unit costs there with the taker's fee.

Levels are looked at one by one from the best on, or from the worst on where that is shorter, so that a decision costs
what it takes, or what it leaves.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import heapify, heappop, heapreplace
from operator import itemgetter

from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import Levels
from fargate_engine.routing.moves import VenueView

_FEE_SCALE = 10**9  # Fees in whole billionths of the notional: finer than any venue tells them.
_RANKS = 64  # Of venues that cost the same, in a key.
_LOTS_OF = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Take:
    """What to take from one venue: `lots` down to the level of `worst_ticks`."""

    view: VenueView
    lots: int
    worst_ticks: int


def all_in(side: Side, price_ticks: int, fee: Decimal) -> int:
    """What a unit costs with its fee, scaled; less is better, for a sale too: there it is what is not earned."""
    return price_ticks * (side.sign * _FEE_SCALE + int(fee * _FEE_SCALE))


def cheapest(side: Side, lots: int, limit_ticks: int, venues: Sequence[VenueView]) -> list[Take]:
    """The split of `lots` that costs least, within the limit; less where the books hold less.

    Where two cost the same, the venue that answers sooner, then by name. Steps and minimums are not looked at.
    """
    sign = side.sign
    ranked = sorted(venues, key=lambda view: (view.latency_ms, view.venue))
    books = [_within(sign, view.opposite, limit_ticks) for view in ranked]
    costs = [(sign * _FEE_SCALE + int(view.taker_fee * _FEE_SCALE)) * _RANKS for view in ranked]
    shown = [_lots(book) for book in books]
    surplus = sum(shown) - lots
    if surplus > lots:
        taken, whole = _walk(books, costs, lots)
        levels = [last + (own > _lots(book[:last])) for book, own, last in zip(books, taken, whole, strict=True)]
    else:  # The shorter way: all that is shown, but for the dearest of it. With all reversed, a tie goes as it would.
        back, gone = _walk([book[::-1] for book in reversed(books)], [-cost for cost in reversed(costs)], surplus)
        taken = [there - given for there, given in zip(shown, reversed(back), strict=True)]
        levels = [len(book) - given for book, given in zip(books, reversed(gone), strict=True)]
    found = zip(ranked, books, taken, levels, strict=True)
    return [Take(view, own, book[last - 1][0]) for view, book, own, last in found if own]


def _within(sign: int, levels: Levels, limit_ticks: int) -> Levels:
    if not levels or sign * levels[-1][0] <= sign * limit_ticks:
        return levels
    return levels[: bisect_right(levels, sign * limit_ticks, key=lambda level: sign * level[0])]


def _lots(levels: Levels) -> int:
    return sum(map(_LOTS_OF, levels))


def _walk(books: Sequence[Levels], costs: Sequence[int], lots: int) -> tuple[list[int], list[int]]:
    """Take `lots`, the cheapest level of all books first: of each book its lots, and how many levels it gave whole."""
    taken, whole = [0] * len(books), [0] * len(books)
    heads = [book[0][0] * costs[rank] + rank for rank, book in enumerate(books) if book]
    heapify(heads)
    while lots > 0 and heads:
        rank = heads[0] % _RANKS
        book, level = books[rank], whole[rank]
        offered = book[level][1]
        if offered > lots:
            taken[rank] += lots
            break
        taken[rank] += offered
        lots -= offered
        level += 1
        whole[rank] = level
        if level < len(book):
            heapreplace(heads, book[level][0] * costs[rank] + rank)
        else:
            heappop(heads)
    return taken, whole


def average_cost(side: Side, lots: int, venues: Sequence[VenueView]) -> tuple[int, int]:
    """(ticks times lots, lots) of taking `lots` now from all books at once, fees not counted; less where they end."""
    left, steps = lots, 0
    for price_ticks, offered in _by_price(side, venues):
        took = min(offered, left)
        steps, left = steps + price_ticks * took, left - took
        if left == 0:
            break
    return steps, lots - left


def _by_price(side: Side, venues: Sequence[VenueView]) -> Iterator[tuple[int, int]]:
    levels = [level for view in venues for level in view.opposite]
    return iter(sorted(levels, key=lambda level: side.sign * level[0]))
