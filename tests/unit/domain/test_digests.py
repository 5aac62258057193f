"""Days, weeks and hours of digests where clocks are moved: each day once, whole, and told at the reader's hour."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakwater.domain.digests import (
    FOLLOWED_BY_DEFAULT,
    Calendar,
    Following,
    Period,
    before,
    due,
    due_at,
    first_moment,
    next_due_at,
    running,
    span_of,
)
from breakwater.domain.permissions import Role

BERLIN, NEW_YORK, LORD_HOWE, KOLKATA = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"
BEIRUT = "Asia/Beirut"  # Its clocks leap over midnight itself.
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, BEIRUT, "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "UTC")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(hour: int = 7, zone: str = BERLIN, *periods: Period, since: datetime = LONG_AGO) -> Following:
    return Following(frozenset(periods or Period), hour, zone, since)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        (BERLIN, date(2026, 3, 28), "2026-03-27T23:00", 24),
        (BERLIN, date(2026, 3, 29), "2026-03-28T23:00", 23),
        (BERLIN, date(2026, 10, 25), "2026-10-24T22:00", 25),
        (NEW_YORK, date(2026, 3, 8), "2026-03-08T05:00", 23),
        (NEW_YORK, date(2026, 11, 1), "2026-11-01T04:00", 25),
        (LORD_HOWE, date(2026, 4, 5), "2026-04-04T13:00", 24.5),  # Its clocks move by half an hour.
        (LORD_HOWE, date(2026, 10, 4), "2026-10-03T13:30", 23.5),
        (KOLKATA, date(2026, 3, 29), "2026-03-28T18:30", 24),
        (BEIRUT, date(2026, 3, 29), "2026-03-28T22:00", 23),  # Begins at one o'clock: there is no midnight.
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone: str, day: date, begins: str, hours: float) -> None:
    span = span_of(Period.DAILY, day, Calendar(zone))
    assert span.begins_at == utc(begins)
    assert span.ends_at - span.begins_at == timedelta(hours=hours)


def test_the_week_of_a_change_is_an_hour_shorter_or_longer() -> None:
    spring = span_of(Period.WEEKLY, date(2026, 3, 23), Calendar(BERLIN))
    autumn = span_of(Period.WEEKLY, date(2026, 10, 19), Calendar(BERLIN))
    assert spring.ends_at - spring.begins_at == timedelta(days=7, hours=-1)
    assert autumn.ends_at - autumn.begins_at == timedelta(days=7, hours=1)


def test_a_day_begins_where_the_firm_s_session_does() -> None:
    calendar = Calendar(NEW_YORK, timedelta(hours=17))
    span = span_of(Period.DAILY, date(2026, 1, 5), calendar)
    assert (span.begins_at, span.ends_at) == (utc("2026-01-05T22:00"), utc("2026-01-06T22:00"))
    assert running(Period.DAILY, calendar, utc("2026-01-06T21:59")) == span
    assert running(Period.DAILY, calendar, utc("2026-01-06T22:00")).starts_on == date(2026, 1, 6)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("session_start", [timedelta(0), timedelta(hours=2, minutes=30)])
def test_the_days_of_a_year_follow_each_other_without_gap_and_each_moment_is_in_one(
    zone: str, session_start: timedelta
) -> None:
    calendar = Calendar(zone, session_start)
    days = [span_of(Period.DAILY, date(2026, 1, 1) + timedelta(days=n), calendar) for n in range(366)]
    assert all(earlier.ends_at == later.begins_at for earlier, later in pairwise(days))
    for day in days:
        for moment in (day.begins_at, day.begins_at + timedelta(hours=1), day.ends_at - timedelta(seconds=1)):
            assert running(Period.DAILY, calendar, moment) == day
    assert before(days[100], calendar) == days[99]


@pytest.mark.parametrize(
    ("zone", "day", "hour", "expected"),
    [
        (BERLIN, date(2026, 3, 28), 2, "2026-03-29T01:00"),  # Two o'clock does not come: at three.
        (BERLIN, date(2026, 10, 24), 2, "2026-10-25T00:00"),  # It comes twice: at the first.
        (NEW_YORK, date(2026, 3, 7), 2, "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 10, 31), 1, "2026-11-01T05:00"),
        (LORD_HOWE, date(2026, 10, 3), 2, "2026-10-03T15:30"),  # From two to half past: at half past.
        (LORD_HOWE, date(2026, 4, 4), 1, "2026-04-04T14:00"),
        (KOLKATA, date(2026, 3, 29), 7, "2026-03-30T01:30"),
        (BEIRUT, date(2026, 3, 28), 0, "2026-03-28T22:00"),
    ],
)
def test_an_hour_that_does_not_come_or_comes_twice_is_one_moment(
    zone: str, day: date, hour: int, expected: str
) -> None:
    assert due_at(span_of(Period.DAILY, day, Calendar(zone)), hour, zone) == utc(expected)


def test_a_reader_elsewhere_is_told_at_his_own_hour_after_the_firm_s_day_has_ended() -> None:
    span = span_of(Period.DAILY, date(2026, 6, 1), Calendar(NEW_YORK))  # Ends at 04:00 of the 2nd in UTC.
    assert due_at(span, 7, NEW_YORK) == utc("2026-06-02T11:00")
    assert due_at(span, 7, BERLIN) == utc("2026-06-02T05:00")
    assert due_at(span, 5, BERLIN) == utc("2026-06-03T03:00")  # Five is over there when the day ends.
    assert due_at(span, 7, LORD_HOWE) == utc("2026-06-02T20:30")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 2])
@pytest.mark.parametrize(("first", "days"), [(date(2026, 3, 5), 35), (date(2026, 10, 1), 36)])
def test_each_day_is_told_exactly_once_whatever_the_clocks_do(zone: str, hour: int, first: date, days: int) -> None:
    calendar, reader, every = Calendar(zone), following(hour, zone, Period.DAILY), timedelta(minutes=30)
    begin = datetime.combine(first, time(), UTC)
    told = [(Period.DAILY, first - timedelta(days=n)) for n in range(2, 5)]
    fresh = len(told)
    for tick in range(days * 48):
        at = begin + tick * every
        for span in due(reader, calendar, told, at):
            assert tick == 0 or at - due_at(span, hour, zone) < every
            told.append((span.period, span.starts_on))
    new = [day for _, day in told[fresh:]]
    assert new == [new[0] + timedelta(days=n) for n in range(len(new))]
    assert len(new) >= days - 1


@example("Pacific/Auckland", "Europe/Berlin", 12, 292, Period.DAILY)
@given(st.sampled_from(ZONES), st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 800), st.sampled_from(Period))
def test_each_span_is_due_once_after_its_end_and_within_a_day_of_it(
    firm: str, reader: str, hour: int, number: int, period: Period
) -> None:
    calendar = Calendar(firm)
    days = number if period is Period.DAILY else number * 7
    first = span_of(period, date(2026, 1, 5) + timedelta(days=days), calendar)
    second = span_of(period, first.starts_on + timedelta(days=1 if period is Period.DAILY else 7), calendar)
    assert first.ends_at <= due_at(first, hour, reader) <= first.ends_at + timedelta(hours=26)
    # The same where a span ends at the reader's hour on a day that his clock makes longer: he gets both, in order.
    assert due_at(first, hour, reader) <= due_at(second, hour, reader)
    shown = due_at(first, hour, reader).astimezone(ZoneInfo(reader))
    assert shown.time().replace(minute=0) in (time(hour), time((hour + 1) % 24))


@given(st.sampled_from(ZONES), st.integers(0, 2 * 365 * 86_400))
def test_the_first_moment_is_the_earliest_at_which_the_clock_shows_as_much(zone: str, second: int) -> None:
    local = datetime.fromisoformat("2026-01-01") + timedelta(seconds=second)
    moment = first_moment(ZoneInfo(zone), local)

    def shown(at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    assert shown(moment) >= local
    assert shown(moment - timedelta(seconds=1)) < local


def test_what_was_missed_is_made_up_for_but_not_for_ever() -> None:
    calendar, at = Calendar(BERLIN), utc("2026-06-10T12:00")
    spans = list(due(following(), calendar, [], at))
    assert [(span.period, span.starts_on.isoformat()) for span in spans] == [
        (Period.DAILY, "2026-06-07"),
        (Period.DAILY, "2026-06-08"),
        (Period.DAILY, "2026-06-09"),
        (Period.WEEKLY, "2026-06-01"),
    ]
    made = [(span.period, span.starts_on) for span in spans]
    assert list(due(following(), calendar, made, at)) == []
    assert list(due(following(since=utc("2026-06-09T21:59")), calendar, [], at)) == [spans[2]]
    assert list(due(following(since=utc("2026-06-09T22:00")), calendar, [], at)) == []


def test_nothing_is_due_before_its_hour_and_nothing_of_what_is_switched_off() -> None:
    calendar, made = Calendar(BERLIN), [(Period.DAILY, date(2026, 6, day)) for day in (6, 7, 8)]
    daily = following(7, BERLIN, Period.DAILY)
    assert list(due(daily, calendar, made, utc("2026-06-10T04:59"))) == []
    assert [span.starts_on.day for span in due(daily, calendar, made, utc("2026-06-10T05:00"))] == [9]
    assert list(due(Following(frozenset(), 7, BERLIN, LONG_AGO), calendar, [], utc("2026-06-10T12:00"))) == []


def test_the_next_one_is_told_of_beforehand() -> None:
    reader, calendar = following(), Calendar(BERLIN)
    assert next_due_at(Period.DAILY, reader, calendar, utc("2026-06-10T04:59")) == utc("2026-06-10T05:00")
    assert next_due_at(Period.DAILY, reader, calendar, utc("2026-06-10T05:00")) == utc("2026-06-11T05:00")
    assert next_due_at(Period.WEEKLY, reader, calendar, utc("2026-06-10T05:00")) == utc("2026-06-15T05:00")


def test_every_role_follows_something_but_who_only_looks() -> None:
    assert FOLLOWED_BY_DEFAULT.keys() == set(Role)
    assert {role for role, periods in FOLLOWED_BY_DEFAULT.items() if not periods} == {Role.VIEWER}
