"""The function of those who run the platform, over its handler: queues as moto has them, and a real database."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from breakwater.db.connection import Database
from breakwater.db.consumers import note_progress
from breakwater.domain.delivery import Progress
from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from breakwater.services import consumers
from events.envelope import Envelope
from functions.operations.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import Firm, create_firm
from tests.integration.operations.store import store
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

NAMES = ("alerts", "notifications", "trade-events.fifo")
BREACH = "limits.LimitBreached.v1"
TRADE = "trades.TradeExecuted.v1"
DAY = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Scene:
    firm: Firm
    others: Firm
    sqs: Any
    urls: DatabaseUrls
    database: Database

    def ask(self, method: str, path: str, body: Any = None, *, role: str = "system_admin", **query: str) -> Any:
        caller = caller_context(role, self.firm.tenant_id, username="operator")
        event = http_event(method, path, body=body, query=query or None, caller=caller)
        return answer_of(handler(event, LambdaContext()))

    def waiting(self, name: str) -> list[dict[str, Any]]:
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            found += messages
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def requested(self, topic: str) -> list[Any]:
        with self.database.tenant_transaction(self.firm.tenant_id) as tx:
            rows = tx.connection.execute("SELECT payload FROM trading.events WHERE topic = %s", (topic,)).fetchall()
        return [row[0] for row in rows]


@pytest.fixture
def scene(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    monkeypatch.setenv("ENGINE_URL_PARAMETER", "/no-engine-is-there")
    monkeypatch.setenv("WORK_QUEUES", ",".join(f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in NAMES))
    runtime_database.database.cache_clear()
    aws.client.cache_clear()
    with mock_aws():
        sqs = boto3.client("sqs")
        for name in NAMES:
            stem, _, fifo = name.partition(".")
            for each in (name, f"{stem}-dead-letters{'.fifo' if fifo else ''}"):
                sqs.create_queue(QueueName=each, Attributes={"FifoQueue": "true"} if fifo else {})
        database = runtime_database.database()
        firm, others = create_firm(database_urls.admin, "Ours"), create_firm(database_urls.admin, "Theirs")
        yield Scene(firm, others, sqs, database_urls, database)
        database.close()
    runtime_database.database.cache_clear()
    aws.client.cache_clear()


def event_of(firm: Firm, topic: str, hour: int, account: int | None = 0) -> Envelope:
    return Envelope(
        event_id=uuid.uuid4(),
        topic=topic,
        tenant_id=firm.tenant_id,
        account_id=None if account is None else firm.account_ids[account],
        aggregate_id=uuid.uuid4(),
        correlation_id=f"h{hour}",
        occurred_at_ns=int((DAY + timedelta(hours=hour)).timestamp()) * 10**9,
        payload={},
    )


def replay_of(consumer: str, **more: Any) -> dict[str, Any]:
    since, until = DAY + timedelta(hours=1), DAY + timedelta(hours=9)
    return {
        "replay_id": str(uuid.uuid4()),
        "consumer": consumer,
        "since": since.isoformat(),
        "until": until.isoformat(),
    } | more


def test_a_period_is_told_again_in_the_order_of_each_account_and_marked(scene: Scene) -> None:
    told = [event_of(scene.firm, TRADE, hour, account) for hour, account in ((0, 0), (1, 0), (3, 1), (2, 0), (9, 0))]
    store(scene.urls.admin, [*told, event_of(scene.others, TRADE, 4), event_of(scene.firm, BREACH, 4)])
    request = replay_of("projections")
    assert scene.ask("POST", "/replays", request) | {"replay_id": ""} == {
        "replay_id": "",
        "sent": 3,
        "next_cursor": None,
    }
    messages = scene.waiting("trade-events.fifo")
    assert {json.loads(message["Body"])["tenant_id"] for message in messages} == {str(scene.firm.tenant_id)}
    of_first = [
        json.loads(message["Body"])["correlation_id"]
        for message in messages
        if message["Attributes"]["MessageGroupId"] == str(scene.firm.account_ids[0])
    ]
    assert of_first == ["h1", "h2"]  # As its feed has it.
    assert {message["MessageAttributes"]["replay"]["StringValue"] for message in messages} == {request["replay_id"]}
    (asked,) = scene.requested("operations.ReplayRequested.v1")
    assert (asked["consumer"], asked["requested_by"]) == ("projections", "operator")


def test_a_replay_goes_on_where_a_request_ended_and_tells_what_is_of_no_account_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakwater.services.replays.EVENTS_MAX", 2)
    told = [event_of(scene.firm, BREACH, 2, account) for account in (0, 1, None, 0, None)]
    store(scene.urls.admin, told)
    request = replay_of("alerts")
    sent, cursor = 0, None
    for _ in range(5):
        answer = scene.ask("POST", "/replays", request if cursor is None else request | {"cursor": cursor})
        sent, cursor = sent + answer["sent"], answer["next_cursor"]
        if cursor is None:
            break
    ids = [json.loads(message["Body"])["event_id"] for message in scene.waiting("alerts")]
    assert sent == 5
    assert sorted(ids) == sorted(str(each.event_id) for each in told)
    assert len(scene.requested("operations.ReplayRequested.v1")) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"until": DAY.isoformat()}, 422),
        ({"cursor": "nonsense"}, 422),
        ({"consumer": "audit"}, 422),
        ({"account_id": str(uuid.uuid4())}, 404),
    ],
)
def test_a_replay_of_what_cannot_be_is_refused(scene: Scene, changes: dict[str, Any], status: int) -> None:
    assert scene.ask("POST", "/replays", replay_of("alerts") | changes)["status"] == status


def test_a_period_may_reach_beyond_all_times(scene: Scene) -> None:
    store(scene.urls.admin, [event_of(scene.firm, BREACH, -48)])
    ever = replay_of("alerts") | {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert scene.ask("POST", "/replays", ever)["sent"] == 1


def test_an_account_of_another_organisation_is_not_replayed(scene: Scene) -> None:
    request = replay_of("alerts", account_id=str(scene.others.account_ids[0]))
    assert scene.ask("POST", "/replays", request)["status"] == 404


def test_who_has_letters_sent_again_and_reads_one_stands_in_the_trail(scene: Scene) -> None:
    own, foreign = event_of(scene.firm, BREACH, 2), event_of(scene.others, BREACH, 2)
    url = scene.sqs.get_queue_url(QueueName="alerts-dead-letters")["QueueUrl"]
    for envelope in (own, foreign):
        scene.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"detail": envelope.model_dump(mode="json")}))
    listed = scene.ask("GET", "/dead-letters")
    assert listed["total"] == 2
    assert sorted(letter["is_own"] for letter in listed["items"]) == [False, True]
    for letter in listed["items"]:
        shown = scene.ask("GET", f"/dead-letters/alerts/{letter['letter_id']}")
        assert (shown["body"] is not None) == letter["is_own"]
        assert shown["topic"] == BREACH
    assert len(scene.requested("audit.SensitiveDataRead.v1")) == 1
    assert scene.ask("POST", "/dead-letters/alerts/redrive", {}) == {"redriven": 2, "left": 0}
    assert len(scene.waiting("alerts")) == 2
    (asked,) = scene.requested("operations.RedriveRequested.v1")
    assert asked == {"queue": "alerts", "letter_id": None, "requested_by": "operator"}


@pytest.mark.parametrize("path", ["/dead-letters/no-such", "/dead-letters/alerts"])
def test_what_is_not_there_is_not_sent(scene: Scene, path: str) -> None:
    answer = scene.ask("POST", f"{path}/redrive", {"letter_id": str(uuid.uuid4())})
    assert answer["status"] == 404


def test_whoever_runs_no_platform_sees_and_does_nothing(scene: Scene) -> None:
    asked = [
        ("GET", "/consumers"),
        ("GET", "/dead-letters"),
        ("GET", f"/dead-letters/alerts/{uuid.uuid4()}"),
        ("POST", "/dead-letters/alerts/redrive"),
        ("POST", "/replays"),
        ("GET", "/read-models"),
        ("POST", f"/read-models/{scene.firm.account_ids[0]}/rebuild"),
    ]
    for role in ("organisation_admin", "auditor"):
        assert [scene.ask(*each, {}, role=role)["status"] for each in asked] == [403] * len(asked)


def test_a_consumer_that_is_behind_is_late_for_whoever_asks_and_in_health(scene: Scene) -> None:
    def look() -> dict[str, Any]:
        return {each["queue"]: each for each in scene.ask("GET", "/consumers")["items"]}

    seen = look()
    assert {each["state"] for each in seen.values()} == {"OK"}
    assert set(seen) == {*NAMES, "outbox"}
    url = scene.sqs.get_queue_url(QueueName="alerts")["QueueUrl"]
    scene.sqs.send_message(QueueUrl=url, MessageBody="{}")
    now = datetime.now(UTC)
    with scene.database.untenanted_transaction() as connection:
        note_progress(
            connection, "notifications", Progress(now, now - timedelta(minutes=9), now + timedelta(minutes=1))
        )
    seen = look()
    assert (seen["alerts"]["state"], seen["alerts"]["visible"]) == ("OK", 1)  # It waits since a moment ago.
    assert seen["alerts"]["lag_s"] < 60
    assert (seen["notifications"]["state"], round(seen["notifications"]["lag_s"])) == ("LATE", 540)
    with scene.database.untenanted_transaction() as connection:
        assert consumers.late(connection, now) == ["notifications"]
        assert consumers.late(connection, now + timedelta(minutes=10)) == []


def test_what_waits_since_nothing_did_is_dated_by_that(scene: Scene) -> None:
    scene.ask("GET", "/consumers")
    url = scene.sqs.get_queue_url(QueueName="alerts")["QueueUrl"]
    scene.sqs.send_message(QueueUrl=url, MessageBody="{}")
    with scene.database.untenanted_transaction() as connection:
        connection.execute("UPDATE trading.consumers SET empty_at = now() - interval '4 minutes'")
    (seen,) = [each for each in scene.ask("GET", "/consumers")["items"] if each["queue"] == "alerts"]
    assert seen["state"] == "LATE"
    assert 235 < seen["lag_s"] < 300


def test_each_minute_the_figures_are_told(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert handler({"source": "aws.events"}, LambdaContext()) == {"queues": 4}
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"ConsumerLag"' in line]
    assert {each["queue"] for each in told} == {*NAMES, "outbox"}
