"""API keys as the endpoint knows them: looked up once in a while, their secrets in memory only."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from breakwater.db.engine_connection import EnginePool
from breakwater.db.signing_keys import FoundSigningKey, find_signing_key
from breakwater.domain.api_keys import principal_of
from breakwater.domain.permissions import PERMISSIONS_KNOWN_S, Principal
from breakwater.errors import NotAuthenticated, NotFromThere
from fargate_engine import aws
from fargate_engine.binance.errors import bad_key
from fargate_engine.binance.exchange import Client, Scope
from fargate_engine.binance.signing import SigningKey
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.look_ups import LookUps

KEYS_MAX = 10_000
_PERMISSIONS: dict[str, Scope] = {
    "orders:create": "trade",
    "orders:cancel": "cancel",
    "orders:read": "orders",
    "portfolio:read": "read",
}


# Told of a key that is known, whom it stands for, and the address that it may not come from.
type CameFromElsewhere = Callable[[str, Principal, str], None]


def _nobody_asks(_key_id: str, _principal: Principal, _address: str) -> None:
    """Where nobody wants to know."""


@dataclass(slots=True)
class _Known:
    found: FoundSigningKey
    principal: Principal
    client: Client
    looked_up_at: float


class Keys:
    def __init__(
        self,
        pool: EnginePool,
        *,
        encryption_key_id: str,
        kms: Any | None = None,
        came_from_elsewhere: CameFromElsewhere = _nobody_asks,
    ) -> None:
        self._pool = pool
        self._came_from_elsewhere = came_from_elsewhere
        self._encryption_key_id = encryption_key_id
        self._kms = kms or aws.client("kms")
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._look_ups = LookUps(self._look_up)

    async def client(self, key_id: str, address: str) -> Client:
        """BinanceError -2015 for a key that is not to be believed, or not from there. Unavailable: cannot be told."""
        known = await self._find(key_id)
        if known is None:
            raise bad_key()
        try:
            known.principal.check_use(address, int(time.time()))
        except NotFromThere as error:
            self._came_from_elsewhere(key_id, known.principal, address)
            raise bad_key() from error
        except (NotAuthenticated, ValueError) as error:
            raise bad_key() from error
        return known.client

    async def is_believed(self, client: Client) -> bool:
        """Whether the key still stands for the same, from wherever it was used. Unavailable: cannot be told.

        Looked up for it: who asks once in a while must not hear what was known a while before.
        """
        known = await self._look_ups.find(client.key_id)
        if known is None or known.client.owner.account_id != client.owner.account_id:
            return False
        expires_at = known.principal.expires_at
        return "read" in known.client.scopes and (expires_at is None or time.time() < expires_at)

    async def _find(self, key_id: str) -> _Known | None:
        known = self._known.get(key_id)
        if known is not None and time.monotonic() - known.looked_up_at <= PERMISSIONS_KNOWN_S:
            return known
        return await self._look_ups.find(key_id)

    async def _look_up(self, key_id: str) -> _Known | None:
        found = await find_signing_key(self._pool, key_id)
        known = None if found is None else await self._made_of(key_id, found, time.monotonic())
        if known is None:
            self._known.pop(key_id, None)
            return None
        self._known[key_id] = known
        self._known.move_to_end(key_id)
        while len(self._known) > KEYS_MAX:
            self._known.popitem(last=False)
        return known

    async def _made_of(self, key_id: str, found: FoundSigningKey, now: float) -> _Known | None:
        """None for a key that cannot sign, or whose account is not clear."""
        before = self._known.get(key_id)
        if before is not None and before.found == found:
            return _Known(found, before.principal, before.client, now)
        signing_key = await self._signing_key(key_id, found)
        if signing_key is None or found.account_id is None:
            return None
        principal = principal_of(key_id, found)
        scopes = frozenset(scope for permission, scope in _PERMISSIONS.items() if permission in principal.permissions)
        owner = Owner(principal, found.account_id)
        return _Known(found, principal, Client(key_id, signing_key, scopes, owner), now)

    async def _signing_key(self, key_id: str, found: FoundSigningKey) -> SigningKey | None:
        if found.public_key is not None:
            return SigningKey(public_key=Ed25519PublicKey.from_public_bytes(found.public_key))
        if found.secret_ciphertext is None:
            return None
        answer = await aws.call(
            self._kms.decrypt,
            KeyId=self._encryption_key_id,
            CiphertextBlob=found.secret_ciphertext,
            EncryptionContext={"key_id": key_id},
        )
        return SigningKey(secret=answer["Plaintext"])
