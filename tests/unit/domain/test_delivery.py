"""When a message is tried again, and how far behind its consumer is said to be."""

from datetime import UTC, datetime, timedelta

import pytest

from breakwater.domain.dead_letters import ERROR_LENGTH_MAX, Failure
from breakwater.domain.delivery import Progress, RetrySchedule, dead_letters_of, lag_s, queue_url

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_five_tries_in_more_than_twenty_minutes_and_then_it_is_dead() -> None:
    waits = [RetrySchedule().wait_s(receives) for receives in range(1, 7)]
    assert waits == [30, 60, 300, 900, None, None]


@pytest.mark.parametrize("told", ["", "soon", "1,,2"])
def test_what_is_no_schedule_is_noticed(told: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        RetrySchedule.parse(told)


@pytest.mark.parametrize(
    ("progress", "is_any_waiting", "lag"),
    [
        (Progress(), True, 0),  # Nothing is known of it yet.
        (Progress(taken_to=ago(500)), False, 0),
        (Progress(taken_to=ago(500)), True, 500),
        (Progress(taken_to=ago(500), empty_at=ago(40)), True, 40),  # What waits came after nothing did.
        (Progress(taken_to=ago(20), empty_at=ago(40)), True, 20),
        (Progress(ago(1), failing_since=ago(300), failing_until=NOW + timedelta(seconds=1)), False, 300),
        (Progress(ago(1), failing_since=ago(300), failing_until=ago(1)), False, 0),  # It was not seen to fail again.
    ],
)
def test_a_lag_is_the_age_of_the_oldest_that_is_not_done(progress: Progress, is_any_waiting: bool, lag: float) -> None:
    assert lag_s(progress, is_any_waiting=is_any_waiting, at=NOW) == lag


def test_a_dead_letter_queue_is_of_its_queues_kind() -> None:
    assert dead_letters_of("alerts") == "alerts-dead-letters"
    assert dead_letters_of("trade-events.fifo") == "trade-events-dead-letters.fifo"
    assert queue_url("arn:aws:sqs:eu-west-1:1:alerts") == "https://sqs.eu-west-1.amazonaws.com/1/alerts"


def test_a_failure_is_kept_on_one_line_that_is_not_long_and_read_again() -> None:
    failure = Failure.of(ValueError("a\nb" + "x" * 9999), 5, NOW).of_message("m", "g", None)
    assert Failure.parse(failure.text()) == failure
    assert (failure.error[:3], len(failure.error)) == ("a b", ERROR_LENGTH_MAX)
    with pytest.raises(ValueError, match="no failure of ours"):
        Failure.parse("{}")
