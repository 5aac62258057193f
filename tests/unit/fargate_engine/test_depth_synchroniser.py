"""The book of an exchange's streams is the exchange's own, also after messages were lost, doubled and late."""

import io
import random
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data import recording
from fargate_engine.market_data.depth_synchroniser import WAITING_MAX, BinanceDepth, BybitDepth
from fargate_engine.market_data.l2_book import DepthDiff, L2Book
from fargate_engine.market_data.market import Market
from tests.unit.fargate_engine.orders import ETH

BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
BTC_FUTURE = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), Decimal(5))
XRP = Instrument("XRP/USDT", "XRP", "USDT", Decimal("0.0001"), Decimal(1), Decimal(5))

type Message = dict[str, Any]


def best(book: L2Book) -> list[tuple[int, int]]:
    return [next(book.levels(side)) for side in Side]


def all_levels(book: L2Book) -> list[list[tuple[int, int]]]:
    return [list(book.levels(side)) for side in Side]


@pytest.mark.parametrize(
    ("name", "instrument"),
    [("spot_ethusdt_20240808.gz", ETH), ("spot_btcusdt_20240808.gz", BTC), ("usdm_btcusdt_20240808.gz", BTC_FUTURE)],
)
def test_the_book_has_the_best_quotes_that_the_exchange_said(
    market_data_folder: Path, name: str, instrument: Instrument
) -> None:
    """After the diffs up to u the best levels are those of the newest ticker up to u."""
    synchroniser, market = BinanceDepth(instrument), Market("BINANCE", instrument)
    lines = [message for _, message in recording.read_lines(market_data_folder / "binance_ws" / name)]
    tickers = sorted(
        (line["data"] for line in lines if line.get("stream", "").endswith("@bookTicker")), key=lambda each: each["u"]
    )
    compared = position = 0
    for line in lines:
        if "lastUpdateId" in line:
            events = synchroniser.snapshot(line)
        elif line.get("data", {}).get("e") == "depthUpdate":
            events = synchroniser.diff(line["data"])
        else:
            continue
        for event in events:
            market.apply(event, 1)
        if not events or "lastUpdateId" in line:
            continue
        update_id = line["data"]["u"]
        while position + 1 < len(tickers) and tickers[position + 1]["u"] <= update_id:
            position += 1
        ticker = tickers[position]
        if ticker["u"] <= update_id:
            compared += 1
            assert best(market.book) == list(
                recording.levels([[ticker["b"], ticker["B"]], [ticker["a"], ticker["A"]]], instrument)
            )
    assert compared > 3_000
    assert (synchroniser.gaps, synchroniser.needs_snapshot) == (0, False)


class Exchange:
    """Has a book that changes, tells it in diffs, and gives a snapshot of what it was some diffs ago."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.update_id = 1_000
        self.book = L2Book()
        self.snapshots: list[Message] = []

    def change(self) -> Message:
        first_id = self.update_id + 1
        self.update_id += self.chance.randint(1, 4)
        sides = []
        for base in (2_000, 2_100):
            rows = [
                [str(Decimal(base + self.chance.randint(0, 40)) / 100), str(Decimal(self.chance.randint(0, 3)) / 10)]
                for _ in range(self.chance.randint(0, 3))
            ]
            sides.append(rows)
        self.book.update(DepthDiff(recording.levels(sides[0], ETH), recording.levels(sides[1], ETH)))
        self.snapshots = [*self.snapshots[-8:], self.snapshot()]
        return {"U": first_id, "u": self.update_id, "b": sides[0], "a": sides[1]}

    def snapshot(self) -> Message:
        bids, asks = (
            [[str(ETH.price(ticks)), str(ETH.quantity(lots))] for ticks, lots in self.book.levels(side)]
            for side in Side
        )
        return {"lastUpdateId": self.update_id, "bids": bids, "asks": asks}


@pytest.mark.parametrize("seed", range(20))
def test_lost_doubled_and_late_messages_and_old_snapshots_never_make_a_false_book(seed: int) -> None:
    exchange, synchroniser, market = Exchange(seed), BinanceDepth(ETH), Market("BINANCE", ETH)
    chance, true_books = random.Random(seed), 0  # noqa: S311
    for _ in range(3_000):
        diff = exchange.change()
        fate = chance.random()
        heard = [] if fate < 0.01 else [diff, diff] if fate < 0.03 else [diff]
        if fate > 0.995:
            synchroniser.disconnected()
        for message in heard:
            for event in synchroniser.diff(message):
                market.apply(event, 1)
        if synchroniser.needs_snapshot and chance.random() < 0.3:
            for event in synchroniser.snapshot(chance.choice(exchange.snapshots)):
                market.apply(event, 1)
        if not synchroniser.needs_snapshot and heard:
            true_books += 1
            assert all_levels(market.book) == all_levels(exchange.book)
    assert true_books > 1_500
    assert synchroniser.gaps > 5


def test_diffs_that_wait_for_a_snapshot_are_bounded() -> None:
    exchange, synchroniser = Exchange(1), BinanceDepth(ETH)
    for _ in range(WAITING_MAX + 10):
        synchroniser.diff(exchange.change())
    old = exchange.snapshots[0] | {"lastUpdateId": 1_001}
    assert synchroniser.snapshot(old) == []
    assert synchroniser.needs_snapshot
    assert synchroniser.snapshot(exchange.snapshot())
    assert not synchroniser.needs_snapshot


def bybit_messages(folder: Path) -> list[Message]:
    with zipfile.ZipFile(folder / "binance_ws" / "bybit_xrpusdt-ob500.data.zip") as packed:
        return [orjson.loads(line) for line in io.BytesIO(packed.read(packed.namelist()[0])).readlines()]


def test_bybits_book_has_its_500_levels_after_every_delta(market_data_folder: Path) -> None:
    """The stream shows 500 levels a side: one that was lost, or not deleted, would change their number."""
    synchroniser, market = BybitDepth(XRP), Market("BYBIT", XRP)
    for message in bybit_messages(market_data_folder):
        for event in synchroniser.message(message):
            market.apply(event, 1)
        bids, asks = all_levels(market.book)
        assert (len(bids), len(asks)) == (500, 500)
        assert bids[0][0] < asks[0][0]
    assert (market.update_id, synchroniser.gaps) == (50, 0)


def test_a_delta_that_bybit_lost_asks_for_a_snapshot_and_an_old_one_changes_nothing(market_data_folder: Path) -> None:
    messages = bybit_messages(market_data_folder)
    synchroniser = BybitDepth(XRP)
    assert synchroniser.message(messages[1]) == []  # Before any snapshot.
    assert synchroniser.needs_snapshot
    for message in messages[:10]:
        assert len(synchroniser.message(message)) == 1
    assert synchroniser.message(messages[5]) == []
    assert not synchroniser.needs_snapshot
    assert synchroniser.message(messages[11]) == []
    assert (synchroniser.needs_snapshot, synchroniser.gaps) == (True, 1)
    assert len(synchroniser.message(messages[0])) == 1
    assert not synchroniser.needs_snapshot
