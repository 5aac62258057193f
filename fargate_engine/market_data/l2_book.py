"""A market's displayed depth, and the events that move it. Whole ticks and lots."""

from collections.abc import Iterator
from dataclasses import dataclass

from breakwater.domain.orders import Side
from fargate_engine.ladder import Ladder

type Levels = tuple[tuple[int, int], ...]  # (price_ticks, quantity_lots); zero lots delete the level.


@dataclass(frozen=True, slots=True)
class DepthSnapshot:
    """The whole book: what was there before is forgotten."""

    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class DepthDiff:
    """New quantities of single levels."""

    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """`taker` is the side that took: a BUY lifted the asks. `trade_id` grows at the source; None where it has none."""

    taker: Side
    price_ticks: int
    quantity_lots: int
    trade_id: int | None = None


MarketEvent = DepthSnapshot | DepthDiff | MarketTrade


@dataclass(frozen=True, slots=True)
class TimedEvent:
    at_ns: int  # On the source's own clock; only differences count.
    event: MarketEvent


class L2Book:
    def __init__(self) -> None:
        self._sides = {side: Ladder[int](side) for side in Side}

    def replace(self, snapshot: DepthSnapshot) -> None:
        self._sides = {side: Ladder[int](side) for side in Side}
        self.update(DepthDiff(snapshot.bids, snapshot.asks))

    def update(self, diff: DepthDiff) -> None:
        for side, levels in ((Side.BUY, diff.bids), (Side.SELL, diff.asks)):
            ladder = self._sides[side]
            for price_ticks, lots in levels:
                if lots > 0:
                    ladder.put(price_ticks, lots)
                else:
                    ladder.remove(price_ticks)

    def best_ticks(self, side: Side) -> int | None:
        return self._sides[side].best_price_ticks

    def lots_at(self, side: Side, price_ticks: int) -> int:
        return self._sides[side].get(price_ticks) or 0

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """(price_ticks, quantity_lots), best first."""
        return self._sides[side].from_best()
