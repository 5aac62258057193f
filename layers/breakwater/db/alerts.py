"""Alerts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.alerting import Category, Severity
from breakwater.domain.times import Timestamp

_ADD = """
INSERT INTO alerts.alerts
  (alert_id, tenant_id, account_id, kind, category, severity, group_key, title, body, correlation_id, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (alert_id) DO NOTHING
"""
_COLUMNS = """
SELECT alert_id, account_id, kind, category, severity, group_key, title, body, correlation_id, created_at,
       acknowledged_at, acknowledged_by, acknowledged_via
FROM alerts.alerts
"""
_PAGE = f"""
{_COLUMNS}
WHERE tenant_id = %(tenant_id)s
  AND (%(account_ids)s::uuid[] IS NULL OR account_id = ANY(%(account_ids)s))
  AND (%(before_at)s::timestamptz IS NULL OR (created_at, alert_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY created_at DESC, alert_id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """`account_id` None: it concerns the organisation. `kind` is the limit type, or such as NODE_STATE.

    Alerts of one kind about the same thing have one `group_key`.
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
    acknowledged_via: str | None = None


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

    def acknowledge(self, alert_id: uuid.UUID, *, by: str, via: str, at: datetime) -> bool:
        """False for one that somebody has acknowledged."""
        cursor = self._connection.execute(
            "UPDATE alerts.alerts SET acknowledged_at = %s, acknowledged_by = %s, acknowledged_via = %s"
            " WHERE tenant_id = %s AND alert_id = %s AND acknowledged_at IS NULL",
            (at, by, via, self._tenant_id, alert_id),
        )
        return cursor.rowcount == 1

    def page(
        self, account_ids: Sequence[uuid.UUID] | None, *, before: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> list[Alert]:
        """The newest first, those older than `before` (created_at, alert_id); of these accounts, or of all for None."""
        before_at, before_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(Alert)) as cursor:
            return cursor.execute(
                _PAGE,
                {
                    "tenant_id": self._tenant_id,
                    "account_ids": None if account_ids is None else list(account_ids),
                    "before_at": before_at,
                    "before_id": before_id,
                    "limit": limit,
                },
            ).fetchall()
