"""The rolling figures of 24 hours, from the bars of its minutes: the window moves by whole minutes."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from breakwater.domain.instruments import Instrument
from fargate_engine.market_data.bars import NO_TRADE_ID, Bar, Bars
from fargate_engine.market_data.intervals import DAY_MS, MINUTE_MS, Interval

_AVERAGE = Context(prec=34, rounding=ROUND_HALF_EVEN)
_AVERAGE_STEP = Decimal("0.00000001")  # As exchanges tell it.


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Prices are None while nothing has traded in the window. `previous_close_ticks` is the last price before it."""

    open_ms: int
    close_ms: int
    open_ticks: int | None
    high_ticks: int | None
    low_ticks: int | None
    last_ticks: int | None
    previous_close_ticks: int | None
    volume_lots: int
    volume_ticks_lots: int
    trades: int
    first_trade_id: int
    last_trade_id: int

    def weighted_average_price(self, instrument: Instrument) -> Decimal | None:
        """Of all trades by quantity, rounded half even to eight decimals."""
        if self.volume_lots == 0:
            return None
        average_ticks = _AVERAGE.divide(Decimal(self.volume_ticks_lots), Decimal(self.volume_lots))
        return _AVERAGE.multiply(average_ticks, instrument.tick_size).quantize(_AVERAGE_STEP, context=_AVERAGE)


class Day:
    """Of one market. The minutes that are over are summed once a minute, not once a question."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._summed_for_ms = -1
        self._summed: Bar | None = None  # The minutes of the window that are over; None when none traded.
        self._previous_close_ticks: int | None = None

    def figures(self, at_ms: int) -> DayFigures:
        minute = self._bars.current(Interval.MINUTE_1)
        if minute is None:
            return _figures(at_ms, None, None, None)
        if minute.open_ms != self._summed_for_ms:
            self._sum(minute.open_ms)
        traded = minute if minute.trades else None
        if self._summed is not None:
            traded = self._summed.with_later(minute)
        return _figures(at_ms, traded, minute.close_ticks, self._previous_close_ticks)

    def _sum(self, minute_ms: int) -> None:
        self._summed_for_ms, self._summed, self._previous_close_ticks = minute_ms, None, None
        first_ms = minute_ms - DAY_MS + MINUTE_MS
        for bar in self._bars.recent(Interval.MINUTE_1, limit=DAY_MS // MINUTE_MS + 1)[:-1]:
            if bar.open_ms < first_ms:
                self._previous_close_ticks = bar.close_ticks
            elif bar.trades:
                self._summed = bar if self._summed is None else self._summed.with_later(bar)


def _figures(at_ms: int, traded: Bar | None, last_ticks: int | None, previous_close_ticks: int | None) -> DayFigures:
    return DayFigures(
        open_ms=at_ms - DAY_MS,
        close_ms=at_ms,
        open_ticks=None if traded is None else traded.open_ticks,
        high_ticks=None if traded is None else traded.high_ticks,
        low_ticks=None if traded is None else traded.low_ticks,
        last_ticks=last_ticks,
        previous_close_ticks=previous_close_ticks,
        volume_lots=0 if traded is None else traded.volume_lots,
        volume_ticks_lots=0 if traded is None else traded.volume_ticks_lots,
        trades=0 if traded is None else traded.trades,
        first_trade_id=NO_TRADE_ID if traded is None else traded.first_trade_id,
        last_trade_id=NO_TRADE_ID if traded is None else traded.last_trade_id,
    )
