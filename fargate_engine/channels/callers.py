"""Who opens a WebSocket: by access token or API key, as at the HTTP API."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import urllib3

from breakwater.db.channels import find_api_key, find_user
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.access_tokens import SigningKeys, UserPool, as_known, verify_access_token
from breakwater.domain.api_keys import FoundApiKey, split_api_key, verify_api_key
from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated, Unavailable
from fargate_engine.look_ups import LookUps

FETCH_TIMEOUT_S = 3.0
THREADS_MAX = 2


class Callers:
    """Without a user pool only API keys are believed. Those are asked for each time: a revoked one ends at once."""

    def __init__(self, user_pool: UserPool | None, pool: EnginePool) -> None:
        self._user_pool = user_pool
        self._pool = pool
        self._api_keys = LookUps(self._look_up)
        self._signing_keys = SigningKeys(self._fetch_keys)
        # Of their own: an issuer that is slow to answer must not hold those in which the engine calls AWS.
        self._threads = ThreadPoolExecutor(THREADS_MAX, "access tokens")

    async def authenticate(self, authorization: str) -> Principal:
        """From `Bearer <access token>` or `ApiKey <key>`; the principal's `check_use` is still to be asked.

        NotAuthenticated when it is not to be believed, Unavailable when that cannot be told.
        """
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer" and self._user_pool is not None:
            verify = partial(
                verify_access_token,
                credentials,
                self._signing_keys,
                issuer=self._user_pool.issuer,
                client_id=self._user_pool.client_id,
            )
            # In a thread: now and then the issuer's keys are fetched for it.
            told = await asyncio.get_running_loop().run_in_executor(self._threads, verify)
            async with pooled(self._pool) as connection:
                return as_known(told, await find_user(connection, told.tenant_id, told.subject))
        if scheme.lower() == "apikey":
            key_id, secret = split_api_key(credentials)
            return verify_api_key(key_id, await self._api_keys.find(key_id), secret)
        raise NotAuthenticated("the Authorization header is `Bearer <access token>` or `ApiKey <key>`")

    async def _look_up(self, key_id: str) -> FoundApiKey | None:
        async with pooled(self._pool) as connection:
            return await find_api_key(connection, key_id)

    def _fetch_keys(self) -> dict[str, Any]:
        if self._user_pool is None:
            raise Unavailable("no issuer of access tokens is configured")
        try:
            response = urllib3.request("GET", self._user_pool.jwks_url, timeout=FETCH_TIMEOUT_S, retries=False)
            if response.status != 200:
                raise Unavailable(f"the issuer's keys answered {response.status}")
            keys: dict[str, Any] = response.json()
        except (urllib3.exceptions.HTTPError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise Unavailable("the issuer's keys could not be fetched") from error
        return keys
