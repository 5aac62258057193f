"""Believe an access token, or say why not: of the user pool here, of another issuer in domain/oidc.py."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import jwt

from breakwater.domain.permissions import ENROL_SCOPE, SESSION_SCOPE, Principal, Role
from breakwater.errors import NotAuthenticated, Unavailable

TOKEN_BYTES_MAX = 8192  # Cognito's are below 2 KiB; API Gateway lets 10 KiB of headers through.
LEEWAY_S = 30
KEYS_KEPT_S = 3600
KEYS_MAX = 50
RSA_BITS_MIN = 2048
FAILED_FETCH_S = 5  # So long nobody waits for an issuer that does not answer.
FIRST_FETCH_WAIT_S = 3.0  # So long others wait beside the one that fetches, where nothing is known yet.
UNKNOWN_KEY_REFETCH_S = 60  # A forged key id must not make us ask the issuer for every request.
_SESSIONS = uuid.UUID("5b0f5d0e-6c0b-5f6e-9d0a-4a1d3f6f7c11")


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
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """None for an unknown one. Unavailable when the issuer does not answer, or did not a moment ago.

        One thread at a time asks it. The others go on with the keys that are known, and wait for no others: else
        whoever names keys that there are not would hold them all in the waits for a slow issuer.
        """
        if self._is_due(key_id):
            is_first = self._fetched_at is None and self._failed_at is None
            if self._fetching.acquire(timeout=FIRST_FETCH_WAIT_S if is_first else 0):
                try:
                    if self._is_due(key_id):  # Still: another may have fetched meanwhile.
                        self._keys = self._fetched()
                        self._fetched_at = self._clock()
                finally:
                    self._fetching.release()
            elif key_id not in self._keys:
                raise Unavailable("the issuer's keys are being fetched")
        return self._keys.get(key_id)

    def _is_due(self, key_id: str) -> bool:
        keep_s = KEYS_KEPT_S if key_id in self._keys else UNKNOWN_KEY_REFETCH_S
        return self._fetched_at is None or self._clock() - self._fetched_at >= keep_s

    def _fetched(self) -> dict[str, jwt.PyJWK]:
        if self._failed_at is not None and self._clock() - self._failed_at < FAILED_FETCH_S:
            raise Unavailable("the issuer's keys could not be fetched a moment ago")
        try:
            keys = jwt.PyJWKSet.from_dict(self._fetch()).keys
        except Unavailable:
            self._failed_at = self._clock()
            raise
        except (jwt.PyJWTError, AttributeError, TypeError) as error:
            self._failed_at = self._clock()
            raise Unavailable("the issuer's answer is no set of keys") from error
        return {key.key_id: key for key in keys[:KEYS_MAX] if key.key_id is not None and _is_to_verify(key)}


@dataclass(frozen=True, slots=True)
class Told:
    """What a token that is believed says of a person. What he may do here is not among it: see `as_known`."""

    tenant_id: uuid.UUID
    subject: str  # As our rows have it: the pool's `sub`, or another issuer's with the issuer before it.
    username: str
    email: str | None
    roles: frozenset[str] | None  # One of them must be his; None: the issuer says nothing of roles.
    session_id: uuid.UUID
    signed_in_at: int  # Seconds since the epoch; a refresh changes nothing of it.
    expires_at: int
    has_second_factor: bool
    issuer: Literal["POOL", "OIDC"] = "POOL"
    may_be_made: bool = False  # A user of it, if he is not known: where the issuer is configured so.


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user who is not disabled: what he may do now, and what is known of the session. None: nothing, or no longer."""

    user_id: uuid.UUID
    username: str
    role: str
    permissions_version: int
    is_recorded: bool
    is_ended: bool
    has_second_factor: bool
    is_seen_lately: bool


def session_id_of(issuer: str, subject: str, key: str) -> uuid.UUID:
    """Of one person alone, whatever key somebody else's token names."""
    return uuid.uuid5(_SESSIONS, f"{issuer}\n{subject}\n{key}")


def decoded(
    token: str, keys: SigningKeys, *, issuer: str, algorithms: list[str], audience: str | None, require: list[str]
) -> dict[str, Any]:
    """The claims; NotAuthenticated unless signature, issuer, audience and times are right.

    Algorithm and key are ours to choose: what the token's header says of keys (`jku`, `x5u`, `jwk`) is not read.
    """
    if len(token) > TOKEN_BYTES_MAX:
        raise NotAuthenticated("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in algorithms or "crit" in header:
            raise NotAuthenticated("the token is not signed in a way that is believed")
        key = keys.find(str(header.get("kid")))
        if key is None:
            raise NotAuthenticated("the token is signed with an unknown key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "sub", *require], "verify_aud": audience is not None},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise NotAuthenticated("the token is not valid") from error
    return claims


def unverified_issuer(token: str) -> str:
    """Whom the token says it is of, by which the keys are chosen that must bear it out. Empty for what is no token."""
    if len(token) > TOKEN_BYTES_MAX:
        raise NotAuthenticated("the token is too long")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise NotAuthenticated("the token is not valid") from error
    return str(claims.get("iss"))


@dataclass(frozen=True, slots=True)
class PoolSession:
    """`began_at`: seconds since the epoch."""

    session_id: uuid.UUID
    subject: str
    began_at: int


def session_of_pool(token: str) -> PoolSession:
    """Whose session a token is of that came from the pool itself and need not be verified.

    Unavailable where the pool's tokens name no session: its client must have token revocation enabled.
    """
    claims = jwt.decode(token, options={"verify_signature": False})
    if "origin_jti" not in claims:
        raise Unavailable("the user pool's tokens name no session")
    subject = str(claims["sub"])
    session_id = session_id_of(claims["iss"], subject, str(claims["origin_jti"]))
    return PoolSession(session_id, subject, signed_in_at(claims))


def signed_in_at(claims: dict[str, Any]) -> int:
    """`auth_time`, which a refresh does not change; else when the token was made."""
    told, issued_at = claims.get("auth_time"), int(claims["iat"])
    return max(0, min(told, issued_at) if isinstance(told, int) else issued_at)


def verify_access_token(token: str, keys: SigningKeys, *, issuer: str, client_id: str) -> Told:
    """What the pool's token says; NotAuthenticated unless issuer, client, use, time and signature (RS256) are right.

    Tenant and role are groups of the token: exactly one `org:<tenant id>` and exactly one `role:<role>`. Cognito names
    the client in place of an audience, and the session in `origin_jti`.
    """
    claims = decoded(token, keys, issuer=issuer, algorithms=["RS256"], audience=None, require=["origin_jti"])
    if claims.get("token_use") != "access" or claims.get("client_id") != client_id:
        raise NotAuthenticated("the token is not an access token of this client")
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
    return Told(
        tenant_id=tenant_id,
        subject=claims["sub"],
        username=username,
        email=None,
        roles=None,  # The pool follows the row, and may be late.
        session_id=session_id_of(issuer, claims["sub"], str(claims["origin_jti"])),
        signed_in_at=signed_in_at(claims),
        expires_at=int(claims["exp"]),
        has_second_factor=False,  # A token of Cognito does not say. Our sign-in knows, and records it.
    )


def second_factor_roles(text: str | None) -> frozenset[str]:
    """Roles by name, with commas between. ValueError for one that is not known: nobody would be asked for his."""
    named = frozenset(filter(None, (text or "").split(",")))
    if not named <= {*Role}:
        raise ValueError(f"there is no role {', '.join(sorted(named - {*Role}))}")
    return named


def as_known(told: Told, found: FoundUser | None, second_factor_roles: frozenset[str] = frozenset()) -> Principal:
    """Whom a token names, with the name and the role that he has here now; NotAuthenticated for one who is disabled.

    And for one who is not known. An issuer may let people choose what it calls them, and by his name here he acts.
    A session must be recorded, and not ended. One whose role asks for a second factor may do nothing but enrol
    without it.
    """
    if found is None:
        raise NotAuthenticated("this user is disabled, or not one of the organisation")
    if not found.is_recorded:
        raise NotAuthenticated("this session is not known here yet: call the HTTP API with it first")
    if found.is_ended:
        raise NotAuthenticated("this session has ended; sign in again")
    if told.roles is not None and found.role not in told.roles:
        raise NotAuthenticated("the issuer does not name the role that you have here")
    # Shown later in the session as well: an issuer may ask for more when more is wanted.
    has_second_factor = found.has_second_factor or told.has_second_factor
    may_only_enrol = found.role in second_factor_roles and not has_second_factor
    return Principal(
        told.tenant_id,
        told.subject,
        found.username,
        found.role,
        frozenset({ENROL_SCOPE if may_only_enrol else SESSION_SCOPE}),
        expires_at=told.expires_at,
        permissions_version=found.permissions_version,
        session_id=told.session_id,
    )


def _is_to_verify(key: jwt.PyJWK) -> bool:
    """A public key for signatures, and long enough. A shared secret in a public set would let everybody sign."""
    if key.key_type not in {"RSA", "EC", "OKP"} or key.public_key_use not in {None, "sig"}:
        return False
    return key.key_type != "RSA" or getattr(key.key, "key_size", 0) >= RSA_BITS_MIN
