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


class AlertAcknowledged(Event):
    """Somebody took it up, and with it every alert of its group until then that is no worse; `alerts` counts them."""

    topic: ClassVar[str] = "alerts.AlertAcknowledged.v1"
    alert_id: uuid.UUID
    kind: str
    group_key: str
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    title: str
    alerts: int
    acknowledged_by: str
    via: Literal["API", "WEBSOCKET", "TELEGRAM", "SLACK", "EMAIL", "SMS"]
    note: str | None


class AlertEscalated(Event):
    """Nobody has acknowledged it: others are told, or by other ways. `messages`: how many are written to be sent."""

    topic: ClassVar[str] = "alerts.AlertEscalated.v1"
    alert_id: uuid.UUID
    kind: str
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    title: str
    stage: Literal[15, 30]
    waited_s: int  # What the organisation has set for this stage.
    audiences: list[str]
    channels: list[str]
    messages: int


class IncidentCalled(Event):
    """Nobody has acknowledged the worst for long: these people are called together. `bridge`: where, if that is set."""

    topic: ClassVar[str] = "alerts.IncidentCalled.v1"
    alert_id: uuid.UUID
    kind: str
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    title: str
    body: str
    bridge: str | None
    called: list[str]  # User names.


class EscalationChanged(Event):
    """How long escalations of the organisation wait, and where it meets; those under way go on as they were."""

    topic: ClassVar[str] = "alerts.EscalationChanged.v1"
    first_s: int
    second_s: int
    incident_bridge: str | None
    changed_by: str


class RotaChanged(Event):
    """Another rota, or an override made or cancelled. `people`: the rota's, in order, or the override's one."""

    topic: ClassVar[str] = "alerts.RotaChanged.v1"
    change: Literal["SET", "OVERRIDDEN", "OVERRIDE_CANCELLED"]
    people: list[str]  # User names.
    starts_at_ns: int
    ends_at_ns: int | None  # None: until it is changed again.
    handover: str | None  # Such as `every 7 days at 09:00 Europe/Berlin`; None for an override.
    changed_by: str


class NobodyOnCall(Event):
    """Everybody in the rota is disabled or may not acknowledge."""

    topic: ClassVar[str] = "alerts.NobodyOnCall.v1"
    people: list[str]  # Who is in it, by user name.
