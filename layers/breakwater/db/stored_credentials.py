"""What the engine may know of exchange credentials: those that VENUES names, sealed, and whose orders they may sign."""

import uuid
from collections.abc import Sequence

from psycopg.rows import class_row

from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.db.exchange_credentials import SealedCredential


async def exchange_credential_versions(pool: EnginePool, credential_id: uuid.UUID) -> list[SealedCredential]:
    """Every version that works, the newest first; empty when there is none."""
    async with pooled(pool) as connection:
        cursor = await connection.cursor(row_factory=class_row(SealedCredential)).execute(
            "SELECT credential_id, version, tenant_id, account_id, venue, ciphertext, nonce, wrapped_key"
            " FROM identity.exchange_credential_versions(%s)",
            (credential_id,),
        )
        return await cursor.fetchall()


async def note_exchange_credential_use(pool: EnginePool, credential_id: uuid.UUID, version: int) -> None:
    async with pooled(pool) as connection:
        await connection.execute("SELECT identity.note_exchange_credential_use(%s, %s)", (credential_id, version))


async def exchange_credential_accounts(
    pool: EnginePool, credential_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """By credential: the account that it was kept for, and those that it was granted to. A deleted one's are none."""
    async with pooled(pool) as connection:
        cursor = await connection.execute(
            "SELECT credential_id, account_id FROM identity.exchange_credential_accounts(%s)", (list(credential_ids),)
        )
        rows = await cursor.fetchall()
    accounts: dict[uuid.UUID, set[uuid.UUID]] = {each: set() for each in credential_ids}
    for credential_id, account_id in rows:
        accounts[credential_id].add(account_id)
    return {each: frozenset(found) for each, found in accounts.items()}
