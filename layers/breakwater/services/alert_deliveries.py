"""Which messages an alert becomes: one a person and way, each once at a stage."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alerting import Channel, Contact

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
) -> list[Delivery]:
    """Write down who is to be told by which of the channels; return what is due. A second time plans nothing more.

    `stage`: 0 at once, or the minutes after which an escalation tells them. A way by which somebody is not reached is
    left out. `note`: what stands above the alert in the message. The messages are sent after the commit.
    """
    planned = [
        Delivery(
            delivery_id=uuid.uuid5(_NAMESPACE, f"{alert.alert_id}/{stage}/{channel}/{destination}"),
            alert_id=alert.alert_id,
            stage=stage,
            channel=channel,
            user_id=person.user_id,
            destination=destination,
            state="DUE",
            reason=note,
            attempts=0,
            due_at=due_at,
            sent_at=None,
        )
        for person in people
        for channel, destination in _ways(person)
        if channel in channels
    ]
    tx.alert_deliveries.add(planned)
    return planned


def _ways(person: Contact) -> list[tuple[Channel, str]]:
    ways: list[tuple[Channel, str | None]] = [
        ("EMAIL", person.email),
        ("SMS", person.phone),
        ("TELEGRAM", None if person.telegram_chat_id is None else str(person.telegram_chat_id)),
    ]
    return [(channel, destination) for channel, destination in ways if destination is not None]
