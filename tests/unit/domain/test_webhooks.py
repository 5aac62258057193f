"""What an endpoint hears of, how that is signed and sealed, and when it is tried again."""

import hashlib
import hmac
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.webhook_verdicts import Standing, judge
from breakwater.domain.webhooks import (
    BACK_OFF_MAX_S,
    GIVEN_UP_AFTER,
    Answer,
    NotOpened,
    SealedSecret,
    back_off_s,
    is_pattern,
    matches,
    next_try,
    open_secret,
    seal_secret,
    signature_header,
    wants,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TENANT, ENDPOINT, SECRET_ID, ACCOUNT = (uuid.UUID(int=number) for number in range(4))


@pytest.mark.parametrize(
    ("pattern", "topic", "is_told"),
    [
        ("*", "orders.OrderPlaced.v1", True),
        ("orders.*", "orders.OrderPlaced.v1", True),
        ("orders.OrderPlaced.*", "orders.OrderPlaced.v1", True),
        ("orders.OrderPlaced.v1", "orders.OrderPlaced.v1", True),
        ("orders.OrderPlaced.v1", "orders.OrderPlaced.v10", False),
        ("orders.*", "ordersX.OrderPlaced.v1", False),
        ("orders.Order", "orders.OrderPlaced.v1", False),
        ("trades.*", "orders.OrderPlaced.v1", False),
    ],
)
def test_a_topic_is_told_by_its_name_or_its_beginning(pattern: str, topic: str, is_told: bool) -> None:
    assert matches(topic, ["nothing.*", pattern]) == is_told


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("*", "orders.*", "orders.OrderPlaced.v1", "a")),
        *(
            (text, False)
            for text in ("", "**", "or*", "orders.*.v1", ".orders", "orders.", "or%", "o_", "orders.*\n", "ü")
        ),
    ],
)
def test_a_pattern_is_names_with_dots_and_at_most_a_star_at_its_end(text: str, is_one: bool) -> None:
    assert is_pattern(text) == is_one


def test_an_endpoint_for_some_accounts_hears_of_no_other_and_not_of_the_organisation() -> None:
    assert wants(["*"], None, "orders.OrderPlaced.v1", ACCOUNT)
    assert wants(["*"], None, "users.GroupChanged.v1", None)
    assert wants(["*"], [ACCOUNT], "orders.OrderPlaced.v1", ACCOUNT)
    assert not wants(["*"], [ACCOUNT], "orders.OrderPlaced.v1", TENANT)
    assert not wants(["*"], [ACCOUNT], "users.GroupChanged.v1", None)
    assert not wants(["trades.*"], [ACCOUNT], "orders.OrderPlaced.v1", ACCOUNT)


def test_each_live_secret_signs_time_and_body() -> None:
    expected = [
        hmac.new(secret.encode(), b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
        for secret in ("bwh_new", "bwh_old")
    ]
    header = signature_header(["bwh_new", "bwh_old"], 1_700_000_000, b'{"a":1}')
    assert header == f"t=1700000000,v1={expected[0]},v1={expected[1]}"


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_each_failure_waits_three_times_as_long_within_a_quarter_and_never_for_more_than_five_hours(
    failures: int, jitter: float
) -> None:
    nominal = min(5 * 3 ** min(failures - 1, 20), BACK_OFF_MAX_S)
    assert 0.75 * nominal <= back_off_s(failures, jitter) < 1.25 * nominal + 1e-6
    assert back_off_s(failures, jitter) <= 5 * 3600


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=60, max_size=60))
def test_tries_go_on_for_a_day_and_the_last_is_at_its_end(jitters: list[float]) -> None:
    at, tries = NOW, 1
    for jitter in jitters:
        due = next_try(NOW, tries, jitter, at)
        if due is None:
            break
        assert due > at
        at, tries = due, tries + 1
    assert at == NOW + GIVEN_UP_AFTER
    assert 10 <= tries <= 20


def test_a_secret_opens_at_its_own_place_alone() -> None:
    key, nonce = bytes(32), bytes(12)
    text = seal_secret("bwh_x", key, nonce, tenant_id=TENANT, endpoint_id=ENDPOINT, secret_id=SECRET_ID)
    sealed = SealedSecret(SECRET_ID, ENDPOINT, text, nonce, b"")
    assert open_secret(sealed, key, TENANT) == "bwh_x"
    for tenant, endpoint, secret_id in (
        (ACCOUNT, ENDPOINT, SECRET_ID),
        (TENANT, ACCOUNT, SECRET_ID),
        (TENANT, ENDPOINT, ACCOUNT),
    ):
        with pytest.raises(NotOpened):
            open_secret(SealedSecret(secret_id, endpoint, text, nonce, b""), key, tenant)
    assert "bwh_x" not in repr(sealed)


# verdicts -------------------------------------------------------------------------------------------------------------


def standing(**changes: object) -> Standing:
    told: dict[str, object] = {
        "attempts": 0,
        "first_attempt_at": None,
        "failures": 0,
        "failing_since": None,
        "last_delivered_at": None,
        "is_ping": False,
    }
    return Standing(**told | changes)  # type: ignore[arg-type]


def verdict_of(answer: Answer, is_careful: bool = True, **changes: object):  # type: ignore[no-untyped-def]
    return judge(answer, standing(**changes), at=NOW, jitter=0.5, is_careful=is_careful)


def refused(status: int) -> Answer:
    return Answer("REFUSED", status, 10)


def test_what_is_taken_is_done_and_whoever_takes_it_late_is_slow() -> None:
    assert verdict_of(Answer("DELIVERED", 200, 10)).endpoint == "WELL"
    assert verdict_of(Answer("DELIVERED", 200, 1_001)).endpoint == "SLOW"


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_an_endpoint_that_is_in_trouble_holds_up_all_its_lanes(status: int) -> None:
    verdict = verdict_of(refused(status))
    assert (verdict.state, verdict.endpoint) == ("WAITING", "FAILED")
    assert verdict.retry_at == verdict.lane_due_at == NOW + timedelta(seconds=5)


@pytest.mark.parametrize("outcome", ["TIMED_OUT", "UNREACHABLE", "REDIRECTED", "BAD_ANSWER", "ADDRESS_REFUSED"])
def test_no_answer_that_counts_is_the_endpoints_trouble(outcome: str) -> None:
    assert verdict_of(Answer(outcome, None, 10)).endpoint == "FAILED"  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_an_answer_against_the_event_holds_up_its_own_lane(status: int) -> None:
    verdict = verdict_of(refused(status), attempts=2)
    assert (verdict.state, verdict.endpoint, verdict.retry_at) == ("WAITING", "AS_IT_WAS", None)
    assert verdict.lane_due_at == NOW + timedelta(seconds=45)


def test_the_first_silence_of_one_that_was_quick_only_moves_it() -> None:
    verdict = verdict_of(Answer("TIMED_OUT", None, 3_000), is_careful=False)
    assert (verdict.state, verdict.endpoint, verdict.retry_at) == ("WAITING", "SLOW", None)


YESTERDAY = NOW - timedelta(days=1)
NOT_TAKEN: dict[str, Any] = {"attempts": 12, "first_attempt_at": YESTERDAY}
FAILED_FOR_A_DAY = NOT_TAKEN | {"failures": 12, "failing_since": YESTERDAY}


def test_after_a_day_the_event_is_dead_and_the_endpoint_paused() -> None:
    verdict = verdict_of(refused(500), **FAILED_FOR_A_DAY)
    assert (verdict.state, verdict.pause, verdict.is_given_up) == ("DEAD", "GAVE_UP", False)


def test_an_event_that_has_not_had_its_day_waits_for_the_endpoint_to_be_resumed() -> None:
    verdict = verdict_of(refused(500), **FAILED_FOR_A_DAY | {"first_attempt_at": NOW - timedelta(hours=1)})
    assert (verdict.state, verdict.pause) == ("WAITING", "GAVE_UP")


def test_an_endpoint_that_takes_others_goes_on_without_the_event_it_refuses() -> None:
    verdict = verdict_of(refused(400), **NOT_TAKEN, last_delivered_at=NOW - timedelta(hours=1))
    assert (verdict.state, verdict.pause, verdict.is_given_up) == ("DEAD", None, True)
    # One that has taken nothing in all this time is as good as dead, whatever it says.
    assert verdict_of(refused(401), **NOT_TAKEN, last_delivered_at=YESTERDAY - timedelta(hours=1)).pause == "GAVE_UP"


def test_gone_is_believed_at_once_and_a_ping_is_tried_once() -> None:
    assert (verdict_of(refused(410)).state, verdict_of(refused(410)).pause) == ("WAITING", "GONE")
    ping = verdict_of(refused(500), is_ping=True)
    assert (ping.state, ping.endpoint, ping.pause) == ("DEAD", "AS_IT_WAS", None)
