"""The books of several venues as one: by what a unit costs there with the taker's fee.

The levels are compared in the core, one by one from the best on: an order may take hundreds of them.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from matching_core import split_cheapest

from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import Levels
from fargate_engine.routing.moves import VenueView

_FEE_SCALE = 10**9  # Fees in whole billionths of the notional: finer than any venue tells them.
_BY_LATENCY = attrgetter("latency_ms", "venue")


@dataclass(frozen=True, slots=True)
class Take:
    """What to take from one venue: `lots` down to the level of `worst_ticks`."""

    view: VenueView
    lots: int
    worst_ticks: int


def all_in(side: Side, price_ticks: int, fee: Decimal) -> int:
    """What a unit costs with its fee, scaled; less is better, for a sale too: there it is what is not earned."""
    return price_ticks * _unit_cost(side.sign, fee)


def cheapest(side: Side, lots: int, limit_ticks: int, venues: Sequence[VenueView]) -> list[Take]:
    """The split of `lots` that costs least, within the limit; less where the books hold less.

    Where two cost the same, the venue that answers sooner, then by name. Steps and minimums are not looked at.
    """
    sign = side.sign
    ranked = sorted(venues, key=_BY_LATENCY)
    books = [_within(sign, view.opposite, limit_ticks) for view in ranked]
    costs = [_unit_cost(sign, view.taker_fee) for view in ranked]
    found = zip(ranked, books, split_cheapest(books, costs, lots), strict=True)
    return [Take(view, own, book[levels - 1][0]) for view, book, (own, levels) in found if own]


def _unit_cost(sign: int, fee: Decimal) -> int:
    """Of a tick, scaled."""
    return sign * _FEE_SCALE + int(fee * _FEE_SCALE)


def _within(sign: int, levels: Levels, limit_ticks: int) -> Levels:
    if not levels or sign * levels[-1][0] <= sign * limit_ticks:
        return levels
    return levels[: bisect_right(levels, sign * limit_ticks, key=lambda level: sign * level[0])]


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
