"""OAuth clients of third parties: made, listed, given another secret, revoked by who administers an organisation.

A client is an API key of another kind: it stands for a user, narrowed, and its secret buys tokens of an hour at most.
Who makes one gives away what its user may do, so it is for people, and for no more than they may do themselves.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from breakwater.db.connection import TenantTransaction
from breakwater.db.oauth_clients import OAuthClient
from breakwater.domain.api_keys import KeyRates, secret_hash
from breakwater.domain.permissions import GIVES_RIGHTS, Caller, may_give
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.errors import Conflict, NotPermitted
from breakwater.services.api_keys import check_expiry, check_rate, check_scopes, locked_maker, networks_of, tell_revoked
from events.identity import OAuthClientChanged

LIVE_CLIENTS_OF_ONE_ORGANISATION_MAX = 50
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class NewSecret:
    """`client_secret` is told here and never again. `older_works_until`: the secret before; None: there was none."""

    client_id: str
    client_secret: str
    older_works_until: Timestamp | None


def create_client(
    caller: Caller,
    tx: TenantTransaction,
    *,
    name: str,
    user_id: uuid.UUID,
    scopes: Sequence[str],
    ip_allow: Sequence[str],
    expires_at: datetime | None,
    requests_per_minute_max: int | None,
    rates: KeyRates,
    at: datetime,
) -> NewSecret:
    """A client that may do what the user may, narrowed by scopes and networks.

    NotFound for a user of another organisation, NotPermitted for one who may do what the caller may not, Conflict for
    one who is disabled and when the organisation has too many clients; InvalidRequest for unknown scopes, bad networks,
    a rate beyond what is configured, or an expiry that has passed or is a century away.
    """
    caller.require("clients:manage")
    caller.require_person(GIVES_RIGHTS)
    check_scopes(caller, scopes)
    check_expiry(caller, expires_at, at)
    check_rate(requests_per_minute_max, rates)
    networks = networks_of(ip_allow)
    tx.people.lock()  # Nobody is disabled meanwhile, and two that are made at once find the last place free only once.
    maker_id = locked_maker(caller, tx)
    user = tx.people.person(user_id)
    if user.is_disabled:
        raise Conflict(f"{user.username} is disabled", field="user_id")
    if not may_give(caller.permissions, user.role):
        raise NotPermitted(f"nobody gives what he may not do himself, as a {user.role} may", role=user.role)
    if tx.oauth_clients.count_live() >= LIVE_CLIENTS_OF_ONE_ORGANISATION_MAX:
        words = f"an organisation has at most {LIVE_CLIENTS_OF_ONE_ORGANISATION_MAX} live clients; revoke one first"
        raise Conflict(words)
    client_id = f"bwc_{secrets.token_hex(8)}"
    tx.identity.add_api_key(
        key_id=client_id,
        user_id=user_id,
        name=name,
        secret=None,
        public_key=None,
        account_id=None,
        scopes=sorted(set(scopes)),
        ip_allow=[str(network) for network in networks],
        expires_at=expires_at,
        requests_per_minute_max=requests_per_minute_max,
    )
    tx.oauth_clients.add(client_id, maker_id)
    client_secret = _add_secret(client_id, tx)
    _tell(tx.oauth_clients.client(client_id), "CREATED", caller, tx, at)
    return NewSecret(client_id, client_secret, None)


def list_clients(caller: Caller, tx: TenantTransaction) -> list[OAuthClient]:
    caller.require("clients:manage")
    return tx.oauth_clients.clients()


def rotate_secret(
    caller: Caller, tx: TenantTransaction, client_id: str, *, overlap: timedelta, at: datetime
) -> NewSecret:
    """Another secret under the same id; the one before works for the overlap, and tokens that it bought no longer.

    NotFound for a client of another organisation; Conflict for one that is revoked or has expired, and while the
    overlap of the last rotation lasts, unless this one has none: a secret that leaked is ended at once.
    """
    caller.require("clients:manage")
    caller.require_person(GIVES_RIGHTS)
    tx.people.lock()
    locked_maker(caller, tx)
    client = tx.oauth_clients.client(client_id)
    if not client.is_live:
        raise Conflict("the client is revoked, or has expired")
    if client.older_secret_ends_at is not None and overlap > timedelta(0):
        raise Conflict("two secrets work already; rotate with an overlap of 0, which ends both", field="overlap_s")
    works_until = tx.oauth_clients.end_secrets(client_id, overlap)
    client_secret = _add_secret(client_id, tx)
    _tell(client, "ROTATED", caller, tx, at, works_until=works_until)
    return NewSecret(client_id, client_secret, works_until)


def revoke_client(caller: Caller, tx: TenantTransaction, client_id: str, *, at: datetime) -> None:
    """With all of its tokens, and what was made with them: nobody believes any of it 5 s later. Safe to repeat.

    NotFound for a client of another organisation.
    """
    caller.require("clients:manage")
    tx.people.lock()
    _revoke(tx.oauth_clients.client(client_id), caller, tx, at)


def revoke_clients_made_by(user_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """Of one who is disabled, whoever their users are."""
    for client in tx.oauth_clients.made_by(user_id):
        _revoke(client, caller, tx, at)


def _revoke(client: OAuthClient, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    tx.identity.lock_user(client.user_id)  # Else a token of it could make a key meanwhile.
    _, is_first = tx.identity.revoke_api_key(client.client_id, None)
    revoked = [*([client.client_id] if is_first else []), *tx.api_keys.revoke_made_with(client.client_id)]
    tell_revoked(revoked, client.user_id, caller, tx, at)


def _add_secret(client_id: str, tx: TenantTransaction) -> str:
    client_secret, salt = secrets.token_urlsafe(32), secrets.token_bytes(_SALT_BYTES)
    tx.oauth_clients.add_secret(client_id, uuid.uuid4(), salt, secret_hash(salt, client_secret))
    return client_secret


def _tell(
    client: OAuthClient,
    change: Literal["CREATED", "ROTATED"],
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    works_until: datetime | None = None,
) -> None:
    event = OAuthClientChanged(
        client_id=client.client_id,
        change=change,
        user_id=client.user_id,
        name=client.name,
        scopes=client.scopes,
        works_until_ns=None if works_until is None else nanoseconds(works_until),
        changed_by=caller.actor,
    )
    tx.outbox.add(
        event,
        aggregate_id=client.user_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
