"""An engine's markets recorded from its WebSocket."""

import asyncio
from pathlib import Path

import pytest

from breakwater.db.connection import Database
from breakwater.domain.orders import Side
from fargate_engine.market_data.channel_client import RecordingFailed, record_channels
from fargate_engine.market_data.l2_book import DepthDiff, MarketTrade
from fargate_engine.market_data.recorded_markets import replay_market
from tests.integration.fargate_engine.channel_scene import Channels, channels, make_api_key
from tests.integration.identity.conftest import Firm, database, firm

__all__ = ["channels", "database", "firm"]  # Fixtures.


async def test_a_market_is_recorded_through_a_lost_connection_until_told_to_stop(
    channels: Channels, firm: Firm, database: Database, tmp_path: Path
) -> None:
    api_key = make_api_key(database, firm)
    told_to_stop = asyncio.Event()
    url = channels.url.removesuffix("/channels")
    recording = asyncio.create_task(record_channels(url, [("SIM", "ETH/USDT")], tmp_path, api_key, told_to_stop))
    for number in range(1, 61):
        channels.market.apply(DepthDiff(bids=((90 + number % 10, number),), asks=()), number * 1_000_000_000)
        channels.market.apply(MarketTrade(Side.BUY, 101, number), number * 1_000_000_000)
        await asyncio.sleep(0.02)
        if number == 30:
            for connection in channels.server._open:
                connection.cut_off()
    await asyncio.sleep(0.7)  # Longer than it waits before it connects again.
    told_to_stop.set()
    (recorder,) = await asyncio.wait_for(recording, 10)
    assert [trade.trade_id for trade in recorder.market.trades] == list(range(1, 61))
    assert list(recorder.market.book.levels(Side.BUY)) == list(channels.market.book.levels(Side.BUY))
    report = replay_market(tmp_path, "SIM", "ETH/USDT")
    assert (report.wrong, report.trades, report.best_ask) == (None, 60, "1.01")


async def test_a_recording_that_cannot_go_on_says_why(
    channels: Channels, firm: Firm, database: Database, tmp_path: Path
) -> None:
    url = channels.url.removesuffix("/channels")
    for api_key, symbol, why in (
        ("bw_nonsense", "ETH/USDT", "answered 401"),
        (make_api_key(database, firm), "DOGE/USDT", "has no market DOGE/USDT"),
    ):
        with pytest.raises(RecordingFailed, match=why):
            await asyncio.wait_for(record_channels(url, [("SIM", symbol)], tmp_path, api_key, asyncio.Event()), 10)
