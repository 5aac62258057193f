"""The venue as a whole: markets replayed at a chosen speed, for ever."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from breakwater.domain.orders import Side
from breakwater.errors import EngineUnavailable
from fargate_engine.inbox import Inbox
from fargate_engine.market_data import recording
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.updates import Topic
from fargate_engine.messages import VenueAccepted, VenueFilled
from fargate_engine.venues import simulated
from fargate_engine.venues.simulated import SimulatedVenue
from tests.support.exchange_scene import until
from tests.unit.fargate_engine.orders import ETH, terms

SAMPLE = Path(__file__).parents[2] / "data" / "spot_ethusdt_sample.log"


async def test_a_recording_loops_and_a_resting_order_lives_through_its_end() -> None:
    """The sample sells 250 lots at 2,684.00, once a pass."""
    inbox = Inbox()
    venue = SimulatedVenue(
        inbox, [ETH], {"ETH/USDT": partial(recording.events, [SAMPLE], ETH)}, hub=MarketHub(), speed=100
    )
    replay = asyncio.create_task(venue.run())
    await venue.opened()
    order = terms(1, limit_ticks=268_405, quantity_lots=600, high_ticks=300_000)  # Inside the spread: nobody ahead.
    venue.submit(order)
    reports = (await inbox.next_batch()).reports
    assert reports == [VenueAccepted(order_id=order.order_id)]
    filled_lots: list[int] = []
    async with asyncio.timeout(5):
        while sum(filled_lots) < 600:
            reports = (await inbox.next_batch()).reports
            for report in reports:
                assert isinstance(report, VenueFilled)
                assert (report.price_ticks, report.liquidity) == (268_405, "MAKER")
                filled_lots.append(report.quantity_lots)
    assert filled_lots == [250, 250, 100]
    replay.cancel()
    await asyncio.wait([replay], timeout=1)


async def test_the_book_is_shown_as_it_can_be_traded() -> None:
    venue = SimulatedVenue(
        Inbox(), [ETH], {"ETH/USDT": partial(recording.events, [SAMPLE], ETH)}, hub=MarketHub(), speed=1
    )
    for timed in recording.events([SAMPLE], ETH):
        venue.markets["ETH/USDT"].apply(timed.event)
    assert venue.markets["ETH/USDT"].shown(Side.BUY, 1) == [(268_400, 12_000)]


async def test_while_the_inbox_has_no_room_the_market_stands_still_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fargate_engine.inbox.REPORTS_MAX", 2)
    monkeypatch.setattr(simulated, "PAUSE_S", 0.001)
    inbox, hub = Inbox(), MarketHub()
    sources = {"ETH/USDT": partial(recording.events, [SAMPLE], ETH)}
    venue = SimulatedVenue(inbox, [ETH], sources, hub=hub, speed=1000)
    waiting = [VenueAccepted(order_id=terms(number).order_id) for number in (1, 2)]
    venue.report([*waiting])
    replay = asyncio.create_task(venue.run())
    await until(lambda: bool(caplog.records))
    await asyncio.sleep(20 * simulated.PAUSE_S)  # It goes on standing still, and says so once.
    market = hub.get("SIM", "ETH/USDT")
    assert market is not None
    assert (market.update_id, venue.moved_at) == (0, {})
    assert [record.message for record in caplog.records] == [
        "the market of ETH/USDT stands still: as many reports wait to be journalled as may"
    ]
    assert (await inbox.next_batch()).reports == waiting  # Room again: nothing of the market was left out.
    await venue.opened()
    assert market.update_id > 0
    replay.cancel()
    await asyncio.wait([replay], timeout=1)


async def test_a_market_that_never_opens_makes_its_shard_unavailable_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulated, "OPEN_TIMEOUT_S", 0.01)
    venue = SimulatedVenue(Inbox(), [ETH], {}, hub=MarketHub(), speed=1)
    with pytest.raises(EngineUnavailable, match="did not open in time"):
        await venue.opened()


async def test_whoever_subscribes_later_begins_with_its_book_and_hears_what_follows_until_he_lets_go() -> None:
    hub = MarketHub()
    sources = {"ETH/USDT": partial(recording.events, [SAMPLE], ETH)}
    venue = SimulatedVenue(Inbox(), [ETH], sources, hub=hub, speed=1000)
    replay = asyncio.create_task(venue.run())
    try:
        await venue.opened()
        shown, later = hub.get("SIM", "ETH/USDT"), Market("LATER", ETH)
        assert shown is not None
        venue.subscribe(later)
        assert later.update_id == 1
        assert list(later.book.levels(Side.BUY)) == list(shown.book.levels(Side.BUY))
        async with asyncio.timeout(5):
            while later.trade_count < 3:
                await asyncio.sleep(0.001)
        assert list(later.book.levels(Side.SELL)) == list(shown.book.levels(Side.SELL))
        venue.unsubscribe(later)
        told, trades = later.trade_count, shown.trade_count
        async with asyncio.timeout(5):
            while shown.trade_count < trades + 3:
                await asyncio.sleep(0.001)
        assert later.trade_count == told
    finally:
        replay.cancel()
        await asyncio.wait([replay], timeout=1)


async def test_what_it_replays_is_in_the_hub_until_it_ends_and_ids_go_on_when_the_recording_loops() -> None:
    hub = MarketHub()
    sources = {"ETH/USDT": partial(recording.events, [SAMPLE], ETH)}
    venue = SimulatedVenue(Inbox(), [ETH], sources, hub=hub, speed=1000)
    replay = asyncio.create_task(venue.run())
    await venue.opened()
    market = hub.get("SIM", "ETH/USDT")
    assert market is not None
    subscription = market.subscribe([Topic.TRADES])
    async with asyncio.timeout(5):
        async for _ in subscription:
            if market.trade_count >= 3:
                break
    assert [trade.trade_id for trade in market.trades][:3] == [1, 2, 3]
    assert market.update_id > 1
    replay.cancel()
    await asyncio.wait([replay], timeout=1)
    assert hub.get("SIM", "ETH/USDT") is None
    assert subscription.is_closed
