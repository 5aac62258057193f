"""LOBSTER files of our own making: a random market's messages, and the best levels of its book after each of them.

Like the real ones they begin in the middle of a day, and tell only of what changes the best `levels` of a side.
"""

import random
from typing import NamedTuple

NO_LEVEL = 9_999_999_999
TICK = 100
MIDDLE = 1_000_000

type Queues = dict[int, dict[int, int]]  # Price to what is left of each order by id, from the front.


class Tape(NamedTuple):
    messages: list[str]
    rows: list[str]

    def part(self, first: int, last: int | None = None) -> "Tape":
        return Tape(self.messages[first:last], self.rows[first:last])


def lobster_tape(seed: int, length: int, levels: int) -> Tape:
    market = _Market(random.Random(seed), levels)  # noqa: S311 - chance that can be repeated
    for _ in range(300):
        market.step()
    tape = Tape([], [])
    while len(tape.messages) < length:
        message = market.step()
        if message is not None:
            tape.messages.append(f"{34_200 + len(tape.messages) // 1_000}.{len(tape.messages) % 1_000:09d},{message}")
            tape.rows.append(market.row())
    return tape


class _Market:
    def __init__(self, rng: random.Random, levels: int) -> None:
        self._rng = rng
        self._levels = levels
        self._sides: dict[int, Queues] = {1: {}, -1: {}}  # 1: bids, -1: asks.
        self._last_id = 0

    def step(self) -> str | None:
        """A message without its time; None for what happens deeper than the files look."""
        side = self._rng.choice((1, -1))
        draw = self._rng.random()
        if draw < 0.05:
            return f"5,0,{self._rng.randint(1, 300)},{MIDDLE},{side}"
        if draw < 0.5 or not self._sides[side]:
            return self._add(side)
        return self._take(side, is_execution=draw < 0.65)

    def row(self) -> str:
        columns: list[int] = []
        for rank in range(self._levels):
            for side in (-1, 1):
                prices = self._prices(side)
                queue = self._sides[side][prices[rank]] if rank < len(prices) else {}
                columns += [prices[rank] if queue else -side * NO_LEVEL, sum(queue.values())]
        return ",".join(map(str, columns))

    def _add(self, side: int) -> str | None:
        opposite = self._prices(-side)
        touch = opposite[0] if opposite else MIDDLE + side * TICK
        price = touch - side * TICK * min(1 + int(self._rng.expovariate(0.15)), 60)
        self._last_id += self._rng.randint(1, 5)
        size = self._rng.randint(1, 500)
        self._sides[side].setdefault(price, {})[self._last_id] = size
        return self._told(1, side, price, self._last_id, size) if self._in_sight(side, price) else None

    def _take(self, side: int, *, is_execution: bool) -> str | None:
        prices = self._prices(side)
        price = prices[0] if is_execution else self._rng.choice(prices[: 2 * self._levels + 20])
        queue = self._sides[side][price]
        order_id = next(iter(queue)) if is_execution else self._rng.choice(list(queue))
        left = queue[order_id]
        size = self._rng.randint(1, left) if self._rng.random() < 0.5 else left
        kind = 4 if is_execution else 3 if size == left else 2
        told = self._told(kind, side, price, order_id, size) if self._in_sight(side, price) else None
        queue[order_id] -= size
        if size == left:
            del queue[order_id]
        if not queue:
            del self._sides[side][price]
        return told

    def _prices(self, side: int) -> list[int]:
        return sorted(self._sides[side], reverse=side == 1)

    def _in_sight(self, side: int, price: int) -> bool:
        return price in self._prices(side)[: self._levels]

    @staticmethod
    def _told(kind: int, side: int, price: int, order_id: int, size: int) -> str:
        return f"{kind},{order_id},{size},{price},{side}"
