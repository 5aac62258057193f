"""The reference book: price-time priority, one symbol, whole ticks and lots.

It is written to be read: a faster book takes its place behind the same three methods, and this one stays as its oracle.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.ladder import Ladder
from fargate_engine.terms import (
    FOK_NOT_FILLABLE,
    NO_LIQUIDITY,
    POST_ONLY_WOULD_TAKE,
    PRICE_BAND,
    SELF_TRADE,
    Reach,
    Reason,
    WorkingTerms,
)


@dataclass(frozen=True, slots=True)
class BookTrade:
    """A match at the maker's price."""

    maker_order_id: uuid.UUID
    quantity_lots: int
    price_ticks: int


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of an incoming order: its trades, and then one of the three.

    It rests with what is left, it is done, or what is left was cancelled for `canceled`. `rejected` excludes them all.
    """

    trades: tuple[BookTrade, ...] = ()
    canceled: Reason | None = None
    rejected: Reason | None = None


@dataclass(slots=True)
class _Resting:
    terms: WorkingTerms
    leaves_lots: int


@dataclass(slots=True)
class _Level:
    """Oldest first: a dict keeps the order of insertion and removes from the middle."""

    orders: dict[uuid.UUID, _Resting] = field(default_factory=dict)


class Book:
    def __init__(self) -> None:
        self._sides = {side: Ladder[_Level](side) for side in Side}
        self._resting: dict[uuid.UUID, WorkingTerms] = {}

    def submit(self, incoming: WorkingTerms) -> Matched:
        """Match what can be matched; the rest of a GTC order rests, that of any other is cancelled."""
        fillable_lots, stopped_by = self._look_ahead(incoming)
        if incoming.post_only and (fillable_lots > 0 or stopped_by is not None):
            return Matched(rejected=POST_ONLY_WOULD_TAKE)
        if incoming.time_in_force is TimeInForce.FOK and fillable_lots < incoming.quantity_lots:
            return Matched(canceled=stopped_by or FOK_NOT_FILLABLE)
        trades = tuple(self._take(incoming, fillable_lots))
        leaves_lots = incoming.quantity_lots - fillable_lots
        if leaves_lots == 0:
            return Matched(trades)
        if stopped_by is not None:
            return Matched(trades, canceled=stopped_by)
        if incoming.time_in_force is not TimeInForce.GTC:
            return Matched(trades, canceled=NO_LIQUIDITY)
        self._rest(incoming, leaves_lots)
        return Matched(trades)

    def cancel(self, order_id: uuid.UUID) -> None:
        """KeyError when it does not rest here."""
        terms = self._resting.pop(order_id)
        ladder = self._sides[terms.side]
        level = ladder.get(terms.limit_ticks)
        assert level is not None  # noqa: S101 - a broken invariant stops the engine
        del level.orders[order_id]
        if not level.orders:
            ladder.remove(terms.limit_ticks)

    def resting(self) -> Iterator[tuple[Side, int, uuid.UUID, int]]:
        """Every resting order as (side, price_ticks, order_id, leaves_lots), in the order in which it would trade."""
        for side, ladder in self._sides.items():
            for price_ticks, level in ladder.from_best():
                for order_id, order in level.orders.items():
                    yield side, price_ticks, order_id, order.leaves_lots

    def _look_ahead(self, incoming: WorkingTerms) -> tuple[int, Reason | None]:
        """How many lots can trade at once, and what stops the rest, if something does that forbids it to stay."""
        fillable_lots = 0
        for price_ticks, level in self._opposite(incoming).from_best():
            reach = incoming.reach(price_ticks)
            if reach is Reach.TOO_DEAR:
                return fillable_lots, None
            if reach is Reach.OUTSIDE_BAND:
                return fillable_lots, PRICE_BAND
            for order in level.orders.values():
                if order.terms.account_id == incoming.account_id:
                    return fillable_lots, SELF_TRADE
                fillable_lots += min(order.leaves_lots, incoming.quantity_lots - fillable_lots)
                if fillable_lots == incoming.quantity_lots:
                    return fillable_lots, None
        return fillable_lots, None

    def _take(self, incoming: WorkingTerms, lots: int) -> Iterator[BookTrade]:
        ladder = self._opposite(incoming)
        while lots > 0:
            price_ticks = ladder.best_price_ticks
            assert price_ticks is not None  # noqa: S101 - _look_ahead counted these lots
            level = ladder.get(price_ticks)
            assert level is not None  # noqa: S101
            maker_id, maker = next(iter(level.orders.items()))
            traded_lots = min(maker.leaves_lots, lots)
            lots -= traded_lots
            maker.leaves_lots -= traded_lots
            if maker.leaves_lots == 0:
                self.cancel(maker_id)
            yield BookTrade(maker_id, traded_lots, price_ticks)

    def _rest(self, incoming: WorkingTerms, leaves_lots: int) -> None:
        ladder = self._sides[incoming.side]
        level = ladder.get(incoming.limit_ticks)
        if level is None:
            level = _Level()
            ladder.put(incoming.limit_ticks, level)
        level.orders[incoming.order_id] = _Resting(incoming, leaves_lots)
        self._resting[incoming.order_id] = incoming

    def _opposite(self, incoming: WorkingTerms) -> Ladder[_Level]:
        return self._sides[Side.SELL if incoming.side is Side.BUY else Side.BUY]
