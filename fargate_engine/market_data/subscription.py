"""A subscriber's place in a market. It holds no queue: it knows how far it is, and asks for what came after.

So a subscriber that does not come to look costs nothing, and all who look at the same moment share one answer.
"""

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Self

from fargate_engine import bell
from fargate_engine.bell import Rings
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.updates import Subject, Topic, Update

if TYPE_CHECKING:
    from fargate_engine.market_data.market import Market


_OF_THE_BOOK = frozenset({Topic.BOOK, Topic.QUOTE})  # Its changes are news for these, trades for all others.


class Bell(bell.Bell["Subscription"]):
    """Of subscriptions to markets. One may serve many: then a connection waits for all its markets."""


class Subscription:
    """`take` gives all that is new, and it rings its bell when there is something again."""

    def __init__(self, market: "Market", subjects: Iterable[Subject], bell: "Rings[Subscription] | None") -> None:
        self.market = market
        self.subjects = tuple(dict.fromkeys(subjects))
        self._own_bell = Bell()
        self._has_own_bell = bell is None
        self._bell: Rings[Subscription] = self._own_bell if bell is None else bell
        self.is_closed = False
        self.wants_book = any(subject in _OF_THE_BOOK for subject in self.subjects)
        self.wants_trades = any(subject not in _OF_THE_BOOK for subject in self.subjects)
        # How far it is in each subject; the market reads and moves these.
        self.update_id = market.update_id
        self.best = market.quote().best
        self.trade_count = self.day_trade_count = market.trade_count
        self.bars: dict[Interval, tuple[int, int]] = {}  # Begin and number of trades of the newest bar it knows.
        for subject in self.subjects:
            if isinstance(subject, Interval):
                bar = market.bars.current(subject)
                self.bars[subject] = (0, 0) if bar is None else (bar.open_ms, bar.trades)

    def take(self) -> list[Update]:
        """What is new, one update for each subject that has something; never waits."""
        if self.is_closed:
            return []
        updates: list[Update] = []
        self.market.listen(self)
        for subject in self.subjects:
            update = self.market.news(self, subject)
            if update is not None:
                updates.append(update)
        return updates

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.market.leave(self)
            self.ring()  # Whoever waits for it learns that nothing comes any more.

    def ring(self) -> None:
        self._bell.ring(self)

    async def __aiter__(self) -> AsyncIterator[Update]:
        """The updates as they come, until it is closed; only without a bell of the caller's."""
        if not self._has_own_bell:
            raise TypeError("whoever gave the bell waits for it")
        while not self.is_closed:
            await self._own_bell.wait()
            self._own_bell.answer()
            for update in self.take():
                yield update

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
