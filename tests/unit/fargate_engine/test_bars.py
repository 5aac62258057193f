"""Bars of every interval and the figures of 24 hours, against what is computed from all trades at once."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from breakwater.domain.orders import Side
from fargate_engine.market_data.bars import BARS_MAX, NO_TRADE_ID, Bar, Bars
from fargate_engine.market_data.day import Day
from fargate_engine.market_data.intervals import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from tests.unit.fargate_engine.orders import ETH

type TradeRow = tuple[int, int, Side, int, int]  # at_ms, trade_id, taker, price_ticks, quantity_lots


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000  # type: ignore[misc, arg-type]  # Year, month, day ...


START_MS = ms(2024, 2, 27, 22, 13, 7)


def trades(seed: int, count: int, pause_ms_max: int) -> list[TradeRow]:
    chance = random.Random(seed)  # noqa: S311
    at_ms, rows = START_MS, []
    for number in range(count):
        at_ms += chance.randint(0, pause_ms_max)
        rows.append((at_ms, number + 1, chance.choice(list(Side)), chance.randint(900, 1_100), chance.randint(1, 50)))
    return rows


def bar_of(open_ms: int, rows: list[TradeRow]) -> Bar:
    """By definition, from all trades of the bar."""
    bought = [row for row in rows if row[2] is Side.BUY]
    return Bar(
        open_ms=open_ms,
        open_ticks=rows[0][3],
        high_ticks=max(row[3] for row in rows),
        low_ticks=min(row[3] for row in rows),
        close_ticks=rows[-1][3],
        volume_lots=sum(row[4] for row in rows),
        volume_ticks_lots=sum(row[3] * row[4] for row in rows),
        trades=len(rows),
        taker_buy_lots=sum(row[4] for row in bought),
        taker_buy_ticks_lots=sum(row[3] * row[4] for row in bought),
        first_trade_id=rows[0][1],
        last_trade_id=rows[-1][1],
    )


def filled(rows: list[TradeRow]) -> Bars:
    bars = Bars()
    for row in rows:
        bars.trade(*row)
    return bars


@pytest.mark.parametrize("interval", list(Interval))
@pytest.mark.parametrize("pause_ms_max", [400, 40_000, 3 * HOUR_MS])
def test_a_bar_is_the_exact_sum_of_its_trades_in_every_interval(interval: Interval, pause_ms_max: int) -> None:
    rows = trades(7, 2_000, pause_ms_max)
    by_bar: dict[int, list[TradeRow]] = {}
    for row in rows:
        by_bar.setdefault(interval.open_ms(row[0]), []).append(row)
    bars = filled(rows).recent(interval, BARS_MAX)
    traded = [bar for bar in bars if bar.trades]
    expected = [bar_of(open_ms, of_it) for open_ms, of_it in by_bar.items()]
    assert traded == expected[-len(traded) :]
    assert bars[0].open_ms <= traded[0].open_ms
    assert len(bars) == BARS_MAX or len(traded) == len(expected)
    for before, bar in pairwise(bars):
        assert bar.open_ms == interval.next_open_ms(before.open_ms)
        if not bar.trades:
            assert {bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks} == {before.close_ticks}
            assert (bar.volume_lots, bar.first_trade_id) == (0, NO_TRADE_ID)


def test_weeks_begin_on_monday_months_on_their_first_day_and_three_days_count_from_1970() -> None:
    thursday = ms(2024, 2, 29, 13, 5, 9)
    assert Interval.WEEK_1.open_ms(thursday) == ms(2024, 2, 26)
    assert Interval.WEEK_1.open_ms(ms(2024, 2, 26)) == ms(2024, 2, 26)
    assert Interval.MONTH_1.open_ms(thursday) == ms(2024, 2, 1)
    assert Interval.MONTH_1.close_ms(ms(2024, 2, 1)) == ms(2024, 3, 1) - 1
    assert Interval.MONTH_1.next_open_ms(ms(2023, 12, 1)) == ms(2024, 1, 1)
    assert Interval.DAYS_3.open_ms(3 * DAY_MS + 5) == 3 * DAY_MS
    assert [Interval.HOURS_8.open_ms(thursday), Interval.DAY_1.open_ms(thursday)] == [
        ms(2024, 2, 29, 8),
        ms(2024, 2, 29),
    ]


def test_time_that_passes_without_trades_closes_bars_and_a_late_trade_opens_none_again() -> None:
    bars = filled([(START_MS, 1, Side.BUY, 1_000, 5)])
    assert bars.pass_time(START_MS + MINUTE_MS)
    assert not bars.pass_time(START_MS + MINUTE_MS)
    bars.trade(START_MS, 2, Side.SELL, 990, 1)  # Late by a minute.
    before, now = bars.recent(Interval.MINUTE_1, 2)
    assert (before.trades, before.close_ticks, now.trades, now.close_ticks) == (1, 1_000, 1, 990)


def test_the_newest_bars_or_those_from_a_time_on_are_given() -> None:
    bars = filled([(START_MS + number * MINUTE_MS, number + 1, Side.BUY, 1_000 + number, 1) for number in range(10)])
    minutes = bars.recent(Interval.MINUTE_1, 100)
    opens = [bar.open_ms for bar in minutes]
    assert len(opens) == 10
    assert bars.recent(Interval.MINUTE_1, 3) == minutes[-3:]
    assert bars.recent(Interval.MINUTE_1, 3, start_ms=opens[2]) == minutes[2:5]
    assert bars.recent(Interval.MINUTE_1, 3, end_ms=opens[6]) == minutes[4:7]
    assert bars.recent(Interval.MINUTE_1, 100, start_ms=opens[2] + 1, end_ms=opens[4]) == minutes[3:5]
    assert bars.since(Interval.MINUTE_1, opens[7]) == minutes[7:]
    assert bars.since(Interval.MINUTE_1, opens[9] + 1) == []
    assert Bars().recent(Interval.MINUTE_1, 5) == []


def test_what_is_kept_is_bounded_however_long_the_silence_was() -> None:
    bars = filled([(START_MS, 1, Side.BUY, 1_000, 1), (START_MS + 400 * DAY_MS, 2, Side.BUY, 1_001, 1)])
    assert len(bars.recent(Interval.SECOND_1, 10_000)) == BARS_MAX + 1
    days = bars.recent(Interval.DAY_1, 10_000)
    assert len(days) == 401
    assert sum(bar.trades for bar in days) == 2


def test_the_figures_of_the_day_are_those_of_the_trades_in_its_window() -> None:
    rows = trades(3, 3_000, 90_000)  # A day and a half.
    bars = filled(rows)
    figures = Day(bars).figures(rows[-1][0])
    first_minute_ms = Interval.MINUTE_1.open_ms(rows[-1][0]) - DAY_MS + MINUTE_MS
    inside = [row for row in rows if row[0] >= first_minute_ms]
    outside = [row for row in rows if row[0] < first_minute_ms]
    assert outside
    whole = bar_of(0, inside)
    assert (figures.open_ticks, figures.high_ticks, figures.low_ticks, figures.last_ticks) == whole[1:5]
    assert (figures.volume_lots, figures.volume_ticks_lots, figures.trades) == whole[5:8]
    assert (figures.first_trade_id, figures.last_trade_id) == (inside[0][1], inside[-1][1])
    assert figures.previous_close_ticks == outside[-1][3]
    assert figures.close_ms - figures.open_ms == DAY_MS
    exact = Decimal(whole.volume_ticks_lots) / Decimal(whole.volume_lots) * ETH.tick_size
    assert figures.weighted_average_price(ETH) == exact.quantize(Decimal("0.00000001"))


def test_a_day_without_trades_has_a_last_price_and_no_others() -> None:
    bars = filled([(START_MS, 1, Side.BUY, 1_000, 5)])
    day = Day(bars)
    assert day.figures(START_MS).trades == 1
    bars.pass_time(START_MS + 2 * DAY_MS)
    figures = day.figures(START_MS + 2 * DAY_MS)
    assert (figures.open_ticks, figures.last_ticks, figures.previous_close_ticks) == (None, 1_000, 1_000)
    assert (figures.trades, figures.weighted_average_price(ETH)) == (0, None)
    assert Day(Bars()).figures(START_MS).last_ticks is None
