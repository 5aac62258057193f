"""Times and cursors, to the last digit."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.times import format_time, from_nanoseconds, nanoseconds
from breakwater.errors import InvalidRequest
from breakwater.services.cursors import decode_cursor, encode_cursor, next_cursor

times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


def test_a_time_is_shown_in_utc_with_six_digits() -> None:
    at = datetime(2026, 3, 2, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(at) == "2026-03-02T12:00:00.000000Z"


@given(times)
def test_nanoseconds_and_back_is_the_same_time(at: datetime) -> None:
    assert from_nanoseconds(nanoseconds(at)) == at


@given(times, st.uuids())
def test_a_cursor_leads_back_to_its_place(at: datetime, row_id: uuid.UUID) -> None:
    assert decode_cursor(encode_cursor((at, row_id))) == (at, row_id)


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "MjAyNi0wMS0wMVQwMDowMDowMC8xMjM=", "../../etc/passwd"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor(cursor)


def test_the_last_page_has_no_cursor_and_a_full_one_has() -> None:
    place = (datetime(2026, 1, 1, tzinfo=UTC), uuid.UUID(int=1))
    assert next_cursor([1, 2], 2, lambda _: place) == ([1, 2], None)
    assert next_cursor([1, 2, 3], 2, lambda _: place) == ([1, 2], encode_cursor(place))
