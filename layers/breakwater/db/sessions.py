"""Sessions of people: when they signed in, from where, and whether that has ended."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.times import Timestamp
from breakwater.errors import NotFound

SESSIONS_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class SessionRow:
    session_id: uuid.UUID
    issuer: Literal["POOL", "OIDC"]
    signed_in_at: Timestamp
    last_seen_at: Timestamp
    source_ip: str | None
    has_second_factor: bool


@dataclass(frozen=True, slots=True)
class SignInState:
    """Of a user, locked until the transaction ends: nobody disables him meanwhile."""

    subject: str
    is_disabled: bool
    sessions_not_before: datetime


class SessionRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_user(self, user_id: uuid.UUID) -> SignInState | None:
        """None for a user of another tenant."""
        with self._connection.cursor(row_factory=class_row(SignInState)) as cursor:
            return cursor.execute(
                "SELECT subject, disabled_at IS NOT NULL AS is_disabled, sessions_not_before FROM identity.users"
                " WHERE tenant_id = %s AND user_id = %s FOR NO KEY UPDATE",
                (self._tenant_id, user_id),
            ).fetchone()

    def add(self, session: SessionRow, user_id: uuid.UUID) -> bool:
        """False when it is recorded already: then it stays as it is."""
        cursor = self._connection.execute(
            "INSERT INTO identity.sessions"
            " (session_id, tenant_id, user_id, issuer, signed_in_at, source_ip, has_second_factor)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (session_id) DO NOTHING",
            (
                session.session_id,
                self._tenant_id,
                user_id,
                session.issuer,
                session.signed_in_at,
                session.source_ip,
                session.has_second_factor,
            ),
        )
        return cursor.rowcount == 1

    def touch(self, session_id: uuid.UUID, *, has_second_factor: bool) -> None:
        """Seen now. A second factor that was shown in it once is not taken from it again."""
        self._connection.execute(
            "UPDATE identity.sessions SET last_seen_at = now(), has_second_factor = has_second_factor OR %s"
            " WHERE tenant_id = %s AND session_id = %s",
            (has_second_factor, self._tenant_id, session_id),
        )

    def add_second_factor(self, session_id: uuid.UUID) -> None:
        self._connection.execute(
            "UPDATE identity.sessions SET has_second_factor = true WHERE tenant_id = %s AND session_id = %s",
            (self._tenant_id, session_id),
        )

    def has_second_factor(self, session_id: uuid.UUID) -> bool:
        row = self._connection.execute(
            "SELECT has_second_factor FROM identity.sessions WHERE tenant_id = %s AND session_id = %s",
            (self._tenant_id, session_id),
        ).fetchone()
        return row is not None and bool(row[0])

    def has_ended(self, session_id: uuid.UUID) -> bool:
        row = self._connection.execute(
            "SELECT ended_at IS NOT NULL FROM identity.sessions WHERE tenant_id = %s AND session_id = %s",
            (self._tenant_id, session_id),
        ).fetchone()
        return row is not None and bool(row[0])

    def open_of(self, user_id: uuid.UUID) -> list[SessionRow]:
        """Those that have not ended and were seen of late, the newest first."""
        with self._connection.cursor(row_factory=class_row(SessionRow)) as cursor:
            return cursor.execute(
                "SELECT session_id, issuer, signed_in_at, last_seen_at, host(source_ip) AS source_ip, has_second_factor"
                " FROM identity.sessions WHERE tenant_id = %s AND user_id = %s AND ended_at IS NULL"
                # A refresh token of the pool lives for a day, and the access token it gave last for an hour more.
                " AND last_seen_at > now() - interval '25 hours' ORDER BY last_seen_at DESC, session_id LIMIT %s",
                (self._tenant_id, user_id, SESSIONS_SHOWN_MAX),
            ).fetchall()

    def end(self, session_id: uuid.UUID, user_id: uuid.UUID, ended_by: str) -> bool:
        """Whether it ended only now: it is safe to repeat. NotFound unless it is one of the user's."""
        row = self._connection.execute(
            "SELECT ended_at IS NULL FROM identity.sessions WHERE tenant_id = %s AND user_id = %s AND session_id = %s"
            " FOR UPDATE",
            (self._tenant_id, user_id, session_id),
        ).fetchone()
        if row is None:
            raise NotFound("no such session")
        if not row[0]:
            return False
        self._connection.execute(
            "UPDATE identity.sessions SET ended_at = now(), ended_by = %s WHERE tenant_id = %s AND session_id = %s",
            (ended_by, self._tenant_id, session_id),
        )
        return True

    def end_all(self, user_id: uuid.UUID, ended_by: str, *, but: uuid.UUID | None = None) -> None:
        """Those too that nobody has seen yet; `but` one that goes on."""
        self._connection.execute(
            "UPDATE identity.users SET sessions_not_before = now() WHERE tenant_id = %s AND user_id = %s",
            (self._tenant_id, user_id),
        )
        self._connection.execute(
            "UPDATE identity.sessions SET ended_at = now(), ended_by = %s"
            " WHERE tenant_id = %s AND user_id = %s AND ended_at IS NULL AND session_id IS DISTINCT FROM %s",
            (ended_by, self._tenant_id, user_id, but),
        )
