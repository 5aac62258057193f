"""When a metric has crossed what a rule says, and when it is back: the rows of the tables are values in their turn."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from breakwater.domain.metric_rules import (
    SAMPLES_MAX,
    Band,
    Crossing,
    MetricRule,
    SeriesState,
    Threshold,
    evaluate,
    labels_of,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY_S = 5
ABOVE_10 = Threshold("ABOVE", Decimal(10), Decimal(8))
BELOW_10 = Threshold("BELOW", Decimal(10), Decimal(12))


def rule(condition: Threshold | Band, for_s: int = 0) -> MetricRule:
    return MetricRule(uuid.uuid4(), "rule", "queue_waiting", (), condition, for_s, "WARNING", "SYSTEM")


def follow(asked: MetricRule, values: Sequence[str | None], every_s: int = EVERY_S) -> list[str]:
    """What is told after each value: "crossed", "cleared", or nothing. None: no value is had."""
    told = []
    state = SeriesState()
    for index, value in enumerate(values):
        if value is None:
            told.append("")
            continue
        state, crossing = evaluate(asked, state, Decimal(value), NOW + timedelta(seconds=index * every_s))
        told.append("" if crossing is None else crossing.state.lower())
    return told


@pytest.mark.parametrize(
    ("condition", "for_s", "values", "told"),
    [
        (ABOVE_10, 0, ["9", "10", "10.01"], ["", "", "crossed"]),  # At the bound is not past it.
        (ABOVE_10, 0, ["11", "12", "13"], ["crossed", "", ""]),  # Told once.
        (ABOVE_10, 0, ["11", "9", "8.01", "8"], ["crossed", "", "", "cleared"]),  # Back only at the other bound.
        (ABOVE_10, 0, ["11", "9", "11", "9"], ["crossed", "", "", ""]),  # Around the bound nothing is told.
        (ABOVE_10, 0, ["11", "8", "11"], ["crossed", "cleared", "crossed"]),
        (ABOVE_10, 10, ["11", "11", "11"], ["", "", "crossed"]),  # For so long.
        (ABOVE_10, 10, ["11", "11", "9", "11", "11"], ["", "", "", "", ""]),  # It did not last.
        (ABOVE_10, 10, ["11", "11", "11", "7", "7", "7"], ["", "", "crossed", "", "", "cleared"]),
        (BELOW_10, 0, ["11", "10", "9.99", "11", "12"], ["", "", "crossed", "", "cleared"]),
        (BELOW_10, 0, ["-1", "-2"], ["crossed", ""]),
        (ABOVE_10, 0, ["NaN", "11", "NaN", "Infinity", "7"], ["", "crossed", "", "", "cleared"]),
        (ABOVE_10, 0, [None, "11", None, "7"], ["", "crossed", "", "cleared"]),
        (ABOVE_10, 10, ["11", "NaN", "11"], ["", "", "crossed"]),  # A moment without a value breaks nothing.
    ],
)
def test_a_threshold_is_crossed_and_cleared(
    condition: Threshold, for_s: int, values: list[str | None], told: list[str]
) -> None:
    assert follow(rule(condition, for_s), values) == told


def test_after_a_long_silence_a_value_has_not_lasted() -> None:
    asked = rule(ABOVE_10, for_s=30)
    assert follow(asked, ["11", "11"], every_s=300) == ["", ""]
    assert follow(asked, ["11", "11"], every_s=50) == ["", "crossed"]


def test_what_was_crossed_stays_so_while_nothing_is_heard_and_says_since_when() -> None:
    asked = rule(ABOVE_10, for_s=10)
    state = SeriesState()
    for seconds in (0, 5):
        state, crossing = evaluate(asked, state, Decimal(11), NOW + timedelta(seconds=seconds))
        assert crossing is None
    state, crossing = evaluate(asked, state, Decimal(12), NOW + timedelta(seconds=10))
    assert crossing == Crossing("CROSSED", Decimal(12), Decimal(10), NOW)
    state, crossing = evaluate(asked, state, Decimal(12), NOW + timedelta(hours=5))
    assert (state.state, state.since, crossing) == ("CROSSED", NOW, None)


BAND = Band("BOTH", Decimal(3), window_s=600, samples_min=10)
WAVE = ["100", "102", "98", "101", "99"] * 4  # Mean 100, deviation 1.41: usual is 95.76 to 104.24.


@pytest.mark.parametrize(
    ("condition", "values", "told"),
    [
        (BAND, [*WAVE, "104"], ""),
        (BAND, [*WAVE, "105"], "crossed"),
        (BAND, [*WAVE, "95"], "crossed"),
        (Band("ABOVE", Decimal(3), 600, 10), [*WAVE, "95"], ""),
        (Band("BELOW", Decimal(3), 600, 10), [*WAVE, "105"], ""),
        (Band("BELOW", Decimal(3), 600, 10), [*WAVE, "95"], "crossed"),
        (BAND, ["100", "102", "98"] * 3 + ["500"], ""),  # Nine samples are too few.
        (BAND, ["7"] * 30 + ["500"], ""),  # It never moved: how far it usually strays is not known.
        (BAND, ["0"] * 30 + ["1"], ""),
        (Band("BOTH", Decimal(3), 600, 10, deviation_min=Decimal(5)), ["7"] * 30 + ["21"], ""),
        (Band("BOTH", Decimal(3), 600, 10, deviation_min=Decimal(5)), ["7"] * 30 + ["23"], "crossed"),
        (BAND, [*WAVE, "NaN"], ""),
        (BAND, [*WAVE, "NaN", "105"], "crossed"),
        (BAND, ["0.1"] * 30 + ["0.1000000000000001"], ""),  # What floats make of it is no deviation.
    ],
)
def test_a_band_is_what_is_usual(condition: Band, values: list[str], told: str) -> None:
    assert follow(rule(condition), list(values))[-1] == told


def test_a_band_is_made_of_what_came_before_and_says_its_nearer_edge() -> None:
    state = SeriesState()
    for index, value in enumerate(WAVE):
        state, _ = evaluate(rule(BAND), state, Decimal(value), NOW + timedelta(seconds=index * EVERY_S))
    at = NOW + timedelta(seconds=len(WAVE) * EVERY_S)
    _, high = evaluate(rule(BAND), state, Decimal(1000), at)
    _, low = evaluate(rule(BAND), state, Decimal(0), at)
    assert high is not None
    assert low is not None
    assert (high.bound, low.bound) == (Decimal("104.243"), Decimal("95.7574"))


def test_a_level_that_stays_is_what_is_usual_after_a_while() -> None:
    told = follow(rule(BAND), WAVE + ["110", "111", "109", "110", "112"] * 30)
    assert [each for each in told if each] == ["crossed", "cleared"]


def test_samples_older_than_the_window_do_not_count() -> None:
    told = follow(rule(BAND), [*WAVE, *[None] * 200, "105"])
    assert told[-1] == ""


def test_of_a_long_window_few_samples_are_kept_and_of_a_threshold_none() -> None:
    day = Band("BOTH", Decimal(3), window_s=24 * 3600, samples_min=10)
    state = SeriesState()
    for index in range(24 * 360):  # One in ten seconds.
        state, _ = evaluate(rule(day), state, Decimal(index % 7), NOW + timedelta(seconds=index * 10))
    assert 200 <= len(state.samples) <= SAMPLES_MAX
    assert state.samples[-1].at - state.samples[0].at > timedelta(hours=23)
    state, _ = evaluate(rule(ABOVE_10), SeriesState(), Decimal(3), NOW)
    assert state.samples == ()


def test_money_is_held_against_its_bound_to_the_last_digit() -> None:
    bound = Decimal("-100000000000000000.000000000000000001")
    asked = rule(Threshold("BELOW", bound, bound))
    assert evaluate(asked, SeriesState(), bound, NOW)[1] is None
    assert evaluate(asked, SeriesState(), Decimal("-100000000000000000.000000000000000002"), NOW)[1] is not None


@pytest.mark.parametrize(
    ("wanted", "labels", "concerns"),
    [
        ({}, {"queue": "alerts"}, True),
        ({"queue": "alerts"}, {"queue": "alerts"}, True),
        ({"queue": "alerts"}, {"queue": "alerts", "kind": "x"}, True),
        ({"queue": "alerts"}, {"queue": "other"}, False),
        ({"queue": "alerts"}, {}, False),
    ],
)
def test_a_rule_looks_at_every_series_that_has_its_labels(
    wanted: dict[str, str], labels: dict[str, str], concerns: bool
) -> None:
    asked = MetricRule(uuid.uuid4(), "rule", "m", labels_of(wanted), ABOVE_10, 0, "INFO", "SYSTEM")
    assert asked.concerns(labels_of(labels)) is concerns
