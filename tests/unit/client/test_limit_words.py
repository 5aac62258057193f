from datetime import UTC, datetime
from typing import Any

import pytest

from breakwater.client.limit_words import (
    Misunderstood,
    parameter_words,
    parse_parameters,
    parse_percents,
    parse_time,
    unit_words,
    value_words,
)
from tests.unit.client.limit_views import limit_of, type_named

NOW = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("+90m", "2026-11-28T13:31:00.000000Z"),
        ("+2h", "2026-11-28T14:01:00.000000Z"),
        ("+3d", "2026-12-01T12:01:00.000000Z"),
        ("2026-12-01", "2026-12-01T00:00:00.000000Z"),
        ("2026-12-01 14:00", "2026-12-01T14:00:00.000000Z"),
        ("2026-12-01T14:00:00+02:00", "2026-12-01T12:00:00.000000Z"),
    ],
)
def test_a_time_is_an_hour_ahead_a_day_or_a_moment_in_utc(told: str, at: str) -> None:
    assert parse_time(told, NOW) == at


@pytest.mark.parametrize("told", ["", "tomorrow", "+2", "2h", "+1y", "2026-13-01", "never", "0001-01-01T00:00+14:00"])
def test_what_is_no_time_says_how_times_are_told(told: str) -> None:
    with pytest.raises(Misunderstood, match="is no time: say"):
        parse_time(told, NOW)


def test_the_same_hours_ahead_within_a_minute_are_the_same_time() -> None:
    assert parse_time("+2h", NOW) == parse_time("+2h", NOW.replace(second=59))


def test_parameters_are_laid_over_those_that_were_there_and_an_empty_one_takes_away() -> None:
    permission = type_named("ORDER_PERMISSION")
    before = {"sides": ["BUY"], "times_in_force": ["GTC"]}
    told = ["sides=", "hours=fri-mon 22:00-04:00"]
    assert parse_parameters(permission, told, before) == {
        "times_in_force": ["GTC"],
        "hours": {"days": ["FRI", "SAT", "SUN", "MON"], "from": "22:00", "until": "04:00"},
    }
    assert before["sides"] == ["BUY"]


@pytest.mark.parametrize(
    ("limit_type", "told", "why"),
    [
        ("MESSAGE_RATE", "window=10", "the parameters of MESSAGE_RATE are window_s=NUMBER"),
        ("MESSAGE_RATE", "window_s", "the parameters of MESSAGE_RATE are window_s=NUMBER"),
        ("MESSAGE_RATE", "window_s=1.5", "window_s is how far it looks back"),
        ("LONG_POSITION", "window_s=10", "the parameters of LONG_POSITION are none"),
        ("ORDER_PERMISSION", "hours=9-5", "are no hours"),
        ("ORDER_PERMISSION", "hours=MON-XYZ 09:00-17:00", "is no day"),
    ],
)
def test_a_parameter_that_makes_no_sense_says_what_would(limit_type: str, told: str, why: str) -> None:
    with pytest.raises(Misunderstood, match=why):
        parse_parameters(type_named(limit_type), [told], {})


@pytest.mark.parametrize(
    "hours", ["MON-FRI 09:00-17:30", "MON,WED 22:00-04:00", "FRI-MON 00:00-12:00", "SUN 01:00-02:00"]
)
def test_hours_are_shown_as_they_were_typed(hours: str) -> None:
    parsed = parse_parameters(type_named("ORDER_PERMISSION"), [f"hours={hours}"], {})
    assert parameter_words(parsed) == f"hours {hours}"


def test_percents_are_numbers_between_commas_or_none() -> None:
    assert parse_percents("70,90%") == [70, 90]
    assert parse_percents("none") == []
    with pytest.raises(Misunderstood, match="are no percents"):
        parse_percents("70,,90")


@pytest.mark.parametrize(
    ("limit_type", "value", "changes", "words"),
    [
        ("LONG_POSITION", "1000.50", {}, "1,000.50 ETH"),
        ("LONG_POSITION", "10", {"instrument": "*"}, "10"),
        ("MESSAGE_RATE", "100", {"parameters": {"window_s": 10}}, "100 messages in 10 s"),
        ("PRICE_COLLAR", "0.1", {}, "10 % of the reference price"),
        ("PRICE_COLLAR", "0.125", {}, "12.5 % of the reference price"),
        ("LEVERAGE", "3", {}, "3 times the equity"),
    ],
)
def test_a_value_is_told_with_what_it_is_in(limit_type: str, value: str, changes: Any, words: str) -> None:
    unit = type_named(limit_type)["unit"]
    limit = limit_of(limit_type, value, **changes)
    assert f"{value_words(value, unit)} {unit_words(limit, unit)}".strip() == words
