"""A limit's event, on its way to the people who must know."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws

from breakwater.db.connection import Database
from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from breakwater.services.alerts import alert_of
from events.envelope import Envelope
from functions.alert_sender.app import handler as sender
from functions.alerts.app import handler
from tests.conftest import DatabaseUrls
from tests.unit.runtime.http_events import LambdaContext

TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")
RISK_MANAGER = "risk@firm.example"
OTHER_TENANT = uuid.UUID("22222222-2222-4222-8222-222222222222")
BREACH = {
    "node_id": str(uuid.uuid4()),
    "node_name": "Desk A",
    "limit_id": str(uuid.uuid4()),
    "limit_type": "MAX_ORDER_QTY",
    "instrument": "ETH/USDT",
    "action": "REJECT",
    "threshold_pct": 100,
    "limit": "50",
    "used": "0",
    "reserved": "0",
    "attempted": "51",
    "order_id": str(uuid.uuid4()),
    "symbol": "ETH/USDT",
}
LIMIT_CHANGE = {
    "node_id": str(uuid.uuid4()),
    "node_name": "Desk A",
    "limit_id": str(uuid.uuid4()),
    "limit_type": "LONG_POSITION",
    "instrument": "*",
    "value_before": "10",
    "value": "12.50",
    "parameters_before": {},
    "parameters": {},
    "changed_by": "risk",
}
STATE_CHANGE = {
    "node_id": str(uuid.uuid4()),
    "node_name": "Desk A",
    "state_before": "ACTIVE",
    "state": "KILLED",
    "reason": "runaway bot",
    "changed_by": "risk",
}
EXTERNAL_FILL = {
    "order_id": str(uuid.uuid4()),
    "account_id": str(uuid.uuid4()),
    "external_id": "venue-7",
    "symbol": "ETH/USDT",
    "side": "BUY",
    "quantity": "0.5",
    "price": "2000",
    "venue": "SIM",
    "booked_by": "risk",
}
LEASE_END = {
    "lease_id": str(uuid.uuid4()),
    "account_id": str(uuid.uuid4()),
    "symbol": "ETH/USDT",
    "venue": "BOOK",
    "state": "STOPPED",
    "reason": "Desk A is SUSPENDED",
    "changed_by": "limits",
}


def breach(tenant_id: uuid.UUID = TENANT, account_id: uuid.UUID | None = None, **changes: Any) -> Envelope:
    return envelope("limits.LimitBreached.v1", BREACH | changes, tenant_id, account_id)


def envelope(
    topic: str, payload: dict[str, Any], tenant_id: uuid.UUID = TENANT, account_id: uuid.UUID | None = None
) -> Envelope:
    return Envelope(
        event_id=uuid.uuid4(),
        topic=topic,
        tenant_id=tenant_id,
        account_id=account_id,
        aggregate_id=uuid.UUID(next(iter(payload.values()))),  # The id of what it is about comes first.
        correlation_id="correlation-1",
        occurred_at_ns=1_700_000_000_123_456_789,
        payload=payload,
    )


@dataclass(frozen=True)
class Mailbox:
    """`read` sends what is due, as Lambda would have it done, and reads what came of it."""

    queue_url: str
    deliveries_url: str

    def read(self) -> list[dict[str, Any]]:
        send_what_is_queued(self.deliveries_url)
        return [json.loads(body) for body in received(self.queue_url)]


def received(queue_url: str) -> list[str]:
    """All that the queue hands out now, taken from it."""
    sqs, bodies = boto3.client("sqs"), list[str]()
    while found := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def send_what_is_queued(deliveries_url: str) -> list[str]:
    """The ids of the messages that failed."""
    records = [
        {
            "messageId": str(place),
            "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:alert-deliveries",
            "attributes": {},
            "body": body,
        }
        for place, body in enumerate(received(deliveries_url))
    ]
    if not records:
        return []
    answer = sender({"Records": records}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture
def database(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    opened = runtime_database.database()
    for tenant_id in (TENANT, OTHER_TENANT):
        with opened.tenant_transaction(tenant_id) as tx:
            tx.identity.save_organisation(str(tenant_id))
    yield opened
    opened.close()


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[Mailbox]:
    """What the risk manager of TENANT receives by mail."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    aws.client.cache_clear()
    with mock_aws():
        topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        queue_url = boto3.client("sqs").create_queue(QueueName="mailbox")["QueueUrl"]
        deliveries_url = boto3.client("sqs").create_queue(QueueName="alert-deliveries")["QueueUrl"]
        boto3.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint="arn:aws:sqs:eu-west-1:123456789012:mailbox",
            Attributes={"FilterPolicy": json.dumps({"tenant_id": [str(TENANT)], "address": [RISK_MANAGER]})},
        )
        monkeypatch.setenv("ALERT_TOPIC_ARN", topic)
        machine = boto3.client("stepfunctions").create_state_machine(
            name="alert-escalation", definition="{}", roleArn="arn:aws:iam::123456789012:role/role"
        )
        monkeypatch.setenv("ALERT_ESCALATION_ARN", machine["stateMachineArn"])
        monkeypatch.setenv("ALERT_DELIVERIES_QUEUE_URL", deliveries_url)
        for tenant_id in (TENANT, OTHER_TENANT):
            with database.tenant_transaction(tenant_id) as tx:
                tx.people.add(uuid.uuid4(), f"risk-{tenant_id}", f"risk-{tenant_id}", RISK_MANAGER, "risk_manager")
        yield Mailbox(queue_url, deliveries_url)
    aws.client.cache_clear()


def deliver(*envelopes: Envelope) -> list[str]:
    """The ids of the messages that failed: their place in the batch."""
    records = [
        {
            "messageId": str(place),
            "receiptHandle": "receipt",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:alerts",
            "attributes": {},
            "body": json.dumps({"detail-type": told.topic, "detail": told.model_dump(mode="json")}),
        }
        for place, told in enumerate(envelopes)
    ]
    answer = handler({"Records": records}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_refusal_is_stored_announced_and_sent(
    database: Database, mailbox: Mailbox, database_urls: DatabaseUrls
) -> None:
    account_id = uuid.uuid4()
    assert deliver(breach(account_id=account_id)) == []
    with database.tenant_transaction(TENANT) as tx:
        [alert] = tx.alerts.page([account_id], before=None, limit=10)
    assert (alert.kind, alert.severity, alert.title) == (
        "MAX_ORDER_QTY", "ERROR", "MAX_ORDER_QTY of Desk A refused an order"
    )  # fmt: skip
    assert alert.created_at.isoformat() == "2023-11-14T22:13:20.123456+00:00"
    [mail] = mailbox.read()
    assert mail["Subject"] == "ERROR: MAX_ORDER_QTY of Desk A refused an order"
    for told in ("Limit: 50", "Used: 0", "Attempted: 51", "Correlation id: correlation-1", str(alert.alert_id)):
        assert told in mail["Message"]
    with psycopg.connect(database_urls.engine) as connection:
        row = connection.execute(
            "SELECT topic, account_id, payload->>'alert_id' FROM trading.outbox JOIN trading.events USING (event_id)"
        ).fetchall()
    assert row == [("alerts.AlertRaised.v2", account_id, str(alert.alert_id))]


def test_an_event_told_twice_is_one_alert(database: Database, mailbox: Mailbox, database_urls: DatabaseUrls) -> None:
    told = breach()
    assert deliver(told, told) == []
    with database.tenant_transaction(TENANT) as tx:
        [alert] = tx.alerts.page(None, before=None, limit=10)
    with psycopg.connect(database_urls.engine) as connection:
        assert connection.execute("SELECT count(*) FROM trading.outbox").fetchone() == (1,)
    # The mail may come twice, and its id says that it is the same.
    assert all(str(alert.alert_id) in mail["Message"] for mail in mailbox.read())


def test_an_alert_that_could_not_be_queued_is_queued_when_the_message_comes_again(
    database: Database, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = breach()
    with monkeypatch.context() as broken:
        broken.setenv("ALERT_DELIVERIES_QUEUE_URL", f"{mailbox.deliveries_url}-gone")
        assert deliver(told) == ["0"]
    assert mailbox.read() == []
    assert deliver(told) == []
    assert len(mailbox.read()) == 1


def test_no_organisation_reads_anothers_alerts(database: Database, mailbox: Mailbox) -> None:
    assert deliver(breach(tenant_id=OTHER_TENANT)) == []
    assert mailbox.read() == []
    with database.tenant_transaction(TENANT) as tx:
        assert tx.alerts.page(None, before=None, limit=10) == []


def test_a_message_that_gives_rise_to_no_alert_fails_alone(database: Database, mailbox: Mailbox) -> None:
    unknown = envelope("orders.OrderPlaced.v1", BREACH)
    malformed = envelope("limits.LimitBreached.v1", BREACH | {"new_field": 1})
    foreign = breach(tenant_id=uuid.uuid4())  # An organisation nobody created.
    assert deliver(unknown, malformed, foreign, breach()) == ["0", "1", "2"]
    assert len(mailbox.read()) == 1


def test_a_changed_limit_is_told_with_what_it_was_and_who_did_it() -> None:
    alert = alert_of(envelope("limits.LimitChanged.v1", LIMIT_CHANGE))
    assert alert.title == "LONG_POSITION of Desk A was changed"
    assert "Before: 10\nNow: 12.50\nChanged by: risk\n" in alert.body


@pytest.mark.parametrize(
    ("told", "subject", "lines"),
    [
        (
            envelope("limits.ExternalFillBooked.v1", EXTERNAL_FILL),
            "WARNING: A fill of ETH/USDT from elsewhere was booked",
            "Fill: BUY 0.5 ETH/USDT at 2000\nVenue: SIM\nExternal id: venue-7\n",
        ),
        (
            envelope("limits.LeaseChanged.v1", LEASE_END),
            "INFO: A lease of ETH/USDT is STOPPED",
            "Venue: BOOK\nReason: Desk A is SUSPENDED\nChanged by: limits\n",
        ),
    ],
)
def test_what_happened_in_one_account_is_told_to_whoever_sees_the_account(
    database: Database, mailbox: Mailbox, told: Envelope, subject: str, lines: str
) -> None:
    assert deliver(told) == []
    with database.tenant_transaction(TENANT) as tx:
        assert tx.alerts.page([uuid.uuid4()], before=None, limit=10) == []
        [alert] = tx.alerts.page([uuid.UUID(told.payload["account_id"])], before=None, limit=10)
    assert f"{alert.severity}: {alert.title}" == subject
    assert lines in alert.body


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (breach(action="WARN", threshold_pct=70), "INFO"),
        (breach(action="WARN", threshold_pct=90), "WARNING"),
        (breach(), "ERROR"),
        (envelope("limits.LimitChanged.v1", LIMIT_CHANGE), "INFO"),
        (envelope("limits.LimitChanged.v1", LIMIT_CHANGE | {"value": None, "parameters": None}), "WARNING"),
        (envelope("limits.NodeStateChanged.v1", STATE_CHANGE), "CRITICAL"),
        (envelope("limits.NodeStateChanged.v1", STATE_CHANGE | {"state": "SUSPENDED"}), "ERROR"),
        (envelope("limits.NodeStateChanged.v1", STATE_CHANGE | {"state": "ACTIVE"}), "INFO"),
        (envelope("limits.ExternalFillBooked.v1", EXTERNAL_FILL), "WARNING"),
        (envelope("limits.LeaseChanged.v1", LEASE_END), "INFO"),
    ],
)
def test_the_severity_says_how_much_it_matters(told: Envelope, severity: str) -> None:
    assert alert_of(told).severity == severity


def test_a_subject_is_one_short_line_of_ascii(database: Database, mailbox: Mailbox) -> None:
    assert deliver(breach(node_name="Büro\nSubject: forged " + "x" * 200)) == []
    [mail] = mailbox.read()
    assert mail["Subject"].startswith("ERROR: MAX_ORDER_QTY of B?ro Subject: forged")
    assert len(mail["Subject"]) == 100


def test_alerts_are_paged_from_the_newest_to_the_oldest(database: Database, mailbox: Mailbox) -> None:
    told = [breach() for _ in range(5)]
    deliver(*told)
    with database.tenant_transaction(TENANT) as tx:
        first = tx.alerts.page(None, before=None, limit=3)
        rest = tx.alerts.page(None, before=(first[-1].created_at, first[-1].alert_id), limit=3)
    ids = [alert.alert_id for alert in first + rest]
    assert ids == sorted((alert_of(envelope).alert_id for envelope in told), reverse=True)


def test_a_reason_adds_no_lines_to_what_people_read() -> None:
    forged = envelope("limits.NodeStateChanged.v1", STATE_CHANGE | {"reason": "runaway bot\r\nChanged by: the owner"})
    lines = alert_of(forged).body.splitlines()
    assert "Reason: runaway bot Changed by: the owner" in lines
    assert [line for line in lines if line.startswith("Changed by")] == ["Changed by: risk"]
