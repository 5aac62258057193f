"""The four functions as AWS calls them, with moto's KMS and SQS: from a request to a call, and to an alert."""

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from breakwater.runtime import webhooks as runtime_webhooks
from breakwater.services import webhooks as service
from breakwater.services.alerts import alert_of
from events.envelope import Envelope
from functions.webhook_dispatcher.app import handler as dispatcher
from functions.webhook_retrier.app import handler as retrier
from functions.webhook_sender.app import handler as sender
from functions.webhooks.app import handler as webhooks
from tests.integration.webhooks.scene import Scene
from tests.support.webhook_receiver import Receiver
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

QUEUES = {"calls": sender, "retries": retrier}


@pytest.fixture(autouse=True)
def platform(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("DATABASE_URL", scene.database._conninfo())
    # moto answers whatever the URL: this one only says that it is the local run.
    monkeypatch.setenv("WEBHOOK_LOCAL_RECEIVERS", "true")
    monkeypatch.setattr(runtime_webhooks, "_allows_local", lambda: True)
    aws.client.cache_clear()
    runtime_database.database.cache_clear()
    with mock_aws():
        monkeypatch.setenv("WEBHOOK_SECRETS_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["Arn"])
        for name in QUEUES:
            url = boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]
            monkeypatch.setenv(f"WEBHOOK_{name.upper()}_QUEUE_URL", url)
        yield
    runtime_database.database().close()
    runtime_database.database.cache_clear()
    aws.client.cache_clear()


def ask(scene: Scene, method: str, path: str, body: object = None, **changes: str) -> tuple[int, Any]:
    caller = caller_context("organisation_admin", scene.firm.tenant_id, username="admin", **changes)
    answer = webhooks(http_event(method, path, body=body, caller=caller), LambdaContext())
    return answer["statusCode"], answer_of(answer) if answer["body"] else None


def records(bodies: list[str]) -> dict[str, Any]:
    each = {"eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:webhooks", "eventSource": "aws:sqs", "attributes": {}}
    return {"Records": [each | {"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def tell(*envelopes: Envelope) -> None:
    bodies = [json.dumps({"detail-type": each.topic, "detail": each.model_dump(mode="json")}) for each in envelopes]
    assert dispatcher(records(bodies), LambdaContext()) == {"batchItemFailures": []}


def send() -> None:
    """Lambda's part: what is in a queue goes to its function."""
    sqs = boto3.client("sqs")
    for _ in range(10):
        for name, handler in QUEUES.items():
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if messages:
                assert handler(records([each["Body"] for each in messages]), LambdaContext()) == {
                    "batchItemFailures": []
                }


def add(scene: Scene, receiver: Receiver, **changes: Any) -> dict[str, Any]:
    body = {"name": "hook", "url": receiver.url(), "topics": ["*"], **changes}
    status, made = ask(scene, "POST", "/webhooks", body)
    assert status == 201, made
    return dict(made)


def test_from_the_request_to_a_call_that_is_signed_with_the_secret_that_was_shown(
    scene: Scene, receiver: Receiver
) -> None:
    made = add(scene, receiver)
    event = scene.happen(scene.firm.account_ids[0])
    tell(event)
    send()
    assert receiver.calls[0].verified(made["secret"]).event_id == event.event_id
    status, page = ask(scene, "GET", f"/webhooks/{made['endpoint']['endpoint_id']}/deliveries")
    assert status == 200
    assert [(each["state"], each["last_status"]) for each in page["items"]] == [("DELIVERED", 200)]


def test_no_secret_is_in_the_database_in_an_event_or_in_an_answer_but_its_own(scene: Scene, receiver: Receiver) -> None:
    made = add(scene, receiver, url=receiver.url("/path-that-is-a-secret"))
    _, listed = ask(scene, "GET", "/webhooks")
    assert made["secret"] not in json.dumps(listed)
    rows = [str(row) for table in ("webhooks.secrets", "webhooks.endpoints") for row in scene.sql(f"TABLE {table}")]
    assert made["secret"] not in "".join(rows)
    assert made["secret"].encode() not in scene.sql("SELECT ciphertext FROM webhooks.secrets")[0][0]
    told = json.dumps(scene.told("webhooks.EndpointChanged.v1"))
    assert made["secret"] not in told
    assert "path-that-is-a-secret" not in told


def test_it_is_for_people_who_administer_and_for_nobody_else(scene: Scene, receiver: Receiver) -> None:
    body = {"name": "hook", "url": receiver.url(), "topics": ["*"]}
    for role in ("trader", "viewer", "desk_head", "fund_manager", "risk_manager", "auditor", "system_admin"):
        caller = caller_context(role, scene.firm.tenant_id)
        for method in ("GET", "POST"):
            sent = body if method == "POST" else None
            answer = webhooks(http_event(method, "/webhooks", body=sent, caller=caller), LambdaContext())
            assert (answer["statusCode"], answer_of(answer)["permission"]) == (403, "webhooks:manage")
    assert ask(scene, "POST", "/webhooks", body, scopes="admin")[0] == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"topics": ["orders.NoSuchThing.v1"]}, "topics"),
        ({"topics": ["nothing.*"]}, "topics"),
        ({"topics": ["orders.%"]}, "topics.0"),
        ({"topics": []}, "topics"),
        ({"account_ids": []}, "account_ids"),
        ({"url": "https://user@example.com/"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
    ],
)
def test_what_can_never_be_right_is_refused_by_its_field(
    scene: Scene, receiver: Receiver, changes: dict[str, Any], field: str
) -> None:
    status, problem = ask(scene, "POST", "/webhooks", {"name": "h", "url": receiver.url(), "topics": ["*"], **changes})
    assert status == 422
    assert field in (problem.get("field"), *(error["field"] for error in problem.get("errors", [])))


def test_an_account_of_another_organisation_is_none(scene: Scene, receiver: Receiver) -> None:
    body = {"name": "h", "url": receiver.url(), "topics": ["*"], "account_ids": [str(uuid.uuid4())]}
    assert ask(scene, "POST", "/webhooks", body)[0] == 404


def test_only_so_many_endpoints_and_pings(scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ENDPOINTS_OF_ONE_TENANT_MAX", 1)
    made = add(scene, receiver)
    body = {"name": "second", "url": receiver.url(), "topics": ["*"]}
    assert ask(scene, "POST", "/webhooks", body)[0] == 409
    path = f"/webhooks/{made['endpoint']['endpoint_id']}/ping"
    assert [ask(scene, "POST", path)[0] for _ in range(11)] == [202] * 10 + [409]


def test_a_second_rotation_within_the_overlap_is_refused_unless_it_ends_both(scene: Scene, receiver: Receiver) -> None:
    path = f"/webhooks/{add(scene, receiver)['endpoint']['endpoint_id']}/rotate"
    assert ask(scene, "POST", path, {"overlap_s": 60})[0] == 201
    assert ask(scene, "POST", path, {"overlap_s": 60})[0] == 409
    status, rotated = ask(scene, "POST", path, {"overlap_s": 0})
    assert status == 201
    tell(scene.happen(scene.firm.account_ids[0]))
    send()
    assert receiver.calls[0].headers["breakwater-signature"].count("v1=") == 1
    receiver.calls[0].verified(rotated["secret"])


def test_the_schedule_wakes_what_nobody_woke(scene: Scene, receiver: Receiver) -> None:
    add(scene, receiver)
    scene.dispatch(scene.happen(scene.firm.account_ids[0]))  # Whose wake-ups go nowhere.
    scene.let_time_pass(timedelta(minutes=1))
    assert retrier({"source": "aws.events"}, LambdaContext()) == {"woken": 1, "forgotten": 0}
    send()
    assert len(receiver.calls) == 1


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        (
            "webhooks.EndpointPaused.v1",
            {
                "reason": "GAVE_UP",
                "failing_since_ns": 1,
                "last_outcome": "TIMED_OUT",
                "last_status": None,
                "waiting": 7,
            },
            "WEBHOOK_PAUSED",
        ),
        (
            "webhooks.EventGivenUp.v1",
            {
                "delivery_id": str(uuid.uuid4()),
                "event_topic": "orders.OrderPlaced.v1",
                "attempts": 13,
                "last_outcome": "REFUSED",
                "last_status": 400,
            },
            "WEBHOOK_DEAD_LETTER",
        ),
        ("webhooks.QueueOverflowed.v1", {"waiting": 20_000, "missed_since_ns": 1}, "WEBHOOK_OVERFLOW"),
    ],
)
def test_what_people_must_know_of_an_endpoint_is_an_alert_about_communication(
    scene: Scene, topic: str, payload: dict[str, Any], kind: str
) -> None:
    named = {"endpoint_id": str(uuid.uuid4()), "name": "books", "host": "hooks.example.com"}
    if topic != "webhooks.QueueOverflowed.v1":
        named["event_id"] = str(uuid.uuid4())
    envelope = scene.happen(None, topic).model_copy(update={"payload": named | payload})
    alert = alert_of(envelope)
    assert (alert.kind, alert.category) == (kind, "COMMUNICATION")
    assert "books at hooks.example.com" in alert.body


def test_on_aws_no_receiver_on_the_own_machine_is_called_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("WEBHOOK_LOCAL_RECEIVERS", "true")
    for endpoint in ("", "https://kms.eu-west-1.amazonaws.com", "http://10.0.0.5:4566", "http://127.0.0.1.evil.com"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        assert not runtime_webhooks._allows_local()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4501")
    assert runtime_webhooks._allows_local()
    monkeypatch.delenv("WEBHOOK_LOCAL_RECEIVERS")
    assert not runtime_webhooks._allows_local()
