"""Rules about metrics, and all that can be watched, as the API shows them."""

from typing import Any, TypedDict

from breakwater.db.connection import TenantTransaction
from breakwater.db.metric_rules import RuleRow
from breakwater.domain.ids import IdText
from breakwater.domain.metric_rules import labels_of
from breakwater.domain.money import AmountText
from breakwater.domain.times import TimeText, format_time, from_nanoseconds
from breakwater.services.metric_rules import latest


class CrossedSeries(TypedDict):
    labels: dict[str, str]
    since: TimeText | None


class MetricRuleView(TypedDict):
    """`condition` has a `kind`, THRESHOLD or BAND, and its terms. `crossed`: the series that are past it now."""

    rule_id: IdText
    name: str
    metric: str
    labels: dict[str, str]
    condition: dict[str, Any]
    for_s: int
    severity: str
    category: str
    is_enabled: bool
    version: int
    changed_by: str
    changed_at: TimeText
    crossed: list[CrossedSeries]


class MetricRuleList(TypedDict):
    items: list[MetricRuleView]


class MetricView(TypedDict):
    metric: str
    labels: dict[str, str]
    value: AmountText


class MetricList(TypedDict):
    """`read_at`: when the watch looked last; null: it has not looked yet."""

    read_at: TimeText | None
    items: list[MetricView]


def rule_view(row: RuleRow, tx: TenantTransaction) -> MetricRuleView:
    return rule_list([row], tx)["items"][0]


def rule_list(rows: list[RuleRow], tx: TenantTransaction) -> MetricRuleList:
    crossed: dict[Any, list[CrossedSeries]] = {}
    for rule_id, labels, since_ns in tx.metric_rules.crossed():
        since = None if since_ns is None else format_time(from_nanoseconds(since_ns))
        crossed.setdefault(rule_id, []).append({"labels": labels, "since": since})
    return {
        "items": [
            {
                "rule_id": str(row.rule_id),
                "name": row.name,
                "metric": row.metric,
                "labels": row.labels,
                "condition": row.condition,
                "for_s": row.for_s,
                "severity": row.severity,
                "category": row.category,
                "is_enabled": row.is_enabled,
                "version": row.version,
                "changed_by": row.changed_by,
                "changed_at": format_time(row.changed_at),
                "crossed": crossed.get(row.rule_id, []),
            }
            for row in rows
        ]
    }


def metric_list(tx: TenantTransaction) -> MetricList:
    """By name and labels."""
    read_at, found = latest(tx)
    items: list[MetricView] = [
        {"metric": metric, "labels": dict(labels), "value": value}
        for (metric, labels), value in sorted(found, key=lambda each: (each[0][0], labels_of(dict(each[0][1]))))
    ]
    return {"read_at": None if read_at is None else format_time(read_at), "items": items}
