"""Recorded logs: the book they give is the exchange's, or they are refused."""

import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data import recording, synthetic
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, L2Book, MarketTrade, TimedEvent
from tests.unit.fargate_engine.orders import ETH

SAMPLE = Path(__file__).parents[2] / "data" / "spot_ethusdt_sample.log"
BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))


def book_after(events: Iterator[TimedEvent]) -> L2Book:
    book = L2Book()
    for timed in events:
        apply(book, timed)
    return book


def apply(book: L2Book, timed: TimedEvent) -> None:
    match timed.event:
        case DepthSnapshot():
            book.replace(timed.event)
        case DepthDiff():
            book.update(timed.event)


def test_diffs_from_before_the_snapshot_are_joined_to_it_by_update_id() -> None:
    """Of the sample's early diffs one is older than the snapshot, one straddles it and deletes its best ask."""
    events = list(recording.events([SAMPLE], ETH))
    book = book_after(iter(events))
    assert list(book.levels(Side.BUY)) == [(268_400, 12_000), (268_390, 30_000)]
    assert list(book.levels(Side.SELL)) == [(268_420, 50_000), (268_450, 10_000)]
    assert [timed.event for timed in events if isinstance(timed.event, MarketTrade)] == [
        MarketTrade(Side.SELL, 268_400, 250)
    ]


def test_the_log_names_its_market() -> None:
    assert recording.market_name(SAMPLE) == "ETHUSDT"


def test_a_gap_between_diffs_ends_the_recording_where_it_is(tmp_path: Path) -> None:
    lines = SAMPLE.read_text().splitlines()
    broken = tmp_path / "gap.log"
    broken.write_text("\n".join(line for line in lines if '"U":104' not in line) + "\n")
    with pytest.raises(recording.BrokenRecording, match="between 103 and 106 are missing"):
        list(recording.events([broken], ETH))


def test_a_log_without_a_snapshot_or_of_another_format_is_refused(tmp_path: Path) -> None:
    headless, nonsense = tmp_path / "headless.log", tmp_path / "nonsense.log"
    headless.write_text(
        "\n".join(line for line in SAMPLE.read_text().splitlines() if "lastUpdateId" not in line) + "\n"
    )
    nonsense.write_text("this is not a recording\n")
    with pytest.raises(recording.BrokenRecording, match="no snapshot"):
        list(recording.events([headless], ETH))
    with pytest.raises(recording.BrokenRecording, match=r"nonsense.log:1: not"):
        recording.market_name(nonsense)


@pytest.mark.parametrize(("name", "instrument"), [("spot_ethusdt_20240808.gz", ETH), ("spot_btcusdt_20240808.gz", BTC)])
def test_the_book_of_a_real_recording_has_the_best_prices_the_exchange_said(
    market_data_folder: Path, name: str, instrument: Instrument
) -> None:
    """After each diff the book's best levels are those of the last book ticker up to the diff's update id."""
    path = market_data_folder / "binance_ws" / name
    tickers, diff_ids = _tickers_and_diffs(path)
    book = L2Book()
    compared = position = 0
    events = (timed for timed in recording.events([path], instrument) if not isinstance(timed.event, MarketTrade))
    apply(book, next(events))
    snapshot_id = next(
        message["lastUpdateId"] for _, message in recording.read_lines(path) if "lastUpdateId" in message
    )
    for update_id, timed in zip((u for u in diff_ids if u > snapshot_id), events, strict=True):
        apply(book, timed)
        while position + 1 < len(tickers) and tickers[position + 1]["u"] <= update_id:
            position += 1
        ticker = tickers[position]
        if ticker["u"] > update_id:
            continue  # The first ticker came after this diff.
        compared += 1
        assert _best(book, Side.BUY) == _level(ticker["b"], ticker["B"], instrument)
        assert _best(book, Side.SELL) == _level(ticker["a"], ticker["A"], instrument)
    assert compared > 3_000


def _tickers_and_diffs(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    tickers: list[dict[str, Any]] = []
    diff_ids: list[int] = []
    for _, message in recording.read_lines(path):
        stream = message.get("stream", "")
        if stream.endswith("@bookTicker"):
            tickers.append(message["data"])
        elif "@depth" in stream:
            diff_ids.append(message["data"]["u"])
    return sorted(tickers, key=lambda ticker: int(ticker["u"])), diff_ids


def _best(book: L2Book, side: Side) -> tuple[int, int]:
    return next(book.levels(side))


def _level(price: str, quantity: str, instrument: Instrument) -> tuple[int, int]:
    return instrument.price_ticks(Decimal(price)), instrument.quantity_lots(Decimal(quantity))


def test_a_second_log_continues_the_first(market_data_folder: Path) -> None:
    folder = market_data_folder / "binance_ws"
    paths = [folder / "spot_ethusdt_20240808.gz", folder / "spot_ethusdt_20240809.gz"]
    best = [next(book.levels(side))[0] for book in [book_after(recording.events(paths, ETH))] for side in Side]
    assert best[0] < best[1]


def test_a_gzipped_log_reads_as_the_plain_one(tmp_path: Path) -> None:
    packed = tmp_path / "sample.gz"
    packed.write_bytes(gzip.compress(SAMPLE.read_bytes()))
    assert list(recording.events([packed], ETH)) == list(recording.events([SAMPLE], ETH))


def test_the_synthetic_market_is_the_same_for_the_same_seed_and_never_crossed() -> None:
    first, second, other = (synthetic.events(ETH, seed) for seed in (7, 7, 8))
    book, trades, differs = L2Book(), 0, False
    for _ in range(3_000):
        timed = next(first)
        assert timed == next(second)
        differs |= timed != next(other)
        apply(book, timed)
        trades += isinstance(timed.event, MarketTrade)
        bid, ask = book.best_ticks(Side.BUY), book.best_ticks(Side.SELL)
        assert bid is not None
        assert ask is not None
        assert 0 < ask - bid <= 10
        assert 260_000 < (bid + ask) // 2 < 276_000
        assert len(list(book.levels(Side.BUY))) == synthetic.LEVELS
    assert differs
    assert trades > 500


def test_a_packed_log_that_is_cut_off_or_not_packed_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(SAMPLE.read_bytes())
    cut_off = tmp_path / "cut_off.log.gz"
    cut_off.write_bytes(whole[:-20])
    with pytest.raises(recording.BrokenRecording, match="cut off"):
        list(recording.read_lines(cut_off))
    cut_off.write_bytes(b"not gzip at all")
    with pytest.raises(recording.BrokenRecording, match="not gzip"):
        next(recording.read_lines(cut_off))
