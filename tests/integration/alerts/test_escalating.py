"""From a message of the queue `alerts` to an execution, and from a stage of it to the queue of deliveries."""

import json
import uuid
from datetime import UTC, date, datetime, time
from typing import Any

import boto3
import pytest

from breakwater.db.alerts import Alert
from breakwater.db.connection import Database
from breakwater.domain.rota import Rota
from breakwater.runtime.settings import settings
from events.alerts import NobodyOnCall
from events.envelope import Envelope
from functions.alert_escalation.app import handler
from tests.integration.alerts.one_alert import an_alert
from tests.integration.alerts.test_alerts import (
    BREACH,
    OTHER_TENANT,
    STATE_CHANGE,
    TENANT,
    Mailbox,
    database,
    deliver,
    envelope,
    mailbox,
)
from tests.integration.alerts.test_following import Person
from tests.unit.runtime.http_events import LambdaContext

__all__ = ["database", "mailbox"]  # Fixtures.


@pytest.fixture
def deliveries(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """The queue's URL."""
    assert mailbox
    url: str = boto3.client("sqs").create_queue(QueueName="alert-deliveries")["QueueUrl"]
    monkeypatch.setenv("ALERT_DELIVERIES_QUEUE_URL", url)
    return url


def executions() -> list[dict[str, Any]]:
    states = boto3.client("stepfunctions")
    arn = settings().alert_escalation_arn
    found = states.list_executions(stateMachineArn=arn)["executions"]
    return [
        {"name": each["name"]} | json.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
        for each in found
    ]


def queued(url: str) -> set[str]:
    """The deliveries that were sent there."""
    found = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in found]
    assert all(uuid.UUID(body["tenant_id"]) == TENANT for body in bodies)
    return {body["delivery_id"] for body in bodies}


def stage(alert: Alert, number: int, tenant_id: uuid.UUID = TENANT) -> Any:
    task = {"tenant_id": str(tenant_id), "alert_id": str(alert.alert_id), "stage": number}
    return handler(task, LambdaContext())


def alerts(database: Database) -> list[Alert]:
    with database.tenant_transaction(TENANT) as tx:
        return tx.alerts.page(None, before=None, limit=10)


@pytest.mark.usefixtures("mailbox")
def test_an_alert_that_asks_for_it_starts_one_execution_of_its_name(database: Database) -> None:
    told = envelope("limits.NodeStateChanged.v1", STATE_CHANGE)
    assert deliver(told) == []
    assert deliver(told) == []  # At least once.
    (alert,) = alerts(database)
    assert alert.severity == "CRITICAL"
    alert_id = str(alert.alert_id)
    assert executions() == [{"name": alert_id, "alert_id": alert_id, "tenant_id": str(TENANT), "waits_s": [900, 900]}]


@pytest.mark.usefixtures("mailbox")
def test_what_the_organisation_has_set_is_how_long_it_waits(database: Database) -> None:
    with database.tenant_transaction(TENANT) as tx:
        tx.connection.execute("INSERT INTO alerts.escalation_settings VALUES (%s, 5, 8, NULL)", (TENANT,))
    assert deliver(envelope("limits.NodeStateChanged.v1", STATE_CHANGE)) == []
    assert [each["waits_s"] for each in executions()] == [[5, 3]]


@pytest.mark.usefixtures("database", "mailbox")
def test_what_is_only_for_information_starts_none_and_a_group_starts_one() -> None:
    breach = BREACH | {"action": "WARN", "threshold_pct": 80}
    assert deliver(envelope("limits.LimitBreached.v1", breach)) == []
    assert executions() == []
    told = [envelope("limits.LimitBreached.v1", BREACH) for _ in range(3)]
    assert deliver(*told) == []
    assert len(executions()) == 1


@pytest.mark.usefixtures("mailbox")
def test_whoever_cannot_start_it_is_asked_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = settings().alert_escalation_arn
    told = envelope("limits.NodeStateChanged.v1", STATE_CHANGE)
    monkeypatch.setenv("ALERT_ESCALATION_ARN", arn + "-gone")
    assert deliver(told) == ["0"]
    monkeypatch.setenv("ALERT_ESCALATION_ARN", arn)
    assert deliver(told) == []
    assert [each["alert_id"] for each in executions()] == [str(alert.alert_id) for alert in alerts(database)]


def test_a_stage_queues_what_it_has_planned_also_when_it_comes_again(database: Database, deliveries: str) -> None:
    Person(database, "head@example.com", "desk_head")
    assert deliver(envelope("limits.NodeStateChanged.v1", STATE_CHANGE | {"state": "SUSPENDED"})) == []
    (alert,) = alerts(database)
    assert queued(deliveries), "those who are told at once"
    assert stage(alert, 15) == {"is_over": False}
    with database.tenant_transaction(TENANT) as tx:
        of_stage = [each for each in tx.alert_deliveries.of_alert(alert.alert_id) if each.stage == 15]
    assert [each.destination for each in of_stage] == ["head@example.com"]
    planned = {str(each.delivery_id) for each in of_stage}
    assert queued(deliveries) == planned
    assert stage(alert, 15) == {"is_over": False}
    assert queued(deliveries) == planned  # Whoever died before he queued them has done so by now.
    with database.tenant_transaction(TENANT) as tx:
        tx.connection.execute("UPDATE alerts.deliveries SET state = 'SENT', sent_at = now()")
    assert stage(alert, 15) == {"is_over": False}
    assert queued(deliveries) == set()


def test_of_an_alert_that_is_not_there_or_is_anothers_nothing_is_told(database: Database, deliveries: str) -> None:
    assert stage(an_alert(uuid.uuid4()), 15) == {"is_over": True}
    assert deliver(envelope("limits.NodeStateChanged.v1", STATE_CHANGE)) == []
    (alert,) = alerts(database)
    assert queued(deliveries), "those who are told at once"
    assert stage(alert, 15, OTHER_TENANT) == {"is_over": True}
    assert queued(deliveries) == set()


@pytest.mark.usefixtures("mailbox")
def test_when_the_last_of_the_rota_is_gone_an_alert_says_so(database: Database) -> None:
    first, last = (Person(database, f"{name}@example.com", "trader") for name in ("first", "last"))
    with database.tenant_transaction(TENANT) as tx:
        tx.rotas.set(Rota((first.user_id, last.user_id), date(2026, 11, 30), time(9), "UTC", 7))

    def told() -> list[Envelope]:
        with database.tenant_transaction(TENANT) as tx:
            rows = tx.connection.execute(
                "SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload"
                " FROM trading.events WHERE topic = %s",
                (NobodyOnCall.topic,),
            ).fetchall()
        return [Envelope.model_validate(dict(zip(Envelope.model_fields, row, strict=True))) for row in rows]

    first.disable()
    assert told() == []
    last.become("viewer")  # Who may not acknowledge is nobody to be woken.
    (event,) = told()
    assert deliver(event) == []
    alert = alerts(database)[0]
    assert (alert.kind, alert.category, alert.severity) == ("ROTA", "COMMUNICATION", "ERROR")
    assert alert.created_at <= datetime.now(UTC)
