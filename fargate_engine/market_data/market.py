"""One market of one venue: its book, last trades, bars and figures of the day. Its venue writes, all others read."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.bell import Rings
from fargate_engine.market_data.bars import Bars
from fargate_engine.market_data.book_changes import BookChanges
from fargate_engine.market_data.day import Day, DayFigures
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import (
    DepthDiff,
    DepthSnapshot,
    L2Book,
    Levels,
    MarketEvent,
    MarketTrade,
)
from fargate_engine.market_data.subscription import Subscription
from fargate_engine.market_data.updates import (
    BarsUpdate,
    BookChange,
    BookState,
    DayUpdate,
    Quote,
    Subject,
    Topic,
    Trade,
    Trades,
    Update,
)

TRADES_MAX = 1_000
BEGINNING_S_MAX = 0.1
_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _Shared:
    """What those who are equally far get: made for the first who asks."""

    book: dict[int, BookState | BookChange] = field(default_factory=dict)
    trades: dict[int, Trades] = field(default_factory=dict)
    bars: dict[tuple[Interval, int], BarsUpdate] = field(default_factory=dict)
    quote: Quote | None = None
    day: DayUpdate | None = None


@dataclass(frozen=True, slots=True)
class _Beginning:
    state: BookState
    depth: int
    trade_count: int
    made_at: float


class Market:
    """`update_id` counts the changes of the book: 1 is the first snapshot, 0 means that there is no book yet.

    `trades` are the last ones, oldest first. Whole ticks and lots of `instrument` throughout.
    """

    def __init__(self, venue: str, instrument: Instrument) -> None:
        self.venue = venue
        self.instrument = instrument
        self.book = L2Book()
        self.update_id = 0
        self.trades: deque[Trade] = deque(maxlen=TRADES_MAX)
        self.trade_count = 0  # Of all that ever came.
        self.bars = Bars()
        self._last_trade_id = 0
        self.moved_at: float | None = None  # On the monotonic clock; None before its first event.
        self.book_told_at: float | None = None  # As `moved_at`, of its book alone: trades may go on without it.
        self.at_ns = 0  # The time of its last event.
        self._day = Day(self.bars)
        self._changes: BookChanges | None = None  # Only while somebody wants them.
        self._subscriptions: dict[Subscription, None] = {}
        self._quiet_for_book: dict[Subscription, None] = {}  # Those that have not been rung since they looked.
        self._quiet_for_trades: dict[Subscription, None] = {}
        self._shared: _Shared | None = None  # Until something changes.
        self._beginning: _Beginning | None = None
        self._clock_ns = 0  # What is known of the time: that of events, and what passed without.

    def apply(self, event: MarketEvent, at_ns: int) -> None:
        """What the venue said. A diff before the first snapshot has no book to change, a trade told again is none."""
        self.moved_at = time.monotonic()
        self.at_ns = self._clock_ns = max(self._clock_ns, at_ns)
        match event:
            case DepthDiff():
                self.book_told_at = self.moved_at
                if self.update_id > 0 and (event.bids or event.asks):
                    self._change_book(event)
            case MarketTrade():
                self._add_trade(event)
            case DepthSnapshot():
                self.book_told_at = self.moved_at
                # As a change of what was there, so that the ids go on: nobody has to begin anew.
                difference = _difference(self.book, event)
                if self.update_id == 0 or difference.bids or difference.asks:
                    self._change_book(difference)

    def begin_as_told(self, book: DepthSnapshot, at_ns: int, told_at: float) -> None:
        """With a book that others have been told before, at `told_at` of the monotonic clock: it is as old as that."""
        self.apply(book, at_ns)
        self.moved_at = self.book_told_at = told_at

    def age_s(self, now: float) -> float | None:
        """Since its last event, on the monotonic clock; None when there was none."""
        return None if self.moved_at is None else now - self.moved_at

    def book_age_s(self, now: float) -> float | None:
        """Since anything was told of its book, changed or not; None when nothing was."""
        return None if self.book_told_at is None else now - self.book_told_at

    def day(self) -> DayFigures:
        return self._day.figures(self._clock_ns // _NS_PER_MS)

    def quote(self) -> Quote:
        bid_ticks, ask_ticks = self.book.best_ticks(Side.BUY) or 0, self.book.best_ticks(Side.SELL) or 0
        return Quote(
            self.update_id,
            self.at_ns,
            bid_ticks,
            self.book.lots_at(Side.BUY, bid_ticks),
            ask_ticks,
            self.book.lots_at(Side.SELL, ask_ticks),
        )

    def state(self, depth: int | None = None) -> BookState:
        """The book as it is, to `depth` levels of each side."""
        return BookState(
            self.update_id,
            self.at_ns,
            tuple(islice(self.book.levels(Side.BUY), depth)),
            tuple(islice(self.book.levels(Side.SELL), depth)),
        )

    def begin(self, subscription: Subscription, depth: int) -> BookState:
        """The book for it to begin with; what came after that is news for it.

        One that was made a moment ago serves as well: those who come at once share the work of telling it.
        """
        now = time.monotonic()
        beginning = self._beginning
        known_since_id = self.update_id if self._changes is None else self._changes.known_since_id
        if (
            beginning is None
            or now - beginning.made_at > BEGINNING_S_MAX
            or beginning.depth != depth
            or beginning.state.update_id < known_since_id
        ):
            beginning = self._beginning = _Beginning(self.state(depth), depth, self.trade_count, now)
        subscription.update_id = beginning.state.update_id
        subscription.trade_count = beginning.trade_count
        return beginning.state

    def pass_time(self, at_ns: int) -> None:
        """Close the bars that are over although nothing traded."""
        self._clock_ns = max(self._clock_ns, at_ns)
        if self.bars.pass_time(at_ns // _NS_PER_MS):
            self._shared = None
            _ring(self._quiet_for_trades)

    def subscribe(self, subjects: Iterable[Subject], bell: Rings[Subscription] | None = None) -> Subscription:
        """From now on; what is there already is read from the market, in the same moment.

        With a bell of the caller's it waits for many at once; without, it iterates over the subscription.
        """
        subscription = Subscription(self, subjects, bell)
        self._subscriptions[subscription] = None
        if self._changes is None and Topic.BOOK in subscription.subjects:
            self._changes = BookChanges(self.update_id)
        self.listen(subscription)
        return subscription

    def listen(self, subscription: Subscription) -> None:
        """Ring it for the next news."""
        if subscription.wants_book:
            self._quiet_for_book[subscription] = None
        if subscription.wants_trades:
            self._quiet_for_trades[subscription] = None

    def leave(self, subscription: Subscription) -> None:
        for subscriptions in (self._subscriptions, self._quiet_for_book, self._quiet_for_trades):
            subscriptions.pop(subscription, None)
        if not any(Topic.BOOK in each.subjects for each in self._subscriptions):
            self._changes = None

    def close(self) -> None:
        """Nothing comes any more: every subscription ends."""
        for subscription in list(self._subscriptions):
            subscription.close()

    def news(self, subscription: Subscription, subject: Subject) -> Update | None:
        """What the subscriber has not heard of the subject; it has heard it then."""
        match subject:
            case Topic.BOOK:
                return self._book_news(subscription)
            case Topic.QUOTE:
                return self._quote_news(subscription)
            case Topic.TRADES:
                return self._trade_news(subscription)
            case Topic.DAY:
                return self._day_news(subscription)
            case Interval():
                return self._bar_news(subscription, subject)

    def _change_book(self, diff: DepthDiff) -> None:
        self.book.update(diff)
        self.update_id += 1
        if self._changes is not None:
            self._changes.record(self.update_id, diff.bids, diff.asks)
        self._shared = None
        if self._quiet_for_book:
            _ring(self._quiet_for_book)

    def _add_trade(self, event: MarketTrade) -> None:
        trade_id = self._last_trade_id + 1 if event.trade_id is None else event.trade_id
        if trade_id <= self._last_trade_id:
            return  # Told twice, after a reconnection.
        self._last_trade_id = trade_id
        self.trades.append(Trade(trade_id, self.at_ns, event.taker, event.price_ticks, event.quantity_lots))
        self.trade_count += 1
        at_ms = self.at_ns // _NS_PER_MS
        self.bars.trade(at_ms, trade_id, event.taker, event.price_ticks, event.quantity_lots)
        self._shared = None
        if self._quiet_for_trades:
            _ring(self._quiet_for_trades)

    def _book_news(self, subscription: Subscription) -> Update | None:
        known_id = subscription.update_id
        if known_id == self.update_id or self._changes is None:
            return None
        subscription.update_id = self.update_id
        shared = self._told().book
        update = shared.get(known_id)
        if update is None:
            if known_id < self._changes.known_since_id:
                update = self.state()
            else:
                update = BookChange(known_id + 1, self.update_id, self.at_ns, *self._changes.after(known_id, self.book))
            shared[known_id] = update
        return update

    def _quote_news(self, subscription: Subscription) -> Update | None:
        shared = self._told()
        if shared.quote is None:
            shared.quote = self.quote()
        if shared.quote.best == subscription.best:
            return None
        subscription.best = shared.quote.best
        return shared.quote

    def _trade_news(self, subscription: Subscription) -> Update | None:
        known = subscription.trade_count
        if known == self.trade_count:
            return None
        subscription.trade_count = self.trade_count
        shared = self._told().trades
        update = shared.get(known)
        if update is None:
            count = min(self.trade_count - known, len(self.trades))
            newest = tuple(islice(self.trades, len(self.trades) - count, None))
            update = shared[known] = Trades(newest, self.trade_count - known - count)
        return update

    def _day_news(self, subscription: Subscription) -> Update | None:
        if subscription.day_trade_count == self.trade_count:
            return None
        subscription.day_trade_count = self.trade_count
        shared = self._told()
        if shared.day is None:
            shared.day = DayUpdate(self.day())
        return shared.day

    def _bar_news(self, subscription: Subscription, interval: Interval) -> Update | None:
        known_ms, known_trades = subscription.bars[interval]
        shared = self._told().bars
        update = shared.get((interval, known_ms))
        if update is None:
            update = shared[interval, known_ms] = BarsUpdate(interval, tuple(self.bars.since(interval, known_ms)))
        if not update.bars:
            return None
        newest = update.bars[-1]
        subscription.bars[interval] = (newest.open_ms, newest.trades)
        return None if (newest.open_ms, newest.trades) == (known_ms, known_trades) else update

    def _told(self) -> _Shared:
        if self._shared is None:
            self._shared = _Shared()
        return self._shared


def _ring(quiet: dict[Subscription, None]) -> None:
    for subscription in quiet:
        subscription.ring()
    quiet.clear()


def _difference(book: L2Book, snapshot: DepthSnapshot) -> DepthDiff:
    """What makes the book the snapshot."""
    return DepthDiff(_side_difference(book, Side.BUY, snapshot.bids), _side_difference(book, Side.SELL, snapshot.asks))


def _side_difference(book: L2Book, side: Side, wanted: Levels) -> Levels:
    wanted_lots = dict(wanted)
    gone = [(price_ticks, 0) for price_ticks, _ in book.levels(side) if price_ticks not in wanted_lots]
    return (*gone, *(level for level in wanted if book.lots_at(side, level[0]) != level[1]))
