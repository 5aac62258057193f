"""A true book from an exchange's depth streams, or the word that a new snapshot is needed. Pure: it asks for nothing.

Whoever has the socket gives it what comes. It answers with what to apply to the market, and `needs_snapshot` says when
what comes cannot continue the book: at the start, after a gap, and when the snapshot is too old for the diffs.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from breakwater.domain.instruments import Instrument
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, MarketEvent
from fargate_engine.market_data.recording import BrokenRecording, DepthSequence, levels

WAITING_MAX = 5_000  # Diffs that wait for a snapshot; the oldest go first, and then the snapshot must be newer.


class BinanceDepth:
    """Binance's: diffs with the update ids U to u (futures: pu as well), and a snapshot by REST with lastUpdateId."""

    def __init__(self, instrument: Instrument) -> None:
        self.gaps = 0
        self._instrument = instrument
        self._sequence: DepthSequence | None = None  # None while there is no true book.
        self._waiting: deque[dict[str, Any]] = deque(maxlen=WAITING_MAX)

    @property
    def needs_snapshot(self) -> bool:
        return self._sequence is None

    def diff(self, message: dict[str, Any]) -> list[MarketEvent]:
        """What it changes: nothing while a snapshot is needed, or when the book has it already."""
        if self._sequence is None:
            self._waiting.append(message)
            return []
        try:
            continues = self._sequence.continues(message)
        except BrokenRecording:
            self.gaps += 1
            self._begin_anew()
            self._waiting.append(message)
            return []
        return [self._event(message)] if continues else []

    def snapshot(self, message: dict[str, Any]) -> list[MarketEvent]:
        """The book and the diffs that came before it and continue it; nothing when it is too old for them."""
        sequence = DepthSequence(message["lastUpdateId"])
        try:
            joined = [diff for diff in self._waiting if sequence.continues(diff)]
        except BrokenRecording:
            return []
        self._sequence = sequence
        self._waiting.clear()
        bids, asks = levels(message["bids"], self._instrument), levels(message["asks"], self._instrument)
        return [DepthSnapshot(bids, asks), *map(self._event, joined)]

    def disconnected(self) -> None:
        """What comes next does not continue what came before."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._sequence = None
        self._waiting.clear()

    def _event(self, diff: dict[str, Any]) -> DepthDiff:
        return DepthDiff(levels(diff["b"], self._instrument), levels(diff["a"], self._instrument))


class BybitDepth:
    """Bybit's: the stream brings its snapshots itself, and each delta's u is one more than the one before.

    A delta that does not continue the book means: subscribe again, and a snapshot comes.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.gaps = 0
        self._instrument = instrument
        self._last_update_id: int | None = None  # None while there is no true book.

    @property
    def needs_snapshot(self) -> bool:
        return self._last_update_id is None

    def message(self, message: dict[str, Any]) -> list[MarketEvent]:
        return list(self._events(message["type"], message["data"]))

    def disconnected(self) -> None:
        self._last_update_id = None

    def _events(self, kind: str, book: dict[str, Any]) -> Iterator[MarketEvent]:
        update_id = int(book["u"])
        bids, asks = levels(book["b"], self._instrument), levels(book["a"], self._instrument)
        if kind == "snapshot":  # Also in the middle of the stream, after a restart of the service, with u = 1.
            self._last_update_id = update_id
            yield DepthSnapshot(bids, asks)
        elif self._last_update_id is None or update_id <= self._last_update_id:
            return
        elif update_id == self._last_update_id + 1:
            self._last_update_id = update_id
            yield DepthDiff(bids, asks)
        else:
            self.gaps += 1
            self._last_update_id = None
