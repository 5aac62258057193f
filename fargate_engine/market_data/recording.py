"""Recorded exchange logs as market events.

A line is the receiver's clock in nanoseconds, a blank, and the raw JSON that came: depth diffs, trades and book tickers
as the exchange's streams name them, and one REST snapshot. The diffs that came before the snapshot are kept and joined
to it by update id (the exchange's own rule for a local book); leaving them out would lose the levels they changed.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, Levels, MarketTrade, TimedEvent

HEAD_LINES_MAX = 10_000  # A recording whose snapshot comes later than this is not one.


class BrokenRecording(Exception):
    """The log cannot give a true book: no snapshot, a gap between diffs, or a line that is not understood."""


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(local_ns, message) of a log, gzipped or plain."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as log:
        for number, line in enumerate(_unpacked(log, path.name), start=1):
            local_ns, _, body = line.partition(b" ")
            try:
                at_ns, message = int(local_ns), orjson.loads(body)
            except ValueError as error:
                raise BrokenRecording(f"{path.name}:{number}: not `nanoseconds JSON`") from error
            if not isinstance(message, dict):
                raise BrokenRecording(f"{path.name}:{number}: not `nanoseconds JSON`")
            yield at_ns, message


def _unpacked(log: Iterable[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from log
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BrokenRecording(f"{name} is cut off or not gzip") from error


def market_name(path: Path) -> str:
    """The exchange's name of the market the log is of, such as ETHUSDT."""
    for count, (_, message) in enumerate(read_lines(path)):
        if "data" in message:
            return str(message["data"]["s"])
        if count > HEAD_LINES_MAX:
            break
    raise BrokenRecording(f"{path.name} names no market")


def events(paths: list[Path], instrument: Instrument) -> Iterator[TimedEvent]:
    """The events of one market from its logs in order: the snapshot, every diff that continues it, every trade."""
    lines = (line for path in paths for line in read_lines(path))
    at_ns, snapshot, early_diffs = _read_until_snapshot(lines)
    book = DepthSequence(snapshot["lastUpdateId"])
    yield TimedEvent(at_ns, DepthSnapshot(levels(snapshot["bids"], instrument), levels(snapshot["asks"], instrument)))
    for diff in early_diffs:
        if book.continues(diff):
            yield TimedEvent(at_ns, _depth_diff(diff, instrument))
    for at_ns, message in lines:
        data = message.get("data", {})  # A second snapshot has none, and says nothing that the diffs did not.
        if data.get("e") == "depthUpdate" and book.continues(data):
            yield TimedEvent(at_ns, _depth_diff(data, instrument))
        elif data.get("e") == "trade":
            trade = _trade(data, instrument)
            if trade.quantity_lots > 0:
                yield TimedEvent(at_ns, trade)


def _read_until_snapshot(
    lines: Iterator[tuple[int, dict[str, Any]]],
) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """(its time, the snapshot, the diffs that came before it)."""
    early_diffs: list[dict[str, Any]] = []
    for at_ns, message in islice(lines, HEAD_LINES_MAX):
        if "lastUpdateId" in message:
            return at_ns, message, early_diffs
        if message.get("data", {}).get("e") == "depthUpdate":
            early_diffs.append(message["data"])
    raise BrokenRecording("the recording has no snapshot near its beginning")


class DepthSequence:
    """Which diffs continue the book. Spot diffs join by U = last u + 1, those of futures by pu = last u."""

    def __init__(self, last_update_id: int) -> None:
        self._last_update_id = last_update_id
        self._joined = False

    def continues(self, diff: dict[str, Any]) -> bool:
        """False for a diff the book holds already; BrokenRecording when one is missing before it."""
        if diff["u"] <= self._last_update_id:
            return False
        expected = self._last_update_id if "pu" in diff else self._last_update_id + 1
        follows = diff.get("pu", diff["U"]) == expected
        if not (follows or (not self._joined and diff["U"] <= self._last_update_id + 1)):
            raise BrokenRecording(f"depth updates between {self._last_update_id} and {diff['U']} are missing")
        self._joined = True
        self._last_update_id = diff["u"]
        return True


def _depth_diff(data: dict[str, Any], instrument: Instrument) -> DepthDiff:
    return DepthDiff(levels(data["b"], instrument), levels(data["a"], instrument))


def _trade(data: dict[str, Any], instrument: Instrument) -> MarketTrade:
    ((price_ticks, lots),) = levels([[data["p"], data["q"]]], instrument)
    return MarketTrade(Side.SELL if data["m"] else Side.BUY, price_ticks, lots)


def levels(rows: list[list[str]], instrument: Instrument) -> Levels:
    """What is less than a lot cannot be traded here and is not shown; prices lie on ticks at the exchange too."""
    return tuple(
        (int(Decimal(price) / instrument.tick_size), int(Decimal(quantity) / instrument.lot_size))
        for price, quantity in rows
    )
