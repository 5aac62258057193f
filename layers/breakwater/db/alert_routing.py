"""What an organisation says of its alerts: whom they are for, its Slack channels, and when they are suppressed."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from breakwater.domain.alerting import Audience, Category, Channel, Severity
from breakwater.domain.times import Timestamp

SLACK_CHANNELS_MAX = 50
SUPPRESSIONS_SHOWN_MAX = 500

_SAVE_ROUTING = """
INSERT INTO alerts.routing (tenant_id, version, routes, audiences, channels, changed_by, changed_at)
VALUES (%(tenant_id)s, %(version)s + 1, %(routes)s, %(audiences)s, %(channels)s, %(changed_by)s, %(changed_at)s)
ON CONFLICT (tenant_id) DO UPDATE
SET version = routing.version + 1, routes = excluded.routes, audiences = excluded.audiences,
  channels = excluded.channels, changed_by = excluded.changed_by, changed_at = excluded.changed_at
WHERE routing.version = %(version)s
"""
_SUPPRESSION = """
SELECT suppression_id, category, kind, node_id, includes_critical, starts_at, ends_at, reason, created_by, created_at,
  ended_by
FROM alerts.suppressions WHERE tenant_id = %(tenant_id)s
"""
_IN_FORCE = f"""
{_SUPPRESSION} AND starts_at <= %(at)s AND ends_at > %(at)s
  AND (category IS NULL OR category = %(category)s) AND (kind IS NULL OR kind = %(kind)s)
  AND (node_id IS NULL OR right(%(group_key)s, 37) = '/' || node_id)
  AND (includes_critical OR %(severity)s <> 'CRITICAL')
ORDER BY starts_at LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class RoutingRow:
    """As JSON has it; only what domain/alert_routing.py has checked is stored."""

    version: int
    routes: Mapping[Category, list[Audience]]
    audiences: Mapping[Audience, Mapping[str, list[str]]]
    channels: Mapping[Severity, list[Channel]]


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """`categories` empty: it is told of all. The hook is not shown again."""

    channel_id: uuid.UUID
    name: str
    categories: list[Category]
    created_by: str
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class Suppression:
    """While it is in force, alerts like this are stored and nobody is told; None matches each."""

    suppression_id: uuid.UUID
    category: Category | None
    kind: str | None
    node_id: uuid.UUID | None
    includes_critical: bool
    starts_at: Timestamp
    ends_at: Timestamp
    reason: str
    created_by: str
    created_at: Timestamp
    ended_by: str | None


class AlertRoutingRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def routing(self) -> RoutingRow | None:
        with self._connection.cursor(row_factory=class_row(RoutingRow)) as cursor:
            return cursor.execute(
                "SELECT version, routes, audiences, channels FROM alerts.routing WHERE tenant_id = %s",
                (self._tenant_id,),
            ).fetchone()

    def save_routing(self, row: RoutingRow, *, changed_by: str, changed_at: datetime) -> bool:
        """As the version behind `row.version`; False when it is not that any more."""
        cursor = self._connection.execute(
            _SAVE_ROUTING,
            {
                "tenant_id": self._tenant_id,
                "version": row.version,
                "routes": Jsonb(row.routes),
                "audiences": Jsonb(row.audiences),
                "channels": Jsonb(row.channels),
                "changed_by": changed_by,
                "changed_at": changed_at,
            },
        )
        return cursor.rowcount == 1

    # Slack --------------------------------------------------------------------------------------------------------

    def slack_channels(self) -> list[SlackChannel]:
        with self._connection.cursor(row_factory=class_row(SlackChannel)) as cursor:
            return cursor.execute(
                "SELECT channel_id, name, categories, created_by, created_at FROM alerts.slack_channels"
                " WHERE tenant_id = %s ORDER BY name LIMIT %s",
                (self._tenant_id, SLACK_CHANNELS_MAX),
            ).fetchall()

    def add_slack_channel(self, channel: SlackChannel, sealed_hook: bytes) -> bool:
        """False when another has the name."""
        cursor = self._connection.execute(
            "INSERT INTO alerts.slack_channels"
            " (channel_id, tenant_id, name, categories, sealed_hook, created_by, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, name) DO NOTHING",
            (
                *(channel.channel_id, self._tenant_id, channel.name, list(channel.categories), sealed_hook),
                *(channel.created_by, channel.created_at),
            ),
        )
        return cursor.rowcount == 1

    def remove_slack_channel(self, channel_id: uuid.UUID) -> bool:
        cursor = self._connection.execute(
            "DELETE FROM alerts.slack_channels WHERE tenant_id = %s AND channel_id = %s", (self._tenant_id, channel_id)
        )
        return cursor.rowcount == 1

    def sealed_hook(self, name: str) -> tuple[uuid.UUID, bytes] | None:
        """Of the channel of that name: its id, and the URL as it is kept."""
        row = self._connection.execute(
            "SELECT channel_id, sealed_hook FROM alerts.slack_channels WHERE tenant_id = %s AND name = %s",
            (self._tenant_id, name),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    # suppression windows ------------------------------------------------------------------------------------------

    def suppressions(self) -> list[Suppression]:
        """The latest first."""
        with self._connection.cursor(row_factory=class_row(Suppression)) as cursor:
            return cursor.execute(
                f"{_SUPPRESSION} ORDER BY ends_at DESC, suppression_id LIMIT %(limit)s",
                {"tenant_id": self._tenant_id, "limit": SUPPRESSIONS_SHOWN_MAX},
            ).fetchall()

    def suppression_of(
        self, *, category: str, kind: str, severity: str, group_key: str, at: datetime
    ) -> Suppression | None:
        """One that is in force for such an alert."""
        told: dict[str, Any] = {"category": category, "kind": kind, "severity": severity, "group_key": group_key}
        with self._connection.cursor(row_factory=class_row(Suppression)) as cursor:
            return cursor.execute(_IN_FORCE, {"tenant_id": self._tenant_id, "at": at, **told}).fetchone()

    def add_suppression(self, suppression: Suppression) -> None:
        self._connection.execute(
            "INSERT INTO alerts.suppressions (suppression_id, tenant_id, category, kind, node_id, includes_critical,"
            " starts_at, ends_at, reason, created_by, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                *(suppression.suppression_id, self._tenant_id, suppression.category, suppression.kind),
                *(suppression.node_id, suppression.includes_critical, suppression.starts_at, suppression.ends_at),
                *(suppression.reason, suppression.created_by, suppression.created_at),
            ),
        )

    def end_suppression(self, suppression_id: uuid.UUID, *, by: str, at: datetime) -> bool:
        """False for one that there is not, or that has ended."""
        cursor = self._connection.execute(
            "UPDATE alerts.suppressions SET ends_at = greatest(starts_at, %s), ended_by = %s"
            " WHERE tenant_id = %s AND suppression_id = %s AND ends_at > %s",
            (at, by, self._tenant_id, suppression_id, at),
        )
        return cursor.rowcount == 1
