"""Who is behind an Authorization header: the same answer for HTTP and WebSocket."""

import json
from functools import cache
from typing import Any

import urllib3

from breakwater.db.identity import find_api_key, find_user
from breakwater.domain.access_tokens import SigningKeys, UserPool, as_known, verify_access_token
from breakwater.domain.api_keys import split_api_key, verify_api_key
from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated, Unavailable
from breakwater.runtime.database import untenanted_transaction
from breakwater.runtime.settings import settings

FETCH_TIMEOUT_S = 3.0


def authenticate(authorization: str) -> Principal:
    """From `Bearer <access token>` or `ApiKey <key>`; the principal's `check_use` is still to be asked.

    Who it is, is what the token says; what he may do is what his user's row says now, and not what it said at sign-in.

    NotAuthenticated when it is not to be believed; Unavailable when that cannot be told, because the database or the
    issuer's keys are not to be had.
    """
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        pool = _user_pool()
        told = verify_access_token(credentials, _signing_keys(), issuer=pool.issuer, client_id=pool.client_id)
        with untenanted_transaction() as connection:
            found_user = find_user(connection, told.tenant_id, told.subject)
        return as_known(told, found_user)
    if scheme.lower() == "apikey":
        key_id, secret = split_api_key(credentials)
        with untenanted_transaction() as connection:
            found = find_api_key(connection, key_id)
        return verify_api_key(key_id, found, secret)
    raise NotAuthenticated("the Authorization header is `Bearer <access token>` or `ApiKey <key>`")


@cache
def _signing_keys() -> SigningKeys:
    return SigningKeys(_fetch_jwks)


def _user_pool() -> UserPool:
    return UserPool.of(
        settings().user_pool_id,
        settings().user_pool_client_id,
        oidc_issuer=settings().oidc_issuer,
        oidc_jwks_url=settings().oidc_jwks_url,
        emulator=settings().aws_endpoint_url,
    )


def _fetch_jwks() -> dict[str, Any]:
    url = _user_pool().jwks_url
    try:
        response = urllib3.request("GET", url, timeout=FETCH_TIMEOUT_S, retries=False)
        if response.status != 200:
            raise Unavailable(f"the issuer's keys answered {response.status}")
        keys: dict[str, Any] = response.json()
    except (urllib3.exceptions.HTTPError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Unavailable("the issuer's keys could not be fetched") from error
    return keys
