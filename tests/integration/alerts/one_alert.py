"""An alert, and a rule, of which nothing matters but that they are there."""

import uuid
from datetime import UTC, datetime

from breakwater.db.alerts import Alert
from breakwater.db.metric_rules import RuleRow


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
