"""What the engine may know of an API key: enough to check what it signed, and whose orders it sends."""

import uuid
from dataclasses import dataclass

from psycopg.rows import class_row

from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.api_keys import FoundKey

_FIND = """
SELECT tenant_id, subject, username, role, scopes, ip_allow, expires_at, secret_ciphertext, public_key, account_id
FROM identity.find_signing_key(%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSigningKey(FoundKey):
    """Neither ciphertext nor public key: made before keys could sign. No account: its user has none, or several."""

    secret_ciphertext: bytes | None
    public_key: bytes | None
    account_id: uuid.UUID | None


async def find_signing_key(pool: EnginePool, key_id: str) -> FoundSigningKey | None:
    """A key that is neither revoked nor expired; None when there is none."""
    async with pooled(pool) as connection:
        cursor = await connection.cursor(row_factory=class_row(FoundSigningKey)).execute(_FIND, (key_id,))
        return await cursor.fetchone()
