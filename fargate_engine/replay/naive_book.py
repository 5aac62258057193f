"""A limit order book as simple as can be: price, then time, and nothing else. What the core is compared with."""

from typing import NamedTuple

from matching_core import Side


class Trade(NamedTuple):
    maker_id: int
    price: int
    size: int


class NaiveBook:
    def __init__(self) -> None:
        self._sides: dict[Side, dict[int, dict[int, int]]] = {Side.BUY: {}, Side.SELL: {}}  # Price to size by order id.
        self._places: dict[int, tuple[Side, int]] = {}

    def limit(self, order_id: int, side: Side, price: int, size: int) -> list[Trade]:
        """Trades as far as it can, in order, and rests with what is left."""
        opposite = self._sides[Side.SELL if side == Side.BUY else Side.BUY]
        trades: list[Trade] = []
        while size and opposite:
            best = min(opposite) if side == Side.BUY else max(opposite)
            if best > price if side == Side.BUY else best < price:
                break
            maker_id, left = next(iter(opposite[best].items()))
            traded = min(size, left)
            size -= traded
            trades.append(Trade(maker_id, best, traded))
            opposite[best][maker_id] -= traded
            if traded == left:
                self.cancel(maker_id)
        if size:
            self._sides[side].setdefault(price, {})[order_id] = size
            self._places[order_id] = side, price
        return trades

    def cancel(self, order_id: int) -> bool:
        """False when there is no such order."""
        if order_id not in self._places:
            return False
        side, price = self._places.pop(order_id)
        del self._sides[side][price][order_id]
        if not self._sides[side][price]:
            del self._sides[side][price]
        return True

    def depth(self, side: Side) -> list[tuple[int, int, int]]:
        """(price, size, number of orders) of each level, best first."""
        levels = sorted(self._sides[side].items(), reverse=side == Side.BUY)
        return [(price, sum(orders.values()), len(orders)) for price, orders in levels]

    def resting(self) -> dict[int, int]:
        """What is left of each order by its id."""
        return {i: left for levels in self._sides.values() for orders in levels.values() for i, left in orders.items()}
