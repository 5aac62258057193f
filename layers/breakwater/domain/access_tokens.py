"""Believe an access token, or say why not."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import jwt

from breakwater.domain.permissions import SESSION_SCOPE, Principal, Role
from breakwater.errors import NotAuthenticated, Unavailable

TOKEN_BYTES_MAX = 8192  # Cognito's are below 2 KiB; API Gateway lets 10 KiB of headers through.
LEEWAY_S = 30
KEYS_KEPT_S = 3600
FAILED_FETCH_S = 5  # So long nobody waits for an issuer that does not answer.
UNKNOWN_KEY_REFETCH_S = 60  # A forged key id must not make us ask the issuer for every request.


@dataclass(frozen=True, slots=True)
class UserPool:
    """Who signs access tokens, for which client, and where the public keys are."""

    issuer: str
    jwks_url: str
    client_id: str

    @classmethod
    def of(
        cls, pool_id: str, client_id: str, *, oidc_issuer: str | None, oidc_jwks_url: str | None, emulator: str | None
    ) -> Self:
        """A pool of Cognito, or what stands in its place. `emulator`: where AWS is, on one machine."""
        # A pool's id begins with its region, and the emulator's tokens name AWS as well.
        issuer = oidc_issuer or f"https://cognito-idp.{pool_id.partition('_')[0]}.amazonaws.com/{pool_id}"
        base = f"{emulator}/{pool_id}" if emulator and not oidc_issuer else issuer
        return cls(issuer, oidc_jwks_url or f"{base}/.well-known/jwks.json", client_id)


class SigningKeys:
    """An issuer's public keys by key id, fetched when they are old, and when an unknown one is named."""

    def __init__(self, fetch: Callable[[], dict[str, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        """`fetch` answers a JWK set or raises Unavailable; `clock` counts seconds."""
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """None for an unknown one. Unavailable when the issuer does not answer, or did not a moment ago."""
        keep_s = KEYS_KEPT_S if key_id in self._keys else UNKNOWN_KEY_REFETCH_S
        if self._fetched_at is None or self._clock() - self._fetched_at >= keep_s:
            self._keys = {key.key_id: key for key in self._fetched() if key.key_id is not None}
            self._fetched_at = self._clock()
        return self._keys.get(key_id)

    def _fetched(self) -> list[jwt.PyJWK]:
        if self._failed_at is not None and self._clock() - self._failed_at < FAILED_FETCH_S:
            raise Unavailable("the issuer's keys could not be fetched a moment ago")
        try:
            return jwt.PyJWKSet.from_dict(self._fetch()).keys
        except Unavailable:
            self._failed_at = self._clock()
            raise
        except (jwt.PyJWTError, AttributeError, TypeError) as error:
            self._failed_at = self._clock()
            raise Unavailable("the issuer's answer is no set of keys") from error


def verify_access_token(token: str, keys: SigningKeys, *, issuer: str, client_id: str) -> Principal:
    """Whom the token stands for; NotAuthenticated unless issuer, client, use, time and signature (RS256) are right.

    Tenant and role are groups of the token: exactly one `org:<tenant id>` and exactly one `role:<role>`.
    """
    if len(token) > TOKEN_BYTES_MAX:
        raise NotAuthenticated("the token is too long")
    try:
        # The algorithm is ours to choose: a token that names another, or none, is refused before any key is used.
        key = keys.find(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise NotAuthenticated("the token is signed with an unknown key")
        claims = jwt.decode(
            token,
            key.key,
            algorithms=["RS256"],
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "sub"], "verify_aud": False},  # Cognito names the client instead.
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise NotAuthenticated("the token is not valid") from error
    if claims.get("token_use") != "access" or claims.get("client_id") != client_id:
        raise NotAuthenticated("the token is not an access token of this client")
    return _principal(claims)


@dataclass(frozen=True, slots=True)
class FoundUser:
    """What a user who is not disabled may do now."""

    username: str
    role: str
    permissions_version: int


def as_known(told: Principal, found: FoundUser | None) -> Principal:
    """Whom a token names, with the name and the role that he has here now; NotAuthenticated for one who is disabled.

    And for one who is not known. An issuer may let people choose what it calls them, and by his name here he acts.
    """
    if found is None:
        raise NotAuthenticated("this user is disabled, or not one of the organisation")
    return replace(told, username=found.username, role=found.role, permissions_version=found.permissions_version)


def _principal(claims: dict[str, Any]) -> Principal:
    groups = claims.get("cognito:groups", claims.get("groups"))
    username = claims.get("username")
    if not isinstance(groups, list) or not isinstance(username, str):
        raise NotAuthenticated("the token names no user of an organisation")
    tenants = [group.removeprefix("org:") for group in groups if str(group).startswith("org:")]
    roles = [group.removeprefix("role:") for group in groups if str(group).startswith("role:")]
    if len(tenants) != 1 or len(roles) != 1 or roles[0] not in Role:
        raise NotAuthenticated("the token needs one organisation and one known role")
    try:
        tenant_id = uuid.UUID(tenants[0])
    except ValueError as error:
        raise NotAuthenticated("the token's organisation is not an id") from error
    return Principal(
        tenant_id, claims["sub"], username, roles[0], frozenset({SESSION_SCOPE}), expires_at=int(claims["exp"])
    )
