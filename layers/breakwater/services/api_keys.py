"""API keys: made, rotated, listed, revoked.

A key is `bw_<key id>_<secret>`. Kept are a hash of its secret, for the API, and the key encrypted, so that the engine
can check what it signed. Or it is an Ed25519 key, which only signs: then just its public half is known.
"""

import ipaddress
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from breakwater.db.api_keys import KeyToRotate
from breakwater.db.connection import TenantTransaction
from breakwater.db.identity import ApiKey, StoredSecret
from breakwater.domain.api_keys import KeyRates, secret_hash
from breakwater.domain.permissions import API_KEY_SCOPES, SESSION_SCOPE, Caller, is_client
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound, NotPermitted
from events.identity import ApiKeyChanged, ApiKeyRotated, OAuthClientChanged

LIVE_KEYS_OF_ONE_USER_MAX = 20
USUAL_RATES = KeyRates()
LIFETIME_MAX = timedelta(days=36_500)  # Postgres keeps times that no datetime holds: such a row could not be read.
OVERLAP_MAX = timedelta(days=7)
_SALT_BYTES = 16
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
type Encrypt = Callable[[str, str], bytes]  # Key id and key: its ciphertext, which decrypts under that id only.


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """A key, and what took its place: `api_key` is the new one itself, None for an Ed25519 key."""

    key_id: str
    api_key: str | None
    name: str
    scopes: list[str]
    expires_at: datetime | None
    works_until: datetime  # The old one.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What a new key may do, as it is kept. `verifier`: the bytes of an Ed25519 key; None for one with a secret."""

    name: str
    scopes: Sequence[str]
    ip_allow: Sequence[str]
    expires_at: datetime | None
    account_id: uuid.UUID | None
    verifier: bytes | None
    requests_per_minute_max: int | None
    made_with: str | None
    replaces: str | None = None


def create_api_key(
    caller: Caller,
    tx: TenantTransaction,
    *,
    name: str,
    scopes: Sequence[str],
    ip_allow: Sequence[str],
    expires_at: datetime | None,
    account_id: uuid.UUID | None = None,
    public_key: str | None = None,
    requests_per_minute_max: int | None = None,
    rates: KeyRates = USUAL_RATES,
    encrypt: Encrypt,
    at: datetime,
) -> tuple[str, str | None]:
    """The new key's id, and the key itself, which nobody can show again; None for an Ed25519 key.

    `account_id`: the one that it trades at the exchange-compatible endpoint. `public_key`: of an Ed25519 pair, as PEM.
    InvalidRequest for unknown scopes, bad networks or keys, a rate beyond what is configured, or an expiry that has
    passed or is a century away; NotPermitted for what the caller's own key lacks (scope, time, network, rate), so that
    a key never makes a stronger one; NotFound for an account that the caller may not see; Conflict when the user has
    too many. What is made with a key ends with it.
    """
    caller.require("api_keys:manage")
    check_scopes(caller, scopes)
    check_expiry(caller, expires_at, at)
    networks = networks_of(ip_allow)
    _check_networks(caller, networks)
    if account_id is not None:
        tx.identity.require_account(caller.subject, caller.role, account_id)
    verifier = None if public_key is None else _ed25519_key(public_key)
    user_id = locked_maker(caller, tx)  # Two keys made at once would both find the last place free.
    if tx.identity.count_live_api_keys(user_id) >= LIVE_KEYS_OF_ONE_USER_MAX:
        raise Conflict(f"a user has at most {LIVE_KEYS_OF_ONE_USER_MAX} live API keys; revoke one first")
    terms = _Terms(
        name=name,
        scopes=sorted(set(scopes)),
        ip_allow=[str(network) for network in networks],
        expires_at=expires_at,
        account_id=account_id,
        verifier=verifier,
        requests_per_minute_max=_rate(caller, tx, requests_per_minute_max, rates),
        made_with=caller.api_key_id,
    )
    key_id, api_key = _keep(tx, user_id, terms, encrypt)
    made = ApiKeyChanged(
        key_id=key_id, change="CREATED", name=name, scopes=sorted(set(scopes)), changed_by=caller.actor
    )
    _tell(made, user_id, caller, tx, at)
    return key_id, api_key


def rotate_api_key(
    caller: Caller,
    tx: TenantTransaction,
    key_id: str,
    *,
    overlap: timedelta,
    public_key: str | None = None,
    rates: KeyRates = USUAL_RATES,
    encrypt: Encrypt,
    at: datetime,
) -> RotatedKey:
    """A new key that may do what the old one may, which ends by itself after the overlap.

    It lasts as long from now as the old one was made to; where a key had or has a hand in it, no longer than the old
    one. Only the user himself rotates his key, for whoever does is told what signs in his name: NotFound for anybody
    else's. Conflict for one that is rotated, revoked or expired already, or when the user has too many; NotPermitted as
    for making it; InvalidRequest unless there is a `public_key` exactly where the old one is an Ed25519 key.
    """
    caller.require("api_keys:manage")
    _require_no_client(key_id)
    user_id = locked_maker(caller, tx)
    old = tx.api_keys.to_rotate(key_id, user_id)
    _check_rotation(old)
    if old.is_ed25519 != (public_key is not None):
        words = "the public half of the new pair is needed" if old.is_ed25519 else "this key has a secret of its own"
        raise InvalidRequest(words, field="public_key")
    check_scopes(caller, old.scopes)
    check_expiry(caller, old.expires_at, at)
    _check_networks(caller, networks_of(old.ip_allow))
    if tx.api_keys.count_all_live(user_id) >= 2 * LIVE_KEYS_OF_ONE_USER_MAX:
        raise Conflict("too many rotated keys of this user still work; revoke one first")
    made_with = caller.api_key_id or old.made_with
    rate = old.requests_per_minute_max and min(old.requests_per_minute_max, rates.max)
    terms = _Terms(
        name=old.name,
        scopes=old.scopes,
        ip_allow=old.ip_allow,
        expires_at=_expiry_of_next(old, made_with, at),
        account_id=old.account_id,
        verifier=None if public_key is None else _ed25519_key(public_key),
        requests_per_minute_max=_rate(caller, tx, rate, rates),
        made_with=made_with,
        replaces=key_id,
    )
    works_until = tx.api_keys.end_after(key_id, overlap)
    new_id, api_key = _keep(tx, user_id, terms, encrypt)
    rotated = ApiKeyRotated(
        key_id=new_id,
        replaces=key_id,
        works_until_ns=nanoseconds(works_until),
        name=old.name,
        scopes=old.scopes,
        changed_by=caller.actor,
    )
    _tell(rotated, user_id, caller, tx, at)
    return RotatedKey(new_id, api_key, old.name, old.scopes, terms.expires_at, works_until)


def list_api_keys(caller: Caller, tx: TenantTransaction) -> list[ApiKey]:
    """The caller's own, or all of the organisation for those who manage its users."""
    caller.require("api_keys:manage")
    found = tx.identity.api_keys(None if _manages_all(caller) else tx.identity.user(caller.subject).user_id)
    return [key for key in found if not is_client(key.key_id)]


def revoke_api_key(caller: Caller, tx: TenantTransaction, key_id: str, *, at: datetime) -> None:
    """And all that was made with it, in the same transaction: no key outlives the one that made it.

    NotFound unless it is among those the caller may list. Nobody believes any of them 5 s later.
    """
    caller.require("api_keys:manage")
    _require_no_client(key_id)
    of_user = None if _manages_all(caller) else tx.identity.user(caller.subject).user_id
    user_id = tx.api_keys.owner_of(key_id, of_user)
    tx.identity.lock_user(user_id)  # Else one of them could make another meanwhile.
    _, is_first = tx.identity.revoke_api_key(key_id, of_user)
    tell_revoked([*([key_id] if is_first else []), *tx.api_keys.revoke_made_with(key_id)], user_id, caller, tx, at)


def tell_revoked(
    key_ids: Sequence[str], user_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime
) -> None:
    """Of keys and OAuth clients of one user."""
    for key_id in key_ids:
        if is_client(key_id):
            _tell(_revoked_client(key_id, user_id, caller), user_id, caller, tx, at)
            continue
        revoked = ApiKeyChanged(key_id=key_id, change="REVOKED", name=None, scopes=None, changed_by=caller.actor)
        _tell(revoked, user_id, caller, tx, at)


def _revoked_client(client_id: str, user_id: uuid.UUID, caller: Caller) -> OAuthClientChanged:
    return OAuthClientChanged(
        client_id=client_id,
        change="REVOKED",
        user_id=user_id,
        name=None,
        scopes=None,
        works_until_ns=None,
        changed_by=caller.actor,
    )


def _keep(tx: TenantTransaction, user_id: uuid.UUID, terms: _Terms, encrypt: Encrypt) -> tuple[str, str | None]:
    key_id, secret, salt = secrets.token_hex(8), secrets.token_urlsafe(32), secrets.token_bytes(_SALT_BYTES)
    api_key = None if terms.verifier is not None else f"bw_{key_id}_{secret}"
    tx.identity.add_api_key(
        key_id=key_id,
        user_id=user_id,
        name=terms.name,
        secret=None if api_key is None else StoredSecret(salt, secret_hash(salt, secret), encrypt(key_id, api_key)),
        public_key=terms.verifier,
        account_id=terms.account_id,
        scopes=terms.scopes,
        ip_allow=terms.ip_allow,
        expires_at=terms.expires_at,
        requests_per_minute_max=terms.requests_per_minute_max,
        made_with=terms.made_with,
        replaces=terms.replaces,
    )
    return key_id, api_key


def _tell(
    event: ApiKeyChanged | ApiKeyRotated | OAuthClientChanged,
    user_id: uuid.UUID,
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
) -> None:
    tx.outbox.add(
        event,
        aggregate_id=user_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def locked_maker(caller: Caller, tx: TenantTransaction) -> uuid.UUID:
    """The caller's user, whom nobody disables until the transaction ends.

    NotAuthenticated where that, or the end of his session, has come already and the gateway does not know yet: what he
    makes or is told now would outlive it. Of a key, `_rate` asks.
    """
    user_id = tx.identity.user(caller.subject).user_id
    state = tx.sessions.lock_user(user_id)
    if state is None or state.is_disabled:
        raise NotAuthenticated("this user is disabled")
    if caller.session_id is not None and tx.sessions.has_ended(caller.session_id):
        raise NotAuthenticated("this session has ended; sign in again")
    return user_id


def _expiry_of_next(old: KeyToRotate, made_with: str | None, at: datetime) -> datetime | None:
    """As long from now as the old one was made for; what was made with a key ends when it would have, or before it."""
    if made_with is not None or old.expires_at is None:
        return old.expires_at
    return at + (old.expires_at - old.created_at)


def _check_rotation(old: KeyToRotate) -> None:
    if old.replaced_by is not None:
        raise Conflict(f"the key was rotated already: {old.replaced_by} has taken its place")
    if not old.is_live:
        raise Conflict("the key is revoked, or has expired")


def _rate(caller: Caller, tx: TenantTransaction, told: int | None, rates: KeyRates) -> int | None:
    """What a new key is kept with. Of a caller with a key also whether that works still, for nobody locks it longer."""
    check_rate(told, rates)
    if caller.api_key_id is None:
        return told
    own = tx.api_keys.rate_of(caller.api_key_id)
    if own is None:
        raise NotAuthenticated("the API key has been revoked")
    if told is not None and told > (own[0] or rates.default):
        raise NotPermitted("a key cannot make a key that may ask more often")
    return told or own[0]


def check_rate(told: int | None, rates: KeyRates) -> None:
    """InvalidRequest beyond what is configured."""
    if told is not None and not 1 <= told <= rates.max:
        raise InvalidRequest(f"a key has from 1 to {rates.max} requests a minute", field="requests_per_minute_max")


def check_scopes(caller: Caller, scopes: Sequence[str]) -> None:
    if not scopes:
        raise InvalidRequest("a key needs a scope", field="scopes")
    for scope in scopes:
        if scope not in API_KEY_SCOPES:
            raise InvalidRequest(f"a scope is one of {', '.join(API_KEY_SCOPES)}", field="scopes")
        if scope not in caller.scopes and not _is_signed_in(caller):
            raise NotPermitted("a key cannot make a key with a scope it does not have", scope=scope)


def check_expiry(caller: Caller, expires_at: datetime | None, at: datetime) -> None:
    if expires_at is not None and expires_at <= at:
        raise InvalidRequest("the expiry has passed", field="expires_at")
    if expires_at is not None and expires_at - at > LIFETIME_MAX:
        raise InvalidRequest("the expiry is too far away", field="expires_at")
    if caller.expires_at is None or _is_signed_in(caller):
        return
    if expires_at is None or int(expires_at.timestamp()) > caller.expires_at:
        raise NotPermitted("a key cannot make a key that lasts longer")


def _check_networks(caller: Caller, networks: Sequence[_Network]) -> None:
    """Of those who are signed in no network is asked, so `ip_allow` is always a key's."""
    if not caller.ip_allow:
        return
    own = [ipaddress.ip_network(text) for text in caller.ip_allow]
    if not networks or not all(any(_is_inside(network, mine) for mine in own) for network in networks):
        raise NotPermitted("a key cannot make a key that may be used from elsewhere")


def _require_no_client(key_id: str) -> None:
    """An OAuth client stands among the keys, and who may do what with it is another question."""
    if is_client(key_id):
        raise NotFound("no such API key")


def _is_inside(network: _Network, other: _Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)


def _is_signed_in(caller: Caller) -> bool:
    return SESSION_SCOPE in caller.scopes


def _manages_all(caller: Caller) -> bool:
    return "users:manage" in caller.permissions


def _ed25519_key(pem: str) -> bytes:
    """Its 32 bytes."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidRequest("a public key is written as PEM", field="public_key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidRequest("a public key is one of Ed25519", field="public_key")
    return key.public_bytes_raw()


def networks_of(texts: Sequence[str]) -> list[_Network]:
    """InvalidRequest for what is none."""
    return [_network(text) for text in texts]


def _network(text: str) -> _Network:
    if "%" in text:  # The zone of an IPv6 address, which Postgres does not know.
        raise InvalidRequest("a network has no zone", field="ip_allow")
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidRequest("a network is written as 203.0.113.0/24", field="ip_allow") from error
