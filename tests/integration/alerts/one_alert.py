"""An alert, and a rule, of which nothing matters but that they are there."""

import uuid
from datetime import UTC, datetime
from typing import Any

from breakwater.db.alerts import Alert
from breakwater.db.metric_rules import RuleRow


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


def a_metric_rule(rule_id: uuid.UUID) -> RuleRow:
    return RuleRow(
        rule_id=rule_id,
        name="Orders",
        metric="orders_per_minute",
        labels={},
        condition={"kind": "THRESHOLD", "direction": "ABOVE", "bound": "5", "clear_bound": "5"},
        for_s=0,
        severity="WARNING",
        category="RISK",
        is_enabled=True,
        version=1,
        changed_by="somebody",
        changed_at=datetime.now(UTC),
    )
