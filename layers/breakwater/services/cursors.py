"""Opaque cursors of lists that go from the newest to the oldest."""

import base64
import binascii
import uuid
from collections.abc import Callable
from datetime import datetime

from breakwater.domain.times import format_time
from breakwater.errors import InvalidRequest

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

Place = tuple[datetime, uuid.UUID]  # Where a page ended: the time and the id of its last row.


def encode_cursor(place: Place) -> str:
    at, row_id = place
    return base64.urlsafe_b64encode(f"{format_time(at)}/{row_id}".encode()).decode()


def decode_cursor(cursor: str | None) -> Place | None:
    """InvalidRequest for a cursor that was not given out by us."""
    if cursor is None:
        return None
    try:
        at, row_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split("/")
        return _utc(at), uuid.UUID(row_id)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("this cursor was not given out by us", field="cursor") from error


def next_cursor[Row](rows: list[Row], limit: int, place_of: Callable[[Row], Place]) -> tuple[list[Row], str | None]:
    """The page and the cursor behind it. `rows` were asked for with one more than `limit`, to see if there is more."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(place_of(rows[limit - 1]))


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at
