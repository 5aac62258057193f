"""Which messages an alert becomes: one a person and way, each once at a stage."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alerting import Channel, Contact

HELD_BACK = "held back by quiet hours"
_NAMESPACE = uuid.UUID("5b2f1d0e-8f3e-4b49-9f0b-0f5d3d1c7a42")


def plan_deliveries(
    alert: Alert,
    people: Sequence[Contact],
    channels: Collection[Channel],
    *,
    stage: int,
    due_at: datetime,
    tx: TenantTransaction,
    note: str | None = None,
    suppressed: str | None = None,
) -> list[Delivery]:
    """Write down who is to be told by which of the channels; return what is due. A second time plans nothing more.

    `stage`: 0 at once, or the minutes after which an escalation tells them. A way by which somebody is not reached is
    left out. Whoever has quiet hours then is told when they end, unless it is CRITICAL. `note`: what the message says
    beside the alert. `suppressed`: why nobody is told. The messages are sent after the commit.
    """
    wanted: list[tuple[uuid.UUID | None, Channel, str, datetime, str | None]] = [
        (person.user_id, channel, destination, *_when(alert, person, due_at, note))
        for person in people
        for channel, destination in _ways(person)
        if channel in channels
    ]
    if "SLACK" in channels:
        wanted += [
            (None, "SLACK", channel.name, due_at, note)
            for channel in tx.alert_routing.slack_channels()
            if not channel.categories or alert.category in channel.categories
        ]
    planned = [
        Delivery(
            delivery_id=uuid.uuid5(_NAMESPACE, f"{alert.alert_id}/{stage}/{channel}/{destination}"),
            alert_id=alert.alert_id,
            stage=stage,
            channel=channel,
            user_id=user_id,
            destination=destination,
            state="DUE" if suppressed is None else "SUPPRESSED",
            reason=told if suppressed is None else suppressed,
            attempts=0,
            due_at=when,
            sent_at=None,
        )
        for user_id, channel, destination, when, told in wanted
    ]
    tx.alert_deliveries.add(planned)
    return [each for each in planned if each.state == "DUE"]


def _ways(person: Contact) -> list[tuple[Channel, str]]:
    ways: list[tuple[Channel, str | None]] = [
        ("EMAIL", person.email),
        ("SMS", person.phone),
        ("TELEGRAM", None if person.telegram_chat_id is None else str(person.telegram_chat_id)),
        *(("PUSH", str(device_id)) for device_id in person.push_device_ids),
    ]
    return [(channel, destination) for channel, destination in ways if destination is not None]


def _when(alert: Alert, person: Contact, due_at: datetime, note: str | None) -> tuple[datetime, str | None]:
    if person.quiet_hours is None or alert.severity == "CRITICAL":
        return due_at, note
    quiet_until = person.quiet_hours.end_of_those_at(due_at)
    return (due_at, note) if quiet_until is None else (quiet_until, HELD_BACK)
