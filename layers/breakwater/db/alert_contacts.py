"""How a person is reached beside his address, and when he is not to be: what he says himself."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from breakwater.domain.quiet_hours import QuietHours

_SET_QUIET_HOURS = """
INSERT INTO alerts.contacts (user_id, tenant_id, time_zone, quiet_from, quiet_until, quiet_days)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE
SET time_zone = excluded.time_zone, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
  quiet_days = excluded.quiet_days WHERE contacts.tenant_id = excluded.tenant_id
"""
_SET_PHONE = """
INSERT INTO alerts.contacts (user_id, tenant_id, phone) VALUES (%s, %s, %s)
ON CONFLICT (user_id) DO UPDATE SET phone = excluded.phone WHERE contacts.tenant_id = excluded.tenant_id
"""
_SAVE_CODE = """
INSERT INTO alerts.phone_codes (user_id, tenant_id, phone, code_hash, tries_left, expires_at, sent_at)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE
SET phone = excluded.phone, code_hash = excluded.code_hash, tries_left = excluded.tries_left,
  expires_at = excluded.expires_at, sent_at = excluded.sent_at
"""


@dataclass(frozen=True, slots=True)
class PhoneCode:
    """`sent_at`: when codes were sent to him within the last day."""

    phone: str
    code_hash: bytes
    tries_left: int
    expires_at: datetime
    sent_at: Sequence[datetime]


class AlertContactRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def set_quiet_hours(self, user_id: uuid.UUID, hours: QuietHours | None) -> None:
        told = (None,) * 4 if hours is None else (hours.time_zone, hours.begins, hours.until, list(hours.days))
        self._connection.execute(_SET_QUIET_HOURS, (user_id, self._tenant_id, *told))

    def set_phone(self, user_id: uuid.UUID, phone: str | None) -> None:
        """None: he is reached by no phone."""
        self._connection.execute(_SET_PHONE, (user_id, self._tenant_id, phone))

    def code(self, user_id: uuid.UUID) -> PhoneCode | None:
        """What was sent last. Two tries at a time are counted one after the other: the second waits here."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (str(user_id),))
        row = self._connection.execute(
            "SELECT phone, code_hash, tries_left, expires_at, sent_at FROM alerts.phone_codes"
            " WHERE tenant_id = %s AND user_id = %s",
            (self._tenant_id, user_id),
        ).fetchone()
        return None if row is None else PhoneCode(*row)

    def save_code(self, user_id: uuid.UUID, code: PhoneCode) -> None:
        self._connection.execute(
            _SAVE_CODE,
            (
                *(user_id, self._tenant_id, code.phone, code.code_hash, code.tries_left, code.expires_at),
                list(code.sent_at),
            ),
        )
