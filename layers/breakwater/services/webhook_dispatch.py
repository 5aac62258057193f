"""From an event to deliveries. A message says that something happened; what, and in which order, the feed knows.

SQS may bring messages late, twice, and in any order. Each moves the account's position in its feed to the end of it and
makes a delivery of every event between for every endpoint that wants it, so that deliveries are in the feed's order,
and none is made twice: a message that comes again, or an event that is replayed, finds the position past it.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from breakwater.db.connection import TenantTransaction
from breakwater.db.webhook_queue import Happened, Lane, Queued, Target
from breakwater.domain.times import from_nanoseconds, nanoseconds
from breakwater.domain.webhooks import lane_of, wants
from breakwater.services.settlement import TenantTransactions
from events.envelope import Envelope
from events.webhooks import QueueOverflowed

QUEUE_MAX = 20_000  # Of an endpoint. What comes while it is full is not queued.
LOG_KEPT = timedelta(days=30)
FEED_PAGE_MAX = 500
FEED_PAGES_MAX = 20  # In one go; the messages of the events that are left go on.
SQS_DELAY_MAX = timedelta(seconds=900)


@dataclass(frozen=True, slots=True)
class Wake:
    """A message for a sender: look at this lane. `is_careful`: the one that has time."""

    tenant_id: uuid.UUID
    endpoint_id: uuid.UUID
    lane: uuid.UUID
    is_careful: bool
    delay_s: int = 0


type SendWakes = Callable[[Sequence[Wake]], None]


def dispatch(envelope: Envelope, transactions: TenantTransactions, send_wakes: SendWakes, *, at: datetime) -> None:
    """Safe to repeat. Senders are woken after the commit; a wake-up that is lost is the sweep's."""
    for _ in range(FEED_PAGES_MAX):
        with transactions(envelope.tenant_id) as tx:
            targets = tx.webhook_queue.targets()
            if not targets:
                return
            is_all, events = _due(envelope, tx)
            lanes = enqueue(events, targets, tx, correlation_id=envelope.correlation_id, at=at)
        wake_lanes(envelope.tenant_id, lanes, transactions, send_wakes)
        if is_all:
            return


def _due(envelope: Envelope, tx: TenantTransaction) -> tuple[bool, list[Happened]]:
    """(whether that is all, the events that have not become deliveries yet)."""
    account_id = envelope.account_id
    if account_id is None:
        own = Happened(envelope.event_id, envelope.topic, None, None, envelope.occurred_at_ns)
        return True, [own]
    position = tx.webhook_queue.lock_position(account_id)
    events = tx.webhook_queue.feed_after(account_id, position, FEED_PAGE_MAX)
    if events:
        tx.webhook_queue.move_position(account_id, events[-1].sequence or position)
    return len(events) < FEED_PAGE_MAX, events


def enqueue(
    events: Sequence[Happened],
    targets: Sequence[Target],
    tx: TenantTransaction,
    *,
    correlation_id: str,
    at: datetime,
) -> list[Lane]:
    """Each event for each endpoint that wants it and has room; the lanes that have more now."""
    queued: list[Queued] = []
    missed: Counter[uuid.UUID] = Counter()
    room = {target.endpoint_id: QUEUE_MAX - target.waiting for target in targets}
    for event in events:
        for target in targets:
            if not _is_for(event, target, at):
                continue
            if room[target.endpoint_id] <= 0:
                missed[target.endpoint_id] += 1
                continue
            room[target.endpoint_id] -= 1
            queued.append(Queued(target.endpoint_id, lane_of(event.account_id), event))
    lanes = list(tx.webhook_queue.add(queued)) if queued else []
    for target in targets:
        if count := missed[target.endpoint_id]:
            _miss(target, count, tx, correlation_id, at)
    return lanes


def _is_for(event: Happened, target: Target, at: datetime) -> bool:
    if event.account_id is None:
        # No feed says what was before the endpoint, and what is replayed so late that the log has forgotten it.
        happened_at = from_nanoseconds(event.occurred_at_ns)
        if happened_at < max(target.created_at, at - LOG_KEPT + timedelta(days=1)):
            return False
    return wants(target.topics, target.account_ids, event.topic, event.account_id)


def _miss(target: Target, count: int, tx: TenantTransaction, correlation_id: str, at: datetime) -> None:
    tx.webhook_queue.miss(target.endpoint_id, count, at)
    if target.missed_since is not None:
        return  # It was said when it began.
    tx.outbox.add(
        QueueOverflowed(
            endpoint_id=target.endpoint_id,
            name=target.name,
            host=host_of(target.url),
            waiting=target.waiting,
            missed_since_ns=nanoseconds(at),
        ),
        aggregate_id=target.endpoint_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def wake_lanes(
    tenant_id: uuid.UUID, lanes: Sequence[Lane], transactions: TenantTransactions, send_wakes: SendWakes
) -> None:
    """After the commit that filled them, and asked only now who is awake.

    Whoever makes a failing endpoint well again looks for its lanes after his own commit: one of the two sees the other.
    """
    if not lanes:
        return
    with transactions(tenant_id) as tx:
        awake = tx.webhook_queue.careful_of_awake(sorted({endpoint_id for endpoint_id, _ in lanes}))
    wakes = [
        Wake(tenant_id, endpoint_id, lane, awake[endpoint_id]) for endpoint_id, lane in lanes if endpoint_id in awake
    ]
    if wakes:
        send_wakes(wakes)


def host_of(url: str) -> str:
    """What may be told of a URL: its path may be a secret."""
    return urlsplit(url).hostname or ""
