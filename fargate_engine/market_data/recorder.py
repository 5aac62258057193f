"""What a market said, event by event, into files that can be replayed and queried."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.bars import Bar
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, Levels, MarketEvent, MarketTrade
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.parquet_parts import STEP_DECIMALS_MAX, Columns, MarketFiles

CHECK_EVERY_NS = 60_000_000_000
_NS_PER_MS = 1_000_000
_FINEST_STEP = Decimal(1).scaleb(-STEP_DECIMALS_MAX)


class Recorder:
    """Of one market. `session` tells recordings of the same market apart, and orders them: when this one began.

    ValueError for an instrument with finer steps than the files have.
    """

    def __init__(self, folder: Path, venue: str, instrument: Instrument, session: int) -> None:
        _check_step(instrument.tick_size, "tick")
        _check_step(instrument.lot_size, "lot")
        self.market = Market(venue, instrument)
        self.files = MarketFiles(folder, venue, instrument, session)
        self.events = 0
        self._checked_ns = 0
        self._told_bar_ms = 0  # Bars that begin before it are written.

    def record(self, event: MarketEvent, at_ns: int) -> None:
        """Times that go backwards count as the one before, as in a market. OSError when it cannot be written."""
        trades = self.market.trade_count
        self.market.apply(event, at_ns)
        at_ns = self.market.at_ns
        self.events += 1
        match event:
            case DepthSnapshot():
                self._add_levels("SNAPSHOT", at_ns, event.bids, event.asks)
                self._checked_ns = at_ns
            case DepthDiff():
                self._add_levels("CHANGE", at_ns, event.bids, event.asks)
            case MarketTrade() if self.market.trade_count > trades:
                self._add_trade(at_ns)
        self._add_bars()
        if at_ns - self._checked_ns >= CHECK_EVERY_NS and self.market.update_id > 0:
            self._check_book(at_ns)

    def close(self) -> None:
        """What was recorded is in files. The bar that is not over belongs to nobody: its trades are there."""
        self.files.close()

    def _check_book(self, at_ns: int) -> None:
        """Now and then the whole book: a reader may begin there, and a replay compares it."""
        self._checked_ns = at_ns
        self.events += 1
        state = self.market.state()
        self._add_levels("CHECK", at_ns, state.bids, state.asks)
        self.files.finish_old()

    def _add_levels(self, kind: str, at_ns: int, bids: Levels, asks: Levels) -> None:
        levels = (*bids, *asks)
        if not levels:
            if kind != "CHANGE":
                self._add_empty_book(kind, at_ns)
            return
        columns: Columns = {
            "event": [self.events] * len(levels),
            "at_ns": [at_ns] * len(levels),
            "kind": [kind] * len(levels),
            "side": [Side.BUY.value] * len(bids) + [Side.SELL.value] * len(asks),
            "price_ticks": [price_ticks for price_ticks, _ in levels],
            "quantity_lots": [quantity_lots for _, quantity_lots in levels],
        }
        self.files.add("books", self.events, columns)

    def _add_empty_book(self, kind: str, at_ns: int) -> None:
        """One row of neither side: without it a reader would keep the book from before."""
        none: Columns = {"side": [""], "price_ticks": [0], "quantity_lots": [0]}
        self.files.add("books", self.events, {"event": [self.events], "at_ns": [at_ns], "kind": [kind], **none})

    def _add_trade(self, at_ns: int) -> None:
        trade = self.market.trades[-1]
        columns: Columns = {
            "event": [self.events],
            "at_ns": [at_ns],
            "trade_id": [trade.trade_id],
            "taker": [trade.taker.value],
            "price_ticks": [trade.price_ticks],
            "quantity_lots": [trade.quantity_lots],
        }
        self.files.add("trades", self.events, columns)

    def _add_bars(self) -> None:
        """Minutes that are over: every longer bar is the sum of these."""
        current = self.market.bars.current(Interval.MINUTE_1)
        if current is None or current.open_ms == self._told_bar_ms:
            return
        for bar in self.market.bars.since(Interval.MINUTE_1, self._told_bar_ms)[:-1]:
            row = bar_row(bar, self.market.instrument)
            self.files.add("bars", self.events, {name: [value] for name, value in row.items()})
        self._told_bar_ms = current.open_ms


BAR_COLUMNS = (
    *("at_ns", "interval", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "trades"),
    *("volume_lots", "taker_buy_lots", "quote_volume", "taker_buy_quote_volume"),
)


def bar_row(bar: Bar, instrument: Instrument) -> dict[str, Any]:
    """Its values by BAR_COLUMNS."""
    return {
        "at_ns": bar.open_ms * _NS_PER_MS,
        "interval": Interval.MINUTE_1.value,
        "open_ticks": bar.open_ticks,
        "high_ticks": bar.high_ticks,
        "low_ticks": bar.low_ticks,
        "close_ticks": bar.close_ticks,
        "trades": bar.trades,
        "volume_lots": bar.volume_lots,
        "taker_buy_lots": bar.taker_buy_lots,
        "quote_volume": instrument.notional(bar.volume_ticks_lots),
        "taker_buy_quote_volume": instrument.notional(bar.taker_buy_ticks_lots),
    }


def _check_step(step: Decimal, name: str) -> None:
    if step != step.quantize(_FINEST_STEP):
        raise ValueError(f"a {name} size of {step} has more than {STEP_DECIMALS_MAX} decimals, and cannot be recorded")
