"""Rows into Parquet files, by venue, symbol, date and hour, in bounded memory and without a half-written file.

    DIR/books/venue=SIM/symbol=ETH-USDT/date=2026-11-28/hour=22/<session>-<first event>.parquet

A file has another name until it is whole. It is finished with its hour, after five minutes at most, and when the
recorder stops: that is all that a crash can cost.
"""

import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from breakwater.domain.instruments import Instrument

ROWS_WAITING_MAX = 20_000  # Of one file; then they are written as a row group.
PART_S_MAX = 300.0
UNFINISHED = ".unfinished"
_NS_PER_S = 1_000_000_000

# Whole ticks and lots, and their sizes in each row (where a constant column takes no room): exact, ready to be replayed
# without a division, and `price_ticks * tick_size * quantity_lots * lot_size` fits into the 38 digits of a decimal.
STEP_DECIMALS_MAX = 12
_SIZE = pa.decimal128(24, STEP_DECIMALS_MAX)
_QUOTE = pa.decimal128(38, 2 * STEP_DECIMALS_MAX)  # As many decimals as a price times a quantity has.
_WORD = pa.dictionary(pa.int8(), pa.string())
_MARKET_SIZES = [("tick_size", _SIZE), ("lot_size", _SIZE)]
SCHEMAS: Mapping[str, pa.Schema] = {
    "books": pa.schema(
        [
            ("event", pa.int64()),  # Counts what the market's recording took; books and trades share the numbers.
            ("at_ns", pa.int64()),
            ("kind", _WORD),  # SNAPSHOT: the whole book. CHANGE: new quantities. CHECK: the book as it is already.
            ("side", _WORD),
            ("price_ticks", pa.int64()),
            ("quantity_lots", pa.int64()),
            *_MARKET_SIZES,
        ]
    ),
    "trades": pa.schema(
        [
            ("event", pa.int64()),
            ("at_ns", pa.int64()),
            ("trade_id", pa.int64()),
            ("taker", _WORD),
            ("price_ticks", pa.int64()),
            ("quantity_lots", pa.int64()),
            *_MARKET_SIZES,
        ]
    ),
    "bars": pa.schema(
        [
            ("at_ns", pa.int64()),
            ("interval", _WORD),
            *((name, pa.int64()) for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks")),
            *((name, pa.int64()) for name in ("trades", "volume_lots", "taker_buy_lots")),
            *((name, _QUOTE) for name in ("quote_volume", "taker_buy_quote_volume")),
            *_MARKET_SIZES,
        ]
    ),
}


type Columns = Mapping[str, Sequence[Any]]


@dataclass(slots=True)
class _Part:
    """One file that is being written."""

    schema: pa.Schema
    path: Path
    hour: int
    began_at: float
    same: Mapping[str, Any]  # What all its rows have in common.
    columns: dict[str, list[Any]] = field(default_factory=dict)
    waiting: int = 0
    writer: pq.ParquetWriter | None = None

    def add(self, columns: Columns, rows: int) -> None:
        for name, values in columns.items():
            self.columns.setdefault(name, []).extend(values)
        self.waiting += rows
        if self.waiting >= ROWS_WAITING_MAX:
            self.write()

    def write(self) -> None:
        if self.waiting == 0:
            return
        if self.writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = pq.ParquetWriter(self._unfinished, self.schema, compression="zstd")
        same = {
            name: pa.repeat(pa.scalar(value, self.schema.field(name).type), self.waiting)
            for name, value in self.same.items()
        }
        self.writer.write_table(pa.table({**self.columns, **same}, schema=self.schema))
        self.columns, self.waiting = {}, 0

    def finish(self) -> None:
        """Whole on the disk first, then under its name."""
        self.write()
        if self.writer is None:
            return
        self.writer.close()
        descriptor = os.open(self._unfinished, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._unfinished.rename(self.path)

    @property
    def _unfinished(self) -> Path:
        return self.path.with_name(self.path.name + UNFINISHED)


_FOLDER_NAME = re.compile(r"[^/\\\x00-\x1f]{1,64}")


class MarketFiles:
    """The three tables of one market. `close` when it stops: what was added until then is in files.

    ValueError for a venue or symbol that would lead out of the folder.
    """

    def __init__(self, folder: Path, venue: str, instrument: Instrument, session: int) -> None:
        symbol = instrument.symbol.replace("/", "-")
        for name in (venue, symbol):
            if not _FOLDER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a folder")
        self._folder = folder
        self._market = Path(f"venue={venue}", f"symbol={symbol}")
        self._sizes = {"tick_size": instrument.tick_size, "lot_size": instrument.lot_size}
        self._session = session
        self._parts: dict[str, _Part] = {}
        self.rows = dict.fromkeys(SCHEMAS, 0)

    def add(self, table: str, event: int, columns: Columns) -> None:
        """Rows of one moment; `event` names the file that begins with it. OSError when it cannot be written."""
        times_ns = columns["at_ns"]
        hour = times_ns[0] // _NS_PER_S // 3600
        part = self._parts.get(table)
        if part is not None and part.hour != hour:
            part.finish()
            part = None
        if part is None:
            path = self._path(table, hour, event)
            part = self._parts[table] = _Part(SCHEMAS[table], path, hour, time.monotonic(), self._sizes)
        part.add(columns, len(times_ns))
        self.rows[table] += len(times_ns)

    def finish_old(self) -> None:
        """Those that were begun long ago: called now and then, so that a crash costs little."""
        now = time.monotonic()
        for table, part in list(self._parts.items()):
            if now - part.began_at > PART_S_MAX:
                part.finish()
                del self._parts[table]

    def close(self) -> None:
        with ExitStack() as all_of_them:  # One that fails does not keep the others.
            for part in self._parts.values():
                all_of_them.callback(part.finish)
        self._parts = {}

    def _path(self, table: str, hour: int, event: int) -> Path:
        at = datetime.fromtimestamp(hour * 3600, UTC)
        name = f"{self._session:020d}-{event:012d}.parquet"
        return self._folder / table / self._market / f"date={at:%Y-%m-%d}" / f"hour={at:%H}" / name
