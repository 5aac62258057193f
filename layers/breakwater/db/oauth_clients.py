"""OAuth clients of third parties: what lies beside their row among the API keys."""
# ruff: noqa: S608 - only constants of this module are put together here; every value is a parameter.

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.oauth import FoundSecret, FoundToken
from breakwater.domain.times import Timestamp
from breakwater.errors import NotFound

FIND_BY_HASH = (
    "SELECT client_id, tenant_id, subject, username, role, scopes, ip_allow::text[] AS ip_allow, expires_at,"
    " permissions_version FROM identity.oauth_find_token(%s)"
)
CLIENTS_SHOWN_MAX = 1000
_IS_LIVE = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"
_CLIENT = f"""
SELECT c.client_id, k.name, k.user_id, u.username, maker.username AS made_by, k.scopes, k.ip_allow::text[] AS ip_allow,
  k.created_at, k.expires_at, k.revoked_at, k.last_used_at, host(k.last_used_from) AS last_used_from,
  k.requests_per_minute_max, {_IS_LIVE} AS is_live,
  (SELECT max(s.ends_at) FROM identity.oauth_secrets s WHERE s.client_id = c.client_id AND s.ends_at > now())
    AS older_secret_ends_at
FROM identity.oauth_clients c JOIN identity.api_keys k ON k.key_id = c.client_id
JOIN identity.users u ON u.user_id = k.user_id JOIN identity.users maker ON maker.user_id = c.made_by
WHERE c.tenant_id = %(tenant)s AND k.tenant_id = %(tenant)s
"""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """What may be shown of a client: no secret is among it. `older_secret_ends_at`: of a rotation's overlap."""

    client_id: str
    name: str
    user_id: uuid.UUID
    username: str  # Whose rights it narrows.
    made_by: str
    scopes: list[str]
    ip_allow: list[str]
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None  # To a minute.
    last_used_from: str | None
    requests_per_minute_max: int | None  # None: what is configured for all keys.
    is_live: bool
    older_secret_ends_at: Timestamp | None


def find_client(connection: psycopg.Connection[TupleRow], client_id: str) -> list[FoundSecret]:
    """The secrets that work, of whatever tenant's client; none of one that is revoked, expired or nobody's."""
    with connection.cursor(row_factory=class_row(FoundSecret)) as cursor:
        return cursor.execute(
            "SELECT tenant_id, user_id, scopes, ip_allow::text[] AS ip_allow, secret_id, salt, secret_hash, ends_at"
            " FROM identity.oauth_find_client(%s)",
            (client_id,),
        ).fetchall()


def find_token(connection: psycopg.Connection[TupleRow], token_hash: bytes) -> FoundToken | None:
    """One that is live, as are its secret, its client, its user and its maker; of whatever tenant."""
    with connection.cursor(row_factory=class_row(FoundToken)) as cursor:
        return cursor.execute(FIND_BY_HASH, (token_hash,)).fetchone()


def is_used_from(connection: psycopg.Connection[TupleRow], client_id: str, network: str) -> bool:
    """Whether the client was last used from there."""
    row = connection.execute("SELECT identity.oauth_is_used_from(%s, %s)", (client_id, network)).fetchone()
    return row is not None and bool(row[0])


class OAuthClientRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, client_id: str, made_by: uuid.UUID) -> None:
        """Beside the row that it has among the API keys."""
        self._connection.execute(
            "INSERT INTO identity.oauth_clients (client_id, tenant_id, made_by) VALUES (%s, %s, %s)",
            (client_id, self._tenant_id, made_by),
        )

    def client(self, client_id: str) -> OAuthClient:
        """NotFound also for one of another tenant."""
        with self._connection.cursor(row_factory=class_row(OAuthClient)) as cursor:
            row = cursor.execute(
                _CLIENT + " AND c.client_id = %(client)s", {"tenant": self._tenant_id, "client": client_id}
            ).fetchone()
        if row is None:
            raise NotFound("no such client")
        return row

    def clients(self) -> list[OAuthClient]:
        """The newest first, and those that do not work any more after all that do."""
        with self._connection.cursor(row_factory=class_row(OAuthClient)) as cursor:
            return cursor.execute(
                _CLIENT + f" ORDER BY NOT ({_IS_LIVE}), k.created_at DESC, c.client_id LIMIT %(at_most)s",
                {"tenant": self._tenant_id, "at_most": CLIENTS_SHOWN_MAX},
            ).fetchall()

    def count_live(self) -> int:
        row = self._connection.execute(
            "SELECT count(*) FROM identity.oauth_clients c JOIN identity.api_keys k ON k.key_id = c.client_id"
            f" WHERE c.tenant_id = %s AND {_IS_LIVE}",
            (self._tenant_id,),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def made_by(self, user_id: uuid.UUID) -> list[OAuthClient]:
        """Those of them that work."""
        with self._connection.cursor(row_factory=class_row(OAuthClient)) as cursor:
            return cursor.execute(
                _CLIENT + f" AND c.made_by = %(user)s AND {_IS_LIVE} ORDER BY c.client_id LIMIT %(at_most)s",
                {"tenant": self._tenant_id, "user": user_id, "at_most": CLIENTS_SHOWN_MAX},
            ).fetchall()

    # secrets and tokens -----------------------------------------------------------------------------------------

    def add_secret(self, client_id: str, secret_id: uuid.UUID, salt: bytes, secret_hash: bytes) -> None:
        self._connection.execute(
            "INSERT INTO identity.oauth_secrets (secret_id, tenant_id, client_id, salt, secret_hash)"
            " VALUES (%s, %s, %s, %s, %s)",
            (secret_id, self._tenant_id, client_id, salt, secret_hash),
        )

    def end_secrets(self, client_id: str, overlap: timedelta) -> datetime:
        """All that there are, after so long or as before where that is sooner; when the last of them ends."""
        row = self._connection.execute(
            "WITH ended AS (UPDATE identity.oauth_secrets SET ends_at = least(ends_at, now() + %s)"
            " WHERE tenant_id = %s AND client_id = %s RETURNING ends_at) SELECT max(ends_at) FROM ended",
            (overlap, self._tenant_id, client_id),
        ).fetchone()
        if row is None or row[0] is None:
            raise AssertionError(f"the client {client_id} never had a secret")
        ends: datetime = row[0]
        return ends

    def add_token(
        self,
        token_hash: bytes,
        client_id: str,
        secret_id: uuid.UUID,
        *,
        scopes: Sequence[str],
        expires_at: datetime,
        live_max: int,
    ) -> None:
        """Of older tokens the longest-lived stay, so that `live_max` of the client are live. What has expired goes."""
        self._connection.execute("SELECT identity.oauth_forget_expired()")
        self._connection.execute(
            "DELETE FROM identity.oauth_tokens WHERE tenant_id = %(tenant)s AND token_hash IN (SELECT t.token_hash"
            " FROM identity.oauth_tokens t WHERE t.tenant_id = %(tenant)s AND t.client_id = %(client)s"
            " ORDER BY t.expires_at DESC OFFSET %(older_max)s)",
            {"tenant": self._tenant_id, "client": client_id, "older_max": live_max - 1},
        )
        self._connection.execute(
            "INSERT INTO identity.oauth_tokens (token_hash, tenant_id, client_id, secret_id, scopes, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (token_hash, self._tenant_id, client_id, secret_id, list(scopes), expires_at),
        )
