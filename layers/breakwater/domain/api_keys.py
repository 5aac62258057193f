"""What an API key looks like, and whether one that was shown is right: the same for the functions and the engine."""

import hashlib
import hmac
import math
import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated

MINUTE_S = 60
_ROUNDING = 1e-3  # Of a request: what is whole but for the clock's microseconds counts as whole.
_KEY = re.compile(r"bw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")  # 256 random bits: a slow hash would add nothing.


@dataclass(frozen=True, slots=True)
class KeyRates:
    """Requests a minute at the HTTP API: of a key that was made without saying, and the most that one may say."""

    default: int = 600
    max: int = 6_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one request has left of its key's allowance, in the terms of the headers that say so."""

    limit: int
    remaining: int
    reset_s: int  # Until it is whole, if nothing more is asked.
    retry_after_s: int | None  # None: the request is within it.

    @classmethod
    def of(cls, per_minute: int, whole_in_s: float, *, is_within: bool) -> "RateLimit":
        """`whole_in_s`: until the allowance is whole; each request takes a share of the minute of it."""
        share_s = MINUTE_S / per_minute
        remaining = max(0, math.floor((MINUTE_S - whole_in_s) / share_s + _ROUNDING)) if is_within else 0
        retry_after_s = None if is_within else max(1, math.ceil(whole_in_s + share_s - MINUTE_S))
        return cls(per_minute, remaining, max(0, math.ceil(whole_in_s)), retry_after_s)

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-06 has them."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Policy": f"{self.limit};w={MINUTE_S}",
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """Whose key it is, and what narrows it."""

    tenant_id: uuid.UUID
    subject: str
    username: str
    role: str
    scopes: list[str]
    ip_allow: list[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundApiKey(FoundKey):
    """What verifying a key needs beside that: the hash its secret must have."""

    salt: bytes | None  # None: a key that has no secret.
    secret_hash: bytes | None  # sha256(salt || secret)
    permissions_version: int  # Its user's.


def split_api_key(api_key: str) -> tuple[str, str]:
    """Its id and its secret; NotAuthenticated when it has not the form of a key."""
    match = _KEY.fullmatch(api_key)
    if match is None:
        raise NotAuthenticated("this is not an API key")
    return match[1], match[2]


def verify_api_key(key_id: str, found: FoundApiKey | None, secret: str) -> Principal:
    """Whom the key stands for; NotAuthenticated when it is unknown or its secret is wrong."""
    if found is None:
        raise NotAuthenticated("unknown, revoked or expired API key")
    if found.salt is None or found.secret_hash is None:
        raise NotAuthenticated("an Ed25519 key signs requests; it cannot be shown")
    if not hmac.compare_digest(secret_hash(found.salt, secret), found.secret_hash):
        raise NotAuthenticated("wrong secret")
    return replace(principal_of(key_id, found), permissions_version=found.permissions_version)


def principal_of(key_id: str, found: FoundKey) -> Principal:
    """Whom a key stands for that is believed."""
    return Principal(
        found.tenant_id,
        found.subject,
        found.username,
        found.role,
        frozenset(found.scopes),
        expires_at=None if found.expires_at is None else int(found.expires_at.timestamp()),
        ip_allow=tuple(found.ip_allow),
        api_key_id=key_id,
    )


def secret_hash(salt: bytes, secret: str) -> bytes:
    return hashlib.sha256(salt + secret.encode()).digest()
