"""Endpoints that are told of events: made, changed, given another secret, paused, resumed and removed by people.

Whoever makes one sends what happens in the organisation elsewhere, so it is for who administers it, signed in, and no
API key. Secrets are sealed here and cannot be opened: only senders can (decision 113).
"""

import os
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from breakwater.db.connection import TenantTransaction
from breakwater.db.webhooks import WebhookEndpoint
from breakwater.domain.permissions import Caller
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.domain.webhooks import (
    NONCE_BYTES,
    SECRET_BYTES,
    SECRET_PREFIX,
    SealedSecret,
    is_pattern,
    matches,
    seal_secret,
)
from breakwater.errors import Conflict, InvalidRequest
from breakwater.services.settlement import TenantTransactions
from breakwater.services.webhook_dispatch import SendWakes, host_of, wake_lanes
from events.catalogue import CATALOGUE
from events.webhooks import EndpointChanged

PERMISSION = "webhooks:manage"
SENDS_ELSEWHERE = "says where events are sent"
ENDPOINTS_OF_ONE_TENANT_MAX = 200
OVERLAP_MAX = timedelta(days=7)
WOKEN_MAX = 500

type Change = Literal["CREATED", "CHANGED", "SECRET_ROTATED", "PAUSED", "RESUMED", "REDELIVERED", "REMOVED"]


@dataclass(frozen=True, slots=True)
class DataKey:
    """Made by KMS under the master key of webhooks: in clear for this once, and as it is kept."""

    plaintext: bytes = field(repr=False)
    wrapped: bytes
    master_key_id: str


type MakeDataKey = Callable[[uuid.UUID, uuid.UUID], DataKey]  # Of a tenant and an endpoint.
type CheckUrl = Callable[[str], object]  # InvalidRequest for one that is not called.


@dataclass(frozen=True, slots=True)
class NewWebhookEndpoint:
    """`secret` is told here and never again."""

    endpoint: WebhookEndpoint
    secret: str


@dataclass(frozen=True, slots=True)
class NewWebhookSecret:
    """`secret` is told here and never again. `older_works_until`: the one before signs too until then."""

    endpoint_id: uuid.UUID
    secret: str
    older_works_until: Timestamp


@dataclass(frozen=True, slots=True)
class Filters:
    """What an endpoint hears of: patterns of topics, and accounts (None: of all, and of the organisation)."""

    topics: Sequence[str]
    account_ids: Sequence[uuid.UUID] | None

    def check(self, tx: TenantTransaction) -> None:
        """InvalidRequest for a topic that there is none of; NotFound for an account of another organisation."""
        known = [event.topic for event in CATALOGUE]
        for topic in self.topics:
            if not is_pattern(topic) or not any(matches(each, [topic]) for each in known):
                raise InvalidRequest(
                    f"there is no topic {topic}; docs/webhooks.md says how they are named", field="topics"
                )
        for account_id in self.account_ids or ():
            tx.identity.account(account_id)


def create_endpoint(
    caller: Caller,
    transactions: TenantTransactions,
    *,
    name: str,
    url: str,
    filters: Filters,
    check_url: CheckUrl,
    make_data_key: MakeDataKey,
    at: datetime,
) -> NewWebhookEndpoint:
    """InvalidRequest for a URL that is not called or an unknown topic; Conflict when there are too many endpoints.

    Names and keys are asked for between transactions: none waits for a server of others.
    """
    _require(caller)
    check_url(url)
    endpoint_id = uuid.uuid4()
    secret, sealed, master_key_id = _new_secret(caller.tenant_id, endpoint_id, make_data_key)
    with transactions(caller.tenant_id) as tx:
        tx.webhooks.lock()
        filters.check(tx)
        others = tx.webhooks.count()
        if others >= ENDPOINTS_OF_ONE_TENANT_MAX:
            raise Conflict(f"an organisation has at most {ENDPOINTS_OF_ONE_TENANT_MAX} webhook endpoints")
        if others == 0:
            tx.webhooks.start_feed()
        tx.webhooks.add(
            endpoint_id,
            name=name,
            url=url,
            topics=filters.topics,
            account_ids=filters.account_ids,
            created_by=caller.actor,
        )
        tx.webhooks.add_secret(sealed, master_key_id)
        made = tx.webhooks.endpoint(endpoint_id)
        tell(made, "CREATED", caller, tx, at)
    return NewWebhookEndpoint(made, secret)


def list_endpoints(caller: Caller, tx: TenantTransaction) -> list[WebhookEndpoint]:
    caller.require(PERMISSION)
    return tx.webhooks.endpoints()


def get_endpoint(caller: Caller, tx: TenantTransaction, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    caller.require(PERMISSION)
    return tx.webhooks.endpoint(endpoint_id)


def change_endpoint(
    caller: Caller,
    transactions: TenantTransactions,
    endpoint_id: uuid.UUID,
    *,
    name: str,
    url: str,
    filters: Filters,
    check_url: CheckUrl,
    at: datetime,
) -> WebhookEndpoint:
    """What waits is sent to the new URL, whatever its topic. NotFound for one of another organisation."""
    _require(caller)
    check_url(url)
    with transactions(caller.tenant_id) as tx:
        before = tx.webhooks.endpoint(endpoint_id)
        filters.check(tx)
        tx.webhooks.change(
            endpoint_id,
            name=name,
            url=url,
            topics=filters.topics,
            account_ids=filters.account_ids,
            is_elsewhere=url != before.url,
        )
        changed = tx.webhooks.endpoint(endpoint_id)
        tell(changed, "CHANGED", caller, tx, at)
    return changed


def rotate_secret(
    caller: Caller,
    transactions: TenantTransactions,
    endpoint_id: uuid.UUID,
    *,
    overlap: timedelta,
    make_data_key: MakeDataKey,
    at: datetime,
) -> NewWebhookSecret:
    """Another secret; both sign for the overlap. NotFound for an endpoint of another organisation.

    Conflict while the overlap of the last rotation lasts, unless this one has none: a secret that leaked ends at once.
    """
    _require(caller)
    secret, sealed, master_key_id = _new_secret(caller.tenant_id, endpoint_id, make_data_key)
    with transactions(caller.tenant_id) as tx:
        tx.webhooks.lock()
        endpoint = tx.webhooks.endpoint(endpoint_id)
        if endpoint.older_secret_ends_at is not None and overlap > timedelta(0):
            raise Conflict("two secrets sign already; rotate with an overlap of 0, which ends both", field="overlap_s")
        works_until = tx.webhooks.end_secrets(endpoint_id, overlap)
        tx.webhooks.add_secret(sealed, master_key_id)
        tell(endpoint, "SECRET_ROTATED", caller, tx, at)
    return NewWebhookSecret(endpoint_id, secret, works_until)


def pause_endpoint(caller: Caller, tx: TenantTransaction, endpoint_id: uuid.UUID, *, at: datetime) -> WebhookEndpoint:
    """What happens meanwhile waits, as much as has room. Safe to repeat."""
    _require(caller)
    tx.webhooks.endpoint(endpoint_id)
    if tx.webhooks.pause(endpoint_id, by=caller.actor, reason=None):
        tell(tx.webhooks.endpoint(endpoint_id), "PAUSED", caller, tx, at)
    return tx.webhooks.endpoint(endpoint_id)


def resume_endpoint(
    caller: Caller, transactions: TenantTransactions, endpoint_id: uuid.UUID, send_wakes: SendWakes, *, at: datetime
) -> WebhookEndpoint:
    """What waited is sent, the oldest first; also of one that fails, whose next try it does not wait for."""
    _require(caller)
    with transactions(caller.tenant_id) as tx:
        tx.webhooks.endpoint(endpoint_id)
        tx.webhooks.resume(endpoint_id)
        resumed = tx.webhooks.endpoint(endpoint_id)
        tell(resumed, "RESUMED", caller, tx, at)
    with transactions(caller.tenant_id) as tx:
        lanes = tx.webhook_queue.waiting_lanes(endpoint_id, WOKEN_MAX)
    wake_lanes(caller.tenant_id, lanes, transactions, send_wakes)
    return resumed


def remove_endpoint(caller: Caller, tx: TenantTransaction, endpoint_id: uuid.UUID, *, at: datetime) -> None:
    """With its secrets, its queue and its log; that it was stays in the audit trail."""
    _require(caller)
    endpoint = tx.webhooks.endpoint(endpoint_id)
    tx.webhooks.remove(endpoint_id)
    tell(endpoint, "REMOVED", caller, tx, at)


def tell(endpoint: WebhookEndpoint, change: Change, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    event = EndpointChanged(
        endpoint_id=endpoint.endpoint_id,
        change=change,
        name=endpoint.name,
        host=host_of(endpoint.url),
        topics=endpoint.topics,
        account_ids=endpoint.account_ids,
        changed_by=caller.actor,
    )
    tx.outbox.add(
        event,
        aggregate_id=endpoint.endpoint_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _require(caller: Caller) -> None:
    caller.require(PERMISSION)
    caller.require_person(SENDS_ELSEWHERE)


def _new_secret(
    tenant_id: uuid.UUID, endpoint_id: uuid.UUID, make_data_key: MakeDataKey
) -> tuple[str, SealedSecret, str]:
    secret, secret_id = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES), uuid.uuid4()
    data_key, nonce = make_data_key(tenant_id, endpoint_id), os.urandom(NONCE_BYTES)
    ciphertext = seal_secret(
        secret, data_key.plaintext, nonce, tenant_id=tenant_id, endpoint_id=endpoint_id, secret_id=secret_id
    )
    return secret, SealedSecret(secret_id, endpoint_id, ciphertext, nonce, data_key.wrapped), data_key.master_key_id
