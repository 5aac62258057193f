"""How long the router takes to decide: five venues with fees of their own, fifty levels each."""

import random
import statistics
import time
from decimal import Decimal

from breakwater.domain.executions import Route
from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.routing.moves import VenueView, View
from fargate_engine.routing.route import route
from tests.benchmarks.figures import Figure, percentile

VENUES, LEVELS = 5, 50
BOOKS = 200
ROUNDS = 20
P50_GOAL_MS = 0.05
TYPICAL_LOTS, HALF_OF_THE_LOTS, EVERYTHING_LOTS = 5_000, VENUES * LEVELS * 500 // 2, 10**9
_BEST = Route()


def run() -> list[Figure]:
    chance = random.Random(1)  # noqa: S311  # A seed, so that each run is the same.
    books = [_venues(chance) for _ in range(BOOKS)]
    return [
        _figure("an order that takes some ten levels", books, TYPICAL_LOTS),
        _figure("one that takes half of them, the longest way", books, HALF_OF_THE_LOTS),
        _figure("one that takes all of them", books, EVERYTHING_LOTS),
    ]


def _figure(what: str, books: list[list[VenueView]], lots: int) -> Figure:
    views = [_view(venues, lots) for venues in books]
    took_ms = sorted(_decide_ms(view) for _ in range(ROUNDS) for view in views)
    p50, p99 = percentile(took_ms, 0.5), percentile(took_ms, 0.99)
    levels = statistics.mean(sum(_taken(view)) for view in views)
    return Figure(
        f"decision of the router over {VENUES} venues of {LEVELS} levels: {what}",
        f"p50 < {P50_GOAL_MS * 1000:.0f} µs",
        p50,
        p99,
        f"{len(took_ms):,} decisions over {BOOKS} sets of books; {levels:.0f} levels taken, on average",
        p50 < P50_GOAL_MS,
    )


def _decide_ms(view: View) -> float:
    began_ns = time.perf_counter_ns()
    route(_BEST, view)
    return (time.perf_counter_ns() - began_ns) / 1e6


def _taken(view: View) -> list[int]:
    """Of each venue, how many of its levels the decision takes."""
    worst = {each.venue: each.limit_ticks for each in route(_BEST, view).send}
    return [sum(ticks <= worst.get(each.venue, 0) for ticks, _ in each.opposite) for each in view.venues]


def _venues(chance: random.Random) -> list[VenueView]:
    return [
        VenueView(
            venue=f"V{number}",
            opposite=_levels(chance, 1),
            own=_levels(chance, -1),
            trades=(),
            taker_fee=Decimal(chance.randint(0, 10)) / 10_000,
            maker_fee=Decimal(0),
            latency_ms=chance.random() * 10,
            tick_step=1,
            lot_step=1,
            lots_min=1,
            notional_min_steps=0,
        )
        for number in range(VENUES)
    ]


def _levels(chance: random.Random, direction: int) -> tuple[tuple[int, int], ...]:
    ticks, levels = 200_000 + direction * chance.randint(1, 3), []
    for _ in range(LEVELS):
        levels.append((ticks, chance.randint(1, 1_000)))
        ticks += direction * chance.randint(1, 20)
    return tuple(levels)


def _view(venues: list[VenueView], lots: int) -> View:
    return View(
        now_ns=1,
        began_at_ns=1,
        side=Side.BUY,
        quantity_lots=lots,
        leaves_lots=lots,
        unsent_lots=lots,
        limit_ticks=10**9,
        low_ticks=1,
        high_ticks=10**9,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.0001"),
        is_market=False,
        time_in_force=TimeInForce.IOC,
        post_only=False,
        children=(),
        venues=venues,
        refused={},
        market_lots=0,
        volume_profile=(),
        note="",
    )
