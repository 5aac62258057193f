"""Alerts that nobody has acknowledged yet: how far people were told again, and what the organisation has set."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.alerting import Severity
from breakwater.domain.escalation import Waits
from breakwater.domain.times import Timestamp

Outcome = Literal["ACKNOWLEDGED", "RESOLVED", "EXHAUSTED"]

_COLUMNS = """
SELECT alert_id, group_key, severity, first_s, second_s, started_at, covers_to, stage, ended_at, outcome
FROM alerts.escalations WHERE tenant_id = %s
"""
_ADD = """
INSERT INTO alerts.escalations
  (alert_id, tenant_id, group_key, severity, first_s, second_s, started_at, covers_to)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_END_GROUP = """
UPDATE alerts.escalations SET ended_at = %s, outcome = %s
WHERE tenant_id = %s AND group_key = %s AND ended_at IS NULL AND severity = ANY(%s)
"""
_SET = """
INSERT INTO alerts.escalation_settings (tenant_id, first_s, second_s, incident_bridge) VALUES (%s, %s, %s, %s)
ON CONFLICT (tenant_id) DO UPDATE
SET first_s = excluded.first_s, second_s = excluded.second_s, incident_bridge = excluded.incident_bridge
"""


@dataclass(frozen=True, slots=True)
class Escalation:
    """`stage`: the last that was carried out, 0 for none. `covers_to`: later no alert of the group rests on it."""

    alert_id: uuid.UUID
    group_key: str
    severity: Severity
    first_s: int
    second_s: int
    started_at: Timestamp
    covers_to: Timestamp
    stage: int = 0
    ended_at: Timestamp | None = None
    outcome: Outcome | None = None

    @property
    def waits(self) -> Waits:
        return Waits(self.first_s, self.second_s)


@dataclass(frozen=True, slots=True)
class EscalationSettings:
    waits: Waits
    incident_bridge: str | None


class EscalationRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_group(self, group_key: str) -> None:
        """Until the transaction ends nobody else begins, carries out or ends an escalation of the group."""
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"alert group {self._tenant_id}/{group_key}",)
        )

    def find(self, alert_id: uuid.UUID) -> Escalation | None:
        with self._connection.cursor(row_factory=class_row(Escalation)) as cursor:
            return cursor.execute(f"{_COLUMNS} AND alert_id = %s", (self._tenant_id, alert_id)).fetchone()

    def covering(self, group_key: str, severities: Sequence[Severity], at: datetime) -> Escalation | None:
        """One of the group that is under way, for an alert of one of these severities."""
        with self._connection.cursor(row_factory=class_row(Escalation)) as cursor:
            return cursor.execute(
                f"{_COLUMNS} AND group_key = %s AND ended_at IS NULL AND severity = ANY(%s) AND covers_to > %s LIMIT 1",
                (self._tenant_id, group_key, list(severities), at),
            ).fetchone()

    def add(self, escalation: Escalation) -> None:
        self._connection.execute(
            _ADD,
            (
                *(escalation.alert_id, self._tenant_id, escalation.group_key, escalation.severity),
                *(escalation.first_s, escalation.second_s, escalation.started_at, escalation.covers_to),
            ),
        )

    def reach(self, alert_id: uuid.UUID, stage: int) -> None:
        self._connection.execute(
            "UPDATE alerts.escalations SET stage = %s WHERE tenant_id = %s AND alert_id = %s",
            (stage, self._tenant_id, alert_id),
        )

    def end(self, alert_id: uuid.UUID, outcome: Outcome, at: datetime) -> None:
        self._connection.execute(
            "UPDATE alerts.escalations SET ended_at = %s, outcome = %s"
            " WHERE tenant_id = %s AND alert_id = %s AND ended_at IS NULL",
            (at, outcome, self._tenant_id, alert_id),
        )

    def end_group(self, group_key: str, severities: Sequence[Severity], outcome: Outcome, at: datetime) -> None:
        """Those of the group that are under way, for alerts of these severities."""
        self._connection.execute(_END_GROUP, (at, outcome, self._tenant_id, group_key, list(severities)))

    # settings ---------------------------------------------------------------------------------------------------

    def settings(self) -> EscalationSettings:
        row = self._connection.execute(
            "SELECT first_s, second_s, incident_bridge FROM alerts.escalation_settings WHERE tenant_id = %s",
            (self._tenant_id,),
        ).fetchone()
        return EscalationSettings(Waits(), None) if row is None else EscalationSettings(Waits(row[0], row[1]), row[2])

    def set(self, settings: EscalationSettings) -> None:
        waits = settings.waits
        self._connection.execute(_SET, (self._tenant_id, waits.first_s, waits.second_s, settings.incident_bridge))
