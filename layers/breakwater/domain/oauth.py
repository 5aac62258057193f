"""OAuth 2.0 for third parties: the client_credentials grant alone (RFC 6749, section 4.4).

A client (`bwc_...`) buys access tokens (`bwt_...`) with its secret. Both are random and mean nothing by themselves: no
algorithm can be confused, nothing can be forged, and what they are worth is asked each time.
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, unquote_plus

from breakwater.domain.api_keys import secret_hash
from breakwater.domain.permissions import Principal, is_within
from breakwater.errors import NotAuthenticated, Rejection

TOKEN_LIFETIME = timedelta(hours=1)
TOKEN_PREFIX = "bwt_"  # noqa: S105  # What begins so is looked up here, and no issuer is asked.
FORM = "application/x-www-form-urlencoded"
GRANT_TYPE = "client_credentials"
FIELDS_MAX = 16
_CLIENT_ID = re.compile(r"bwc_[0-9a-f]{16}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 random bits: a slow hash would add nothing.
_TOKEN = re.compile(r"bwt_[A-Za-z0-9_-]{43}")


class TokenRefused(Rejection):
    """`code` is one of RFC 6749, section 5.2."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidClient(TokenRefused):
    """It never says whether client or secret was wrong."""

    status = 401

    def __init__(self, message: str = "the client or its secret is wrong") -> None:
        super().__init__("invalid_client", message)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """`scopes`: None where it asks for all that the client has."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """One that works, of a client that is live; and the client's own terms."""

    tenant_id: uuid.UUID
    user_id: uuid.UUID
    scopes: list[str]
    ip_allow: list[str]
    secret_id: uuid.UUID
    salt: bytes
    secret_hash: bytes  # sha256(salt || secret)
    ends_at: datetime | None  # Secret or client, whichever ends first.


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundToken:
    """One that is live: whose it is, and what narrows it."""

    client_id: str
    tenant_id: uuid.UUID
    subject: str
    username: str
    role: str
    scopes: list[str]
    ip_allow: list[str]
    expires_at: datetime
    permissions_version: int


def token_request(body: bytes, content_type: str, authorization: str) -> TokenRequest:
    """TokenRefused unless it is a form of that grant, with the client's id and secret in one of both places."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise TokenRefused("invalid_request", f"the body is of the type {FORM}")
    told = _form(body)
    if "grant_type" not in told:
        raise TokenRefused("invalid_request", "grant_type is missing")
    if told["grant_type"] != GRANT_TYPE:
        raise TokenRefused("unsupported_grant_type", f"the one grant_type here is {GRANT_TYPE}")
    client_id, client_secret = _credentials(told, authorization)
    if not _CLIENT_ID.fullmatch(client_id) or not _SECRET.fullmatch(client_secret):
        raise InvalidClient
    scopes = tuple(dict.fromkeys(told["scope"].split(" "))) if "scope" in told else None
    return TokenRequest(client_id, client_secret, scopes)


def verified(found: Sequence[FoundSecret], secret: str, source_ip: str | None) -> FoundSecret:
    """The one of a client's secrets that was shown; InvalidClient for none, and from elsewhere than it may be used."""
    for each in found:
        if hmac.compare_digest(secret_hash(each.salt, secret), each.secret_hash):
            if each.ip_allow and not is_within(source_ip, tuple(each.ip_allow)):
                raise InvalidClient("the client may not be used from this address")
            return each
    raise InvalidClient


def granted(asked: Sequence[str] | None, own: Sequence[str]) -> list[str]:
    """TokenRefused where one is asked for that the client does not have."""
    if asked is None:
        return sorted(own)
    if not set(asked) <= set(own):
        raise TokenRefused("invalid_scope", f"this client has the scopes {' '.join(sorted(own))}")
    return sorted(asked)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def split_token(token: str) -> bytes:
    """By which it is found; NotAuthenticated when it has not the form of one."""
    if _TOKEN.fullmatch(token) is None:
        raise NotAuthenticated("the token is not valid")
    return token_hash(token)


def principal_of_token(found: FoundToken | None) -> Principal:
    """Whom a token stands for: the client's user, narrowed. NotAuthenticated for one that is not live."""
    if found is None:
        raise NotAuthenticated("unknown or expired access token, or its client is revoked")
    return Principal(
        found.tenant_id,
        found.subject,
        found.username,
        found.role,
        frozenset(found.scopes),
        expires_at=int(found.expires_at.timestamp()),
        ip_allow=tuple(found.ip_allow),
        api_key_id=found.client_id,
        permissions_version=found.permissions_version,
    )


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise TokenRefused("invalid_request", "the body is not a form that can be read") from error
    told = dict(fields)
    if len(told) < len(fields):  # Two readers may keep different ones.
        raise TokenRefused("invalid_request", "a parameter is given twice")
    return {name: value for name, value in told.items() if value}  # Empty is as if it were not there (section 3.2).


def _credentials(told: dict[str, str], authorization: str) -> tuple[str, str]:
    if not authorization:
        if "client_id" not in told or "client_secret" not in told:
            raise InvalidClient("client_id and client_secret are missing")
        return told["client_id"], told["client_secret"]
    client_id, client_secret = _basic(authorization)
    if "client_secret" in told or told.get("client_id", client_id) != client_id:
        raise TokenRefused("invalid_request", "the client says who it is in one way, and not in two")
    return client_id, client_secret


def _basic(authorization: str) -> tuple[str, str]:
    """Both are encoded as in a form (section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("a client says who it is by HTTP Basic, or in the body")
    try:
        client_id, separator, client_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient from error
    if not separator:
        raise InvalidClient
    return unquote_plus(client_id), unquote_plus(client_secret)
