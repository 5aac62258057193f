"""Recordings of the recorder, read back: the events as they came, and whether they are whole."""

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, repeat
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, Levels, MarketEvent, MarketTrade
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.recorder import BAR_COLUMNS, bar_row

BATCH_ROWS = 20_000
_PART = re.compile(r"(\d{20})-(\d{12})\.parquet")

_BOOK_COLUMNS = ("event", "at_ns", "kind", "side", "price_ticks", "quantity_lots")
_TRADE_COLUMNS = ("event", "at_ns", "trade_id", "taker", "price_ticks", "quantity_lots")

type Row = tuple[Any, ...]  # Its session, and the columns that were asked for.


class BrokenParquet(Exception):
    """Not a recording of the recorder, or one that was changed or lost a part."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    session: int
    number: int
    at_ns: int
    kind: str  # SNAPSHOT, CHANGE, CHECK or TRADE.
    event: MarketEvent


@dataclass(slots=True)
class MarketReport:
    """`wrong` says what is not as it was recorded; empty when all is."""

    venue: str
    symbol: str
    events: int = 0
    sessions: int = 0
    changes: int = 0
    trades: int = 0
    bars: int = 0
    books_checked: int = 0
    best_bid: str | None = None
    best_ask: str | None = None
    wrong: str | None = None

    def document(self) -> dict[str, Any]:
        return asdict(self)


def recorded_markets(folder: Path) -> list[tuple[str, str]]:
    """(venue, symbol) of each market there is; BrokenParquet when there is none."""
    found = {
        (path.parent.name.removeprefix("venue="), path.name.removeprefix("symbol=").replace("-", "/"))
        for path in folder.glob("*/venue=*/symbol=*")
    }
    if not found:
        raise BrokenParquet(f"{folder} has no recording of `breakwater market record`")
    return sorted(found)


def read_events(folder: Path, venue: str, symbol: str) -> Iterator[RecordedEvent]:
    """Books and trades in the order in which they came, one recording after the other, in bounded memory."""
    books = _rows(folder, "books", venue, symbol, _BOOK_COLUMNS)
    trades = _rows(folder, "trades", venue, symbol, _TRADE_COLUMNS)
    rows = heapq.merge(books, trades, key=itemgetter(0, 1))
    for (session, number), of_event in groupby(rows, key=itemgetter(0, 1)):
        levels = list(of_event)
        at_ns, kind = levels[0][2:4]
        if isinstance(kind, int):  # A trade, then, and this is its id.
            _, _, _, trade_id, taker, price_ticks, quantity_lots = levels[0]
            trade = MarketTrade(Side(taker), price_ticks, quantity_lots, trade_id)
            yield RecordedEvent(session, number, at_ns, "TRADE", trade)
        else:
            bids, asks = _levels(levels, Side.BUY), _levels(levels, Side.SELL)
            event = DepthDiff(bids, asks) if kind == "CHANGE" else DepthSnapshot(bids, asks)
            yield RecordedEvent(session, number, at_ns, kind, event)


def replay_market(folder: Path, venue: str, symbol: str) -> MarketReport:
    """The market again from its files; books and bars must be what they were when they were recorded."""
    report = MarketReport(venue, symbol)
    market = Market(venue, _instrument(folder, venue, symbol))
    bars: list[tuple[Any, ...]] = []
    session, told_bar_ms = 0, 0
    for recorded in read_events(folder, venue, symbol):
        if recorded.session != session:
            session, told_bar_ms = recorded.session, 0
            report.sessions += 1
            market = Market(venue, market.instrument)
        report.events += 1
        if recorded.kind == "CHECK":
            report.books_checked += 1
            if not _is_book(market, recorded.event):
                report.wrong = report.wrong or f"the book at event {recorded.number} is not what it was"
            continue
        market.apply(recorded.event, recorded.at_ns)
        report.trades += recorded.kind == "TRADE"
        report.changes += recorded.kind == "CHANGE"
        current = market.bars.current(Interval.MINUTE_1)
        if current is not None and current.open_ms != told_bar_ms:
            over = market.bars.since(Interval.MINUTE_1, told_bar_ms)[:-1]
            bars += [tuple(bar_row(bar, market.instrument).values()) for bar in over]
            told_bar_ms = current.open_ms
    _compare_bars(report, bars, list(_rows(folder, "bars", venue, symbol, BAR_COLUMNS)))
    quote = market.quote()
    report.best_bid, report.best_ask = (
        f"{market.instrument.price(ticks).normalize():f}" if ticks else None
        for ticks in (quote.bid_ticks, quote.ask_ticks)
    )
    return report


def _compare_bars(report: MarketReport, made: list[Row], recorded: list[Row]) -> None:
    report.bars = len(recorded)
    if [row[1:] for row in recorded] != made:
        report.wrong = report.wrong or f"{len(recorded)} bars were recorded, and the trades make {len(made)}, or others"


def _is_book(market: Market, snapshot: MarketEvent) -> bool:
    state = market.state()
    return isinstance(snapshot, DepthSnapshot) and (state.bids, state.asks) == (snapshot.bids, snapshot.asks)


def _levels(rows: list[Row], side: Side) -> Levels:
    return tuple((row[5], row[6]) for row in rows if row[4] == side)


def _instrument(folder: Path, venue: str, symbol: str) -> Instrument:
    for table in ("books", "trades"):
        for _, tick_size, lot_size in _rows(folder, table, venue, symbol, ("tick_size", "lot_size")):
            base, _, quote = symbol.partition("/")
            return Instrument(symbol, base, quote, tick_size, lot_size, lot_size)
    raise BrokenParquet(f"{symbol} of {venue} has neither books nor trades")


def _rows(folder: Path, table: str, venue: str, symbol: str, columns: Sequence[str]) -> Iterator[Row]:
    """The session of each, and these columns; in a session they are by event, because its files follow each other."""
    market = folder / table / f"venue={venue}" / f"symbol={symbol.replace('/', '-')}"
    for path in sorted(market.glob("date=*/hour=*/*.parquet"), key=lambda path: (path.name, path)):
        part = _PART.fullmatch(path.name)
        if part is None:
            raise BrokenParquet(f"{path} is not a file of the recorder")
        session = int(part[1])
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                    values = [batch.column(name).to_pylist() for name in columns]
                    yield from zip(repeat(session), *values, strict=False)
        except (pa.ArrowException, KeyError, OSError, EOFError) as error:
            raise BrokenParquet(f"{path} is not whole: {str(error).splitlines()[0]}") from error
