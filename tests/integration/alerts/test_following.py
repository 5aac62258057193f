"""Mails of alerts follow the people: who is invited, promoted, disabled or has another address."""

import json
import uuid
from typing import Any, Literal

import boto3
import pytest

from breakwater.db.connection import Database
from breakwater.runtime.settings import settings
from breakwater.services.alert_subscriptions import AlertSubscriptions
from events.users import PermissionsUpdated
from tests.integration.alerts.test_alerts import (
    OTHER_TENANT,
    TENANT,
    Mailbox,
    database,
    deliver,
    envelope,
    mailbox,
)

__all__ = ["database", "mailbox"]  # Fixtures.

pytestmark = pytest.mark.usefixtures("mailbox")
RISK, ADMIN, TRADER = "risk_manager", "organisation_admin", "trader"


class Person:
    """A user, and the events of what happens to him."""

    def __init__(self, database: Database, email: str, role: str, tenant_id: uuid.UUID = TENANT) -> None:
        self.database, self.tenant_id, self.role = database, tenant_id, role
        self.user_id = uuid.uuid4()
        username = f"user-{self.user_id.hex[:8]}"
        with database.tenant_transaction(tenant_id) as tx:
            assert tx.people.add(self.user_id, username, username, email, role)

    def tell(self, change: Literal["INVITED", "ROLE", "DISABLED", "ENABLED", "ACCESS"]) -> None:
        event = PermissionsUpdated(
            user_id=self.user_id,
            username="somebody",
            change=change,
            role_before=None,
            role="viewer",  # Nothing is done by what the event says.
            is_disabled=False,
            resource=None,
            resource_id=None,
            is_given=None,
            permissions_version=1,
            changed_by="admin",
        )
        told = event.model_dump(mode="json", exclude={"topic"})
        assert deliver(envelope(PermissionsUpdated.topic, told, self.tenant_id)) == []

    def become(self, role: str) -> None:
        with self.database.tenant_transaction(self.tenant_id) as tx:
            tx.people.set_role(self.user_id, role)
        self.tell("ROLE")

    def disable(self, *, is_disabled: bool = True) -> None:
        with self.database.tenant_transaction(self.tenant_id) as tx:
            tx.people.set_disabled(self.user_id, is_disabled=is_disabled)
        self.tell("DISABLED" if is_disabled else "ENABLED")


def hearing() -> dict[str, list[str]]:
    """Addresses, and the organisations that each hears of."""
    sns = boto3.client("sns")
    found = {}
    for each in sns.list_subscriptions_by_topic(TopicArn=settings().alert_topic_arn)["Subscriptions"]:
        if each["Protocol"] == "email":
            attributes = sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])["Attributes"]
            policy = json.loads(attributes["FilterPolicy"])
            assert policy["address"] == [each["Endpoint"]], "what is for others would reach it"
            found[each["Endpoint"]] = policy["tenant_id"]
    return found


@pytest.mark.parametrize("role", [RISK, ADMIN, TRADER])
def test_whoever_is_invited_hears(database: Database, role: str) -> None:
    person = Person(database, "a@firm.example", role)
    for _ in range(2):  # A message may come twice.
        person.tell("INVITED")
    assert hearing() == {"a@firm.example": [str(TENANT)]}


def test_who_is_disabled_hears_no_more_and_again_when_he_is_back(database: Database) -> None:
    person = Person(database, "a@firm.example", RISK)
    person.tell("INVITED")
    person.become(TRADER)
    assert hearing() == {"a@firm.example": [str(TENANT)]}
    person.disable()
    assert hearing() == {}
    person.disable(is_disabled=False)
    assert hearing() == {"a@firm.example": [str(TENANT)]}


def test_a_subscription_of_before_is_narrowed_to_its_own_address(database: Database) -> None:
    """Until messages named their addresses, a filter had the organisation alone."""
    sns = boto3.client("sns")
    sns.subscribe(
        TopicArn=settings().alert_topic_arn,
        Protocol="email",
        Endpoint="a@firm.example",
        Attributes={"FilterPolicy": json.dumps({"tenant_id": [str(TENANT)]})},
    )
    Person(database, "a@firm.example", RISK).tell("ROLE")
    assert hearing() == {"a@firm.example": [str(TENANT)]}


def test_who_has_no_address_keeps_nobody_else_from_hearing(database: Database) -> None:
    """As somebody whom another issuer names may have none: SNS would refuse it, and all that comes behind it."""
    Person(database, "", ADMIN).tell("INVITED")
    topic = AlertSubscriptions(boto3.client("sns"), settings().alert_topic_arn)
    topic.follow(TENANT, {"": True, "a@firm.example": True})
    assert hearing() == {"a@firm.example": [str(TENANT)]}


def test_an_address_that_another_still_has_goes_on_hearing(database: Database) -> None:
    first, second = (Person(database, "desk@firm.example", RISK) for _ in range(2))
    first.tell("INVITED")
    first.disable()
    assert hearing() == {"desk@firm.example": [str(TENANT)]}
    second.disable()
    assert hearing() == {}


def test_an_address_in_two_organisations_hears_of_each_while_it_should(database: Database) -> None:
    ours = Person(database, "both@firm.example", RISK)
    theirs = Person(database, "both@firm.example", ADMIN, OTHER_TENANT)
    ours.tell("INVITED")
    theirs.tell("INVITED")
    assert hearing() == {"both@firm.example": sorted([str(TENANT), str(OTHER_TENANT)])}
    ours.disable()
    assert hearing() == {"both@firm.example": [str(OTHER_TENANT)]}


def test_other_accounts_and_nodes_change_nothing(database: Database) -> None:
    Person(database, "a@firm.example", RISK).tell("ACCESS")
    assert hearing() == {}


def test_the_queue_of_the_topic_is_left_alone(database: Database, mailbox: Mailbox) -> None:
    person = Person(database, "a@firm.example", RISK)
    person.tell("INVITED")
    person.disable()
    listed = boto3.client("sns").list_subscriptions_by_topic(TopicArn=settings().alert_topic_arn)["Subscriptions"]
    assert [each["Protocol"] for each in listed] == ["sqs"]


class Unconfirmed:
    """As SNS tells of an address that has not confirmed; moto confirms each at once."""

    def get_paginator(self, _operation: str) -> "Unconfirmed":
        return self

    def paginate(self, **_of: Any) -> list[dict[str, Any]]:
        waiting = {"Protocol": "email", "Endpoint": "a@firm.example", "SubscriptionArn": "PendingConfirmation"}
        return [{"Subscriptions": [waiting]}]


@pytest.mark.parametrize("hears", [True, False])
def test_who_has_not_confirmed_is_neither_asked_again_nor_ended(hears: bool) -> None:
    AlertSubscriptions(Unconfirmed(), "topic").follow(TENANT, {"a@firm.example": hears})


def test_a_topic_that_does_not_answer_leaves_the_message_for_another_try(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(database, "a@firm.example", RISK)
    monkeypatch.setenv("ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:gone")
    told: dict[str, Any] = {"user_id": str(person.user_id), "username": "u", "change": "INVITED"}
    told |= {"role_before": None, "role": RISK}
    told |= {"is_disabled": False, "resource": None, "resource_id": None, "is_given": None}
    told |= {"permissions_version": 1, "changed_by": "admin"}
    assert deliver(envelope(PermissionsUpdated.topic, told)) == ["0"]
