"""The links that acknowledge, in the messages that the sender makes."""

import re
import uuid
from datetime import UTC, datetime, time

import pytest

from breakwater.db.alert_routing import SlackChannel
from breakwater.db.alerts import Alert
from breakwater.db.connection import Database
from breakwater.errors import Unavailable
from breakwater.services.alert_messages import Parcel, mail_text, slack_message, sms_text
from breakwater.services.alert_sending import RETRY_AFTER_S
from tests.integration.alerts.telling import Platform
from tests.integration.alerts.test_acknowledging import open_page
from tests.integration.alerts.test_alerts import database

__all__ = ["database"]  # A fixture.
URL = "https://api.example.com"
NIGHT = {"time_zone": "UTC", "quiet_from": time(0), "quiet_until": time(23, 59), "quiet_days": [1, 2, 3, 4, 5, 6, 7]}


@pytest.fixture
def platform(database: Database) -> Platform:
    return Platform(database)


def text_of(parcel: Parcel) -> str:
    if parcel.channel == "SLACK":
        return str(slack_message(parcel))
    return mail_text(parcel) if parcel.channel == "EMAIL" else sms_text(parcel)


def links_in(parcel: Parcel) -> list[str]:
    """Their paths."""
    return re.findall(re.escape(URL) + r"(/acknowledgements/[A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])", text_of(parcel))


def sent(platform: Platform, at: datetime, severity: str = "ERROR") -> tuple[Alert, list[Parcel]]:
    alert, told = platform.raise_alert(at, severity=severity)
    platform.send(told.due, at, public_url=URL)
    return alert, platform.outgoing.parcels


def stored(platform: Platform, alert: Alert) -> Alert:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        found = tx.alerts.find(alert.alert_id)
    assert found is not None
    return found


def kept(platform: Platform) -> int:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        (count,) = tx.connection.execute(
            "SELECT count(*) FROM alerts.acknowledgement_links WHERE tenant_id = %s", (platform.tenant_id,)
        ).fetchone() or (0,)
    return int(count)


def test_each_reader_has_a_mail_with_a_link_that_speaks_for_him_alone(platform: Platform) -> None:
    platform.person("risk_manager")
    platform.person("organisation_admin")
    alert, parcels = sent(platform, datetime.now(UTC))
    assert len({tuple(links_in(parcel)) for parcel in parcels}) == len(parcels) == 2
    for parcel in parcels:
        [address] = parcel.destinations
        [path] = links_in(parcel)
        assert f"Acknowledge as {address.partition('@')[0]}<" in open_page("GET", path)[1]
    assert stored(platform, alert).acknowledged_at is None
    first, second = parcels
    [path] = links_in(first)
    name = first.destinations[0].partition("@")[0]
    assert f"Acknowledged by {name}" in open_page("POST", path)[1]
    assert (stored(platform, alert).acknowledged_by, stored(platform, alert).acknowledged_via) == (name, "EMAIL")
    assert f"Acknowledged by {name}" in open_page("POST", links_in(second)[0])[1], "the first one stays"


def test_a_text_message_has_a_link_too(platform: Platform) -> None:
    platform.person("risk_manager", phone="+4915112345678")
    alert, parcels = sent(platform, datetime.now(UTC), "CRITICAL")
    [sms] = [parcel for parcel in parcels if parcel.channel == "SMS"]
    open_page("POST", links_in(sms)[0])
    assert stored(platform, alert).acknowledged_via == "SMS"


def test_a_link_in_slack_speaks_for_its_channel(platform: Platform) -> None:
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.alert_routing.add_slack_channel(SlackChannel(uuid.uuid4(), "desk", [], "admin", datetime.now(UTC)), b"x")
    alert, [parcel] = sent(platform, datetime.now(UTC))
    open_page("POST", links_in(parcel)[0])
    assert (stored(platform, alert).acknowledged_by, stored(platform, alert).acknowledged_via) == (
        "slack:desk",
        "SLACK",
    )


def test_who_may_not_acknowledge_is_sent_no_link(platform: Platform) -> None:
    user_id, now = platform.person("risk_manager"), datetime.now(UTC)
    _, told = platform.raise_alert(now)
    with platform.database.tenant_transaction(platform.tenant_id) as tx:
        tx.people.set_role(user_id, "viewer")
    platform.send(told.due, now, public_url=URL)
    [parcel] = platform.outgoing.parcels
    assert links_in(parcel) == []
    assert kept(platform) == 0


def test_what_somebody_took_up_meanwhile_has_no_link(platform: Platform) -> None:
    platform.person("risk_manager")
    platform.person("organisation_admin")
    now = datetime.now(UTC)
    _, told = platform.raise_alert(now)
    platform.send(told.due[:1], now, public_url=URL)
    open_page("POST", links_in(platform.outgoing.parcels[0])[0])
    platform.send(told.due[1:], now, public_url=URL)
    assert links_in(platform.outgoing.parcels[1]) == []


def test_where_the_api_has_no_public_address_the_message_says_the_command(platform: Platform) -> None:
    platform.person("risk_manager")
    now = datetime.now(UTC)
    alert, told = platform.raise_alert(now)
    platform.send(told.due, now)
    text = mail_text(platform.outgoing.parcels[0])
    assert "/acknowledgements/" not in text
    assert f"Acknowledge it: breakwater alerts ack {alert.alert_id}" in text
    assert kept(platform) == 0


def test_what_is_sent_again_has_a_new_link_and_both_are_of_one_alert(platform: Platform) -> None:
    platform.person("risk_manager")
    now = datetime.now(UTC)
    _, told = platform.raise_alert(now)
    platform.outgoing.failure = Unavailable("SNS was not reached")
    [again_at] = platform.send(told.due, now, public_url=URL)
    platform.outgoing.failure = None
    assert again_at is not None
    assert (again_at - now).total_seconds() == RETRY_AFTER_S[0]
    platform.send(told.due, again_at, public_url=URL)
    assert len(links_in(platform.outgoing.parcels[0])) == 1
    assert kept(platform) == 2


def test_of_what_quiet_hours_held_back_each_alert_has_its_own_link(platform: Platform) -> None:
    platform.person("risk_manager", **NIGHT)
    now = datetime.now(UTC).replace(hour=12)
    told = [platform.raise_alert(now, group_key=f"NODE_STATE/{each}") for each in range(3)]
    at = told[0][1].due[0].due_at
    for _, each in told:
        platform.send(each.due, at, public_url=URL)
    [parcel] = platform.outgoing.parcels
    assert len(set(links_in(parcel))) == 3
    assert set(parcel.links) == {alert.alert_id for alert, _ in told}
