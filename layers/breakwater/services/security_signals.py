"""What in signing in and in keys those who look after security have to know. Told once in a while, not each time."""

import uuid
from datetime import datetime, timedelta
from typing import Literal

from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller, client_actor, is_client
from breakwater.domain.times import nanoseconds
from events.security import KeyUsedFromElsewhere, SignInsRefused

FAILURES_TOLD = 5  # So many within the window are no typing errors.
WINDOW = timedelta(minutes=10)
TOLD_AGAIN_AFTER = timedelta(minutes=15)


def note_failure(
    subject: str, user_id: uuid.UUID, source_ip: str | None, tx: TenantTransaction, *, correlation_id: str, at: datetime
) -> None:
    """Somebody gave the name of a user, or of a client (`subject`), and not what belongs to it."""
    failures, source_ips = tx.conditions.count_failure(subject, source_ip, at, window_from=at - WINDOW)
    if failures < FAILURES_TOLD:
        return
    if not tx.conditions.tell(f"sign-ins/{subject}", at, again_after=at - TOLD_AGAIN_AFTER):
        return
    event = SignInsRefused(
        user_id=user_id,
        username=subject,
        failures=failures,
        window_s=int(WINDOW.total_seconds()),
        source_ips=source_ips,
    )
    tx.outbox.add(
        event, aggregate_id=user_id, account_id=None, correlation_id=correlation_id, occurred_at_ns=nanoseconds(at)
    )


def client_subject(client_id: str) -> str:
    return client_actor(client_id)


def tell_used_from_elsewhere(caller: Caller, source_ip: str | None, tx: TenantTransaction, at: datetime) -> None:
    """The caller's key or token is right, and the address is none that it may come from."""
    key_id = caller.api_key_id
    if key_id is None:
        raise RuntimeError("whoever is signed in may come from anywhere")
    if not tx.conditions.tell(f"elsewhere/{key_id}", at, again_after=at - TOLD_AGAIN_AFTER):
        return
    kind: Literal["API_KEY", "OAUTH_CLIENT"] = "OAUTH_CLIENT" if is_client(key_id) else "API_KEY"
    event = KeyUsedFromElsewhere(
        key_id=key_id, kind=kind, username=caller.username, source_ip=source_ip, is_proven=True
    )
    tx.outbox.add(
        event,
        aggregate_id=key_aggregate(key_id),
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def key_aggregate(key_id: str) -> uuid.UUID:
    """As events of a key have it: ids of keys are no UUIDs."""
    return uuid.uuid5(uuid.NAMESPACE_OID, key_id)
