"""A market made from a seed, for symbols without a recording: lively, bounded, and the same for the same seed."""

import random
import zlib
from collections.abc import Iterator
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import (
    DepthDiff,
    DepthSnapshot,
    L2Book,
    Levels,
    MarketTrade,
    TimedEvent,
)

START_PRICES = {"BTC/USDT": Decimal("61800"), "ETH/USDT": Decimal("2684")}
OTHER_START_PRICE = Decimal(100)
LEVELS = 40  # On each side.
STEP_NS = 100_000_000
TRADES_PER_STEP_MAX = 2
NOTIONAL_PER_LEVEL = Decimal(20_000)  # In quote currency, on average.
WANDER_MAX_PERCENT = 2  # The middle turns back towards its start beyond this.


def events(instrument: Instrument, seed: int) -> Iterator[TimedEvent]:
    """A snapshot, then for ever, ten times a second: trades at the best prices, and the book that follows them."""
    market = _Market(instrument, random.Random(seed ^ zlib.crc32(instrument.symbol.encode())))  # noqa: S311
    at_ns = 0
    snapshot = DepthSnapshot(market.side_levels(Side.BUY), market.side_levels(Side.SELL))
    market.shown.replace(snapshot)
    yield TimedEvent(at_ns, snapshot)
    while True:
        at_ns += STEP_NS
        for trade in market.trades():
            yield TimedEvent(at_ns, trade)
        yield TimedEvent(at_ns, market.step())


class _Market:
    def __init__(self, instrument: Instrument, chance: random.Random) -> None:
        price = START_PRICES.get(instrument.symbol, OTHER_START_PRICE)
        self._chance = chance
        self._start_ticks = self._middle_ticks = max(int(price / instrument.tick_size), 10 * LEVELS)
        self._lots_mean = max(int(NOTIONAL_PER_LEVEL / price / instrument.lot_size), 2)
        self._spread_ticks = 2
        self._level_gap_ticks = max(self._start_ticks // 50_000, 1)
        self.shown = L2Book()

    def trades(self) -> Iterator[MarketTrade]:
        for _ in range(self._chance.randint(0, TRADES_PER_STEP_MAX)):
            taker = self._chance.choice((Side.BUY, Side.SELL))
            maker = Side.SELL if taker is Side.BUY else Side.BUY
            price_ticks = self.shown.best_ticks(maker)
            if price_ticks is not None:
                lots = self.shown.lots_at(maker, price_ticks)
                yield MarketTrade(taker, price_ticks, self._chance.randint(1, max(lots // 4, 1)))

    def step(self) -> DepthDiff:
        """Move the middle a little, and say what that changes in what was shown."""
        wander_ticks = self._middle_ticks - self._start_ticks
        bound_ticks = self._start_ticks * WANDER_MAX_PERCENT // 100
        drift = -1 if wander_ticks > bound_ticks else 1 if wander_ticks < -bound_ticks else 0
        self._middle_ticks += self._chance.randint(-3, 3) * self._level_gap_ticks + drift * self._level_gap_ticks
        self._spread_ticks = self._chance.randint(1, 4)
        diff = DepthDiff(self._changes(Side.BUY), self._changes(Side.SELL))
        self.shown.update(diff)
        return diff

    def side_levels(self, side: Side) -> Levels:
        best_ticks = self._middle_ticks - side.sign * self._spread_ticks
        return tuple(
            (best_ticks - side.sign * depth * self._level_gap_ticks, self._lots(depth)) for depth in range(LEVELS)
        )

    def _lots(self, depth: int) -> int:
        return self._chance.randint(1, self._lots_mean * (2 + depth // 4))

    def _changes(self, side: Side) -> Levels:
        """Levels that stay keep their size most of the time, as real ones do: queues can be waited through."""
        wanted = dict(self.side_levels(side))
        changes = [(ticks, 0) for ticks, _ in self.shown.levels(side) if ticks not in wanted]
        for ticks, lots in wanted.items():
            if self.shown.lots_at(side, ticks) == 0 or self._chance.random() < 0.2:
                changes.append((ticks, lots))
        return tuple(changes)
