"""What people are told."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Event


class AlertRaised(Event):
    topic: ClassVar[str] = "alerts.AlertRaised.v1"
    alert_id: uuid.UUID
    kind: str
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    title: str
    body: str
