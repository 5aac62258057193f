"""Alerts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.alerting import SEVERITIES, Category, Severity
from breakwater.domain.times import Timestamp

AcknowledgedVia = Literal["API", "WEBSOCKET", "TELEGRAM", "SLACK", "EMAIL", "SMS"]
ACKNOWLEDGED_AT_ONCE_MAX = 10_000

_ADD = """
INSERT INTO alerts.alerts
  (alert_id, tenant_id, account_id, kind, category, severity, group_key, title, body, correlation_id, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (alert_id) DO NOTHING
"""
_COLUMNS = """
SELECT alert_id, account_id, kind, category, severity, group_key, title, body, correlation_id, created_at,
       acknowledged_at, acknowledged_by, acknowledged_via, acknowledged_note, gathered_in, escalates
FROM alerts.alerts
"""
_PAGE = f"""
{_COLUMNS}
WHERE tenant_id = %(tenant_id)s
  AND (%(account_ids)s::uuid[] IS NULL OR account_id = ANY(%(account_ids)s))
  AND (%(category)s::text IS NULL OR category = %(category)s)
  AND (%(severity)s::text IS NULL OR severity = %(severity)s)
  AND (%(is_open)s::boolean IS NULL OR (acknowledged_at IS NULL) = %(is_open)s)
  AND (%(before_at)s::timestamptz IS NULL OR (created_at, alert_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY created_at DESC, alert_id DESC LIMIT %(limit)s
"""
_OPEN_COUNTS = """
SELECT severity, count(*) FROM (
  SELECT severity FROM alerts.alerts
  WHERE tenant_id = %(tenant_id)s AND acknowledged_at IS NULL
    AND (%(account_ids)s::uuid[] IS NULL OR account_id = ANY(%(account_ids)s))
  LIMIT %(limit)s) open
GROUP BY severity
"""
# The worst first, so that whoever acknowledges it acknowledges all that follow.
_OPEN_OF_GROUP = f"""
{_COLUMNS}
WHERE tenant_id = %(tenant_id)s AND group_key = %(group_key)s AND acknowledged_at IS NULL
  AND (%(account_ids)s::uuid[] IS NULL OR account_id = ANY(%(account_ids)s))
ORDER BY array_position(%(severities)s, severity) DESC, created_at LIMIT 1
"""
_ACKNOWLEDGE = """
UPDATE alerts.alerts SET acknowledged_at = %s, acknowledged_by = %s, acknowledged_via = %s, acknowledged_note = %s
WHERE tenant_id = %s AND alert_id IN (
  SELECT alert_id FROM alerts.alerts
  WHERE tenant_id = %s AND group_key = %s AND acknowledged_at IS NULL AND severity = ANY(%s)
  ORDER BY alert_id = %s DESC, created_at DESC LIMIT %s)
RETURNING alert_id
"""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """None: whatever it is. `is_open`: nobody has acknowledged it."""

    category: Category | None = None
    severity: Severity | None = None
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """`account_id` None: it concerns the organisation. `kind` is the limit type, or such as NODE_STATE.

    Alerts of one kind about the same thing have one `group_key`. `gathered_in`: the alert of its group whose message
    speaks for it. `escalates`: others are told when nobody acknowledges it.
    """

    alert_id: uuid.UUID
    account_id: uuid.UUID | None
    kind: str
    category: Category
    severity: Severity
    group_key: str
    title: str
    body: str
    correlation_id: str
    created_at: Timestamp
    acknowledged_at: Timestamp | None = None
    acknowledged_by: str | None = None
    acknowledged_via: AcknowledgedVia | None = None
    acknowledged_note: str | None = None
    gathered_in: uuid.UUID | None = None
    escalates: bool = False


class AlertRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, alert: Alert) -> bool:
        """False when it is there already: an alert's id follows from the event it tells of."""
        cursor = self._connection.execute(
            _ADD,
            (
                *(alert.alert_id, self._tenant_id, alert.account_id, alert.kind, alert.category, alert.severity),
                *(alert.group_key, alert.title, alert.body, alert.correlation_id, alert.created_at),
            ),
        )
        return cursor.rowcount == 1

    def find(self, alert_id: uuid.UUID) -> Alert | None:
        with self._connection.cursor(row_factory=class_row(Alert)) as cursor:
            return cursor.execute(
                f"{_COLUMNS} WHERE tenant_id = %s AND alert_id = %s", (self._tenant_id, alert_id)
            ).fetchone()

    def place(self, alert_id: uuid.UUID, *, gathered_in: uuid.UUID | None, escalates: bool) -> None:
        """Where it came in its group."""
        self._connection.execute(
            "UPDATE alerts.alerts SET gathered_in = %s, escalates = %s WHERE tenant_id = %s AND alert_id = %s",
            (gathered_in, escalates, self._tenant_id, alert_id),
        )

    def count_gathered(self, leader_id: uuid.UUID) -> int:
        """For how many the message of this one speaks, itself among them."""
        row = self._connection.execute(
            "SELECT count(*) + 1 FROM alerts.alerts WHERE tenant_id = %s AND gathered_in = %s",
            (self._tenant_id, leader_id),
        ).fetchone()
        return 1 if row is None else int(row[0])

    def page(
        self,
        account_ids: Sequence[uuid.UUID] | None,
        *,
        before: tuple[datetime, uuid.UUID] | None,
        limit: int,
        wanted: AlertFilter = AlertFilter(),
    ) -> list[Alert]:
        """The newest first, those older than `before` (created_at, alert_id); of these accounts, or of all for None."""
        before_at, before_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(Alert)) as cursor:
            return cursor.execute(
                _PAGE,
                {
                    "tenant_id": self._tenant_id,
                    "account_ids": None if account_ids is None else list(account_ids),
                    "category": wanted.category,
                    "severity": wanted.severity,
                    "is_open": wanted.is_open,
                    "before_at": before_at,
                    "before_id": before_id,
                    "limit": limit,
                },
            ).fetchall()

    def open_counts(self, account_ids: Sequence[uuid.UUID] | None, *, limit: int) -> dict[Severity, int]:
        """How many nobody has acknowledged, by severity; of these accounts, or of all for None. `limit` together."""
        rows = self._connection.execute(
            _OPEN_COUNTS,
            {
                "tenant_id": self._tenant_id,
                "account_ids": None if account_ids is None else list(account_ids),
                "limit": limit,
            },
        ).fetchall()
        return dict(rows)

    def worst_open(self, group_key: str, account_ids: Sequence[uuid.UUID] | None) -> Alert | None:
        """Of the group's alerts that nobody has acknowledged; of these accounts, or of all for None."""
        with self._connection.cursor(row_factory=class_row(Alert)) as cursor:
            return cursor.execute(
                _OPEN_OF_GROUP,
                {
                    "tenant_id": self._tenant_id,
                    "group_key": group_key,
                    "account_ids": None if account_ids is None else list(account_ids),
                    "severities": list(SEVERITIES),
                },
            ).fetchone()

    def acknowledge(
        self,
        group_key: str,
        severities: Sequence[Severity],
        *,
        by: str,
        via: AcknowledgedVia,
        note: str | None,
        at: datetime,
        first: uuid.UUID,
    ) -> list[uuid.UUID]:
        """Those of the group and these severities that nobody has yet: `first` and the newest. Which they were."""
        rows = self._connection.execute(
            _ACKNOWLEDGE,
            (
                *(at, by, via, note, self._tenant_id),
                *(self._tenant_id, group_key, list(severities), first, ACKNOWLEDGED_AT_ONCE_MAX),
            ),
        ).fetchall()
        return [alert_id for (alert_id,) in rows]
