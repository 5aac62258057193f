"""Recorded Binance depth logs: the book of snapshot and diffs has the best levels that the exchange's own ticker said.

Diffs and book tickers are streams of their own, so neither order nor time of arrival says which belong together; the
exchange's update ids do. After a diff that ends with id `u` the best levels are those of the newest ticker up to `u`,
which is known once a later ticker has come.
"""

import time
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, L2Book
from fargate_engine.market_data.recording import (
    HEAD_LINES_MAX,
    BrokenRecording,
    DepthSequence,
    levels,
    read_lines,
)
from fargate_engine.replay.files import Unreadable
from fargate_engine.replay.report import Report, percent

FINEST_STEP = Decimal(
    "0.00000001"
)  # Binance has no more decimals, so every price and quantity is a whole number of it.
EXACT = Instrument("", "", "", FINEST_STEP, FINEST_STEP, Decimal(0))
WAITING_MAX = 100_000  # Diffs without any later ticker: the recording has no ticker stream.

type Best = tuple[int, int, int, int]  # Bid price, its quantity, ask price, its quantity, in finest steps; 0: none.


@dataclass(frozen=True, slots=True)
class _Dated:
    update_id: int
    best: Best
    where: str


class _Comparison:
    """Matches the book's best levels after each diff with the tickers, by update id."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._books: deque[_Dated] = deque()
        self._tickers: deque[_Dated] = (
            deque()
        )  # The first is the newest one up to the first book's id, or later than it.
        self.equal = 0
        self.undecided = 0

    def book(self, book: _Dated) -> None:
        self._books.append(book)
        self._settle()
        if len(self._books) > WAITING_MAX:
            raise Unreadable(f"{book.where}: no book ticker for {WAITING_MAX:,} depth updates")

    def ticker(self, ticker: _Dated) -> None:
        if not self._tickers or ticker.update_id > self._tickers[-1].update_id:  # Else it is told again.
            self._tickers.append(ticker)
            self._settle()

    def end(self) -> None:
        """What is left has no later ticker: it is equal to the newest, or the recording ends before its own came."""
        newest = self._tickers[-1] if self._tickers else None
        for book in self._books:
            if newest is not None and newest.update_id <= book.update_id and newest.best == book.best:
                self.equal += 1
            else:
                self.undecided += 1

    def _settle(self) -> None:
        while self._books:
            book = self._books[0]
            while len(self._tickers) > 1 and self._tickers[1].update_id <= book.update_id:
                self._tickers.popleft()
            if not self._tickers or self._tickers[-1].update_id <= book.update_id:
                return  # A later ticker may belong to it still.
            self._books.popleft()
            self._compare(book, self._tickers[0])

    def _compare(self, book: _Dated, ticker: _Dated) -> None:
        if ticker.update_id > book.update_id:
            self.undecided += 1  # The recording's first ticker came later.
        elif ticker.best == book.best:
            self.equal += 1
        else:
            what = f"best levels after update {book.update_id} (ticker {ticker.update_id}, {ticker.where})"
            self._report.differs(book.where, what, expected=_shown(ticker.best), got=_shown(book.best))


class DepthReplay:
    """One market's recording, message by message. After a gap the book waits for the next snapshot."""

    def __init__(self, name: str) -> None:
        self._report = Report(name)
        self._comparison = _Comparison(self._report)
        self._book = L2Book()
        self._sequence: DepthSequence | None = None  # None while there is no true book.
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()  # Diffs for a snapshot that is still to come.
        self._market: str | None = None
        self._snapshots = self._applied = self._older = self._bookless = self._gaps = 0

    def take(self, where: str, message: dict[str, Any]) -> None:
        """Unreadable, or an error of its shape, for a message that is not understood. Trades say nothing of depth."""
        self._report.rows += 1
        if "lastUpdateId" in message:
            self._take_snapshot(message)
        elif message.get("stream", "").endswith("@bookTicker"):
            self._check_market(where, message["data"])
            self._take_ticker(where, message["data"])
        elif message.get("data", {}).get("e") == "depthUpdate":
            self._check_market(where, message["data"])
            self._take_diff(where, message["data"])

    def finish(self, seconds: float) -> Report:
        if not self._snapshots:
            raise Unreadable("the recording has no snapshot: name its files in order, from the one that has it")
        self._comparison.end()
        compared = self._applied - self._comparison.undecided
        if not compared and not self._gaps:
            raise Unreadable("nothing to compare: no book ticker belongs to any depth update")
        self._report.seconds = seconds
        self._report.figures = {
            "market": self._market,
            "snapshots_used": self._snapshots,
            "updates_applied": self._applied,
            "updates_older_than_the_snapshot": self._older,
            "updates_without_a_book": self._bookless + len(self._waiting),
            "gaps": self._gaps,
            "updates_without_a_ticker": self._comparison.undecided,
            "updates_compared": compared,
            "updates_equal": self._comparison.equal,
            "equal_percent": percent(self._comparison.equal, compared),
        }
        return self._report

    def _check_market(self, where: str, data: dict[str, Any]) -> None:
        if self._market is None:
            self._market = str(data["s"])
        elif data["s"] != self._market:
            raise Unreadable(f"{where}: this is of {data['s']}, what came before of {self._market}")

    def _take_snapshot(self, message: dict[str, Any]) -> None:
        if self._sequence is not None:
            return  # It says nothing that the diffs did not.
        self._snapshots += 1
        self._sequence = DepthSequence(message["lastUpdateId"])
        self._book.replace(DepthSnapshot(levels(message["bids"], EXACT), levels(message["asks"], EXACT)))
        waiting, self._waiting = self._waiting, deque()
        for where, diff in waiting:
            self._take_diff(where, diff)

    def _take_ticker(self, where: str, ticker: dict[str, Any]) -> None:
        ((bid, bid_quantity), (ask, ask_quantity)) = levels(
            [[ticker["b"], ticker["B"]], [ticker["a"], ticker["A"]]], EXACT
        )
        self._comparison.ticker(_Dated(ticker["u"], (bid, bid_quantity, ask, ask_quantity), where))

    def _take_diff(self, where: str, diff: dict[str, Any]) -> None:
        if self._sequence is None:
            self._wait_for_a_snapshot(where, diff)
            return
        try:
            continues = self._sequence.continues(diff)
        except BrokenRecording as gap:
            self._gaps += 1
            self._report.differs(where, "a gap", expected="every depth update", got=gap)
            self._sequence = None
            self._wait_for_a_snapshot(where, diff)
            return
        if not continues:
            self._older += 1
            return
        self._applied += 1
        self._book.update(DepthDiff(levels(diff["b"], EXACT), levels(diff["a"], EXACT)))
        self._comparison.book(_Dated(diff["u"], self._best(), where))

    def _wait_for_a_snapshot(self, where: str, diff: dict[str, Any]) -> None:
        if len(self._waiting) == HEAD_LINES_MAX:  # A snapshot that comes at all comes sooner, and joins the newest.
            self._waiting.popleft()
            self._bookless += 1
        self._waiting.append((where, diff))

    def _best(self) -> Best:
        bid, ask = self._book.best_ticks(Side.BUY) or 0, self._book.best_ticks(Side.SELL) or 0
        return bid, self._book.lots_at(Side.BUY, bid), ask, self._book.lots_at(Side.SELL, ask)


def replay_depth(paths: list[Path]) -> Report:
    """One market's logs, in order. Unreadable names the file and line that are not of the format."""
    started = time.perf_counter()
    replay = DepthReplay(" ".join(path.name for path in paths))
    for path in paths:
        try:
            for number, (_, message) in enumerate(read_lines(path), start=1):
                where = f"{path.name}:{number}"
                replay.take(where, message)
        except BrokenRecording as error:
            raise Unreadable(str(error)) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else "a field has a value of another kind"
            raise Unreadable(f"{where}: not a message of a depth log: {problem}") from error
    return replay.finish(time.perf_counter() - started)


def _shown(best: Best) -> str:
    bid, bid_quantity, ask, ask_quantity = (EXACT.price(steps).normalize() for steps in best)
    return f"bid {bid_quantity:f} at {bid:f}, ask {ask_quantity:f} at {ask:f}"
