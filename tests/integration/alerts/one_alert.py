"""An alert of which nothing matters but that it is there."""

import uuid
from datetime import UTC, datetime

from breakwater.db.alerts import Alert


def an_alert(alert_id: uuid.UUID) -> Alert:
    return Alert(
        alert_id=alert_id,
        account_id=None,
        kind="NODE_STATE",
        category="RISK",
        severity="ERROR",
        group_key="NODE_STATE/desk-a",
        title="Desk A is SUSPENDED",
        body="Desk A is SUSPENDED.",
        correlation_id="c",
        created_at=datetime.now(UTC),
    )
