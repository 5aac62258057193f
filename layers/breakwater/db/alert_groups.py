"""Groups of alerts: which one speaks for the others now, and how often a group went up and down."""

import uuid
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from breakwater.domain.alert_groups import Turns, Window
from breakwater.domain.alerting import Severity

KEPT = timedelta(days=1)  # By then no window and no flapping of it counts any more.

# An advisory lock and not the row's: the first of a group has no row to lock.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s || '/' || %s, 0))"
_SAVE_WINDOW = """
INSERT INTO alerts.group_windows (tenant_id, group_key, severity, leader_id, escalated_id, sends_at, message_no)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, group_key, severity) DO UPDATE
SET leader_id = excluded.leader_id, escalated_id = excluded.escalated_id, sends_at = excluded.sends_at,
  message_no = excluded.message_no, taken_at = NULL
"""
_SAVE_TURNS = """
INSERT INTO alerts.group_turns (tenant_id, group_key, severity, turned_at, flapping_since, heard_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, group_key) DO UPDATE
SET severity = excluded.severity, turned_at = excluded.turned_at, flapping_since = excluded.flapping_since,
  heard_at = excluded.heard_at
"""
_FORGET_WINDOWS = """
DELETE FROM alerts.group_windows WHERE (tenant_id, group_key, severity) IN (
  SELECT tenant_id, group_key, severity FROM alerts.group_windows
  WHERE tenant_id = %s AND sends_at < %s LIMIT 10 FOR UPDATE SKIP LOCKED)
"""
_FORGET_TURNS = """
DELETE FROM alerts.group_turns WHERE (tenant_id, group_key) IN (
  SELECT tenant_id, group_key FROM alerts.group_turns
  WHERE tenant_id = %s AND heard_at < %s LIMIT 10 FOR UPDATE SKIP LOCKED)
"""


class AlertGroupRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock(self, group_key: str) -> None:
        """Alerts of one group are placed one after the other, by however many consumers."""
        self._connection.execute(_LOCK, (str(self._tenant_id), group_key))

    def window(self, group_key: str, severity: Severity) -> Window | None:
        """To be taken by nobody until this transaction ends."""
        row = self._connection.execute(
            "SELECT leader_id, escalated_id, sends_at, taken_at, message_no FROM alerts.group_windows"
            " WHERE tenant_id = %s AND group_key = %s AND severity = %s FOR UPDATE",
            (self._tenant_id, group_key, severity),
        ).fetchone()
        return None if row is None else Window(*row)

    def open_window(
        self,
        group_key: str,
        severity: Severity,
        *,
        leader_id: uuid.UUID,
        escalated_id: uuid.UUID,
        sends_at: datetime,
        message_no: int,
        at: datetime,
    ) -> None:
        self._connection.execute(
            _SAVE_WINDOW, (self._tenant_id, group_key, severity, leader_id, escalated_id, sends_at, message_no)
        )
        self._connection.execute(_FORGET_WINDOWS, (self._tenant_id, at - KEPT))

    def take(self, leader_id: uuid.UUID, at: datetime) -> None:
        """From here on nobody joins it; waits for those who are joining. A second time changes nothing."""
        self._connection.execute(
            "UPDATE alerts.group_windows SET taken_at = coalesce(taken_at, %s) WHERE tenant_id = %s AND leader_id = %s",
            (at, self._tenant_id, leader_id),
        )

    def turns(self, group_key: str) -> Turns | None:
        row = self._connection.execute(
            "SELECT severity, turned_at, flapping_since FROM alerts.group_turns"
            " WHERE tenant_id = %s AND group_key = %s",
            (self._tenant_id, group_key),
        ).fetchone()
        return None if row is None else Turns(*row)

    def save_turns(self, group_key: str, turns: Turns, at: datetime) -> None:
        """With an alert of the group, of now. Groups of which nobody has heard for long are forgotten with it."""
        self._connection.execute(
            _SAVE_TURNS,
            (self._tenant_id, group_key, turns.severity, list(turns.turned_at), turns.flapping_since, at),
        )
        self._connection.execute(_FORGET_TURNS, (self._tenant_id, at - KEPT))
