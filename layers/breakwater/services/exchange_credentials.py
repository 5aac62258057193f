"""Keys of the firm's accounts at exchanges: kept sealed, shown by their ends, rotated with an overlap.

Whoever keeps one here cannot read it back: functions may have data keys made, and only the engine may have them opened.
"""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import psycopg
from psycopg.rows import TupleRow

from breakwater.db.connection import TenantTransaction
from breakwater.db.exchange_credentials import (
    ExchangeCredential,
    SealedCredential,
    WrappedKey,
    count_keys_to_wrap,
    lock_keys_to_wrap,
    save_wrapped_keys,
)
from breakwater.db.outbox import Outbox, set_actor
from breakwater.domain.exchange_credentials import NONCE_BYTES, ExchangeSecret, Place, seal
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, Rejection
from breakwater.services.settlement import TenantTransactions
from events.identity import ExchangeCredentialAccessChanged, ExchangeCredentialChanged

PERMISSION = "credentials:manage"
CREDENTIALS_OF_ONE_TENANT_MAX = 500
OVERLAP_MAX = timedelta(days=7)
REWRAP_BATCH_MAX = 200


@dataclass(frozen=True, slots=True)
class DataKey:
    """Made by KMS under a master key: in clear for this once, and as it is kept."""

    plaintext: bytes = field(repr=False)
    wrapped: bytes
    master_key_id: str


type MakeDataKey = Callable[[Place], DataKey]
type Rewrap = Callable[[bytes, Place], bytes]  # A wrapped key under the master key of now; NotRewrapped for this one.
FROM_THE_START = (uuid.UUID(int=0), 0)


class NotRewrapped(Rejection):
    """KMS does not open this one, and will not another time."""

    code = "NOT_REWRAPPED"


@dataclass(frozen=True, slots=True)
class RefusedKey:
    credential_id: uuid.UUID
    version: int
    tenant_id: uuid.UUID
    reason: str


@dataclass(frozen=True, slots=True)
class RewrappedBatch:
    """`last`: credential and version where the next one goes on; None when there was nothing more."""

    rewrapped: int
    refused: list[RefusedKey]
    left: int
    last: tuple[uuid.UUID, int] | None


def add_credential(
    caller: Caller,
    transactions: TenantTransactions,
    *,
    account_id: uuid.UUID,
    venue: str,
    label: str,
    secret: ExchangeSecret,
    make_data_key: MakeDataKey,
    at: datetime,
) -> ExchangeCredential:
    """NotFound for an account of another tenant; Conflict for a label the account has there already, or too many.

    KMS is asked between two transactions: none waits for it.
    """
    caller.require(PERMISSION)
    with transactions(caller.tenant_id) as tx:
        tx.identity.account(account_id)
        if tx.exchange_credentials.count() >= CREDENTIALS_OF_ONE_TENANT_MAX:
            raise Conflict(f"an organisation has at most {CREDENTIALS_OF_ONE_TENANT_MAX} exchange credentials")
    credential_id = uuid.uuid4()
    data_key, sealed = _sealed(Place(caller.tenant_id, account_id, venue), credential_id, 1, secret, make_data_key)
    with transactions(caller.tenant_id) as tx:
        if not _keep(tx, sealed, data_key, label=label, secret=secret):
            raise Conflict(
                "the account has a credential of that label at the venue; rotate or delete it", field="label"
            )
        added = tx.exchange_credentials.newest(credential_id)
        _tell(added, "STORED", caller, tx, at, master_key_id=data_key.master_key_id)
    return added


def list_credentials(caller: Caller, tx: TenantTransaction) -> list[ExchangeCredential]:
    caller.require(PERMISSION)
    return tx.exchange_credentials.shown()


def rotate_credential(
    caller: Caller,
    transactions: TenantTransactions,
    credential_id: uuid.UUID,
    *,
    secret: ExchangeSecret,
    overlap: timedelta,
    make_data_key: MakeDataKey,
    at: datetime,
) -> ExchangeCredential:
    """A new version under the same id; the old one is kept for the overlap. NotFound for one of another tenant.

    KMS is asked between two transactions; Conflict where somebody else has rotated it meanwhile.
    """
    caller.require(PERMISSION)
    with transactions(caller.tenant_id) as tx:
        old = tx.exchange_credentials.newest(credential_id)
    place = Place(caller.tenant_id, old.account_id, old.venue)
    data_key, sealed = _sealed(place, credential_id, old.version + 1, secret, make_data_key)
    with transactions(caller.tenant_id) as tx:
        tx.exchange_credentials.lock(credential_id)
        is_newest = tx.exchange_credentials.newest(credential_id).version == old.version
        tx.exchange_credentials.retire(credential_id, overlap)
        if not is_newest or not _keep(tx, sealed, data_key, label=old.label, secret=secret):
            raise Conflict("the credential was rotated at the same time")
        rotated = tx.exchange_credentials.newest(credential_id)
        _tell(rotated, "ROTATED", caller, tx, at, master_key_id=data_key.master_key_id)
    return rotated


def grant_credential(
    caller: Caller, tx: TenantTransaction, credential_id: uuid.UUID, account_id: uuid.UUID, *, at: datetime
) -> None:
    """Let another account of the organisation trade with it. NotFound for either of another tenant. Safe to repeat."""
    caller.require(PERMISSION)
    tx.exchange_credentials.lock(credential_id)
    tx.exchange_credentials.newest(credential_id)
    tx.identity.account(account_id)
    if tx.exchange_credentials.grant(credential_id, account_id):
        _tell_access(caller, tx, credential_id, account_id, at, is_given=True)


def withdraw_credential(
    caller: Caller, tx: TenantTransaction, credential_id: uuid.UUID, account_id: uuid.UUID, *, at: datetime
) -> None:
    """The engine sends no order of the account with it 5 s later; what is open stays, and can be cancelled.

    NotFound as for giving it. Conflict for the account that it was kept for: that one's ends with the credential.
    """
    caller.require(PERMISSION)
    tx.exchange_credentials.lock(credential_id)
    kept = tx.exchange_credentials.newest(credential_id)
    tx.identity.account(account_id)
    if kept.account_id == account_id:
        raise Conflict("the credential was kept for this account; delete it to end that")
    if tx.exchange_credentials.withdraw(credential_id, account_id):
        _tell_access(caller, tx, credential_id, account_id, at, is_given=False)


def delete_credential(caller: Caller, tx: TenantTransaction, credential_id: uuid.UUID, *, at: datetime) -> None:
    """The ciphertext goes with it. At the exchange the key still works until it is deleted there too."""
    caller.require(PERMISSION)
    tx.exchange_credentials.lock(credential_id)
    deleted = tx.exchange_credentials.newest(credential_id)
    tx.exchange_credentials.forget(credential_id)
    _tell(deleted, "DELETED", caller, tx, at, master_key_id=None)


def rewrap_credentials(
    connection: psycopg.Connection[TupleRow],
    *,
    master_key_id: str,
    rewrap: Rewrap,
    wrapped_before: datetime | None,
    batch_size_max: int,
    by: str,
    at: datetime,
    after: tuple[uuid.UUID, int] = FROM_THE_START,
) -> RewrappedBatch:
    """One batch of data keys put under the master key of now.

    In a transaction of the caller's, which may be repeated: what is done is not found again. The secrets themselves are
    not touched, and are readable before, while and after. What KMS refuses is told, and the others go on; Unavailable
    when it does not answer, for then it answers none of them. Each that is done is a record of its organisation's audit
    trail.
    """
    set_actor(connection, by)
    correlation_id = str(uuid.uuid4())
    keys = lock_keys_to_wrap(connection, master_key_id, wrapped_before, min(batch_size_max, REWRAP_BATCH_MAX), after)
    done: list[tuple[WrappedKey, bytes]] = []
    refused: list[RefusedKey] = []
    for key in keys:
        try:
            done.append((key, rewrap(key.wrapped_key, key.place)))
        except NotRewrapped as error:
            refused.append(RefusedKey(key.credential_id, key.version, key.tenant_id, error.message))
    save_wrapped_keys(connection, done, master_key_id)
    for key, _ in done:
        event = ExchangeCredentialChanged(
            credential_id=key.credential_id,
            version=key.version,
            change="REWRAPPED",
            account_id=key.account_id,
            venue=key.venue,
            label=key.label,
            api_key_end=key.api_key_end,
            master_key_id=master_key_id,
            changed_by=by,
        )
        _add(event, Outbox(connection, key.tenant_id), correlation_id, at)
    left = count_keys_to_wrap(connection, master_key_id, wrapped_before)
    return RewrappedBatch(len(done), refused, left, (keys[-1].credential_id, keys[-1].version) if keys else None)


def _tell_access(
    caller: Caller,
    tx: TenantTransaction,
    credential_id: uuid.UUID,
    account_id: uuid.UUID,
    at: datetime,
    *,
    is_given: bool,
) -> None:
    tx.outbox.add(
        ExchangeCredentialAccessChanged(
            credential_id=credential_id, account_id=account_id, is_given=is_given, changed_by=caller.actor
        ),
        aggregate_id=credential_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _sealed(
    place: Place, credential_id: uuid.UUID, version: int, secret: ExchangeSecret, make_data_key: MakeDataKey
) -> tuple[DataKey, SealedCredential]:
    data_key, nonce = make_data_key(place), os.urandom(NONCE_BYTES)
    sealed = SealedCredential(
        credential_id=credential_id,
        version=version,
        tenant_id=place.tenant_id,
        account_id=place.account_id,
        venue=place.venue,
        ciphertext=seal(secret, data_key.plaintext, nonce, place.additional_data(credential_id, version)),
        nonce=nonce,
        wrapped_key=data_key.wrapped,
    )
    return data_key, sealed


def _keep(
    tx: TenantTransaction, sealed: SealedCredential, data_key: DataKey, *, label: str, secret: ExchangeSecret
) -> bool:
    return tx.exchange_credentials.add(
        sealed, label=label, api_key_end=secret.api_key_end, master_key_id=data_key.master_key_id
    )


def _tell(
    credential: ExchangeCredential,
    change: Literal["STORED", "ROTATED", "DELETED"],
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    master_key_id: str | None,
) -> None:
    event = ExchangeCredentialChanged(
        credential_id=credential.credential_id,
        version=credential.version,
        change=change,
        account_id=credential.account_id,
        venue=credential.venue,
        label=credential.label,
        api_key_end=credential.api_key_end,
        master_key_id=master_key_id,
        changed_by=caller.actor,
    )
    _add(event, tx.outbox, caller.correlation_id, at)


def _add(event: ExchangeCredentialChanged, outbox: Outbox, correlation_id: str, at: datetime) -> None:
    """Of the organisation, and in no account's feed."""
    outbox.add(
        event,
        aggregate_id=event.credential_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
