"""How full queues are, as SQS says, and the way past the relay."""

import json
import uuid

import boto3
import pytest

from breakwater.domain.conditions import QueueDepth
from breakwater.errors import Unavailable
from breakwater.runtime.watched_queues import queue_depths, send_alert_event
from events.envelope import Envelope

pytestmark = pytest.mark.usefixtures("mocked_aws")


def test_each_queue_says_what_waits_what_is_under_way_and_what_ended_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = boto3.client("sqs")
    url, dead_url = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("alerts", "alerts-dead"))
    monkeypatch.setenv("WATCHED_QUEUES", json.dumps({"alerts": {"url": url, "dead_letters_url": dead_url}}))
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    sqs.send_message(QueueUrl=dead_url, MessageBody="poison")
    assert queue_depths() == {"alerts": QueueDepth(waiting=2, in_flight=1, dead=1)}


def test_what_goes_past_the_relay_arrives_as_the_relay_would_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    url = boto3.client("sqs").create_queue(QueueName="alerts")["QueueUrl"]
    monkeypatch.setenv("ALERTS_QUEUE_URL", url)
    event = Envelope(
        event_id=uuid.uuid4(),
        topic="system.HealthChanged.v1",
        tenant_id=uuid.uuid4(),
        account_id=None,
        aggregate_id=uuid.uuid4(),
        correlation_id="c",
        occurred_at_ns=1,
        payload={},
    )
    send_alert_event(event)
    [message] = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert Envelope.model_validate_json(message["Body"]) == event


def test_a_queue_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "https://sqs.eu-west-1.amazonaws.com/123456789012/gone"
    monkeypatch.setenv("WATCHED_QUEUES", json.dumps({"gone": {"url": gone, "dead_letters_url": gone}}))
    with pytest.raises(Unavailable):
        queue_depths()
