"""Who has taken an alert up."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Literal

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller
from breakwater.services.alert_views import visible_alert

Via = Literal["API", "WEBSOCKET", "TELEGRAM", "SLACK", "EMAIL", "SMS"]


def acknowledge(alert_id: uuid.UUID, who: Caller, via: Via, tx: TenantTransaction, at: datetime) -> Alert:
    """The alert as it is then; one that somebody has acknowledged stays his. NotFound for one not to be seen."""
    alert = visible_alert(alert_id, who, tx)
    if alert.acknowledged_at is None and tx.alerts.acknowledge(alert_id, by=who.username, via=via, at=at):
        return replace(alert, acknowledged_at=at, acknowledged_by=who.username, acknowledged_via=via)
    return visible_alert(alert_id, who, tx)
