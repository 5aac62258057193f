"""The severity matrix, written out a second time by hand, and the times and words around it."""

from pathlib import Path

import pytest

from breakwater.domain.alerting import CHANNELS_AT_ONCE, SEVERITIES, Severity
from breakwater.domain.escalation import (
    MATRIX,
    STAGES,
    Step,
    Waits,
    at_least,
    introduction,
    is_last,
    matrix_table,
    no_worse_than,
    step_of,
)
from breakwater.errors import InvalidRequest

PAGE = Path(__file__).parents[3] / "docs" / "escalation.md"
SOCKETS = {"WEBSOCKET", "WEBHOOK"}
BY_HAND = {
    "INFO": (SOCKETS, None, None),
    "WARNING": (SOCKETS | {"EMAIL", "PUSH"}, ("again", set(), {"SLACK"}), None),
    "ERROR": (
        SOCKETS | {"EMAIL", "PUSH", "SLACK", "TELEGRAM"},
        ("", {"MANAGER"}, {"EMAIL", "PUSH", "SLACK", "TELEGRAM"}),
        ("again", {"MANAGER", "ON_CALL"}, {"SMS"}),
    ),
    "CRITICAL": (
        SOCKETS | {"EMAIL", "PUSH", "SLACK", "TELEGRAM", "SMS"},
        ("", {"EXECUTIVE"}, {"EMAIL", "PUSH", "SLACK", "TELEGRAM", "SMS"}),
        ("call", {"ON_CALL", "MANAGER", "EXECUTIVE"}, {"SMS", "TELEGRAM", "EMAIL", "PUSH"}),
    ),
}


def in_words(step: Step | None) -> object:
    if step is None:
        return None
    how = "again" if step.tells_again else "call" if step.calls else ""
    return how, set(step.audiences), set(step.channels)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_cell_of_the_matrix_is_as_it_was_decided(severity: Severity) -> None:
    assert severity in CHANNELS_AT_ONCE
    cells = (set(CHANNELS_AT_ONCE[severity]), *(in_words(step_of(severity, stage)) for stage in STAGES))
    assert cells == BY_HAND[severity]


def test_nothing_stands_in_the_matrix_outside_of_its_stages() -> None:
    assert {step.stage for steps in MATRIX.values() for step in steps} == set(STAGES)
    assert [is_last(severity, 15) for severity in SEVERITIES] == [True, True, False, False]
    assert all(is_last(severity, 30) for severity in SEVERITIES)


def test_the_page_shows_the_matrix_as_it_is() -> None:
    assert matrix_table() in PAGE.read_text()


def test_worse_and_milder_meet_at_the_severity_itself() -> None:
    assert no_worse_than("WARNING") == ["INFO", "WARNING"]
    assert at_least("WARNING") == ["WARNING", "ERROR", "CRITICAL"]


def test_the_second_wait_goes_on_where_the_first_one_ends() -> None:
    assert Waits().one_after_the_other == (900, 900)
    assert Waits(2, 5).one_after_the_other == (2, 3)
    assert [Waits(2, 5).seconds_to(stage) for stage in STAGES] == [2, 5]


@pytest.mark.parametrize(("first_s", "second_s"), [(0, 10), (10, 10), (20, 10), (10, 14_401), (-1, 5)])
def test_waits_out_of_their_bounds_are_refused(first_s: int, second_s: int) -> None:
    with pytest.raises(InvalidRequest):
        Waits(first_s, second_s)


def test_a_message_says_how_long_nobody_answered_and_where_people_meet() -> None:
    manager, call = (step_of("CRITICAL", stage) for stage in STAGES)
    assert manager is not None
    assert call is not None
    anna = [("anna", "+4915112345678"), ("ben", "+4915187654321")]
    assert introduction(manager, Waits(), None, anna) == "nobody has acknowledged this for 15 minutes"
    assert introduction(manager, Waits(3, 6), None, []) == "nobody has acknowledged this for 3 seconds"
    waited = "INCIDENT CALL, nobody has acknowledged this for 30 minutes"
    assert introduction(call, Waits(), "https://meet.example.com/now", anna) == (
        f"{waited}: join https://meet.example.com/now now"
    )
    assert introduction(call, Waits(), None, anna) == f"{waited}: call anna at +4915112345678 now"
    assert introduction(call, Waits(), None, []).startswith(f"{waited}: there is no incident bridge")
