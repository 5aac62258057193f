"""Times: RFC 3339 in UTC with microseconds outside, integer nanoseconds in events."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(at: datetime) -> str:
    """2026-01-02T03:04:05.000006Z, always with its six digits."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def nanoseconds(at: datetime) -> int:
    """Since 1970, in integers all the way: a float of this size has lost its microseconds."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def from_nanoseconds(at_ns: int) -> datetime:
    """Rounded down to the microsecond, the finest a datetime has."""
    return _EPOCH + timedelta(microseconds=at_ns // 1000)


_RFC_3339 = WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-02T03:04:05.000006Z"]})
Timestamp = Annotated[datetime, PlainSerializer(format_time, return_type=str), _RFC_3339]
TimeText = Annotated[str, _RFC_3339]  # One that is a text already.
