"""Sealed keys of accounts at exchanges: what may be shown of them, what the engine opens, and what is wrapped anew."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.exchange_credentials import Place
from breakwater.domain.times import Timestamp
from breakwater.errors import NotFound

LISTED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ExchangeCredential:
    """What may be shown of a version: neither its secret nor more of the key than its end."""

    credential_id: uuid.UUID
    version: int
    account_id: uuid.UUID
    venue: str
    label: str
    api_key_end: str
    created_at: Timestamp
    rotated_at: Timestamp | None
    last_used_at: Timestamp | None
    retires_at: Timestamp | None
    granted_account_ids: list[uuid.UUID]  # That may trade with it beside its own.


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCredential:
    """As the engine gets it; only KMS can open the key that it is sealed with."""

    credential_id: uuid.UUID
    version: int
    tenant_id: uuid.UUID
    account_id: uuid.UUID
    venue: str
    ciphertext: bytes
    nonce: bytes
    wrapped_key: bytes

    @property
    def place(self) -> Place:
        return Place(self.tenant_id, self.account_id, self.venue)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A row's data key, and what KMS is asked with to wrap it under another master key."""

    credential_id: uuid.UUID
    version: int
    tenant_id: uuid.UUID
    account_id: uuid.UUID
    venue: str
    label: str
    api_key_end: str
    wrapped_key: bytes

    @property
    def place(self) -> Place:
        return Place(self.tenant_id, self.account_id, self.venue)


_GRANTED = """
(SELECT coalesce(array_agg(g.account_id ORDER BY g.account_id), '{}') FROM identity.exchange_credential_grants g
 WHERE g.tenant_id = c.tenant_id AND g.credential_id = c.credential_id) AS granted_account_ids
"""


class ExchangeCredentialRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def shown(self) -> list[ExchangeCredential]:
        """Every version that works, by account, venue and label; the newest version of each first."""
        with self._connection.cursor(row_factory=class_row(ExchangeCredential)) as cursor:
            return cursor.execute(
                "SELECT credential_id, version, account_id, venue, label, api_key_end,"  # noqa: S608  # A constant.
                " (SELECT min(f.created_at) FROM identity.exchange_credentials f"
                "  WHERE f.tenant_id = c.tenant_id AND f.credential_id = c.credential_id) AS created_at,"
                " CASE WHEN version > 1 THEN created_at END AS rotated_at, last_used_at, retires_at,"
                f" {_GRANTED} FROM identity.exchange_credentials c"  # A constant of this module.
                " WHERE tenant_id = %s AND (retires_at IS NULL OR retires_at > now())"
                " ORDER BY account_id, venue, label, version DESC LIMIT %s",
                (self._tenant_id, LISTED_MAX),
            ).fetchall()

    def newest(self, credential_id: uuid.UUID) -> ExchangeCredential:
        """Locked until the transaction ends. NotFound also for one of another tenant."""
        with self._connection.cursor(row_factory=class_row(ExchangeCredential)) as cursor:
            row = cursor.execute(
                "SELECT credential_id, version, account_id, venue, label, api_key_end, created_at,"  # noqa: S608
                " CASE WHEN version > 1 THEN created_at END AS rotated_at, last_used_at, retires_at,"
                f" {_GRANTED} FROM identity.exchange_credentials c"  # A constant of this module.
                " WHERE tenant_id = %s AND credential_id = %s AND retires_at IS NULL FOR UPDATE",
                (self._tenant_id, credential_id),
            ).fetchone()
        if row is None:
            raise NotFound("no such credential")
        return row

    def count(self) -> int:
        row = self._connection.execute(
            "SELECT count(*) FROM identity.exchange_credentials WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def add(self, sealed: SealedCredential, *, label: str, api_key_end: str, master_key_id: str) -> bool:
        """False when the account has one of that label at the venue already."""
        cursor = self._connection.execute(
            "INSERT INTO identity.exchange_credentials (credential_id, version, tenant_id, account_id, venue, label,"
            " api_key_end, ciphertext, nonce, wrapped_key, master_key_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                sealed.credential_id,
                sealed.version,
                self._tenant_id,
                sealed.account_id,
                sealed.venue,
                label,
                api_key_end,
                sealed.ciphertext,
                sealed.nonce,
                sealed.wrapped_key,
                master_key_id,
            ),
        )
        return cursor.rowcount == 1

    def lock(self, credential_id: uuid.UUID) -> None:
        """Until the transaction ends: who deletes it sees the version that somebody makes of it now."""
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"exchange credential {credential_id}",)
        )

    def retire(self, credential_id: uuid.UUID, overlap: timedelta) -> None:
        """The newest version works for so long beside the next; those whose time is over are forgotten."""
        self._connection.execute(
            "UPDATE identity.exchange_credentials SET retires_at = now() + %s"
            " WHERE tenant_id = %s AND credential_id = %s AND retires_at IS NULL",
            (overlap, self._tenant_id, credential_id),
        )
        self._connection.execute(
            "DELETE FROM identity.exchange_credentials WHERE tenant_id = %s AND retires_at <= now()", (self._tenant_id,)
        )

    def grant(self, credential_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        """False when the account has it already."""
        cursor = self._connection.execute(
            "INSERT INTO identity.exchange_credential_grants (credential_id, account_id, tenant_id)"
            " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (credential_id, account_id, self._tenant_id),
        )
        return cursor.rowcount == 1

    def withdraw(self, credential_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        """False when the account does not have it."""
        cursor = self._connection.execute(
            "DELETE FROM identity.exchange_credential_grants"
            " WHERE tenant_id = %s AND credential_id = %s AND account_id = %s",
            (self._tenant_id, credential_id, account_id),
        )
        return cursor.rowcount == 1

    def forget(self, credential_id: uuid.UUID) -> None:
        """Every version of it, with its ciphertext and its grants. NotFound also for one of another tenant."""
        self._connection.execute(
            "DELETE FROM identity.exchange_credential_grants WHERE tenant_id = %s AND credential_id = %s",
            (self._tenant_id, credential_id),
        )
        cursor = self._connection.execute(
            "DELETE FROM identity.exchange_credentials WHERE tenant_id = %s AND credential_id = %s",
            (self._tenant_id, credential_id),
        )
        if cursor.rowcount == 0:
            raise NotFound("no such credential")


def lock_keys_to_wrap(
    connection: psycopg.Connection[TupleRow],
    master_key_id: str,
    wrapped_before: datetime | None,
    batch_size_max: int,
    after: tuple[uuid.UUID, int],
) -> list[WrappedKey]:
    """Of every tenant, for the administrator: those under another master key, or wrapped before that time.

    In their order, from behind the credential and version `after` on.

    Locked until the transaction ends; what another run has locked is left to it.
    """
    with connection.cursor(row_factory=class_row(WrappedKey)) as cursor:
        return cursor.execute(
            "SELECT credential_id, version, tenant_id, account_id, venue, label, api_key_end, wrapped_key"
            " FROM identity.exchange_credentials"
            " WHERE (master_key_id <> %(key)s OR wrapped_at < %(before)s::timestamptz)"
            " AND (credential_id, version) > (%(credential)s, %(version)s)"
            " ORDER BY credential_id, version LIMIT %(at_most)s FOR UPDATE SKIP LOCKED",
            {
                "key": master_key_id,
                "before": wrapped_before,
                "at_most": batch_size_max,
                "credential": after[0],
                "version": after[1],
            },
        ).fetchall()


def save_wrapped_keys(
    connection: psycopg.Connection[TupleRow], keys: Sequence[tuple[WrappedKey, bytes]], master_key_id: str
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE identity.exchange_credentials SET wrapped_key = %s, master_key_id = %s, wrapped_at = now()"
            " WHERE credential_id = %s AND version = %s",
            [(wrapped, master_key_id, key.credential_id, key.version) for key, wrapped in keys],
        )


def count_keys_to_wrap(
    connection: psycopg.Connection[TupleRow], master_key_id: str, wrapped_before: datetime | None
) -> int:
    row = connection.execute(
        "SELECT count(*) FROM identity.exchange_credentials"
        " WHERE master_key_id <> %(key)s OR wrapped_at < %(before)s::timestamptz",
        {"key": master_key_id, "before": wrapped_before},
    ).fetchone()
    return 0 if row is None else int(row[0])
