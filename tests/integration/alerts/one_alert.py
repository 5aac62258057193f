"""An alert of which nothing matters but that it is there."""

import uuid
from datetime import UTC, datetime
from typing import Any

from breakwater.db.alerts import Alert


def an_alert(alert_id: uuid.UUID, **otherwise: Any) -> Alert:
    told: dict[str, Any] = {
        "account_id": None,
        "kind": "NODE_STATE",
        "category": "RISK",
        "severity": "ERROR",
        "group_key": "NODE_STATE/desk-a",
        "title": "Desk A is SUSPENDED",
        "body": "Desk A is SUSPENDED.\n\nReason: a test",
        "correlation_id": "c",
        "created_at": datetime.now(UTC),
    }
    return Alert(alert_id=alert_id, **(told | otherwise))
