"""The browsers by which people are told of alerts."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow, class_row

from breakwater.errors import Conflict

_KEEP = """
INSERT INTO alerts.push_devices (device_id, tenant_id, user_id, name, endpoint, public_key, auth_secret, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (device_id) DO UPDATE
SET name = excluded.name, public_key = excluded.public_key, auth_secret = excluded.auth_secret
WHERE push_devices.tenant_id = excluded.tenant_id
"""
# Whoever is to send by it finds nothing to do.
_SUPPRESS = """
UPDATE alerts.deliveries SET state = 'SUPPRESSED', reason = %s
WHERE tenant_id = %s AND channel = 'PUSH' AND destination = %s AND state = 'DUE'
"""
REMOVED = "the browser was removed before it was sent"


@dataclass(frozen=True, slots=True)
class PushDevice:
    """`public_key` and `auth_secret`: what messages to it are encrypted with."""

    device_id: uuid.UUID
    user_id: uuid.UUID
    name: str
    endpoint: str
    public_key: bytes
    auth_secret: bytes
    created_at: datetime


class PushDeviceRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def of_user(self, user_id: uuid.UUID, at_most: int) -> list[PushDevice]:
        """The oldest first."""
        return self._found("user_id = %s ORDER BY created_at, device_id LIMIT %s", user_id, at_most)

    def find(self, device_id: uuid.UUID) -> PushDevice | None:
        found = self._found("device_id = %s", device_id)
        return found[0] if found else None

    def lock_user(self, user_id: uuid.UUID) -> None:
        """Two devices at a time are counted one after the other."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (str(user_id),))

    def keep(self, device: PushDevice) -> None:
        """Also one that is known, with what it says now. Conflict for one that somebody has under other keys."""
        self._connection.execute(
            "SELECT alerts.release_push_endpoint(%s, %s, %s, %s)",
            (device.endpoint, device.public_key, device.auth_secret, device.user_id),
        )
        try:
            self._connection.execute(
                _KEEP,
                (
                    *(device.device_id, self._tenant_id, device.user_id, device.name, device.endpoint),
                    *(device.public_key, device.auth_secret, device.created_at),
                ),
            )
        except UniqueViolation as error:
            raise Conflict("this browser is registered already") from error

    def remove(self, device_id: uuid.UUID) -> bool:
        """With what was still to be sent there. False where there is no such device."""
        self._connection.execute(_SUPPRESS, (REMOVED, self._tenant_id, str(device_id)))
        return (
            self._connection.execute(
                "DELETE FROM alerts.push_devices WHERE tenant_id = %s AND device_id = %s", (self._tenant_id, device_id)
            ).rowcount
            == 1
        )

    def _found(self, condition: str, *values: object) -> list[PushDevice]:
        with self._connection.cursor(row_factory=class_row(PushDevice)) as cursor:
            return cursor.execute(
                "SELECT device_id, user_id, name, endpoint, public_key, auth_secret, created_at"  # noqa: S608
                f" FROM alerts.push_devices WHERE tenant_id = %s AND {condition}",
                (self._tenant_id, *values),
            ).fetchall()
