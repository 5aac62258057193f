"""What becomes of API keys: another takes their place, one ends with what it was made with, their uses are counted."""

import ipaddress
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.errors import NotFound

# Below a key: what was made with it, and what was made with those whose place it took; and so on.
_REVOKE_MADE_WITH = """
WITH RECURSIVE below AS (
  SELECT key_id, replaces, false AS is_made FROM identity.api_keys WHERE tenant_id = %(tenant)s AND key_id = %(key)s
  UNION
  SELECT k.key_id, k.replaces, k.made_with IS NOT DISTINCT FROM b.key_id
  FROM below b JOIN identity.api_keys k ON k.made_with = b.key_id OR k.key_id = b.replaces
  WHERE k.tenant_id = %(tenant)s
)
UPDATE identity.api_keys SET revoked_at = now()
WHERE tenant_id = %(tenant)s AND revoked_at IS NULL AND key_id IN (SELECT key_id FROM below WHERE is_made)
RETURNING key_id
"""


@dataclass(frozen=True, slots=True)
class KeyToRotate:
    key_id: str
    name: str
    scopes: list[str]
    ip_allow: list[str]
    account_id: uuid.UUID | None
    created_at: datetime
    expires_at: datetime | None
    is_live: bool
    is_ed25519: bool
    made_with: str | None
    replaced_by: str | None
    requests_per_minute_max: int | None


class ApiKeyRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def to_rotate(self, key_id: str, user_id: uuid.UUID) -> KeyToRotate:
        """NotFound unless it is this user's."""
        with self._connection.cursor(row_factory=class_row(KeyToRotate)) as cursor:
            row = cursor.execute(
                "SELECT key_id, name, scopes, ip_allow::text[] AS ip_allow, account_id, created_at, expires_at,"
                " revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS is_live,"
                " public_key IS NOT NULL AS is_ed25519, made_with, requests_per_minute_max,"
                " (SELECT n.key_id FROM identity.api_keys n WHERE n.replaces = k.key_id) AS replaced_by"
                " FROM identity.api_keys k WHERE tenant_id = %s AND key_id = %s AND user_id = %s",
                (self._tenant_id, key_id, user_id),
            ).fetchone()
        if row is None:
            raise NotFound("no such API key")
        return row

    def rate_of(self, key_id: str) -> tuple[int | None] | None:
        """In a tuple; None for a key that is not live, and so makes no other any more."""
        return self._connection.execute(
            "SELECT requests_per_minute_max FROM identity.api_keys WHERE tenant_id = %s AND key_id = %s"
            " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
            (self._tenant_id, key_id),
        ).fetchone()

    def end_after(self, key_id: str, overlap: timedelta) -> datetime:
        """When it ends now: after so long, or as before where that is sooner."""
        row = self._connection.execute(
            "UPDATE identity.api_keys SET expires_at = least(expires_at, now() + %s)"
            " WHERE tenant_id = %s AND key_id = %s RETURNING expires_at",
            (overlap, self._tenant_id, key_id),
        ).fetchone()
        if row is None:
            raise NotFound("no such API key")
        ends: datetime = row[0]
        return ends

    def count_all_live(self, user_id: uuid.UUID) -> int:
        """Those whose place another has taken among them."""
        row = self._connection.execute(
            "SELECT count(*) FROM identity.api_keys WHERE tenant_id = %s AND user_id = %s AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now()) AND NOT starts_with(key_id, 'bwc_')",
            (self._tenant_id, user_id),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def revoke_made_with(self, key_id: str) -> list[str]:
        """All that were made with it, or with what it took the place of, and so on; those that were live until now.

        Its user is locked by the caller: what is made with a key is its user's, so that none is made meanwhile.
        """
        rows = self._connection.execute(_REVOKE_MADE_WITH, {"tenant": self._tenant_id, "key": key_id}).fetchall()
        return sorted(row[0] for row in rows)

    def revoke_all_of(self, user_id: uuid.UUID) -> list[str]:
        rows = self._connection.execute(
            "UPDATE identity.api_keys SET revoked_at = now() WHERE tenant_id = %s AND user_id = %s"
            " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) RETURNING key_id",
            (self._tenant_id, user_id),
        ).fetchall()
        return sorted(row[0] for row in rows)

    def owner_of(self, key_id: str, user_id: uuid.UUID | None) -> uuid.UUID:
        """NotFound unless the user has the key, or the tenant has it where `user_id` is None."""
        row = self._connection.execute(
            "SELECT user_id FROM identity.api_keys WHERE tenant_id = %(tenant)s AND key_id = %(key)s"
            " AND (%(user)s::uuid IS NULL OR user_id = %(user)s)",
            {"tenant": self._tenant_id, "key": key_id, "user": user_id},
        ).fetchone()
        if row is None:
            raise NotFound("no such API key")
        owner: uuid.UUID = row[0]
        return owner


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What one use left of a key's allowance, which is whole again in `whole_in_s` if nothing more is asked."""

    per_minute: int
    is_within: bool
    whole_in_s: float


def count_api_key_use(
    connection: psycopg.Connection[TupleRow],
    tenant_id: uuid.UUID,
    key_id: str,
    *,
    used_from: str | None,
    per_minute_default: int,
) -> KeyUse:
    with connection.cursor(row_factory=class_row(KeyUse)) as cursor:
        row = cursor.execute(
            "SELECT per_minute, is_within, whole_in_s FROM identity.count_api_key_use(%s, %s, %s::inet, %s)",
            (tenant_id, key_id, _inet(used_from), per_minute_default),
        ).fetchone()
    if row is None:
        raise AssertionError("identity.count_api_key_use answers one row")
    return row


NOTE_USES = "SELECT identity.note_api_key_uses(%s::text[], %s::timestamptz[], %s::inet[])"


def noted_uses(uses: Sequence[tuple[str, datetime, str]]) -> tuple[list[str], list[datetime], list[str | None]]:
    """What `NOTE_USES` takes: of each key when, and from which address."""
    return [each[0] for each in uses], [each[1] for each in uses], [_inet(each[2]) for each in uses]


def _inet(address: str | None) -> str | None:
    """None for what Postgres would not take as one: of no request the answer hangs on what is noted of it."""
    try:
        parsed = None if address is None else ipaddress.ip_address(address)
    except ValueError:
        return None
    return None if parsed is None or getattr(parsed, "scope_id", None) else str(parsed)
