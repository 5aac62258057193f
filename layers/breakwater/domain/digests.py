"""Which day or week a digest is about, when somebody is to get it, and what it consists of. Pure: time is an argument.

What is summed up is the organisation's day, as its firm's node has it, so that everybody of a firm reads the same
figures; when it is sent goes by the reader's own clock.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from breakwater.domain.permissions import Role

HOUR_DEFAULT = 7
_SECOND = timedelta(seconds=1)


class Period(StrEnum):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"


_DAYS = {Period.DAILY: 1, Period.WEEKLY: 7}
# After an outage these are still sent, and older ones not any more: nobody reads last month's days at once.
_PERIODS_BACK_MAX = {Period.DAILY: 3, Period.WEEKLY: 1}

# Who gets which unless he says otherwise: all but viewers, who may switch them on.
FOLLOWED_BY_DEFAULT: Mapping[str, frozenset[Period]] = {
    role: frozenset() if role is Role.VIEWER else frozenset(Period) for role in Role
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Of an organisation: a day begins at `session_start` of the local clock, as it does for its daily limits."""

    time_zone: str = "UTC"
    session_start: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Span:
    """`begins_at` belongs to it, `ends_at` to the next: the spans of a period leave no gap and share nothing."""

    period: Period
    starts_on: date
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Following:
    """How somebody gets his digests. What ended before `since` is none of his."""

    periods: frozenset[Period]
    hour: int
    time_zone: str
    since: datetime


def first_moment(zone: ZoneInfo, local: datetime) -> datetime:
    """When the clocks there first show `local`, or where they leap over it, the end of the leap. In UTC."""
    earliest = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if earliest.astimezone(zone).replace(tzinfo=None) == local:
        return earliest
    # Within the gap: with the offset of before it is too late, with that of after too early. The leap is between.
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while earliest - before > _SECOND:
        middle = before + timedelta(seconds=(earliest - before) // _SECOND // 2)
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            before = middle
        else:
            earliest = middle
    return earliest


def span_of(period: Period, starts_on: date, calendar: Calendar) -> Span:
    """The day, or the week from Monday, that begins on this date."""
    zone = ZoneInfo(calendar.time_zone)
    begins, ends = (
        first_moment(zone, datetime.combine(day, time()) + calendar.session_start)
        for day in (starts_on, starts_on + timedelta(days=_DAYS[period]))
    )
    return Span(period, starts_on, begins, ends)


def running(period: Period, calendar: Calendar, at: datetime) -> Span:
    """The one that `at` is in."""
    local = at.astimezone(ZoneInfo(calendar.time_zone)).replace(tzinfo=None)
    starts_on = (local - calendar.session_start).date()
    if period is Period.WEEKLY:
        starts_on -= timedelta(days=starts_on.weekday())
    span = span_of(period, starts_on, calendar)
    # Where the clocks go back over the beginning of a day, the day before seems to begin anew.
    return span if at < span.ends_at else span_of(period, starts_on + timedelta(days=_DAYS[period]), calendar)


def before(span: Span, calendar: Calendar) -> Span:
    """The day or week before."""
    return span_of(span.period, span.starts_on - timedelta(days=_DAYS[span.period]), calendar)


def due_at(span: Span, hour: int, time_zone: str) -> datetime:
    """When the reader's clock shows his hour first, once the span has ended."""
    zone = ZoneInfo(time_zone)
    day = span.ends_at.astimezone(zone).date()
    moments = (first_moment(zone, datetime.combine(day + timedelta(days=later), time(hour))) for later in (0, 1))
    return next(moment for moment in moments if moment >= span.ends_at)


def due(
    following: Following, calendar: Calendar, made: Collection[tuple[Period, date]], at: datetime
) -> Iterator[Span]:
    """What is to be made now, the oldest first: each of them is told of until it is among those that are made."""
    for period in sorted(following.periods):
        span, spans = running(period, calendar, at), []
        for _ in range(_PERIODS_BACK_MAX[period]):
            span = before(span, calendar)
            spans.append(span)
        for each in reversed(spans):
            is_his = each.ends_at > following.since and (period, each.starts_on) not in made
            if is_his and due_at(each, following.hour, following.time_zone) <= at:
                yield each


def next_due_at(period: Period, following: Following, calendar: Calendar, at: datetime) -> datetime:
    """When the next digest of this period will be due that is not due yet."""
    span = before(running(period, calendar, at), calendar)
    while (moment := due_at(span, following.hour, following.time_zone)) <= at:
        span = span_of(period, span.starts_on + timedelta(days=_DAYS[period]), calendar)
    return moment


# What a digest consists of. It is stored so, and both its HTML and its text are made of it. -------------------------


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(_Part):
    """`is_notable`: somebody should look at it."""

    name: str
    value: str
    is_notable: bool = False


class Column(_Part):
    name: str
    is_number: bool = False


class Table(_Part):
    """`left_out`: how many more rows there are."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


class Section(_Part):
    """`note` is a sentence about all of it."""

    title: str
    note: str | None = None
    facts: tuple[Fact, ...] = ()
    table: Table | None = None


class Document(_Part):
    """`time_zone` is that of the organisation's day; the times are in it."""

    organisation: str
    username: str
    role: str
    period: Period
    starts_on: date
    begins_at: str
    ends_at: str
    made_at: str
    time_zone: str
    is_over: bool  # A preview of what still runs is not.
    sections: tuple[Section, ...]
