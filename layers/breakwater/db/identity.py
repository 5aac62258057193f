"""Users, accounts and keys."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.access_tokens import FoundUser, Told
from breakwater.domain.api_keys import FoundApiKey
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Principal
from breakwater.domain.times import Timestamp
from breakwater.errors import NotFound

FIND_API_KEY = (
    "SELECT tenant_id, subject, username, role, salt, secret_hash, scopes, ip_allow::text[] AS ip_allow, expires_at,"
    " permissions_version FROM identity.find_api_key(%s)"
)
FIND_SIGNED_IN = (
    "SELECT user_id, username, role, permissions_version, is_recorded, is_ended, has_second_factor,"
    " is_seen_lately FROM identity.find_signed_in(%s, %s, %s)"
)
FIND_STANDINGS = (
    "SELECT place, permissions_version FROM identity.standings(%s::uuid[], %s::text[], %s::text[])"
    " WHERE place NOT IN (SELECT ended.place FROM identity.ended_sessions(%s::uuid[]) ended)"
)
ACCOUNTS_MAX = 10_000
API_KEYS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Account:
    account_id: uuid.UUID
    name: str
    kind: str  # PAPER or LIVE
    base_currency: str


@dataclass(frozen=True, slots=True)
class User:
    user_id: uuid.UUID
    username: str
    subject: str  # The issuer's `sub`.
    email: str
    role: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of a key: its secret is not among it."""

    key_id: str
    username: str
    name: str
    scopes: list[str]
    ip_allow: list[str]
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None  # To a minute.
    last_used_from: str | None
    requests_per_minute_max: int | None  # None: what is configured for all.
    made_with: str | None  # The key that asked for it; None: a person did.
    replaced_by: str | None  # The key that it was rotated to.


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret as it is kept: a hash for whoever shows it, and its ciphertext for whoever signs with it."""

    salt: bytes | None
    secret_hash: bytes | None
    ciphertext: bytes | None


def find_api_key(connection: psycopg.Connection[TupleRow], key_id: str) -> FoundApiKey | None:
    """A key that is neither revoked nor expired, of a user who is not disabled, whichever tenant it belongs to."""
    with connection.cursor(row_factory=class_row(FoundApiKey)) as cursor:
        return cursor.execute(FIND_API_KEY, (key_id,)).fetchone()


def find_signed_in(connection: psycopg.Connection[TupleRow], told: Told) -> FoundUser | None:
    """A user of the tenant who is not disabled, and what is known of his session."""
    with connection.cursor(row_factory=class_row(FoundUser)) as cursor:
        return cursor.execute(FIND_SIGNED_IN, (told.tenant_id, told.subject, told.session_id)).fetchone()


def is_session_ended(connection: psycopg.Connection[TupleRow], session_id: uuid.UUID) -> bool:
    return connection.execute("SELECT place FROM identity.ended_sessions(%s)", ([session_id],)).fetchone() is not None


def those_who_stand(connection: psycopg.Connection[TupleRow], principals: Sequence[Principal]) -> list[bool]:
    """Of each whether he may still do what he might when he was asked who he is."""
    rows = connection.execute(FIND_STANDINGS, standings_of(principals)).fetchall()
    return as_they_stand(principals, dict(rows))


def standings_of(
    principals: Sequence[Principal],
) -> tuple[list[uuid.UUID], list[str], list[str | None], list[uuid.UUID | None]]:
    """What `FIND_STANDINGS` takes."""
    return (
        [who.tenant_id for who in principals],
        [who.subject for who in principals],
        [who.api_key_id for who in principals],
        [who.session_id for who in principals],
    )


def as_they_stand(principals: Sequence[Principal], versions: Mapping[int, int]) -> list[bool]:
    """`versions` by place, from 1 on, of those who are not disabled and whose key is not revoked."""
    return [versions.get(place) == who.permissions_version for place, who in enumerate(principals, 1)]


class IdentityRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    # accounts ---------------------------------------------------------------------------------------------------

    def account(self, account_id: uuid.UUID) -> Account:
        """NotFound also for an account of another tenant."""
        with self._connection.cursor(row_factory=class_row(Account)) as cursor:
            row = cursor.execute(
                "SELECT account_id, name, kind, base_currency FROM identity.accounts"
                " WHERE tenant_id = %s AND account_id = %s",
                (self._tenant_id, account_id),
            ).fetchone()
        if row is None:
            raise NotFound("no such account")
        return row

    def accounts(self, account_ids: Sequence[uuid.UUID]) -> list[Account]:
        """Those of them that are the tenant's, by name."""
        with self._connection.cursor(row_factory=class_row(Account)) as cursor:
            return cursor.execute(
                "SELECT account_id, name, kind, base_currency FROM identity.accounts"
                " WHERE tenant_id = %s AND account_id = ANY(%s) ORDER BY name, account_id LIMIT %s",
                (self._tenant_id, list(account_ids), ACCOUNTS_MAX),
            ).fetchall()

    def accessible_account_ids(self, subject: str, role: str) -> list[uuid.UUID]:
        """By name: every account of the tenant for the roles that oversee it, for others those that they reach."""
        if role in ROLES_WITH_ALL_ACCOUNTS:
            rows = self._connection.execute(
                "SELECT account_id FROM identity.accounts WHERE tenant_id = %s ORDER BY name LIMIT %s",
                (self._tenant_id, ACCOUNTS_MAX),
            )
        else:
            rows = self._connection.execute(
                "SELECT a.account_id FROM identity.accounts a WHERE a.tenant_id = %s AND a.account_id IN ("
                " SELECT x.account_id FROM identity.reachable_accounts x JOIN identity.users u USING (user_id)"
                " WHERE u.tenant_id = %s AND u.subject = %s) ORDER BY a.name LIMIT %s",
                (self._tenant_id, self._tenant_id, subject, ACCOUNTS_MAX),
            )
        return [row[0] for row in rows]

    def require_account(self, subject: str, role: str, account_id: uuid.UUID) -> Account:
        """The account, if this user may see it; NotFound otherwise, so that nobody learns which ids exist."""
        account = self.account(account_id)
        if role in ROLES_WITH_ALL_ACCOUNTS:
            return account
        reached = self._connection.execute(
            "SELECT 1 FROM identity.reachable_accounts x JOIN identity.users u USING (user_id)"
            " WHERE u.tenant_id = %s AND u.subject = %s AND x.account_id = %s",
            (self._tenant_id, subject, account_id),
        ).fetchone()
        if reached is None:
            raise NotFound("no such account")
        return account

    def require_node(self, subject: str, role: str, node_id: uuid.UUID) -> None:
        """NotFound unless the user oversees the tenant, or is assigned to the node or to one above it."""
        if role in ROLES_WITH_ALL_ACCOUNTS:
            return
        assigned = self._connection.execute(
            "SELECT 1 FROM limits.nodes n JOIN identity.node_access x ON x.node_id = ANY (n.path)"
            " JOIN identity.users u USING (user_id)"
            " WHERE n.tenant_id = %s AND u.tenant_id = %s AND u.subject = %s AND n.node_id = %s LIMIT 1",
            (self._tenant_id, self._tenant_id, subject, node_id),
        ).fetchone()
        if assigned is None:
            raise NotFound("no such node")

    def is_account_named(self, name: str) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM identity.accounts WHERE tenant_id = %s AND name = %s", (self._tenant_id, name)
        ).fetchone()
        return row is not None

    def add_account(self, account: Account) -> bool:
        """True when it is new; False when an account of that id is there already."""
        cursor = self._connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind, base_currency)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (account_id) DO NOTHING",
            (account.account_id, self._tenant_id, account.name, account.kind, account.base_currency),
        )
        return cursor.rowcount == 1

    def grant_account(self, user_id: uuid.UUID, account_id: uuid.UUID) -> None:
        self._connection.execute(
            "INSERT INTO identity.account_access (user_id, account_id, tenant_id) VALUES (%s, %s, %s)"
            " ON CONFLICT (user_id, account_id) DO NOTHING",
            (user_id, account_id, self._tenant_id),
        )

    # organisation and users -------------------------------------------------------------------------------------

    def save_organisation(self, name: str) -> None:
        self._connection.execute(
            "INSERT INTO identity.organisations (tenant_id, name) VALUES (%s, %s)"
            " ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name",
            (self._tenant_id, name),
        )

    def organisation_name(self) -> str:
        row = self._connection.execute(
            "SELECT name FROM identity.organisations WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchone()
        return "" if row is None else str(row[0])

    def save_user(self, user: User) -> None:
        self._connection.execute(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE"
            " SET subject = excluded.subject, email = excluded.email, role = excluded.role",
            (user.user_id, self._tenant_id, user.username, user.subject, user.email, user.role),
        )

    def user(self, subject: str) -> User:
        """NotFound when the tenant has no user of that subject."""
        with self._connection.cursor(row_factory=class_row(User)) as cursor:
            row = cursor.execute(
                "SELECT user_id, username, subject, email, role FROM identity.users"
                " WHERE tenant_id = %s AND subject = %s",
                (self._tenant_id, subject),
            ).fetchone()
        if row is None:
            raise NotFound("no such user")
        return row

    # API keys ---------------------------------------------------------------------------------------------------

    def add_api_key(
        self,
        *,
        key_id: str,
        user_id: uuid.UUID,
        name: str,
        secret: StoredSecret | None,
        public_key: bytes | None,
        account_id: uuid.UUID | None,
        scopes: Sequence[str],
        ip_allow: Sequence[str],
        expires_at: datetime | None,
        requests_per_minute_max: int | None = None,
        made_with: str | None = None,
        replaces: str | None = None,
    ) -> None:
        """Either a secret or a public key."""
        stored = secret or StoredSecret(None, None, None)
        self._connection.execute(
            "INSERT INTO identity.api_keys (key_id, tenant_id, user_id, name, salt, secret_hash, secret_ciphertext,"
            " public_key, account_id, scopes, ip_allow, expires_at, requests_per_minute_max, made_with, replaces)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::text[]::cidr[], %s, %s, %s, %s)",
            (
                key_id,
                self._tenant_id,
                user_id,
                name,
                stored.salt,
                stored.secret_hash,
                stored.ciphertext,
                public_key,
                account_id,
                list(scopes),
                list(ip_allow),
                expires_at,
                requests_per_minute_max,
                made_with,
                replaces,
            ),
        )

    def lock_user(self, user_id: uuid.UUID) -> None:
        """Until the transaction ends."""
        self._connection.execute(
            "SELECT 1 FROM identity.users WHERE tenant_id = %s AND user_id = %s FOR NO KEY UPDATE",
            (self._tenant_id, user_id),
        )

    def count_live_api_keys(self, user_id: uuid.UUID) -> int:
        """Without those whose place another has taken, for they end by themselves, and without OAuth clients."""
        row = self._connection.execute(
            "SELECT count(*) FROM identity.api_keys k WHERE tenant_id = %s AND user_id = %s AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now()) AND NOT starts_with(key_id, 'bwc_')"
            " AND NOT EXISTS (SELECT FROM identity.api_keys n WHERE n.replaces = k.key_id)",
            (self._tenant_id, user_id),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def api_keys(self, user_id: uuid.UUID | None) -> list[ApiKey]:
        """The user's keys, newest first; None: every key of the tenant. OAuth clients are among them.

        Those that are revoked or have expired come after all that work: however many there are, they hide none.
        """
        with self._connection.cursor(row_factory=class_row(ApiKey)) as cursor:
            return cursor.execute(
                "SELECT k.key_id, u.username, k.name, k.scopes, k.ip_allow::text[] AS ip_allow,"
                " k.created_at, k.expires_at, k.revoked_at, k.last_used_at, host(k.last_used_from) AS last_used_from,"
                " k.requests_per_minute_max, k.made_with,"
                " (SELECT n.key_id FROM identity.api_keys n WHERE n.replaces = k.key_id) AS replaced_by"
                " FROM identity.api_keys k JOIN identity.users u USING (user_id)"
                " WHERE k.tenant_id = %(tenant)s AND u.tenant_id = %(tenant)s"
                " AND (%(user)s::uuid IS NULL OR k.user_id = %(user)s)"
                " ORDER BY k.revoked_at IS NOT NULL OR coalesce(k.expires_at <= now(), false),"
                " k.created_at DESC, k.key_id LIMIT %(at_most)s",
                {"tenant": self._tenant_id, "user": user_id, "at_most": API_KEYS_MAX},
            ).fetchall()

    def revoke_api_key(self, key_id: str, user_id: uuid.UUID | None) -> tuple[uuid.UUID, bool]:
        """Whose key it was, and whether it was revoked only now: it is safe to repeat.

        NotFound unless the user has the key, or the tenant has it where `user_id` is None.
        """
        row = self._connection.execute(
            "UPDATE identity.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE tenant_id = %(tenant)s"
            " AND key_id = %(key)s AND (%(user)s::uuid IS NULL OR user_id = %(user)s)"
            " RETURNING user_id, revoked_at = now()",
            {"tenant": self._tenant_id, "key": key_id, "user": user_id},
        ).fetchone()
        if row is None:
            raise NotFound("no such API key")
        return row[0], bool(row[1])
