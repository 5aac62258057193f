"""Rules about metrics, what is known of each series that they look at, and the newest look at all of them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from breakwater.domain.alerting import Category, Severity
from breakwater.domain.times import Timestamp

RULES_MAX = 100  # Of an organisation.
_SERIES_MAX = 5_000
_RULES = """
SELECT rule_id, name, metric, labels, condition, for_s, severity, category, is_enabled, version, changed_by, changed_at
FROM alerts.metric_rules
"""
_ADD = """
INSERT INTO alerts.metric_rules
  (tenant_id, rule_id, name, metric, labels, condition, for_s, severity, category, is_enabled, version, changed_by,
   changed_at)
VALUES (%(tenant_id)s, %(rule_id)s, %(name)s, %(metric)s, %(labels)s, %(condition)s, %(for_s)s, %(severity)s,
        %(category)s, %(is_enabled)s, 1, %(changed_by)s, %(changed_at)s) ON CONFLICT (rule_id) DO NOTHING
"""
_SAVE = """
UPDATE alerts.metric_rules SET name = %(name)s, metric = %(metric)s, labels = %(labels)s, condition = %(condition)s,
  for_s = %(for_s)s, severity = %(severity)s, category = %(category)s, is_enabled = %(is_enabled)s,
  version = version + 1, changed_by = %(changed_by)s, changed_at = %(changed_at)s
WHERE rule_id = %(rule_id)s AND tenant_id = %(tenant_id)s
"""
_SAVE_SERIES = """
INSERT INTO alerts.metric_series (rule_id, labels, tenant_id, state, heard_at)
VALUES (%(rule_id)s, %(labels)s, %(tenant_id)s, %(state)s, %(heard_at)s)
ON CONFLICT (rule_id, labels) DO UPDATE SET state = excluded.state, heard_at = excluded.heard_at
"""
_BUSINESS = """
SELECT
  (SELECT count(*) FROM trading.orders o WHERE o.tenant_id = %(tenant_id)s AND o.created_at > %(since)s) AS orders,
  (SELECT count(*) FROM trading.orders o WHERE o.tenant_id = %(tenant_id)s AND o.created_at > %(since)s
     AND o.status = 'REJECTED' AND o.refusals IS NOT NULL) AS refusals,
  (SELECT count(*) FROM trading.orders o WHERE o.tenant_id = %(tenant_id)s AND o.created_at > %(since)s
     AND o.status = 'REJECTED' AND o.refusals IS NULL) AS rejections,
  (SELECT count(*) FROM trading.trades t WHERE t.tenant_id = %(tenant_id)s AND t.transact_time > %(since)s) AS trades
"""
_LATENCY = """
SELECT percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY took_s) FROM (
  SELECT extract(epoch FROM max(s.finished_at) - min(s.started_at)) AS took_s
  FROM (SELECT order_id FROM trading.orders WHERE tenant_id = %(tenant_id)s AND created_at > %(since)s
        ORDER BY created_at DESC LIMIT 1000) newest
  JOIN trading.saga_steps s USING (order_id) WHERE s.step <> 'release_limits' GROUP BY s.order_id) orders
"""


@dataclass(frozen=True, slots=True)
class RuleRow:
    rule_id: uuid.UUID
    name: str
    metric: str
    labels: dict[str, str]
    condition: dict[str, Any]
    for_s: int
    severity: Severity
    category: Category
    is_enabled: bool
    version: int
    changed_by: str
    changed_at: Timestamp


@dataclass(frozen=True, slots=True)
class Activity:
    """Of the last minute: orders placed, refused by limits, rejected by engine or venue, and trades."""

    orders: int
    refusals: int
    rejections: int
    trades: int


@dataclass(frozen=True, slots=True)
class AccountHolding:
    account_id: uuid.UUID
    account: str
    symbol: str
    realised_pnl: Decimal  # Less fees.
    quantity: Decimal
    cost: Decimal


class MetricRuleRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def all(self) -> list[RuleRow]:
        with self._connection.cursor(row_factory=class_row(RuleRow)) as cursor:
            return cursor.execute(
                f"{_RULES} WHERE tenant_id = %s ORDER BY name, rule_id LIMIT %s",
                (self._tenant_id, RULES_MAX),
            ).fetchall()

    def find(self, rule_id: uuid.UUID) -> RuleRow | None:
        """Locked, so that of two changes the second sees the first."""
        with self._connection.cursor(row_factory=class_row(RuleRow)) as cursor:
            return cursor.execute(
                f"{_RULES} WHERE tenant_id = %s AND rule_id = %s FOR NO KEY UPDATE",
                (self._tenant_id, rule_id),
            ).fetchone()

    def add(self, rule: RuleRow) -> bool:
        return self._connection.execute(_ADD, self._values(rule)).rowcount == 1

    def save(self, rule: RuleRow) -> None:
        """What was known of its series is forgotten: it was of another rule."""
        self._connection.execute(_SAVE, self._values(rule))
        self._connection.execute(
            "DELETE FROM alerts.metric_series WHERE tenant_id = %s AND rule_id = %s", (self._tenant_id, rule.rule_id)
        )

    def delete(self, rule_id: uuid.UUID) -> None:
        self._connection.execute(
            "DELETE FROM alerts.metric_rules WHERE tenant_id = %s AND rule_id = %s", (self._tenant_id, rule_id)
        )

    def series(self) -> dict[tuple[uuid.UUID, str], dict[str, Any]]:
        """By rule and labels."""
        rows = self._connection.execute(
            "SELECT rule_id, labels, state FROM alerts.metric_series WHERE tenant_id = %s LIMIT %s",
            (self._tenant_id, _SERIES_MAX),
        ).fetchall()
        return {(rule_id, labels): state for rule_id, labels, state in rows}

    def crossed(self) -> list[tuple[uuid.UUID, dict[str, str], int | None]]:
        """Rule, labels and since when, in nanoseconds, of each series that is past its rule."""
        return self._connection.execute(
            """SELECT rule_id, labels::jsonb, (state->>'since_ns')::bigint FROM alerts.metric_series
               WHERE tenant_id = %s AND state->>'state' = 'CROSSED' ORDER BY rule_id, labels LIMIT %s""",
            (self._tenant_id, _SERIES_MAX),
        ).fetchall()

    def save_series(self, states: Iterable[tuple[uuid.UUID, str, dict[str, Any]]], at: datetime) -> None:
        values = [
            {
                "rule_id": rule_id,
                "labels": labels,
                "tenant_id": self._tenant_id,
                "state": Jsonb(state),
                "heard_at": at,
            }
            for rule_id, labels, state in states
        ]
        with self._connection.pipeline():
            for each in values:
                self._connection.execute(_SAVE_SERIES, each)

    def forget_series(self, before: datetime) -> None:
        """Those that nothing was heard of since."""
        self._connection.execute(
            "DELETE FROM alerts.metric_series WHERE tenant_id = %s AND heard_at < %s", (self._tenant_id, before)
        )

    def lock_for_defaults(self) -> bool:
        """True once for each organisation: whoever is told so gives it the rules that everybody begins with."""
        self._connection.execute(
            "INSERT INTO alerts.metric_readings (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING", (self._tenant_id,)
        )
        cursor = self._connection.execute(
            "UPDATE alerts.metric_readings SET has_defaults = true WHERE tenant_id = %s AND NOT has_defaults",
            (self._tenant_id,),
        )
        return cursor.rowcount == 1

    def begin_look(self, at: datetime, before: datetime) -> bool:
        """Whether it is this one's turn to look: nobody has since `before`, and nobody else does at this moment."""
        row = self._connection.execute(
            "SELECT coalesce(read_at, 'epoch') < %s FROM alerts.metric_readings WHERE tenant_id = %s"
            " FOR UPDATE SKIP LOCKED",
            (before, self._tenant_id),
        ).fetchone()
        return row is not None and bool(row[0])

    def save_readings(self, readings: Sequence[Sequence[Any]], at: datetime) -> None:
        self._connection.execute(
            "UPDATE alerts.metric_readings SET read_at = %s, readings = %s WHERE tenant_id = %s",
            (at, Jsonb(list(readings)), self._tenant_id),
        )

    def readings(self) -> tuple[datetime | None, list[list[Any]]]:
        """When they were read, and each as [metric, labels, value]."""
        row = self._connection.execute(
            "SELECT read_at, readings FROM alerts.metric_readings WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchone()
        return (None, []) if row is None else (row[0], row[1])

    def activity(self, since: datetime) -> Activity:
        with self._connection.cursor(row_factory=class_row(Activity)) as cursor:
            row = cursor.execute(_BUSINESS, {"tenant_id": self._tenant_id, "since": since}).fetchone()
        return row or Activity(0, 0, 0, 0)

    def order_latency_s(self, since: datetime) -> tuple[Decimal, Decimal] | None:
        """The median and the 99th of a hundred of placing an order; None where none was placed."""
        row = self._connection.execute(_LATENCY, {"tenant_id": self._tenant_id, "since": since}).fetchone()
        return None if row is None or row[0] is None else (row[0][0], row[0][1])

    def holdings(self) -> list[AccountHolding]:
        with self._connection.cursor(row_factory=class_row(AccountHolding)) as cursor:
            return cursor.execute(
                """SELECT a.account_id, a.name AS account, p.symbol, p.quantity,
                          p.realised_pnl - p.fees AS realised_pnl, p.quantity * p.average_price AS cost
                   FROM trading.positions p JOIN identity.accounts a USING (account_id)
                   WHERE p.tenant_id = %s ORDER BY a.name, p.symbol LIMIT %s""",
                (self._tenant_id, _SERIES_MAX),
            ).fetchall()

    def _values(self, rule: RuleRow) -> dict[str, Any]:
        return {
            "tenant_id": self._tenant_id,
            "rule_id": rule.rule_id,
            "name": rule.name,
            "metric": rule.metric,
            "labels": Jsonb(rule.labels),
            "condition": Jsonb(rule.condition),
            "for_s": rule.for_s,
            "severity": rule.severity,
            "category": rule.category,
            "is_enabled": rule.is_enabled,
            "changed_by": rule.changed_by,
            "changed_at": rule.changed_at,
        }
