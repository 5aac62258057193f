"""Digests: who is to get which, what was made, and what became of its mail."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from breakwater.domain.digests import Calendar, Period
from breakwater.errors import NotFound

TENANTS_MAX = 10_000
FOLLOWERS_MAX = 10_000

_FOLLOWERS = """
SELECT u.user_id, u.username, u.subject, u.email, u.role, u.created_at, p.daily, p.weekly, p.hour, p.time_zone, p.since
FROM identity.users u LEFT JOIN alerts.digest_preferences p ON p.user_id = u.user_id
WHERE u.tenant_id = %(tenant_id)s AND u.disabled_at IS NULL
"""
_DIGEST = """
SELECT d.digest_id, d.period, d.starts_on, d.role, d.document, d.made_at, d.mail_state, d.mailed_at, d.mail_error
FROM alerts.digests d JOIN identity.users u ON u.user_id = d.user_id AND u.role = d.role
WHERE d.tenant_id = %(tenant_id)s AND u.subject = %(subject)s
"""
# Of who may still read it: whoever was disabled or has another role since then is sent nothing of what he was.
_CLAIM = """
UPDATE alerts.digests d SET claimed_until = %(until)s, mail_tries = d.mail_tries + 1
FROM identity.users u
WHERE d.digest_id = (
    SELECT c.digest_id FROM alerts.digests c JOIN identity.users r ON r.user_id = c.user_id AND r.role = c.role
    WHERE c.tenant_id = %(tenant_id)s AND c.mail_state = 'DUE' AND r.disabled_at IS NULL AND c.made_at > %(since)s
      AND (c.claimed_until IS NULL OR c.claimed_until < %(at)s)
    ORDER BY c.made_at, c.digest_id LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
  AND u.user_id = d.user_id
RETURNING d.digest_id, u.email, d.document, d.mail_tries
"""


@dataclass(frozen=True, slots=True)
class Organisation:
    name: str
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Follower:
    """A user who is not disabled, with what he has said of digests; None where he has said nothing."""

    user_id: uuid.UUID
    username: str
    subject: str
    email: str
    role: str
    created_at: datetime
    daily: bool | None
    weekly: bool | None
    hour: int | None
    time_zone: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class DigestRow:
    digest_id: uuid.UUID
    period: str
    starts_on: date
    role: str
    document: dict[str, Any]
    made_at: datetime
    mail_state: str
    mailed_at: datetime | None
    mail_error: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A digest that whoever claimed it is to send; `mail_tries` counts this one."""

    digest_id: uuid.UUID
    email: str
    document: dict[str, Any]
    mail_tries: int


def tenants(connection: psycopg.Connection[TupleRow]) -> Sequence[uuid.UUID]:
    """All of them, in another order each time."""
    rows = connection.execute("SELECT tenant_id FROM alerts.digest_tenants(%s)", (TENANTS_MAX,)).fetchall()
    return [row[0] for row in rows]


class DigestRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def organisation(self) -> Organisation:
        """Its name, and its day: that of the node its tree begins with, or UTC's where there is no tree."""
        row = self._connection.execute(
            "SELECT o.name, n.time_zone, n.session_start FROM identity.organisations o"
            " LEFT JOIN limits.nodes n ON n.tenant_id = o.tenant_id AND n.parent_id IS NULL"
            " WHERE o.tenant_id = %s ORDER BY n.kind = 'FIRM' DESC, n.created_at, n.node_id LIMIT 1",
            (self._tenant_id,),
        ).fetchone()
        if row is None:
            raise NotFound("no such organisation")
        return Organisation(row[0], Calendar() if row[1] is None else Calendar(row[1], row[2]))

    # who follows ------------------------------------------------------------------------------------------------------

    def followers(self) -> list[Follower]:
        with self._connection.cursor(row_factory=class_row(Follower)) as cursor:
            return cursor.execute(
                f"{_FOLLOWERS} ORDER BY u.user_id LIMIT %(limit)s",
                {"tenant_id": self._tenant_id, "limit": FOLLOWERS_MAX},
            ).fetchall()

    def follower(self, subject: str) -> Follower:
        with self._connection.cursor(row_factory=class_row(Follower)) as cursor:
            row = cursor.execute(
                f"{_FOLLOWERS} AND u.subject = %(subject)s", {"tenant_id": self._tenant_id, "subject": subject}
            ).fetchone()
        if row is None:
            raise NotFound("no such user")
        return row

    def save_preferences(
        self,
        user_id: uuid.UUID,
        *,
        daily: bool | None,
        weekly: bool | None,
        hour: int,
        time_zone: str | None,
        since: datetime,
    ) -> None:
        self._connection.execute(
            "INSERT INTO alerts.digest_preferences (user_id, tenant_id, daily, weekly, hour, time_zone, since)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE SET daily = excluded.daily,"
            " weekly = excluded.weekly, hour = excluded.hour, time_zone = excluded.time_zone, since = excluded.since",
            (user_id, self._tenant_id, daily, weekly, hour, time_zone, since),
        )

    # what was made ----------------------------------------------------------------------------------------------------

    def made(self, since: date) -> dict[uuid.UUID, set[tuple[Period, date]]]:
        """By user what there is of the days and weeks that begin on that date or later."""
        rows = self._connection.execute(
            "SELECT user_id, period, starts_on FROM alerts.digests WHERE tenant_id = %s AND starts_on >= %s LIMIT %s",
            (self._tenant_id, since, FOLLOWERS_MAX * 20),
        ).fetchall()
        found: dict[uuid.UUID, set[tuple[Period, date]]] = {}
        for user_id, period, starts_on in rows:
            found.setdefault(user_id, set()).add((Period(period), starts_on))
        return found

    def add(
        self,
        digest_id: uuid.UUID,
        user_id: uuid.UUID,
        *,
        period: Period,
        starts_on: date,
        role: str,
        document: dict[str, Any],
        made_at: datetime,
        mail_state: str,
    ) -> bool:
        """False when it is there already: it is made once, whoever comes second."""
        cursor = self._connection.execute(
            "INSERT INTO alerts.digests (digest_id, tenant_id, user_id, period, starts_on, role, document, made_at,"
            " mail_state) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                *(digest_id, self._tenant_id, user_id, period, starts_on, role),
                *(Jsonb(document), made_at, mail_state),
            ),
        )
        return cursor.rowcount == 1

    def page(self, subject: str, *, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[DigestRow]:
        """The user's own, made for the role that he has now, the newest first."""
        at, digest_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(DigestRow)) as cursor:
            return cursor.execute(
                f"{_DIGEST} AND (%(at)s::timestamptz IS NULL OR (d.made_at, d.digest_id) < (%(at)s, %(id)s::uuid))"
                " ORDER BY d.made_at DESC, d.digest_id DESC LIMIT %(limit)s",
                {"tenant_id": self._tenant_id, "subject": subject, "at": at, "id": digest_id, "limit": limit},
            ).fetchall()

    def get(self, digest_id: uuid.UUID, subject: str) -> DigestRow:
        """NotFound also for somebody else's, and for one of a role that he has no longer."""
        with self._connection.cursor(row_factory=class_row(DigestRow)) as cursor:
            row = cursor.execute(
                f"{_DIGEST} AND d.digest_id = %(id)s",
                {"tenant_id": self._tenant_id, "subject": subject, "id": digest_id},
            ).fetchone()
        if row is None:
            raise NotFound("no such digest")
        return row

    def forget(self, before: datetime, at_most: int) -> int:
        """Those that were made before that moment, some of them."""
        return self._connection.execute(
            "DELETE FROM alerts.digests WHERE digest_id IN (SELECT digest_id FROM alerts.digests"
            " WHERE tenant_id = %s AND made_at < %s ORDER BY made_at LIMIT %s)",
            (self._tenant_id, before, at_most),
        ).rowcount

    # its mail ---------------------------------------------------------------------------------------------------------

    def claim(self, at: datetime, *, for_s: float, age_max: timedelta) -> Letter | None:
        """The next that is to be sent, for the caller alone until `for_s` seconds are over; None when there is none."""
        with self._connection.cursor(row_factory=class_row(Letter)) as cursor:
            return cursor.execute(
                _CLAIM,
                {
                    "tenant_id": self._tenant_id,
                    "at": at,
                    "until": at + timedelta(seconds=for_s),
                    "since": at - age_max,
                },
            ).fetchone()

    def mailed(self, digest_id: uuid.UUID, at: datetime) -> None:
        self._connection.execute(
            "UPDATE alerts.digests SET mail_state = 'SENT', mailed_at = %s, mail_error = NULL"
            " WHERE tenant_id = %s AND digest_id = %s",
            (at, self._tenant_id, digest_id),
        )

    def not_mailed(self, digest_id: uuid.UUID, error: str, *, is_over: bool) -> None:
        """`is_over`: nobody tries again."""
        self._connection.execute(
            "UPDATE alerts.digests SET mail_state = CASE WHEN %s THEN 'FAILED' ELSE mail_state END, mail_error = %s,"
            " claimed_until = NULL WHERE tenant_id = %s AND digest_id = %s",
            (is_over, error, self._tenant_id, digest_id),
        )
