"""Who has signed in, and who could not, for the audit trail. The user pool decides; this only tells."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from breakwater.db.audit import find_username
from breakwater.db.connection import Connection, TenantTransaction
from breakwater.domain.times import nanoseconds
from breakwater.services.settlement import TenantTransactions
from events.envelope import Event
from events.identity import SignedIn, SignedOut, SignInFailed

type Untenanted = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """`username`: as it was typed."""

    username: str
    source_ip: str | None
    correlation_id: str


def tell_success(
    attempt: Attempt, untenanted: Untenanted, transactions: TenantTransactions, at: datetime, *, second_factor: bool
) -> None:
    """Nothing for a user that the pool has and no organisation: there is no trail it belongs into."""
    found = _find(attempt.username, untenanted)
    if found is not None:
        tenant_id, user_id, username = found
        event = SignedIn(user_id=user_id, username=username, source_ip=attempt.source_ip, second_factor=second_factor)
        with transactions(tenant_id) as tx:
            _tell(event, user_id, attempt.correlation_id, tx, at)


def tell_failure(
    attempt: Attempt, code: str, untenanted: Untenanted, transactions: TenantTransactions, at: datetime
) -> None:
    """Nothing for a name that nobody has."""
    found = _find(attempt.username, untenanted)
    if found is not None:
        tenant_id, user_id, username = found
        event = SignInFailed(user_id=user_id, username=username, source_ip=attempt.source_ip, code=code)
        with transactions(tenant_id) as tx:
            _tell(event, user_id, attempt.correlation_id, tx, at)


def tell_sign_out(
    username: str, correlation_id: str, untenanted: Untenanted, transactions: TenantTransactions, at: datetime
) -> None:
    """All sessions of the user have ended."""
    found = _find(username, untenanted)
    if found is not None:
        tenant_id, user_id, known = found
        with transactions(tenant_id) as tx:
            _tell(SignedOut(user_id=user_id, username=known), user_id, correlation_id, tx, at)


def _find(username: str, untenanted: Untenanted) -> tuple[uuid.UUID, uuid.UUID, str] | None:
    """(tenant_id, user_id, name): the pool makes no difference between upper and lower case."""
    with untenanted() as connection:
        found = find_username(connection, username.lower())
    return None if found is None else (*found, username.lower())


def _tell(event: Event, user_id: uuid.UUID, correlation_id: str, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=user_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
