"""What people are told, and what organisations say of that."""

import uuid
from typing import ClassVar, Literal

from pydantic import ConfigDict

from events.envelope import Event

Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]


# As it was told until version 2 said what an alert is about: the event store and replays have these.
class AlertRaisedBefore(Event):
    model_config = ConfigDict(title="AlertRaised")
    topic: ClassVar[str] = "alerts.AlertRaised.v1"
    alert_id: uuid.UUID
    kind: str
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    title: str
    body: str


class AlertRaised(Event):
    """Alerts of one kind about the same thing have one `group_key`."""

    topic: ClassVar[str] = "alerts.AlertRaised.v2"
    alert_id: uuid.UUID
    kind: str
    category: Literal[
        "RISK",
        "TRADE_FAILURE",
        "AUTHENTICATION",
        "VENUE",
        "MARKET_DATA",
        "RECONCILIATION",
        "COMMUNICATION",
        "SYSTEM",
        "GOVERNANCE",
    ]
    severity: Severity
    group_key: str
    title: str
    body: str


class DeliveryFailed(Event):
    """Somebody, or a channel, could not be told of an alert, and is not tried any more."""

    topic: ClassVar[str] = "alerts.DeliveryFailed.v1"
    alert_id: uuid.UUID
    delivery_id: uuid.UUID
    channel: Literal["EMAIL", "SMS", "SLACK", "TELEGRAM"]
    destination: str
    reason: str
    attempts: int


class AlertSettingsChanged(Event):
    """Who is told of alerts, by which way and when: of the organisation, or of a person by himself."""

    topic: ClassVar[str] = "alerts.AlertSettingsChanged.v1"
    subject_id: uuid.UUID  # The organisation, the channel, the suppression or the person.
    change: Literal[
        "ROUTES",
        "CHANNEL_ADDED",
        "CHANNEL_REMOVED",
        "SUPPRESSION_ADDED",
        "SUPPRESSION_ENDED",
        "QUIET_HOURS",
        "PHONE",
    ]
    summary: str
    changed_by: str
