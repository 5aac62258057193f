"""The part of an exchange's book that its recorded files tell everything about, kept in the matching core.

Files of LOBSTER's kind begin with a book that is there already, and tell of its best N levels only. So each side is
known down to a *horizon*: the deepest price of which every change is in the messages. The core holds exactly what lies
within it. A level that comes into sight, or that a row of the file corrects, is adopted as one order of our own at the
front of its queue, for the files do not tell whose orders stand there.
"""

from typing import Any, NamedTuple

import numpy as np
from matching_core import COMMAND, INSTRUMENT_COMMAND, EventKind, Kind, MatchingCore, Side, TimeInForce

from fargate_engine.replay.lobster_files import Levels

SYMBOL = 1
TAKER_ID_FIRST = 1 << 61  # The files' ids end below it.
ADOPTED_ID_FIRST = 1 << 62

type Events = np.ndarray[Any, np.dtype[np.void]]
type Fills = list[tuple[int, int]]
type Queue = dict[int, int]  # What is left of each order by its id, from the front.


class DoesNotFit(Exception):
    """A message that says what cannot be in the book as it is known."""


class Execution(NamedTuple):
    """Whose order was taken, as (order id, size)."""

    named: Fills  # By the file.
    first: Fills  # Who was first by price and time, as the messages built the book.
    chosen: Fills  # By the core.

    @property
    def of_adopted(self) -> bool:
        """The order is older than what is known, so the adopted one stands for it."""
        return self.named[0][0] >= ADOPTED_ID_FIRST


class KnownBook:
    """Prices and sizes are those of the files. `levels_max`: of how many levels a side the messages tell."""

    def __init__(self, levels_max: int) -> None:
        self.core = MatchingCore()
        self.at_ns = 0
        self.outside = 0  # Messages about what lies beyond the horizon.
        self._levels_max = levels_max
        self._queues: dict[Side, dict[int, Queue]] = {Side.BUY: {}, Side.SELL: {}}
        self._places: dict[int, tuple[Side, int]] = {}
        self._horizons: dict[Side, int | None] = {Side.BUY: None, Side.SELL: None}  # None: the whole side is known.
        self._in_auction = False
        self._last_adopted_id = ADOPTED_ID_FIRST
        self._last_taker_id = TAKER_ID_FIRST
        listing = np.zeros(1, INSTRUMENT_COMMAND)
        listing["kind"], listing["symbol"], listing["tick"], listing["lot"] = Kind.LIST_INSTRUMENT, SYMBOL, 1, 1
        self.core.apply(listing)

    # What the messages say.

    def add(self, order_id: int, side: Side, price: int, size: int) -> None:
        """DoesNotFit, here and below, when the book cannot be such."""
        if not self.knows(side, price):
            self.outside += 1
            return
        if order_id in self._places:
            raise DoesNotFit(f"order {order_id} is in the book already")
        self._append(order_id, side, price, size)
        if len(self._queues[side]) > self._levels_max:
            self._clear(side, self._deepest(side))
        if len(self._queues[side]) == self._levels_max:  # The messages say nothing of what comes to lie deeper.
            self._horizons[side] = self._deepest(side)

    def reduce(self, order_id: int, side: Side, price: int, size: int) -> None:
        held = self._holder(order_id, side, price, size)
        if held is None:
            return
        held_id, side, price = held
        if self._take(held_id, side, price, size):
            self._shrink(held_id, price, size)
        else:
            self.core.cancel(held_id, self.at_ns)

    def delete(self, order_id: int, side: Side, price: int, size: int) -> None:
        left = size
        if order_id in self._places:
            own_side, own_price = self._places[order_id]
            left = self._queues[own_side][own_price][order_id]
        self.reduce(order_id, side, price, left)
        if left != size:
            raise DoesNotFit(f"order {order_id} is deleted with {size} left, and {left} was left")

    def execute(self, order_id: int, side: Side, price: int, size: int) -> Execution | None:
        """An incoming order takes what the message says was taken; the core says from whom. None: nobody can tell."""
        if self._in_auction:  # Nothing matches, and the cross that ends it takes by rules of its own.
            self.reduce(order_id, side, price, size)
            return None
        held = self._holder(order_id, side, price, size)
        if held is None:
            return None
        held_id, side, price = held
        first = self._first(side, price, size)
        self._last_taker_id += 1
        opposite = Side.SELL if side == Side.BUY else Side.BUY
        self.core.submit_limit(self._last_taker_id, SYMBOL, 0, opposite, price, size, TimeInForce.IOC, self.at_ns)
        events = self.core.events()
        trades = events[events["kind"] == EventKind.TRADED]
        makers = zip(trades["maker_id"].tolist(), trades["quantity"].tolist(), strict=True)
        execution = Execution([(held_id, size)], first, list(makers))
        places = {(side, price)} | {self._places[maker_id] for maker_id, _ in execution.chosen}
        self._take(held_id, side, price, size)
        if execution.chosen != execution.named:
            self.core.cancel(held_id, self.at_ns)
            for place in places:
                self._rebuild(*place)
        return execution

    def halt(self) -> None:
        """Orders rest as they come, also across each other, until trading resumes."""
        self._in_auction = True
        self._apply(Kind.START_AUCTION)

    def resume(self) -> None:
        if self._in_auction:
            self._in_auction = False
            self._follow_trades(self._apply(Kind.UNCROSS))

    # What the rows say.

    def knows(self, side: Side, price: int) -> bool:
        horizon = self._horizons[side]
        return horizon is None or (price >= horizon if side == Side.BUY else price <= horizon)

    def levels(self, side: Side, count: int) -> Levels:
        return [(price, size) for price, size, _ in self.core.depth(SYMBOL, side, count)]

    def adopt(self, side: Side, price: int, size: int) -> None:
        """The level has this size, whoever's it is; 0: there is none."""
        self._clear(side, price)
        if size:
            self._last_adopted_id += 1
            self._append(self._last_adopted_id, side, price, size)

    def set_horizon(self, side: Side, price: int | None) -> None:
        self._horizons[side] = price

    # How it is held: the core has what `_queues` say, in that order.

    def _holder(self, order_id: int, side: Side, price: int, size: int) -> tuple[int, Side, int] | None:
        """(id, side, price) of the order itself, or of the adopted one that stands for it; None beyond the horizon."""
        held_id = order_id
        if order_id in self._places:
            side, price = self._places[order_id]
        elif not self.knows(side, price):
            self.outside += 1
            return None
        else:
            held_id = next(iter(self._queues[side].get(price, ())), 0)
            if held_id < ADOPTED_ID_FIRST:
                raise DoesNotFit(f"order {order_id} is not in the book")
        left = self._queues[side][price][held_id]
        if size > left:
            raise DoesNotFit(f"{size} of order {order_id} at {price}, where {left} can be its")
        return held_id, side, price

    def _first(self, side: Side, worst_price: int, size: int) -> Fills:
        """Who is to give `size` to an incoming order, by price and time."""
        fills: Fills = []
        for price in sorted(self._queues[side], reverse=side == Side.BUY):
            if price < worst_price if side == Side.BUY else price > worst_price:
                break
            for order_id, left in self._queues[side][price].items():
                if not size:
                    return fills
                fills.append((order_id, min(left, size)))
                size -= fills[-1][1]
        return fills

    def _take(self, order_id: int, side: Side, price: int, size: int) -> int:
        """What is left of it then."""
        queue = self._queues[side][price]
        queue[order_id] -= size
        left = queue[order_id]
        if not left:
            self._drop(order_id, side, price)
        return left

    def _shrink(self, order_id: int, price: int, size: int) -> None:
        """It keeps its place: a replace names the whole quantity, with what has traded."""
        order = self.core.order(order_id)
        if order is not None:
            self._apply(Kind.REPLACE, order_id=order_id, price=price, quantity=order.quantity - size)

    def _drop(self, order_id: int, side: Side, price: int) -> None:
        del self._places[order_id]
        del self._queues[side][price][order_id]
        if not self._queues[side][price]:
            del self._queues[side][price]

    def _append(self, order_id: int, side: Side, price: int, size: int) -> None:
        self._queues[side].setdefault(price, {})[order_id] = size
        self._places[order_id] = side, price
        if self.core.submit_limit(order_id, SYMBOL, 0, side, price, size, TimeInForce.GTC, self.at_ns) > 1:
            self._follow_trades(self.core.events())

    def _follow_trades(self, events: Events) -> None:
        """The core matched where the exchange did not say so: the rows will tell whether it should have."""
        trades = events[events["kind"] == EventKind.TRADED]
        for name in ("maker_id", "order_id"):
            for order_id, size in zip(trades[name].tolist(), trades["quantity"].tolist(), strict=True):
                self._take(order_id, *self._places[order_id], size)

    def _clear(self, side: Side, price: int) -> None:
        for order_id in list(self._queues[side].get(price, ())):
            self._drop(order_id, side, price)
            self.core.cancel(order_id, self.at_ns)

    def _rebuild(self, side: Side, price: int) -> None:
        """The core's level as the messages have it, after it traded with another order than they name."""
        queue = dict(self._queues[side].get(price, {}))
        self._clear(side, price)
        for order_id, size in queue.items():
            self._append(order_id, side, price, size)

    def _deepest(self, side: Side) -> int:
        return min(self._queues[side]) if side == Side.BUY else max(self._queues[side])

    def _apply(self, kind: Kind, *, order_id: int = 0, price: int = 0, quantity: int = 0) -> Events:
        command = np.zeros(1, COMMAND)
        command["kind"], command["symbol"], command["at_ns"] = kind, SYMBOL, self.at_ns
        command["order_id"], command["price"], command["quantity"] = order_id, price, quantity
        return self.core.apply(command)
