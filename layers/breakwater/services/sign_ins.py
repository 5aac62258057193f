"""Who has signed in or out, and who could not, for the audit trail. The user pool decides; this only tells."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from breakwater.db.audit import find_username
from breakwater.db.connection import Connection
from breakwater.domain.times import nanoseconds
from breakwater.services.security_signals import note_failure
from breakwater.services.settlement import TenantTransactions
from events.envelope import Event
from events.identity import SignInFailed


def tell_of_user(
    username: str,
    event_of: Callable[..., Event],
    *,
    correlation_id: str,
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    at: datetime,
) -> None:
    """Write the event that `event_of` makes of user_id and username, in whatever case the name was typed.

    Nothing for a name that no organisation has: there is no trail it belongs into.
    """
    name = username.lower()  # The pool makes no difference.
    with untenanted() as connection:
        found = find_username(connection, name)
    if found is None:
        return
    tenant_id, user_id = found
    event = event_of(user_id=user_id, username=name)
    with transactions(tenant_id) as tx:
        tx.outbox.add(
            event,
            aggregate_id=user_id,
            account_id=None,
            correlation_id=correlation_id,
            occurred_at_ns=nanoseconds(at),
        )
        if isinstance(event, SignInFailed):
            note_failure(name, user_id, event.source_ip, tx, correlation_id=correlation_id, at=at)
