"""Links that acknowledge an alert in a person's name. Only a hash of each is kept."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.db.alert_deliveries import Delivery

LinkVia = Literal["EMAIL", "SMS", "SLACK"]
LINK_CHANNELS: tuple[LinkVia, ...] = get_args(LinkVia)
EXPIRED_FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Link:
    """`user_id` None: it speaks for whoever reads `destination`, a channel of the organisation.

    Of a person `role` and `subject` are those of now.
    """

    alert_id: uuid.UUID
    user_id: uuid.UUID | None
    destination: str
    via: LinkVia
    expires_at: datetime
    used_at: datetime | None
    username: str | None
    subject: str | None
    role: str | None


_FIND = """
SELECT l.alert_id, l.user_id, l.destination, l.via, l.expires_at, l.used_at, u.username, u.subject, u.role
FROM alerts.acknowledgement_links l LEFT JOIN identity.users u USING (tenant_id, user_id)
WHERE l.tenant_id = %s AND l.token_hash = %s AND (l.user_id IS NULL OR u.disabled_at IS NULL)
"""
_FORGET = """
DELETE FROM alerts.acknowledgement_links WHERE token_hash IN (
  SELECT token_hash FROM alerts.acknowledgement_links WHERE tenant_id = %s AND expires_at < %s LIMIT %s
  FOR UPDATE SKIP LOCKED)
"""  # Many senders forget at the same time, and none waits for another.


class AcknowledgementLinkRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, token_hash: bytes, delivery: Delivery, via: LinkVia, expires_at: datetime) -> None:
        self._connection.execute(
            "INSERT INTO alerts.acknowledgement_links"
            " (token_hash, tenant_id, alert_id, user_id, destination, via, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                *(token_hash, self._tenant_id, delivery.alert_id, delivery.user_id, delivery.destination),
                *(via, expires_at),
            ),
        )

    def find(self, token_hash: bytes) -> Link | None:
        """None too where its person is disabled."""
        with self._connection.cursor(row_factory=class_row(Link)) as cursor:
            return cursor.execute(_FIND, (self._tenant_id, token_hash)).fetchone()

    def role_of(self, user_id: uuid.UUID) -> str | None:
        """None for who is disabled."""
        row = self._connection.execute(
            "SELECT role FROM identity.users WHERE tenant_id = %s AND user_id = %s AND disabled_at IS NULL",
            (self._tenant_id, user_id),
        ).fetchone()
        return None if row is None else str(row[0])

    def use(self, token_hash: bytes, at: datetime) -> None:
        self._connection.execute(
            "UPDATE alerts.acknowledgement_links SET used_at = coalesce(used_at, %s)"
            " WHERE tenant_id = %s AND token_hash = %s",
            (at, self._tenant_id, token_hash),
        )

    def forget_expired(self, before: datetime) -> None:
        self._connection.execute(_FORGET, (self._tenant_id, before, EXPIRED_FORGOTTEN_AT_ONCE))
