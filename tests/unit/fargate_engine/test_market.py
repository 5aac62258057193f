"""A market and its subscribers: what each hears, however slow it is, adds up to the same."""

import asyncio
import random

import pytest

from breakwater.domain.orders import Side
from fargate_engine.market_data import book_changes, synthetic
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, L2Book, MarketTrade
from fargate_engine.market_data.market import TRADES_MAX, Market
from fargate_engine.market_data.subscription import Bell, Subscription
from fargate_engine.market_data.updates import (
    BarsUpdate,
    BookChange,
    BookState,
    DayUpdate,
    Quote,
    Topic,
    Trade,
    Trades,
)
from tests.unit.fargate_engine.orders import ETH

SNAPSHOT = DepthSnapshot(bids=((100, 5), (99, 7)), asks=((101, 4), (103, 9)))
SECOND_NS = 1_000_000_000


def open_market() -> Market:
    market = Market("SIM", ETH)
    market.apply(SNAPSHOT, SECOND_NS)
    return market


def trade(price_ticks: int, trade_id: int | None = None) -> MarketTrade:
    return MarketTrade(Side.BUY, price_ticks, 1, trade_id)


class Reader:
    """Follows a book by what a subscription tells, and checks that nothing is missing between."""

    def __init__(self, market: Market) -> None:
        self.subscription = market.subscribe([Topic.BOOK])
        self.update_id = market.update_id
        self.book = L2Book()
        state = market.state()
        self.book.replace(DepthSnapshot(state.bids, state.asks))
        self.began_anew = 0

    def read(self) -> None:
        for update in self.subscription.take():
            if isinstance(update, BookState):
                self.book.replace(DepthSnapshot(update.bids, update.asks))
                self.update_id = update.update_id
                self.began_anew += 1
            else:
                assert isinstance(update, BookChange)
                assert update.first_id == self.update_id + 1
                self.update_id = update.last_id
                self.book.update(DepthDiff(update.bids, update.asks))

    def has(self, market: Market) -> bool:
        return self.update_id == market.update_id and all(
            list(self.book.levels(side)) == list(market.book.levels(side)) for side in Side
        )


@pytest.mark.parametrize("seed", range(5))
def test_every_reader_has_the_book_whenever_it_looks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_changes, "CHANGES_MAX", 400)
    chance = random.Random(seed)  # noqa: S311
    market = open_market()
    readers = [Reader(market) for _ in range(6)]
    for events, timed in enumerate(synthetic.events(ETH, seed)):
        market.apply(timed.event, SECOND_NS + timed.at_ns)
        for pace, reader in enumerate(readers[:-1]):
            if chance.randrange(1 + pace * 10) == 0:
                reader.read()
                assert reader.has(market)
        if events == 2_000:
            break
    assert readers[0].began_anew == 0
    readers[-1].read()  # For the first time.
    assert readers[-1].began_anew == 1
    assert readers[-1].has(market)


def test_several_changes_of_one_price_are_told_as_the_newest() -> None:
    market = open_market()
    subscription = market.subscribe([Topic.BOOK])
    for lots in (8, 0, 3):
        market.apply(DepthDiff(bids=((100, lots),), asks=()), 2 * SECOND_NS)
    assert subscription.take() == [BookChange(2, 4, 2 * SECOND_NS, ((100, 3),), ())]
    assert subscription.take() == []


def test_a_second_snapshot_is_a_change_of_the_first_and_an_equal_one_is_none() -> None:
    market = open_market()
    subscription = market.subscribe([Topic.BOOK])
    market.apply(SNAPSHOT, 2 * SECOND_NS)
    assert (market.update_id, subscription.take()) == (1, [])
    market.apply(DepthSnapshot(bids=((100, 5), (98, 1)), asks=((101, 6),)), 3 * SECOND_NS)
    assert subscription.take() == [BookChange(2, 2, 3 * SECOND_NS, ((98, 1), (99, 0)), ((101, 6), (103, 0)))]


def test_a_diff_before_the_first_snapshot_changes_nothing() -> None:
    market = Market("SIM", ETH)
    market.apply(DepthDiff(bids=((100, 1),), asks=()), SECOND_NS)
    assert (market.update_id, market.book.best_ticks(Side.BUY)) == (0, None)
    subscription = market.subscribe([Topic.BOOK])
    market.apply(SNAPSHOT, 2 * SECOND_NS)
    (update,) = subscription.take()
    assert isinstance(update, BookChange)
    assert (update.first_id, update.last_id, sorted(update.bids)) == (1, 1, sorted(SNAPSHOT.bids))


def test_those_who_are_equally_far_share_one_update_and_one_wire_form() -> None:
    market = open_market()
    first, second = (market.subscribe([Topic.BOOK, Topic.TRADES, Topic.QUOTE, Topic.DAY]) for _ in range(2))
    market.apply(DepthDiff(bids=((100, 1),), asks=()), 2 * SECOND_NS)
    market.apply(trade(101), 2 * SECOND_NS)
    told = list(zip(first.take(), second.take(), strict=True))
    assert len(told) == 4
    assert all(one is other for one, other in told)
    made: list[bytes] = []

    def encode() -> bytes:
        made.append(b"wire")
        return made[-1]

    assert {update.wire("json", encode) for pair in told[:1] for update in pair} == {b"wire"}
    assert len(made) == 1


def test_a_quote_is_told_only_when_the_best_levels_changed() -> None:
    market = open_market()
    subscription = market.subscribe([Topic.QUOTE])
    market.apply(DepthDiff(bids=((99, 1),), asks=()), 2 * SECOND_NS)
    assert subscription.take() == []
    market.apply(DepthDiff(bids=((100, 0),), asks=()), 3 * SECOND_NS)
    market.apply(DepthDiff(bids=(), asks=((101, 2),)), 4 * SECOND_NS)
    assert subscription.take() == [Quote(4, 4 * SECOND_NS, 99, 1, 101, 2)]


def test_a_reader_of_trades_is_told_how_many_it_lost() -> None:
    market = open_market()
    subscription = market.subscribe([Topic.TRADES])
    market.apply(trade(101), 2 * SECOND_NS)
    assert subscription.take() == [Trades((Trade(1, 2 * SECOND_NS, Side.BUY, 101, 1),), 0)]
    for _ in range(TRADES_MAX + 7):
        market.apply(trade(101), 3 * SECOND_NS)
    (update,) = subscription.take()
    assert isinstance(update, Trades)
    assert (update.lost, len(update.trades), update.trades[-1].trade_id) == (7, TRADES_MAX, TRADES_MAX + 8)


def test_trades_keep_the_ids_of_their_source_and_one_told_again_is_dropped() -> None:
    market = open_market()
    for trade_id in (7_000, 7_001, 7_001, 7_000, 7_005):
        market.apply(trade(101, trade_id), 2 * SECOND_NS)
    assert [each.trade_id for each in market.trades] == [7_000, 7_001, 7_005]
    assert market.day().trades == 3


def test_bars_are_told_to_their_end_and_then_the_next_one() -> None:
    market = open_market()
    subscription = market.subscribe([Interval.MINUTE_1])
    minute_ns = 60 * SECOND_NS
    market.apply(trade(101), minute_ns)
    market.apply(trade(105), minute_ns + 1)
    (update,) = subscription.take()
    assert isinstance(update, BarsUpdate)
    assert [(bar.open_ms, bar.close_ticks, bar.trades) for bar in update.bars] == [(60_000, 105, 2)]
    assert subscription.take() == []
    market.apply(trade(99), minute_ns + 2)
    market.pass_time(2 * minute_ns)  # Nothing trades, and yet the bar is over.
    (update,) = subscription.take()
    assert isinstance(update, BarsUpdate)
    assert [(bar.open_ms, bar.close_ticks, bar.trades) for bar in update.bars] == [(60_000, 99, 3), (120_000, 99, 0)]


def test_the_figures_of_the_day_are_told_after_a_trade() -> None:
    market = open_market()
    subscription = market.subscribe([Topic.DAY])
    market.apply(DepthDiff(bids=((100, 1),), asks=()), 2 * SECOND_NS)
    assert subscription.take() == []
    market.apply(trade(101), 3 * SECOND_NS)
    (update,) = subscription.take()
    assert isinstance(update, DayUpdate)
    assert (update.figures.last_ticks, update.figures.close_ms) == (101, 3_000)


async def test_one_bell_rings_for_many_markets_and_only_for_those_with_news() -> None:
    bell = Bell()
    markets = [open_market() for _ in range(3)]
    subscriptions = [market.subscribe([Topic.QUOTE], bell) for market in markets]
    assert bell.answer() == []
    markets[1].apply(DepthDiff(bids=((100, 9),), asks=()), 2 * SECOND_NS)
    markets[1].apply(DepthDiff(bids=((100, 8),), asks=()), 2 * SECOND_NS)
    await asyncio.wait_for(bell.wait(), 1)
    assert bell.answer() == [subscriptions[1]]
    assert len(subscriptions[1].take()) == 1


async def test_a_subscription_gives_updates_as_they_come_and_ends_with_its_market() -> None:
    hub = MarketHub()
    market = hub.open("SIM", ETH)
    market.apply(SNAPSHOT, SECOND_NS)
    subscription, told = market.subscribe([Topic.QUOTE]), []
    heard = asyncio.Event()

    async def listen(subscription: Subscription) -> None:
        async for update in subscription:
            told.append(update)
            heard.set()

    listening = asyncio.create_task(listen(subscription))
    market.apply(DepthDiff(bids=((100, 9),), asks=()), 2 * SECOND_NS)
    await asyncio.wait_for(heard.wait(), 1)
    hub.close("SIM", "ETH/USDT")
    await asyncio.wait_for(listening, 1)
    assert told == [Quote(2, 2 * SECOND_NS, 100, 9, 101, 4)]
    assert hub.get("SIM", "ETH/USDT") is None


def test_a_subscriber_that_left_is_rung_no_more() -> None:
    market = open_market()
    bell = Bell()
    with market.subscribe([Topic.BOOK, Topic.TRADES], bell) as subscription:
        pass
    assert bell.answer() == [subscription]  # It learns that it is closed.
    market.apply(trade(101), 2 * SECOND_NS)
    market.apply(DepthDiff(bids=((100, 9),), asks=()), 2 * SECOND_NS)
    assert (bell.answer(), subscription.take()) == ([], [])


def test_who_comes_a_moment_later_begins_with_the_same_book_and_misses_nothing() -> None:
    market = open_market()
    first = market.subscribe([Topic.BOOK, Topic.TRADES])
    state = market.begin(first, 100)
    market.apply(DepthDiff(bids=((100, 9),), asks=()), 2 * SECOND_NS)
    market.apply(trade(101), 2 * SECOND_NS)
    second = market.subscribe([Topic.BOOK, Topic.TRADES])
    assert market.begin(second, 100) is state
    assert (
        second.take()
        == first.take()
        == [
            BookChange(2, 2, 2 * SECOND_NS, ((100, 9),), ()),
            Trades((Trade(1, 2 * SECOND_NS, Side.BUY, 101, 1),), 0),
        ]
    )
    assert market.begin(second, 1).bids == ((100, 9),)


def test_a_book_that_nobody_followed_is_not_begun_with_again() -> None:
    market = open_market()
    with market.subscribe([Topic.BOOK]) as first:
        state = market.begin(first, 100)
    market.apply(DepthDiff(bids=((100, 9),), asks=()), 2 * SECOND_NS)  # Which changes it made nobody recorded.
    second = market.subscribe([Topic.BOOK])
    assert market.begin(second, 100) is not state
    assert (second.update_id, second.take()) == (2, [])


def test_a_book_that_is_not_told_gets_old_while_trades_go_on_and_one_that_does_not_change_stays_young() -> None:
    market = open_market()
    begun = market.book_told_at
    assert begun is not None
    market.apply(trade(100), 2 * SECOND_NS)
    assert (market.book_told_at, market.book_age_s(begun + 7)) == (begun, 7)
    market.apply(SNAPSHOT, 3 * SECOND_NS)  # The same again.
    assert market.book_told_at is not None
    assert market.book_told_at >= begun
    assert market.book_told_at == market.moved_at
    assert Market("SIM", ETH).book_age_s(1.0) is None
