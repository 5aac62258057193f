"""What the engine may know of exchange credentials: the one that VENUES names, sealed."""

import uuid

from psycopg.rows import class_row

from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.db.exchange_credentials import SealedCredential


async def use_exchange_credential(pool: EnginePool, credential_id: uuid.UUID) -> SealedCredential | None:
    """The newest version, for the engine; None when there is none. That it was used is noted."""
    async with pooled(pool) as connection:
        cursor = await connection.cursor(row_factory=class_row(SealedCredential)).execute(
            "SELECT credential_id, version, tenant_id, account_id, venue, ciphertext, nonce, wrapped_key"
            " FROM identity.use_exchange_credential(%s)",
            (credential_id,),
        )
        return await cursor.fetchone()
