"""Two venues on paper and an order that an algorithm works there, over a time of its own.

Each Shown is the market for five seconds. A child that takes is filled at once by what is shown within its price; one
that rests, when the market comes to it. What an algorithm must never do is asserted where it would be done.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from breakwater.domain.executions import Execution, Oco
from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.routing.algorithms import algorithm_of
from fargate_engine.routing.moves import Child, Refused, Send, VenueView, View
from fargate_engine.terms import Reason
from tests.unit.fargate_engine.routing.views import at_s, child, trades, venue, view

SHOWN_S = 5
LOOKS_MAX = 60  # At one time: more would be an algorithm that never comes to rest.
NAMES = ("A", "B")


@dataclass(frozen=True)
class Shown:
    """Best bid and ask are `spread` around the middle; lots are those of each venue there, and of the trades."""

    middle: int
    spread: int
    lots: tuple[int, int]
    traded: int = 0

    def best(self, side: Side) -> int:
        return self.middle - side.sign * self.spread


@dataclass(frozen=True)
class Done:
    """After all looks of one time."""

    now_s: float
    lots: int
    market_lots: int


class PaperMarket:
    """`cancels_wait`: for the next change of the market, which may fill what they are for."""

    def __init__(
        self,
        execution: Execution,
        path: Sequence[Shown],
        rules: dict[str, Any],
        *,
        cancels_wait: bool = False,
        **order: Any,
    ) -> None:
        self.order = view(**order)
        self.side, self.quantity_lots = self.order.side, self.order.quantity_lots
        self.cum_lots = self.market_lots = self.sends = 0
        self.ends: Reason | None = None
        self.note = ""
        self.done: list[Done] = []
        self._execution, self._algorithm = execution, algorithm_of(execution)
        self._path, self._rules, self._cancels_wait = path, rules, cancels_wait
        self._children: dict[uuid.UUID, Child] = {}
        self._refused: dict[str, Refused] = {}
        self._left: dict[str, int] = {}
        self._now_s = 0.0

    @property
    def is_over(self) -> bool:
        return self.cum_lots == self.quantity_lots or (self.ends is not None and not self._children)

    @property
    def open_lots(self) -> int:
        return sum(each.leaves_lots for each in self._children.values())

    def run(self) -> "PaperMarket":
        for number, shown in enumerate(self._path):
            self._now_s, self._number, self._shown = float(number * SHOWN_S), number, shown
            self._left = dict(zip(NAMES, self._shown.lots, strict=True))
            self.market_lots += self._shown.traded
            self._fill_resting()
            while self._now_s < (number + 1) * SHOWN_S and self.ends is None and not self.is_over:
                self._now_s = self._look_until_quiet((number + 1) * SHOWN_S)
        return self

    def _look_until_quiet(self, until_s: int) -> float:
        """When it wants to be asked again, or the market changes."""
        for _ in range(LOOKS_MAX):
            moves = self._algorithm(seen := self._view())
            self.note = self.note if moves.note is None else moves.note
            self._cancel(moves.cancel)
            for send in moves.send:
                self._check(send, seen)
                seen = seen.less(send.lots)
                self._send(send)
            if moves.ends is not None:
                self._cancel(tuple(self._children))
                self.ends = moves.ends
            if self.is_over or self.ends or not (moves.send or moves.cancel):
                self.done.append(Done(self._now_s, self.cum_lots, self.market_lots))
                look_at_ns = None if self.ends is not None else moves.look_at_ns
                look_s = until_s if look_at_ns is None else (look_at_ns - at_s(0)) / 1e9
                return min(float(until_s), max(look_s, self._now_s + 0.001))
        raise AssertionError(f"it never comes to rest: {moves}")

    def _cancel(self, child_ids: Sequence[uuid.UUID]) -> None:
        for child_id in child_ids:  # An algorithm cancels nothing but what is open.
            if self._cancels_wait:
                self._children[child_id] = replace(self._children[child_id], is_being_canceled=True)
            else:
                del self._children[child_id]

    def _check(self, send: Send, seen: View) -> None:
        at = next(each for each in seen.venues if each.venue == send.venue)
        assert 0 < send.lots <= seen.unsent_lots
        assert send.lots % at.lot_step == 0
        assert send.lots >= at.lots_min
        assert send.lots * send.limit_ticks >= at.notional_min_steps
        assert send.limit_ticks % at.tick_step == 0
        assert seen.low_ticks <= send.limit_ticks <= seen.high_ticks
        if isinstance(self._execution, Oco) and send.time_in_force is TimeInForce.IOC:
            assert not any(each.rests for each in seen.children)  # Its other half.
        if not isinstance(self._execution, Oco):
            assert self.side.sign * (send.limit_ticks - seen.limit_ticks) <= 0
        if seen.post_only:
            assert send.post_only
        if send.post_only and at.opposite:
            assert self.side.sign * (send.limit_ticks - at.opposite[0][0]) < 0

    def _send(self, send: Send) -> None:
        self.sends += 1
        sent = child(
            self.sends,
            venue=send.venue,
            leaves_lots=send.lots,
            limit_ticks=send.limit_ticks,
            rests=send.time_in_force is TimeInForce.GTC,
            sent_at_ns=at_s(self._now_s),
        )
        self._children[sent.order_id] = sent
        done_before = self.cum_lots
        if not send.post_only:
            self._fill(sent)
        if send.time_in_force is TimeInForce.GTC:
            return
        self._children.pop(sent.order_id, None)
        if self.cum_lots == done_before:
            before = self._refused.get(send.venue)
            self._refused[send.venue] = Refused("", at_s(self._now_s), before.count + 1 if before else 1)

    def _fill_resting(self) -> None:
        """A cancel that is on its way comes too late for what the market does now."""
        for each in list(self._children.values()):
            self._fill(each)
        self._children = {number: each for number, each in self._children.items() if not each.is_being_canceled}

    def _fill(self, filled: Child) -> None:
        if self.side.sign * (self._price(filled.venue, self._opposite) - filled.limit_ticks) > 0:
            return
        lots = min(filled.leaves_lots, self._left[filled.venue])
        self._left[filled.venue] -= lots
        self.cum_lots += lots
        self.market_lots += lots
        assert self.cum_lots <= self.quantity_lots
        if lots == filled.leaves_lots:
            del self._children[filled.order_id]
        else:
            self._children[filled.order_id] = replace(
                filled, leaves_lots=filled.leaves_lots - lots, cum_lots=filled.cum_lots + lots
            )

    @property
    def _opposite(self) -> Side:
        return Side.SELL if self.side is Side.BUY else Side.BUY

    def _price(self, name: str, side: Side) -> int:
        """Of that side, in the steps of the venue, away from the middle."""
        step, best = self._rules["tick_step"] if name == "A" else 1, self._shown.best(side)
        return best // step * step if side is Side.BUY else -(-best // step) * step

    def _view(self) -> View:
        leaves_lots = self.quantity_lots - self.cum_lots
        return replace(
            self.order,
            now_ns=at_s(self._now_s),
            leaves_lots=leaves_lots,
            unsent_lots=leaves_lots - self.open_lots,
            children=tuple(self._children.values()),
            venues=tuple(self._venue(name) for name in NAMES),
            refused=dict(self._refused),
            market_lots=self.market_lots,
            note=self.note,
        )

    def _venue(self, name: str) -> VenueView:
        """A has rules of its own, and B takes everything."""
        left = self._left[name]
        return venue(
            name,
            opposite=((self._price(name, self._opposite), left),) if left else (),
            own=((self._price(name, self.side), 1_000),),
            trades=trades(self._shown.middle, since_s=self._number * SHOWN_S + 0.001),
            **(self._rules if name == "A" else {}),
        )
