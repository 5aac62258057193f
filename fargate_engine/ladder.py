"""One side of a book: price levels in order of price priority."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from breakwater.domain.orders import Side


class Ladder[Level]:
    """Levels by price in ticks. The best is the highest for bids (BUY) and the lowest for asks (SELL)."""

    def __init__(self, side: Side) -> None:
        self._sign = side.sign
        self._levels: dict[int, Level] = {}
        self._keys: list[int] = []  # sign * price, ascending: the best is last, where removing it costs nothing.

    def get(self, price_ticks: int) -> Level | None:
        return self._levels.get(price_ticks)

    def put(self, price_ticks: int, level: Level) -> None:
        if price_ticks not in self._levels:
            insort(self._keys, self._sign * price_ticks)
        self._levels[price_ticks] = level

    def remove(self, price_ticks: int) -> None:
        """A price that is not there is left as it is: exchanges delete levels that a snapshot never showed."""
        if self._levels.pop(price_ticks, None) is not None:
            del self._keys[bisect_left(self._keys, self._sign * price_ticks)]

    @property
    def best_price_ticks(self) -> int | None:
        return self._sign * self._keys[-1] if self._keys else None

    def from_best(self) -> Iterator[tuple[int, Level]]:
        """The ladder must not change while this is read."""
        for key in reversed(self._keys):
            price_ticks = self._sign * key
            yield price_ticks, self._levels[price_ticks]

    def __len__(self) -> int:
        return len(self._keys)
