"""Quiet hours by the clock on the wall, also in the nights in which it is changed."""

from datetime import UTC, datetime, time, timedelta

import pytest

from breakwater.domain.quiet_hours import EVERY_DAY, QuietHours, check_time_zone
from breakwater.errors import InvalidRequest

NIGHTS = QuietHours("Europe/Berlin", time(22), time(7), EVERY_DAY)
MONDAYS = QuietHours("America/New_York", time(9), time(17), (1,))


@pytest.mark.parametrize(
    ("hours", "at", "ends"),
    [
        (NIGHTS, "2026-11-30T20:59:59Z", None),
        (NIGHTS, "2026-11-30T21:00:00Z", "2026-12-01T06:00:00Z"),
        (NIGHTS, "2026-12-01T05:59:59Z", "2026-12-01T06:00:00Z"),
        (NIGHTS, "2026-12-01T06:00:00Z", None),
        (NIGHTS, "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"),  # The clock is put forward: an hour less.
        (NIGHTS, "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"),  # And back: an hour more.
        (MONDAYS, "2026-11-30T15:00:00Z", "2026-11-30T22:00:00Z"),
        (MONDAYS, "2026-12-01T15:00:00Z", None),
        (QuietHours("UTC", time(22), time(7), (7,)), "2026-11-30T03:00:00Z", "2026-11-30T07:00:00Z"),  # Since Sunday.
        (QuietHours("UTC", time(0), time(0), (1,)), "2026-11-30T23:59:00Z", "2026-12-01T00:00:00Z"),  # All day.
    ],
)
def test_they_end_when_the_clock_says_so(hours: QuietHours, at: str, ends: str | None) -> None:
    end = hours.end_of_those_at(datetime.fromisoformat(at))
    assert end == (None if ends is None else datetime.fromisoformat(ends))


def test_their_end_is_never_within_them() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(365 * 24):
        if (end := NIGHTS.end_of_those_at(at)) is not None:
            assert end > at
            assert NIGHTS.end_of_those_at(end) is None
        at += timedelta(hours=1)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../../etc/passwd", "/etc/passwd", "", "Europe"])
def test_a_time_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_time_zone(name)
