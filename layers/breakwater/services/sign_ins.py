"""Who has signed in, and who could not, for the audit trail. The user pool decides; this only tells."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from breakwater.db.audit import find_user
from breakwater.db.connection import Connection, TenantTransaction
from breakwater.domain.times import nanoseconds
from breakwater.services.settlement import TenantTransactions
from events.envelope import Event
from events.identity import SignedIn, SignedOut, SignInFailed


@dataclass(frozen=True, slots=True)
class Attempt:
    """`failure`: the code that was answered; None: it was the right password, and code where one was asked for."""

    username: str
    source_ip: str | None
    second_factor: bool
    correlation_id: str
    failure: str | None


def tell_attempt(
    attempt: Attempt,
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    at: datetime,
) -> None:
    """Nothing for a name that nobody has: there is no organisation whose trail it belongs into."""
    username = attempt.username.lower()  # The pool makes no difference.
    with untenanted() as connection:
        found = find_user(connection, username)
    if found is None:
        return
    tenant_id, user_id = found
    event: Event
    if attempt.failure is None:
        event = SignedIn(
            user_id=user_id,
            username=username,
            source_ip=attempt.source_ip,
            second_factor=attempt.second_factor,
        )
    else:
        event = SignInFailed(user_id=user_id, username=username, source_ip=attempt.source_ip, code=attempt.failure)
    with transactions(tenant_id) as tx:
        _tell(event, user_id, attempt.correlation_id, tx, at)


def tell_sign_out(
    username: str,
    correlation_id: str,
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    at: datetime,
) -> None:
    """All sessions of the user have ended."""
    with untenanted() as connection:
        found = find_user(connection, username.lower())
    if found is not None:
        tenant_id, user_id = found
        event = SignedOut(user_id=user_id, username=username.lower())
        with transactions(tenant_id) as tx:
            _tell(event, user_id, correlation_id, tx, at)


def _tell(event: Event, user_id: uuid.UUID, correlation_id: str, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=user_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
