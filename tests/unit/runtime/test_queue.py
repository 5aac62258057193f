"""Which messages of a batch come again, when, and which are put aside."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from breakwater.domain.delivery import Progress
from breakwater.errors import EngineUnavailable
from breakwater.runtime import queue
from breakwater.runtime.queue import queue_handler
from events.envelope import Envelope
from tests.unit.runtime.http_events import LambdaContext

TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")
SENT_AT = datetime(2026, 11, 1, tzinfo=UTC)
QUEUES = "https://sqs.eu-west-1.amazonaws.com/000000000000"


@dataclass
class Queues:
    """An sqs client that notes what it is told."""

    waits: dict[str, int] = field(default_factory=dict)  # By receipt handle.
    sent: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.waits |= {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in Entries}
        return {"Successful": Entries}

    def send_message(self, **message: Any) -> None:
        if self.refuses:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")
        self.sent.append(message)


@dataclass
class Noted:
    progress: Progress = field(default_factory=Progress)
    recovered_at: datetime | None = None

    def note(self, name: str, progress: Progress, recovered_at: datetime | None) -> None:
        self.progress, self.recovered_at = progress, recovered_at


@pytest.fixture(autouse=True)
def sqs(monkeypatch: pytest.MonkeyPatch) -> Queues:
    found = Queues()
    monkeypatch.setattr(queue, "client", lambda service: found)
    return found


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    found = Noted()
    monkeypatch.setattr(queue, "note", found.note)
    return found


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


def batch(*messages: tuple[str, str, str], fifo: bool, receives: int = 1) -> dict[str, Any]:
    """Messages of (id, group, body)."""

    def group_of(group: str) -> dict[str, str]:
        return {"MessageGroupId": group, "MessageDeduplicationId": "d"} if fifo else {}

    sent_at = str(int(SENT_AT.timestamp() * 1000))
    return {
        "Records": [
            {
                "messageId": message_id,
                "receiptHandle": f"receipt of {message_id}",
                "body": body,
                "attributes": group_of(group) | {"ApproximateReceiveCount": str(receives), "SentTimestamp": sent_at},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:000000000000:events{'.fifo' if fifo else ''}",
                "awsRegion": "eu-west-1",
            }
            for message_id, group, body in messages
        ]
    }


def consume(event: dict[str, Any], context: Any = None, **handling: Any) -> tuple[list[str], list[str]]:
    """The correlation ids processed, of which "fails" fails, and the messages that are to come again."""
    seen: list[str] = []

    def process(told: Envelope) -> None:
        if told.correlation_id == "fails":
            raise EngineUnavailable("later")
        seen.append(told.correlation_id)

    answer = queue_handler(process, **handling)(event, context or LambdaContext())
    return seen, [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_an_account_waits_behind_its_failed_message_and_others_go_on(sqs: Queues) -> None:
    event = batch(
        ("1", "a", json.dumps(envelope("a1"))),
        ("2", "a", json.dumps(envelope("fails"))),
        ("3", "b", json.dumps(envelope("b1"))),
        ("4", "a", json.dumps(envelope("a2"))),
        ("5", "b", json.dumps(envelope("b2"))),
        fifo=True,
    )
    assert consume(event) == (["a1", "b1", "b2"], ["2", "4"])
    assert sqs.waits == {"receipt of 2": 30, "receipt of 4": 30}  # The group comes back together.


def test_on_a_standard_queue_only_the_failed_message_comes_again(sqs: Queues) -> None:
    event = batch(
        ("1", "", json.dumps({"detail-type": "t", "source": "breakwater", "detail": envelope("fails")})),
        ("2", "", json.dumps({"detail-type": "t", "source": "breakwater", "detail": envelope("second")})),
        fifo=False,
    )
    assert consume(event) == (["second"], ["1"])
    assert sqs.waits == {"receipt of 1": 30}


@pytest.mark.parametrize(("receives", "wait_s"), [(1, 30), (2, 60), (3, 300), (4, 900)])
def test_it_waits_longer_after_each_failure(sqs: Queues, receives: int, wait_s: int) -> None:
    assert consume(batch(("1", "", json.dumps(envelope("fails"))), fifo=False, receives=receives)) == ([], ["1"])
    assert (sqs.waits, sqs.sent) == ({"receipt of 1": wait_s}, [])


def test_after_the_last_failure_it_is_a_dead_letter_that_says_why_and_its_group_goes_on(sqs: Queues) -> None:
    event = batch(
        ("1", "a", json.dumps(envelope("fails"))), ("2", "a", json.dumps(envelope("behind"))), fifo=True, receives=5
    )
    assert consume(event) == (["behind"], [])
    (letter,) = sqs.sent
    assert letter["QueueUrl"] == f"{QUEUES}/events-dead-letters.fifo"
    assert json.loads(letter["MessageBody"])["correlation_id"] == "fails"
    assert letter["MessageGroupId"] == letter["MessageDeduplicationId"] == "1"
    told = json.loads(letter["MessageAttributes"]["failure"]["StringValue"])
    assert told.pop("failed_at")
    assert told == {
        "error_type": "EngineUnavailable",
        "error": "later",
        "receives": 5,
        "message_id": "1",
        "group_id": "a",
        "deduplication_id": "d",
    }


def test_a_dead_letter_that_cannot_be_put_aside_stays_and_its_group_behind_it(sqs: Queues) -> None:
    sqs.refuses = True
    event = batch(
        ("1", "a", json.dumps(envelope("fails"))), ("2", "a", json.dumps(envelope("behind"))), fifo=True, receives=5
    )
    assert consume(event) == ([], ["1", "2"])
    assert sqs.waits == {"receipt of 1": 900, "receipt of 2": 900}


@pytest.mark.parametrize(
    "body", ["{", "[]", "7", "null", "{}", '{"detail-type": "t"}', json.dumps(envelope() | {"new": 1})]
)
@pytest.mark.parametrize("fifo", [True, False])
def test_a_message_that_is_no_event_is_a_dead_letter_at_once(sqs: Queues, body: str, fifo: bool) -> None:
    event = batch(("1", "a", body), ("2", "a", json.dumps(envelope("good"))), fifo=fifo)
    assert consume(event) == (["good"], [])
    assert [letter["MessageBody"] for letter in sqs.sent] == [body]


def test_a_consumer_that_has_no_time_left_begins_nothing(sqs: Queues) -> None:
    class Late(LambdaContext):
        def get_remaining_time_in_millis(self) -> int:
            return 7_900

    event = batch(("1", "a", json.dumps(envelope("a1"))), ("2", "b", json.dumps(envelope("b1"))), fifo=True)
    assert consume(event, Late()) == ([], ["1", "2"])
    assert sqs.waits == {"receipt of 1": 30, "receipt of 2": 30}


def replayed(event: dict[str, Any]) -> dict[str, Any]:
    for record in event["Records"]:
        record["messageAttributes"] = {"replay": {"stringValue": "r", "dataType": "String"}}
    return event


def test_what_is_told_again_reaches_what_changes_nothing_outside_and_nothing_else() -> None:
    event = replayed(batch(("1", "", json.dumps(envelope("again"))), fifo=False))
    seen: list[str] = []
    assert consume(event, replay=lambda told: seen.append(told.correlation_id)) == ([], [])
    assert seen == ["again"]


def test_a_consumer_that_knows_no_replays_does_nothing_with_one() -> None:
    assert consume(replayed(batch(("1", "", json.dumps(envelope("fails"))), fifo=False))) == ([], [])


def test_a_replayed_message_that_dies_is_still_one(sqs: Queues) -> None:
    def fail(told: Envelope) -> None:
        raise EngineUnavailable("later")

    event = replayed(batch(("1", "", json.dumps(envelope("again"))), fifo=False, receives=5))
    assert consume(event, replay=fail) == ([], [])
    assert sqs.sent[0]["MessageAttributes"]["replay"] == {"DataType": "String", "StringValue": "r"}


def test_how_far_it_is_and_what_fails_is_noted(noted: Noted) -> None:
    event = batch(("1", "", json.dumps(envelope("fails"))), ("2", "", json.dumps(envelope("good"))), fifo=False)
    consume(event)
    assert (noted.progress.taken_to, noted.progress.failing_since, noted.recovered_at) == (SENT_AT, SENT_AT, None)
    assert noted.progress.failing_until is not None
    assert noted.progress.failing_until - datetime.now(UTC) > timedelta(seconds=80)


def test_what_failed_before_and_is_done_has_recovered(noted: Noted) -> None:
    consume(batch(("1", "", json.dumps(envelope("good"))), fifo=False, receives=2))
    assert (noted.progress.failing_since, noted.recovered_at) == (None, SENT_AT)


@pytest.mark.parametrize("told", ["1,2,3", "7"])
def test_the_schedule_can_be_told(monkeypatch: pytest.MonkeyPatch, sqs: Queues, told: str) -> None:
    monkeypatch.setenv("RETRY_AFTER_S", told)
    consume(batch(("1", "", json.dumps(envelope("fails"))), fifo=False))
    assert list(sqs.waits.values()) == [int(told.split(",", maxsplit=1)[0])]
