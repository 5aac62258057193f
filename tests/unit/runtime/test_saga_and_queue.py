"""What leaves a saga step, and which messages of a batch come again."""

import json
import uuid
from typing import Any

import pytest

from breakwater.errors import EngineUnavailable, LimitExceeded
from breakwater.runtime.queue import queue_handler
from breakwater.runtime.saga import saga_handler
from events.envelope import Envelope
from tests.unit.runtime.http_events import LambdaContext

TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")


def run_step(step: Any) -> Any:
    event = {"step": "reserve_limits", "order": {"order_id": "o-1", "correlation_id": "c-1"}}
    return saga_handler({"reserve_limits": step})(event, LambdaContext())


def test_a_step_is_given_its_whole_input_and_its_answer_goes_back() -> None:
    assert run_step(lambda told: {"seen": told["order"]["order_id"]}) == {"seen": "o-1"}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (LimitExceeded("no", refusals=[{"limit": "1"}]), "Rejection"),
        (EngineUnavailable("later"), "Unavailable"),
        (KeyError("bug"), "KeyError"),
    ],
)
def test_step_functions_see_the_two_names_they_match(error: Exception, name: str) -> None:
    def step(told: dict[str, Any]) -> None:
        raise error

    with pytest.raises(Exception, match=r"no|later|bug") as left:
        run_step(step)
    assert type(left.value).__name__ == name


def test_a_rejection_tells_its_code_and_refusals_as_json() -> None:
    def step(told: dict[str, Any]) -> None:
        raise LimitExceeded("no", refusals=[{"limit": "1"}])

    with pytest.raises(Exception, match="LIMIT_EXCEEDED") as left:
        run_step(step)
    assert json.loads(str(left.value)) == {"code": "LIMIT_EXCEEDED", "detail": "no", "refusals": [{"limit": "1"}]}


def envelope(correlation_id: str = "c-1") -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "topic": "orders.OrderPlaced.v1",
        "tenant_id": str(TENANT),
        "account_id": None,
        "aggregate_id": str(uuid.uuid4()),
        "correlation_id": correlation_id,
        "occurred_at_ns": 1,
        "payload": {},
    }


def batch(*messages: tuple[str, str, str], fifo: bool) -> dict[str, Any]:
    """Messages of (id, group, body)."""
    return {
        "Records": [
            {
                "messageId": message_id,
                "receiptHandle": "r",
                "body": body,
                "attributes": {"MessageGroupId": group} if fifo else {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:000000000000:events{'.fifo' if fifo else ''}",
                "awsRegion": "eu-west-1",
            }
            for message_id, group, body in messages
        ]
    }


def consume(event: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The correlation ids processed, of which "fails" fails, and the messages that are to come again."""
    seen: list[str] = []

    def process(told: Envelope) -> None:
        if told.correlation_id == "fails":
            raise EngineUnavailable("later")
        seen.append(told.correlation_id)

    answer = queue_handler(process)(event, LambdaContext())
    return seen, [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_an_account_waits_behind_its_failed_message_and_others_go_on() -> None:
    event = batch(
        ("1", "a", json.dumps(envelope("a1"))),
        ("2", "a", json.dumps(envelope("fails"))),
        ("3", "b", json.dumps(envelope("b1"))),
        ("4", "a", json.dumps(envelope("a2"))),
        ("5", "b", json.dumps(envelope("b2"))),
        fifo=True,
    )
    assert consume(event) == (["a1", "b1", "b2"], ["2", "4"])


def test_on_a_standard_queue_only_the_failed_message_comes_again() -> None:
    event = batch(
        ("1", "", json.dumps({"detail-type": "t", "source": "breakwater", "detail": envelope("fails")})),
        ("2", "", json.dumps({"detail-type": "t", "source": "breakwater", "detail": envelope("second")})),
        fifo=False,
    )
    assert consume(event) == (["second"], ["1"])


@pytest.mark.parametrize(
    "body", ["{", "[]", "7", "null", "{}", '{"detail-type": "t"}', json.dumps(envelope() | {"new": 1})]
)
def test_a_message_that_is_no_envelope_fails_alone(body: str) -> None:
    event = batch(("1", "", body), ("2", "", json.dumps(envelope("good"))), fifo=False)
    assert consume(event) == (["good"], ["1"])


def test_a_batch_that_fails_whole_is_told_message_by_message() -> None:
    event = batch(("1", "a", "{"), ("2", "b", "{"), fifo=True)
    assert consume(event) == ([], ["1", "2"])
