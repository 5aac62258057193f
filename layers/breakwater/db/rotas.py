"""Who takes turns at being on call, and overrides."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.rota import Override, Rota
from breakwater.domain.times import Timestamp

OVERRIDES_MAX = 200

_SET = """
INSERT INTO alerts.rotas (tenant_id, people, starts_on, handover_at, time_zone, turn_days)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id) DO UPDATE SET people = excluded.people, starts_on = excluded.starts_on,
  handover_at = excluded.handover_at, time_zone = excluded.time_zone, turn_days = excluded.turn_days
"""


@dataclass(frozen=True, slots=True)
class StoredOverride:
    override_id: uuid.UUID
    user_id: uuid.UUID
    starts_at: Timestamp
    ends_at: Timestamp
    made_by: str
    made_at: Timestamp

    @property
    def holding(self) -> Override:
        return Override(self.user_id, self.starts_at, self.ends_at, self.made_at)


@dataclass(frozen=True, slots=True)
class Member:
    """One who is in the rota or an override."""

    user_id: uuid.UUID
    username: str
    role: str
    is_disabled: bool


class RotaRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock(self) -> None:
        """Until the transaction ends nobody else changes the rota or its overrides."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"rota {self._tenant_id}",))

    def rota(self) -> Rota | None:
        row = self._connection.execute(
            "SELECT people, starts_on, handover_at, time_zone, turn_days FROM alerts.rotas WHERE tenant_id = %s",
            (self._tenant_id,),
        ).fetchone()
        return None if row is None else Rota(tuple(row[0]), *row[1:])

    def set(self, rota: Rota) -> None:
        self._connection.execute(
            _SET,
            (
                *(self._tenant_id, list(rota.people), rota.starts_on, rota.handover_at),
                *(rota.time_zone, rota.turn_days),
            ),
        )

    def overrides(self, at: datetime) -> list[StoredOverride]:
        """Those that are not over, by their beginning."""
        with self._connection.cursor(row_factory=class_row(StoredOverride)) as cursor:
            return cursor.execute(
                "SELECT override_id, user_id, starts_at, ends_at, made_by, made_at FROM alerts.rota_overrides"
                " WHERE tenant_id = %s AND ends_at > %s ORDER BY starts_at, override_id LIMIT %s",
                (self._tenant_id, at, OVERRIDES_MAX),
            ).fetchall()

    def add_override(self, override: StoredOverride) -> None:
        self._connection.execute(
            "INSERT INTO alerts.rota_overrides (override_id, tenant_id, user_id, starts_at, ends_at, made_by, made_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                *(override.override_id, self._tenant_id, override.user_id, override.starts_at, override.ends_at),
                *(override.made_by, override.made_at),
            ),
        )

    def remove_override(self, override_id: uuid.UUID) -> None:
        self._connection.execute(
            "DELETE FROM alerts.rota_overrides WHERE tenant_id = %s AND override_id = %s",
            (self._tenant_id, override_id),
        )

    def members(self, user_ids: list[uuid.UUID]) -> dict[uuid.UUID, Member]:
        """Those of them who are of this organisation, disabled or not."""
        with self._connection.cursor(row_factory=class_row(Member)) as cursor:
            rows = cursor.execute(
                "SELECT user_id, username, role, disabled_at IS NOT NULL AS is_disabled FROM identity.users"
                " WHERE tenant_id = %s AND user_id = ANY(%s)",
                (self._tenant_id, user_ids),
            ).fetchall()
        return {row.user_id: row for row in rows}
