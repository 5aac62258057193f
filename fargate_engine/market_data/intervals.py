"""The intervals of bars, as exchanges name them, and where each bar begins. Milliseconds since 1970, UTC."""

from datetime import UTC, datetime
from enum import StrEnum

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
_FIRST_MONDAY_MS = 4 * DAY_MS  # 1970 began on a Thursday.


class Interval(StrEnum):
    SECOND_1 = "1s"
    MINUTE_1 = "1m"
    MINUTES_3 = "3m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    MINUTES_30 = "30m"
    HOUR_1 = "1h"
    HOURS_2 = "2h"
    HOURS_4 = "4h"
    HOURS_6 = "6h"
    HOURS_8 = "8h"
    HOURS_12 = "12h"
    DAY_1 = "1d"
    DAYS_3 = "3d"
    WEEK_1 = "1w"
    MONTH_1 = "1M"

    def open_ms(self, at_ms: int) -> int:
        """When the bar that `at_ms` belongs to begins: weeks on Monday, months on their first day."""
        if self is Interval.MONTH_1:
            at = datetime.fromtimestamp(at_ms // SECOND_MS, UTC)
            return _midnight_ms(at.year, at.month)
        offset_ms = _FIRST_MONDAY_MS if self is Interval.WEEK_1 else 0
        length_ms = _LENGTH_MS[self]
        return (at_ms - offset_ms) // length_ms * length_ms + offset_ms

    def next_open_ms(self, open_ms: int) -> int:
        """When the bar after the one that begins at `open_ms` begins."""
        if self is Interval.MONTH_1:
            at = datetime.fromtimestamp(open_ms // SECOND_MS, UTC)
            return _midnight_ms(at.year + at.month // 12, at.month % 12 + 1)
        return open_ms + _LENGTH_MS[self]

    def close_ms(self, open_ms: int) -> int:
        """The last millisecond of the bar."""
        return self.next_open_ms(open_ms) - 1


def _midnight_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * SECOND_MS


_LENGTH_MS = {
    Interval.SECOND_1: SECOND_MS,
    Interval.MINUTE_1: MINUTE_MS,
    Interval.MINUTES_3: 3 * MINUTE_MS,
    Interval.MINUTES_5: 5 * MINUTE_MS,
    Interval.MINUTES_15: 15 * MINUTE_MS,
    Interval.MINUTES_30: 30 * MINUTE_MS,
    Interval.HOUR_1: HOUR_MS,
    Interval.HOURS_2: 2 * HOUR_MS,
    Interval.HOURS_4: 4 * HOUR_MS,
    Interval.HOURS_6: 6 * HOUR_MS,
    Interval.HOURS_8: 8 * HOUR_MS,
    Interval.HOURS_12: 12 * HOUR_MS,
    Interval.DAY_1: DAY_MS,
    Interval.DAYS_3: 3 * DAY_MS,
    Interval.WEEK_1: 7 * DAY_MS,
}
