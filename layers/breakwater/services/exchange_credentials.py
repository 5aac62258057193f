"""Keys of the firm's accounts at exchanges: kept sealed, shown by their ends, rotated with an overlap.

Whoever keeps one here cannot read it back: functions may have data keys made, and only the engine may have them opened.
"""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from breakwater.db.connection import TenantTransaction
from breakwater.db.exchange_credentials import (
    ExchangeCredential,
    SealedCredential,
    count_keys_to_wrap,
    lock_keys_to_wrap,
    save_wrapped_keys,
)
from breakwater.domain.exchange_credentials import NONCE_BYTES, ExchangeSecret, Place, seal
from breakwater.domain.permissions import Caller
from breakwater.errors import Conflict
from breakwater.services.settlement import TenantTransactions

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
type Rewrap = Callable[[bytes, Place], bytes]  # A wrapped key under the master key of now.


def add_credential(
    caller: Caller,
    transactions: TenantTransactions,
    *,
    account_id: uuid.UUID,
    venue: str,
    label: str,
    secret: ExchangeSecret,
    make_data_key: MakeDataKey,
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
            raise Conflict("the account has a credential of that label at the venue; rotate or delete it")
        return tx.exchange_credentials.newest(credential_id)


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
        return tx.exchange_credentials.newest(credential_id)


def delete_credential(caller: Caller, tx: TenantTransaction, credential_id: uuid.UUID) -> None:
    """The ciphertext goes with it. At the exchange the key still works until it is deleted there too."""
    caller.require(PERMISSION)
    tx.exchange_credentials.lock(credential_id)
    tx.exchange_credentials.forget(credential_id)


def rewrap_credentials(
    connection: psycopg.Connection[TupleRow],
    *,
    master_key_id: str,
    rewrap: Rewrap,
    wrapped_before: datetime | None,
    batch_size_max: int,
) -> tuple[int, int]:
    """One batch of data keys put under the master key of now; how many, and how many are left.

    In a transaction of the caller's, which may be repeated: what is done is not found again. The secrets themselves are
    not touched, and are readable before, while and after.
    """
    keys = lock_keys_to_wrap(connection, master_key_id, wrapped_before, min(batch_size_max, REWRAP_BATCH_MAX))
    save_wrapped_keys(connection, [(key, rewrap(key.wrapped_key, key.place)) for key in keys], master_key_id)
    return len(keys), count_keys_to_wrap(connection, master_key_id, wrapped_before)


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
