"""Who is behind an Authorization header: the same answer for HTTP and WebSocket."""

import uuid
from datetime import UTC, datetime
from functools import lru_cache

from breakwater.db.identity import find_api_key
from breakwater.db.oauth_clients import find_token
from breakwater.domain.access_tokens import UserPool, as_known, second_factor_roles
from breakwater.domain.api_keys import split_api_key, verify_api_key
from breakwater.domain.oauth import TOKEN_PREFIX, principal_of_token, split_token
from breakwater.domain.oidc import OidcProvider
from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated
from breakwater.issuers import Issuers
from breakwater.runtime.database import transactions_of, untenanted_transaction
from breakwater.runtime.settings import settings
from breakwater.services import sessions
from breakwater.services.sessions import Circumstances


def authenticate(authorization: str, source_ip: str | None) -> Principal:
    """From `Bearer <access token>`, a person's or a client's, or `ApiKey <key>`; `check_use` is still to be asked.

    Who it is, is what the token says; what he may do is what his user's row says now, and not what it said at sign-in.
    A session that is seen for the first time is recorded, as begun from `source_ip`.

    NotAuthenticated when it is not to be believed; Unavailable when that cannot be told, because the database or the
    issuer's keys are not to be had.
    """
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer" and credentials.startswith(TOKEN_PREFIX):
        token_hash = split_token(credentials)
        with untenanted_transaction() as connection:
            return principal_of_token(find_token(connection, token_hash))
    if scheme.lower() == "bearer":
        told = issuers().verify(credentials)
        found_user = sessions.notice(
            told,
            untenanted=untenanted_transaction,
            transactions_of=transactions_of,
            circumstances=Circumstances(source_ip, str(uuid.uuid4()), datetime.now(UTC)),
        )
        return as_known(told, found_user, second_factor_roles(settings().second_factor_roles))
    if scheme.lower() == "apikey":
        key_id, secret = split_api_key(credentials)
        with untenanted_transaction() as connection:
            found = find_api_key(connection, key_id)
        return verify_api_key(key_id, found, secret)
    raise NotAuthenticated("the Authorization header is `Bearer <access token>` or `ApiKey <key>`")


def issuers() -> Issuers:
    """Whose tokens are believed, with the keys of theirs that are known by now."""
    return _issuers(user_pool(), settings().oidc_provider)


def oidc_provider() -> OidcProvider | None:
    """The issuer beside the pool, if there is one."""
    return _provider(settings().oidc_provider)


def user_pool() -> UserPool:
    return UserPool.of(
        settings().user_pool_id,
        settings().user_pool_client_id,
        oidc_issuer=settings().oidc_issuer,
        oidc_jwks_url=settings().oidc_jwks_url,
        emulator=settings().aws_endpoint_url,
    )


@lru_cache(maxsize=1)  # The environment of a function does not change; that of a test does.
def _issuers(pool: UserPool, provider: str | None) -> Issuers:
    return Issuers(pool, _provider(provider))


@lru_cache(maxsize=1)
def _provider(text: str | None) -> OidcProvider | None:
    return None if text is None else OidcProvider.parse(text)
