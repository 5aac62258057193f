"""Bars of every interval, made from trades as they come.

A trade goes into the bar of its second. A second that is over goes into its minute, a minute that is over into the bars
of all longer intervals: each bar is the exact sum of its parts, and a trade costs the same however many intervals there
are. Where nothing traded a bar is flat, at the close before it, as exchanges have it.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

from breakwater.domain.orders import Side
from fargate_engine.market_data.intervals import Interval

BARS_MAX = 1_000  # Of each interval: as many as one request may ask for.
MINUTES_MAX = 1_500  # The figures of 24 hours are made from these.
NO_TRADE_ID = -1


class Bar(NamedTuple):
    """A tuple, because one is made for each trade. `volume_ticks_lots` is the quote volume: price times quantity."""

    open_ms: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    volume_ticks_lots: int
    trades: int
    taker_buy_lots: int
    taker_buy_ticks_lots: int
    first_trade_id: int  # NO_TRADE_ID in a flat bar.
    last_trade_id: int

    def with_later(self, part: "Bar") -> "Bar":
        """This bar with a part of it that came later. A flat one has no prices of its own."""
        if part.trades == 0:
            return self
        if self.trades == 0:
            return part._replace(open_ms=self.open_ms)
        return Bar(
            self.open_ms,
            self.open_ticks,
            max(self.high_ticks, part.high_ticks),
            min(self.low_ticks, part.low_ticks),
            part.close_ticks,
            self.volume_lots + part.volume_lots,
            self.volume_ticks_lots + part.volume_ticks_lots,
            self.trades + part.trades,
            self.taker_buy_lots + part.taker_buy_lots,
            self.taker_buy_ticks_lots + part.taker_buy_ticks_lots,
            self.first_trade_id,
            part.last_trade_id,
        )


def bar_of_trade(at_ms: int, trade_id: int, taker: Side, price_ticks: int, quantity_lots: int) -> Bar:
    ticks_lots = price_ticks * quantity_lots
    bought_lots, bought_ticks_lots = (quantity_lots, ticks_lots) if taker is Side.BUY else (0, 0)
    return Bar(
        at_ms,
        price_ticks,
        price_ticks,
        price_ticks,
        price_ticks,
        quantity_lots,
        ticks_lots,
        1,
        bought_lots,
        bought_ticks_lots,
        trade_id,
        trade_id,
    )


def _flat(open_ms: int, price_ticks: int) -> Bar:
    return Bar(open_ms, price_ticks, price_ticks, price_ticks, price_ticks, 0, 0, 0, 0, 0, NO_TRADE_ID, NO_TRADE_ID)


class _Series:
    """The bars of one interval: those that are over, oldest first, and the one that is not."""

    def __init__(self, interval: Interval, first: Bar, bars_max: int) -> None:
        self.interval = interval
        self.over: deque[Bar] = deque(maxlen=bars_max)
        self.current = _flat(interval.open_ms(first.open_ms), first.open_ticks)

    def add(self, part: Bar) -> None:
        """A part of the current bar."""
        self.current = self.current.with_later(part)

    def advance(self, at_ms: int) -> bool:
        """To the bar that `at_ms` belongs to; True when that is another. What lies between is flat."""
        now_open_ms = self.interval.open_ms(at_ms)
        if now_open_ms <= self.current.open_ms:
            return False
        self.over.append(self.current)
        price_ticks = self.current.close_ticks
        open_ms = self.interval.next_open_ms(self.current.open_ms)
        if self.interval is not Interval.MONTH_1:  # After a long silence only those that are kept are made.
            length_ms = open_ms - self.current.open_ms
            open_ms = max(open_ms, now_open_ms - (self.over.maxlen or 0) * length_ms)
        while open_ms < now_open_ms:
            self.over.append(_flat(open_ms, price_ticks))
            open_ms = self.interval.next_open_ms(open_ms)
        self.current = _flat(now_open_ms, price_ticks)
        return True


class Bars:
    """Of one market. Empty until its first trade."""

    def __init__(self) -> None:
        self._series: dict[Interval, _Series] = {}

    def trade(self, at_ms: int, trade_id: int, taker: Side, price_ticks: int, quantity_lots: int) -> None:
        """A trade that is older than the current second counts in that: a bar that is over changes no more."""
        part = bar_of_trade(at_ms, trade_id, taker, price_ticks, quantity_lots)
        if not self._series:
            for interval in Interval:
                bars_max = MINUTES_MAX if interval is Interval.MINUTE_1 else BARS_MAX
                self._series[interval] = _Series(interval, part, bars_max)
        self.pass_time(at_ms)
        self._series[Interval.SECOND_1].add(part)

    def pass_time(self, at_ms: int) -> bool:
        """Close the bars that are over; True when there was one. Without it a bar would wait for the next trade."""
        if not self._series:
            return False
        seconds, minutes = self._series[Interval.SECOND_1], self._series[Interval.MINUTE_1]
        second = seconds.current
        if not seconds.advance(at_ms):
            return False
        minutes.add(second)
        minute = minutes.current
        if minutes.advance(at_ms):
            for interval, series in self._series.items():
                if interval not in {Interval.SECOND_1, Interval.MINUTE_1}:
                    series.add(minute)
                    series.advance(at_ms)
        return True

    def current(self, interval: Interval) -> Bar | None:
        """The bar that is not over yet."""
        if not self._series:
            return None
        bar = self._series[interval].current
        if interval not in {Interval.SECOND_1, Interval.MINUTE_1}:
            bar = bar.with_later(self._series[Interval.MINUTE_1].current)
        return bar if interval is Interval.SECOND_1 else bar.with_later(self._series[Interval.SECOND_1].current)

    def recent(
        self, interval: Interval, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        """Oldest first, the current bar last: those that begin between the two times, both included.

        The newest `limit` of them or, with a start, the first.
        """
        current = self.current(interval)
        if current is None or limit <= 0:
            return []
        if start_ms is None and end_ms is None:
            return [*self._newest_over(interval, limit - 1), current]
        first_ms = 0 if start_ms is None else start_ms
        last_ms = current.open_ms if end_ms is None else end_ms
        bars = [bar for bar in (*self._series[interval].over, current) if first_ms <= bar.open_ms <= last_ms]
        return bars[-limit:] if start_ms is None else bars[:limit]

    def since(self, interval: Interval, open_ms: int) -> list[Bar]:
        """The bars from the one that begins at `open_ms` on, oldest first."""
        current = self.current(interval)
        if current is None:
            return []
        newer = [current]
        for bar in reversed(self._series[interval].over):
            if newer[-1].open_ms <= open_ms:
                break
            newer.append(bar)
        return [bar for bar in reversed(newer) if bar.open_ms >= open_ms]

    def _newest_over(self, interval: Interval, count: int) -> list[Bar]:
        over = self._series[interval].over
        return list(islice(over, max(len(over) - count, 0), None))
