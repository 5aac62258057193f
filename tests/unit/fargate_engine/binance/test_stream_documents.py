"""Market streams: their names, what they carry, and that diffs join the snapshot without a gap."""

import time
from itertools import pairwise
from typing import Any

import orjson
import pytest

from breakwater.domain.orders import Side
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.stream_documents import read_stream, texts
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, MarketTrade
from fargate_engine.market_data.market import Market
from tests.unit.fargate_engine.binance.instruments import ETH

STREAMS = [
    "ethusdt@trade",
    "ethusdt@aggTrade",
    "ethusdt@bookTicker",
    "ethusdt@miniTicker",
    "ethusdt@ticker",
    "ethusdt@depth",
    "ethusdt@depth@100ms",
    "ethusdt@depth5@100ms",
    "ethusdt@kline_1m",
]


@pytest.fixture
def market() -> Market:
    market = Market("SIM", ETH)
    market.apply(DepthSnapshot(((200_000, 5_000),), ((200_010, 20_000),)), time.time_ns())
    return market


def told(market: Market, name: str, *events: Any) -> list[Any]:
    """What a subscriber of the stream hears of the events."""
    _, kind = read_stream(name)
    with market.subscribe([kind.subject]) as subscription:
        for event in events:
            market.apply(event, time.time_ns())
        lines = [line for update in subscription.take() for line in texts(kind, market, update).split(b"\n")]
    return [orjson.loads(line) for line in lines if line]


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_exists_is_found_and_tells_of_a_moving_market(market: Market, name: str) -> None:
    assert read_stream(name)[0] == "ETHUSDT"
    trade, diff = MarketTrade(Side.SELL, 200_000, 10), DepthDiff(((200_001, 7),), ())
    assert told(market, name, trade, diff)


@pytest.mark.parametrize(
    "name",
    ["", "ethusdt", "ethusdt@", "@trade", "ethusdt@nothing", "ethusdt@kline_7m", "ethusdt@depth7", "ETHUSDT@trade",
     "ethusdt@trade@100ms", "ethusdt@depth@5ms", "a" * 50 + "@trade", "ethusdt@kline_1m@100ms", "0"],
)  # fmt: skip
def test_any_other_name_is_no_stream(name: str) -> None:
    with pytest.raises(BinanceError):
        read_stream(name)


def test_diffs_join_the_snapshot_and_each_other_without_a_gap(market: Market) -> None:
    _, kind = read_stream("ethusdt@depth@100ms")
    snapshot_id = market.update_id
    with market.subscribe([kind.subject]) as subscription:
        spans = []
        for price_ticks in range(200_001, 200_006):
            market.apply(DepthDiff(((price_ticks, 7),), ()), time.time_ns())
            market.apply(DepthDiff(((price_ticks, 9),), ()), time.time_ns())
            [update] = subscription.take()
            [document] = [orjson.loads(line) for line in texts(kind, market, update).split(b"\n")]
            spans.append((document["U"], document["u"]))
            assert document["b"] == [[f"{price_ticks / 100:.8f}", "0.00090000"]]  # The newest of two changes.
    assert spans[0][0] == snapshot_id + 1
    assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(spans))


def test_every_trade_is_told_with_the_side_that_was_waiting(market: Market) -> None:
    trades = told(market, "ethusdt@trade", MarketTrade(Side.SELL, 200_000, 1), MarketTrade(Side.BUY, 200_010, 2))
    assert [(each["p"], each["q"], each["m"]) for each in trades] == [
        ("2000.00000000", "0.00010000", True),
        ("2000.10000000", "0.00020000", False),
    ]
    assert trades[1]["t"] == trades[0]["t"] + 1


def test_one_form_is_made_for_all_who_hear_of_an_update(market: Market) -> None:
    _, kind = read_stream("ethusdt@bookTicker")
    with market.subscribe([kind.subject]) as first, market.subscribe([kind.subject]) as second:
        market.apply(DepthDiff(((200_001, 7),), ()), time.time_ns())
        [one], [other] = first.take(), second.take()
        assert texts(kind, market, one) is texts(kind, market, other)
