"""The hours in which a person is not woken: by the clock of his time zone, on the days on which they begin."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from breakwater.errors import InvalidRequest

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)  # Monday is 1, as ISO 8601 has it.


@dataclass(frozen=True, slots=True)
class QuietHours:
    """`until` before `begins`, or the same: on the next day. `days`: on which they begin."""

    time_zone: str
    begins: time
    until: time
    days: tuple[int, ...]

    def end_of_those_at(self, at: datetime) -> datetime | None:
        """When the quiet hours that it falls into end; None when it falls into none.

        The clock decides: a night in which it is put back is an hour longer. A time that the clock leaves out is as
        if it had not been put forward.
        """
        zone = ZoneInfo(self.time_zone)
        today = at.astimezone(zone).date()
        # Those of yesterday may last until today.
        for day in (today, today - timedelta(days=1)):
            if day.isoweekday() not in self.days:
                continue
            last_day = day if self.until > self.begins else day + timedelta(days=1)
            begins = datetime.combine(day, self.begins, zone).astimezone(UTC)
            ends = datetime.combine(last_day, self.until, zone).astimezone(UTC)
            if begins <= at < ends:
                return ends
        return None


def check_time_zone(name: str) -> None:
    """InvalidRequest for one that the time zone database has not."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest("there is no such time zone", field="time_zone") from error
