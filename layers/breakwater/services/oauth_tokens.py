"""Access tokens that OAuth clients buy with their secret: the client is verified, a token is made, both are audited."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.oauth_clients import find_client
from breakwater.domain.oauth import (
    TOKEN_LIFETIME,
    TOKEN_PREFIX,
    FoundSecret,
    InvalidClient,
    TokenRefused,
    TokenRequest,
    granted,
    token_hash,
    verified,
)
from breakwater.domain.times import nanoseconds
from breakwater.services.security_signals import client_subject, note_failure
from breakwater.services.sessions import Circumstances
from breakwater.services.settlement import TenantTransactions
from events.envelope import Event
from events.identity import OAuthTokenIssued, OAuthTokenRefused

LIVE_TOKENS_OF_ONE_CLIENT_MAX = 1000  # Beyond it the oldest ends.


@dataclass(frozen=True, slots=True)
class AccessToken:
    """RFC 6749, section 5.1."""

    access_token: str
    token_type: str
    expires_in: int  # Seconds.
    scope: str


def verify_client(
    request: TokenRequest,
    *,
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    circumstances: Circumstances,
) -> FoundSecret:
    """The secret that was shown, with the client's terms. InvalidClient, which its organisation's trail has.

    In nobody's name: whoever it was, it was not shown to be the client.
    """
    with untenanted() as connection:
        found = find_client(connection, request.client_id)
    try:
        return verified(found, request.client_secret, circumstances.source_ip)
    except InvalidClient as refused:
        if found:
            with transactions(found[0].tenant_id) as tx:
                _tell_refused(request.client_id, found[0], refused, tx, circumstances)
        raise


def issue_token(
    request: TokenRequest, client: FoundSecret, tx: TenantTransaction, circumstances: Circumstances
) -> AccessToken:
    """An hour's, or less where secret or client ends before. TokenRefused for a scope that the client does not have."""
    scopes = granted(request.scopes, client.scopes)
    ends_at = circumstances.at + TOKEN_LIFETIME
    if client.ends_at is not None:
        ends_at = min(ends_at, client.ends_at)
    access_token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    tx.oauth_clients.add_token(
        token_hash(access_token),
        request.client_id,
        client.secret_id,
        scopes=scopes,
        expires_at=ends_at,
        live_max=LIVE_TOKENS_OF_ONE_CLIENT_MAX,
    )
    issued = OAuthTokenIssued(
        client_id=request.client_id,
        user_id=client.user_id,
        scopes=scopes,
        source_ip=circumstances.source_ip,
        expires_at_ns=nanoseconds(ends_at),
    )
    _tell(issued, client, tx, circumstances)
    expires_in = max(0, int((ends_at - circumstances.at).total_seconds()))
    return AccessToken(access_token, "Bearer", expires_in, " ".join(scopes))


def _tell_refused(
    client_id: str, client: FoundSecret, refused: TokenRefused, tx: TenantTransaction, circumstances: Circumstances
) -> None:
    event = OAuthTokenRefused(
        client_id=client_id, user_id=client.user_id, source_ip=circumstances.source_ip, code=refused.code
    )
    _tell(event, client, tx, circumstances)
    note_failure(
        client_subject(client_id),
        client.user_id,
        circumstances.source_ip,
        tx,
        correlation_id=circumstances.correlation_id,
        at=circumstances.at,
    )


def _tell(event: Event, client: FoundSecret, tx: TenantTransaction, circumstances: Circumstances) -> None:
    tx.outbox.add(
        event,
        aggregate_id=client.user_id,
        account_id=None,
        correlation_id=circumstances.correlation_id,
        occurred_at_ns=nanoseconds(circumstances.at),
    )
