"""What a subscriber hears of a market. One object goes to all who are equally far, and carries its wire form along."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from breakwater.domain.orders import Side
from fargate_engine.market_data.bars import Bar
from fargate_engine.market_data.day import DayFigures
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import Levels


class Topic(StrEnum):
    BOOK = "book"  # Its changes, contiguous; several of one price become the newest.
    QUOTE = "quote"  # The best bid and ask, the latest.
    TRADES = "trades"  # Every trade, or how many were missed.
    DAY = "day"  # The figures of 24 hours, the latest.


type Subject = Topic | Interval  # An interval: its bars.


@dataclass(frozen=True, slots=True)
class Trade:
    """`taker` is the side that took: a BUY lifted the asks."""

    trade_id: int
    at_ns: int
    taker: Side
    price_ticks: int
    quantity_lots: int


@dataclass(slots=True)
class _Update:
    _wire: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def wire(self, dialect: str, encode: Callable[[], bytes]) -> bytes:
        """What `encode` makes of it, made once for all who speak the dialect."""
        made = self._wire.get(dialect)
        if made is None:
            made = self._wire[dialect] = encode()
        return made


@dataclass(slots=True)
class BookState(_Update):
    """The whole book, best first. Also told to who is too far behind for changes: what it had is to be forgotten."""

    update_id: int
    at_ns: int
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class BookChange(_Update):
    """The new quantities (zero: the level went) of the updates `first_id` to `last_id`, which join without a gap."""

    first_id: int
    last_id: int
    at_ns: int
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class Quote(_Update):
    """The best levels; a side that is empty has zero lots at price zero."""

    update_id: int
    at_ns: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int

    @property
    def best(self) -> tuple[int, int, int, int]:
        return self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots


@dataclass(slots=True)
class Trades(_Update):
    """`lost` trades came before these and are not told any more."""

    trades: tuple[Trade, ...]
    lost: int


@dataclass(slots=True)
class DayUpdate(_Update):
    figures: DayFigures


@dataclass(slots=True)
class BarsUpdate(_Update):
    """The bars that are new or have changed, oldest first. All but the last are over."""

    interval: Interval
    bars: tuple[Bar, ...]


Update = BookState | BookChange | Quote | Trades | DayUpdate | BarsUpdate
