"""Who opens a WebSocket: by access token or API key, as at the HTTP API."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from breakwater.db.channels import find_api_key, find_signed_in, find_token
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.access_tokens import UserPool, as_known
from breakwater.domain.api_keys import FoundApiKey, split_api_key, verify_api_key
from breakwater.domain.oauth import TOKEN_PREFIX, FoundToken, principal_of_token, split_token
from breakwater.domain.oidc import OidcProvider
from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated
from breakwater.issuers import FETCH_TIMEOUT_S, Issuers
from fargate_engine.look_ups import LookUps

THREADS_MAX = 2


class Callers:
    """Without an issuer only API keys and clients' tokens are believed, which are asked for each time: what is revoked
    ends at once.

    A session is recorded by the HTTP API alone, so that one which began elsewhere is shown there first.
    """

    def __init__(
        self,
        user_pool: UserPool | None,
        pool: EnginePool,
        *,
        provider: OidcProvider | None = None,
        second_factor_roles: frozenset[str] = frozenset(),
        timeout_s: float = FETCH_TIMEOUT_S,
    ) -> None:
        self._issuers = Issuers(user_pool, provider, timeout_s)
        self._second_factor_roles = second_factor_roles
        self._pool = pool
        self._api_keys = LookUps(self._look_up)
        self._client_tokens = LookUps(self._look_up_token)
        # Of their own: an issuer that is slow to answer must not hold those in which the engine calls AWS.
        self._threads = ThreadPoolExecutor(THREADS_MAX, "access tokens")

    async def authenticate(self, authorization: str) -> Principal:
        """From `Bearer <access token>`, a person's or a client's, or `ApiKey <key>`; `check_use` is still to be asked.

        NotAuthenticated when it is not to be believed, Unavailable when that cannot be told.
        """
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer" and credentials.startswith(TOKEN_PREFIX):
            token_hash = split_token(credentials)
            return principal_of_token(await self._client_tokens.find(token_hash.hex()))
        if scheme.lower() == "bearer":
            # In a thread: now and then the issuer's keys are fetched for it.
            told = await asyncio.get_running_loop().run_in_executor(self._threads, self._issuers.verify, credentials)
            async with pooled(self._pool) as connection:
                return as_known(told, await find_signed_in(connection, told), self._second_factor_roles)
        if scheme.lower() == "apikey":
            key_id, secret = split_api_key(credentials)
            return verify_api_key(key_id, await self._api_keys.find(key_id), secret)
        raise NotAuthenticated("the Authorization header is `Bearer <access token>` or `ApiKey <key>`")

    async def _look_up_token(self, token_hash: str) -> FoundToken | None:
        async with pooled(self._pool) as connection:
            return await find_token(connection, bytes.fromhex(token_hash))

    async def _look_up(self, key_id: str) -> FoundApiKey | None:
        async with pooled(self._pool) as connection:
            return await find_api_key(connection, key_id)
