"""The books of several venues as one: by what a unit costs there with the taker's fee.

Levels are looked at one by one from the best on, so a decision costs what it takes, not what there is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import heapify, heappop, heapreplace

from breakwater.domain.orders import Side
from fargate_engine.routing.moves import VenueView

_FEE_SCALE = 10**9  # Fees in whole billionths of the notional: finer than any venue tells them.
_RANKS = 64  # Of venues that cost the same, in a key.


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
    ranked = sorted(venues, key=lambda view: (view.latency_ms, view.venue))
    sign, limit = side.sign, side.sign * limit_ticks
    levels = [view.opposite for view in ranked]
    costs = [(sign * _FEE_SCALE + int(view.taker_fee * _FEE_SCALE)) * _RANKS for view in ranked]
    taken, worst, at = [0] * len(ranked), [0] * len(ranked), [0] * len(ranked)
    heads = [each[0][0] * costs[rank] + rank for rank, each in enumerate(levels) if each and sign * each[0][0] <= limit]
    heapify(heads)
    while heads and lots:
        rank = heads[0] % _RANKS
        own, index = levels[rank], at[rank]
        price_ticks, offered = own[index]
        took = offered if offered < lots else lots
        taken[rank] += took
        worst[rank] = price_ticks
        lots -= took
        index += 1
        at[rank] = index
        if index < len(own) and sign * own[index][0] <= limit:
            heapreplace(heads, own[index][0] * costs[rank] + rank)
        else:
            heappop(heads)
    return [Take(ranked[rank], taken[rank], worst[rank]) for rank in range(len(ranked)) if taken[rank]]


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
