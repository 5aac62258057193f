"""Alerts reach browsers by web push: registered by their owners, read by nobody between, forgotten when gone."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.connection import Database
from breakwater.domain.permissions import SESSION_SCOPE, Caller
from breakwater.domain.quiet_hours import EVERY_DAY, QuietHours
from breakwater.domain.webhook_addresses import AddressPolicy
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from breakwater.runtime import aws, push
from breakwater.services import push_devices
from breakwater.services.alert_sending import send_delivery
from breakwater.services.push_devices import DEVICES_OF_ONE_PERSON_MAX, NewPushDevice, PushDeviceView
from breakwater.services.webhook_calls import WebhookCaller
from local_cloud.outbox.server import Outbox
from tests.integration.alerts.telling import Platform
from tests.integration.alerts.test_alerts import database

__all__ = ["database"]  # A fixture.
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def platform(database: Database) -> Platform:
    return Platform(database)


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Iterator[Outbox]:
    """Its push service, called as in the local run."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("PUSH_CONTACT", "mailto:operations@firm.example")
    caller = WebhookCaller(AddressPolicy(allows_local=True), lambda host, port: [host])
    monkeypatch.setattr(push, "webhook_caller", lambda: caller)
    monkeypatch.setattr(push, "tenant_transaction", platform.database.tenant_transaction)
    aws.client.cache_clear()
    opened = Outbox(0)
    opened.start()
    with mock_aws():
        key = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        monkeypatch.setenv("PUSH_KEY_ID", key["KeyMetadata"]["KeyId"])
        yield opened
    opened.stop()
    aws.client.cache_clear()


def who(platform: Platform, user_id: uuid.UUID, role: str = "risk_manager", **more: Any) -> Caller:
    subject = f"{role.replace('_', '-')}-{user_id.hex[:8]}"
    return Caller(platform.tenant_id, subject, subject, role, frozenset({SESSION_SCOPE}), correlation_id="c", **more)


def subscription(outbox: Outbox, name: str = "phone") -> NewPushDevice:
    told = outbox.push.subscribe(name, outbox.url)
    return NewPushDevice.model_validate({"endpoint": told["endpoint"], "keys": told["keys"], "name": name})


def register(platform: Platform, caller: Caller, new: NewPushDevice, at: datetime = NOW) -> PushDeviceView:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        return push_devices.register(new, caller, tx, at)


def names(platform: Platform, caller: Caller) -> list[str]:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        return [each.name for each in push_devices.devices(caller, tx, public_key="k")["devices"]]


def send(platform: Platform, deliveries: list[Delivery], at: datetime = NOW) -> None:
    for each in deliveries:
        send_delivery(
            platform.tenant_id,
            each.delivery_id,
            transactions=platform.database.tenant_transaction,
            senders={"PUSH": push.push_to_browser},
            now=lambda: at,
        )


def pushes(due: list[Delivery]) -> list[Delivery]:
    return [each for each in due if each.channel == "PUSH"]


def events(platform: Platform, topic: str) -> list[dict[str, Any]]:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        rows = tx.connection.execute(
            "SELECT payload FROM trading.events WHERE tenant_id = %s AND topic = %s ORDER BY occurred_at_ns",
            (platform.tenant_id, topic),
        ).fetchall()
    return [row[0] for row in rows]


def test_an_alert_reaches_every_browser_that_its_reader_has_registered(platform: Platform, outbox: Outbox) -> None:
    risk = who(platform, platform.person("risk_manager"))
    platform.person("organisation_admin")  # Without a browser: told by mail alone.
    register(platform, risk, subscription(outbox, "phone"))
    register(platform, risk, subscription(outbox, "desk"), NOW + timedelta(seconds=1))
    alert, told = platform.raise_alert(NOW, severity="CRITICAL", title="Desk A is KILLED")
    assert len(pushes(told.due)) == 2
    send(platform, pushes(told.due))
    sent = outbox.messages.newest(kind="push")
    assert {each["to"] for each in sent} == {"phone", "desk"}
    assert json.loads(sent[0]["message"]) == {
        "alert_id": str(alert.alert_id),
        "severity": "CRITICAL",
        "title": "Desk A is KILLED",
        "note": None,
    }
    assert sent[0]["details"]["headers"] == {"ttl": "86400", "urgency": "high"}
    assert sent[0]["details"]["vapid"]["sub"] == "mailto:operations@firm.example"
    assert {each.state for each in platform.deliveries(alert) if each.channel == "PUSH"} == {"SENT"}
    assert [each["change"] for each in events(platform, "identity.PushDeviceChanged.v1")] == ["REGISTERED"] * 2


def test_a_browser_that_is_gone_is_forgotten_and_nobody_is_alarmed(platform: Platform, outbox: Outbox) -> None:
    risk = who(platform, platform.person("risk_manager"))
    register(platform, risk, subscription(outbox))
    outbox.push.unsubscribe("phone")
    alert, told = platform.raise_alert(NOW, severity="CRITICAL")
    send(platform, pushes(told.due))
    [delivery] = [each for each in platform.deliveries(alert) if each.channel == "PUSH"]
    assert (delivery.state, delivery.reason) == ("FAILED", "the browser has ended it")
    assert names(platform, risk) == []
    assert not platform.failures()
    [event] = [each for each in events(platform, "identity.PushDeviceChanged.v1") if each["change"] == "GONE"]
    assert (event["username"], event["changed_by"]) == (risk.username, "the push service")


def test_what_is_due_to_a_browser_that_was_removed_is_not_sent(platform: Platform, outbox: Outbox) -> None:
    risk = who(platform, platform.person("risk_manager"))
    device = register(platform, risk, subscription(outbox))
    alert, told = platform.raise_alert(NOW, severity="CRITICAL")
    other = who(platform, platform.person("risk_manager"))
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        with pytest.raises(NotFound):
            push_devices.remove(device.device_id, other, tx, NOW)
        push_devices.remove(device.device_id, risk, tx, NOW)
        with pytest.raises(NotFound):
            push_devices.remove(device.device_id, risk, tx, NOW)
    send(platform, pushes(told.due))
    assert outbox.messages.newest(kind="push") == []
    assert [each.state for each in platform.deliveries(alert) if each.channel == "PUSH"] == ["SUPPRESSED"]


def test_a_push_service_that_is_down_is_asked_again(platform: Platform, outbox: Outbox) -> None:
    register(platform, who(platform, platform.person("risk_manager")), subscription(outbox))
    alert, told = platform.raise_alert(NOW, severity="CRITICAL")
    outbox.stop()
    send(platform, pushes(told.due))
    [delivery] = [each for each in platform.deliveries(alert) if each.channel == "PUSH"]
    assert (delivery.state, delivery.due_at) == ("DUE", NOW + timedelta(seconds=30))


def test_a_name_that_leads_elsewhere_by_now_is_not_called(
    platform: Platform, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    risk = who(platform, platform.person("risk_manager"))
    register(platform, risk, subscription(outbox))
    alert, told = platform.raise_alert(NOW, severity="CRITICAL")
    caller = WebhookCaller(AddressPolicy(), lambda host, port: [host])
    with monkeypatch.context() as patch:
        patch.setattr(push, "webhook_caller", lambda: caller)  # On AWS this machine is no place to call.
        send(platform, pushes(told.due))
    [delivery] = [each for each in platform.deliveries(alert) if each.channel == "PUSH"]
    assert (delivery.state, delivery.reason) == ("FAILED", "its push service is at an address that is not called")
    assert not platform.failures()


def test_quiet_hours_hold_for_pushes_and_what_they_held_back_opens_the_list(platform: Platform, outbox: Outbox) -> None:
    user_id = platform.person("risk_manager")
    register(platform, who(platform, user_id), subscription(outbox))
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.alert_contacts.set_quiet_hours(user_id, QuietHours("UTC", time(11), time(14), EVERY_DAY))
    due = [each for n in range(2) for each in platform.raise_alert(NOW, group_key=f"x{n}", severity="ERROR")[1].due]
    assert {each.due_at for each in pushes(due)} == {NOW.replace(hour=14)}
    send(platform, pushes(due), NOW.replace(hour=14))
    [sent] = outbox.messages.newest(kind="push")
    assert json.loads(sent["message"])["alert_id"] is None
    assert "2 alerts" in sent["subject"]


def test_the_same_browser_is_one_device_and_goes_with_who_signs_in(platform: Platform, outbox: Outbox) -> None:
    ada, bob = (who(platform, platform.person("risk_manager")) for _ in range(2))
    first, again = (register(platform, ada, subscription(outbox)) for _ in range(2))
    assert first.device_id == again.device_id
    assert len(events(platform, "identity.PushDeviceChanged.v1")) == 1
    register(platform, bob, subscription(outbox))
    assert (names(platform, ada), names(platform, bob)) == ([], ["phone"])
    told = subscription(outbox).model_dump()
    elsewhere = told["keys"] | {"auth": "A" * 22}  # Who knows where it is alone, and not its keys.
    with pytest.raises(Conflict):
        register(platform, ada, NewPushDevice.model_validate(told | {"keys": elsewhere}))
    assert names(platform, bob) == ["phone"]


def test_a_person_has_a_few_browsers_and_a_key_registers_none(platform: Platform, outbox: Outbox) -> None:
    user_id = platform.person("risk_manager")
    risk = who(platform, user_id)
    for number in range(DEVICES_OF_ONE_PERSON_MAX):
        register(platform, risk, subscription(outbox, f"phone{number}"))
    with pytest.raises(Conflict, match="at most"):
        register(platform, risk, subscription(outbox, "another"))
    register(platform, risk, subscription(outbox, "phone0"))
    with pytest.raises(NotPermitted):
        register(platform, who(platform, user_id, api_key_id="k"), subscription(outbox, "phone0"))


def test_who_is_disabled_has_no_browser_any_more(platform: Platform, outbox: Outbox, database: Database) -> None:
    user_id = platform.person("risk_manager")
    register(platform, who(platform, user_id), subscription(outbox))
    for disabled_at in (NOW, None):
        with database.tenant_transaction(platform.tenant_id) as tx:
            tx.connection.execute(
                "UPDATE identity.users SET disabled_at = %s WHERE user_id = %s", (disabled_at, user_id)
            )
    assert names(platform, who(platform, user_id)) == []


REFUSED: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("endpoint", lambda told: told | {"endpoint": "https://169.254.169.254/latest"}),
    ("endpoint", lambda told: told | {"endpoint": "http://push.example.com/x"}),
    ("endpoint", lambda told: told | {"endpoint": "https://localhost/x"}),
    ("keys.p256dh", lambda told: told | {"keys": told["keys"] | {"p256dh": "AAAA"}}),
    ("keys.auth", lambda told: told | {"keys": told["keys"] | {"auth": "AAAA"}}),
]


@pytest.mark.parametrize(("field", "change"), REFUSED)
def test_what_is_no_browser_is_refused_at_its_field(
    platform: Platform, outbox: Outbox, field: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    told = subscription(outbox).model_dump() | {"endpoint": "https://push.example.com/x"}
    check = WebhookCaller(AddressPolicy(), lambda host, port: ["93.184.215.14"]).check
    risk = who(platform, platform.person("risk_manager"))
    push_devices.check_device(NewPushDevice.model_validate(told), risk, check)
    with pytest.raises(InvalidRequest) as refused:
        push_devices.check_device(NewPushDevice.model_validate(change(told)), risk, check)
    assert refused.value.extensions["field"] == field
