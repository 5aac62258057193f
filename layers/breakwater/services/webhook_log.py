"""What was sent to an endpoint: looked up, sent again, and tried with a ping."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from breakwater.db.connection import TenantTransaction
from breakwater.db.webhook_log import DeliveryState, WebhookAttempt, WebhookDelivery
from breakwater.db.webhook_queue import Happened, Lane, Queued
from breakwater.domain.permissions import Caller
from breakwater.domain.times import Timestamp, from_nanoseconds, nanoseconds
from breakwater.domain.webhooks import PING_LANE, PING_TOPIC, lane_of
from breakwater.errors import Conflict, InvalidRequest
from breakwater.services.settlement import TenantTransactions
from breakwater.services.webhook_dispatch import LOG_KEPT, QUEUE_MAX, SendWakes, Wake, wake_lanes
from breakwater.services.webhooks import PERMISSION, SENDS_ELSEWHERE, tell

REDELIVERED_AT_ONCE_MAX = 1_000
PINGS_WAITING_MAX = 10


@dataclass(frozen=True, slots=True)
class WebhookDeliveries:
    """`next_cursor`: what to ask for older ones with; None: that is all."""

    items: list[WebhookDelivery]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class WebhookDeliveryDetail:
    delivery: WebhookDelivery
    attempts: list[WebhookAttempt]


@dataclass(frozen=True, slots=True)
class Redelivered:
    """How many were queued. `goes_on_since`: where a period went on that has more than one call takes."""

    queued: int
    goes_on_since: Timestamp | None


def list_deliveries(
    caller: Caller,
    tx: TenantTransaction,
    endpoint_id: uuid.UUID,
    *,
    states: Sequence[DeliveryState] | None,
    before: int | None,
    limit: int,
) -> WebhookDeliveries:
    """NotFound for an endpoint of another organisation."""
    caller.require(PERMISSION)
    tx.webhooks.endpoint(endpoint_id)
    found = tx.webhook_log.page(endpoint_id, states=states, before=before, limit=limit + 1)
    page = found[:limit]
    return WebhookDeliveries(page, page[-1].delivery_no if len(found) > limit else None)


def get_delivery(
    caller: Caller, tx: TenantTransaction, endpoint_id: uuid.UUID, delivery_id: uuid.UUID
) -> WebhookDeliveryDetail:
    caller.require(PERMISSION)
    return WebhookDeliveryDetail(
        tx.webhook_log.delivery(endpoint_id, delivery_id), tx.webhook_log.attempts(delivery_id)
    )


def ping(
    caller: Caller, transactions: TenantTransactions, endpoint_id: uuid.UUID, send_wakes: SendWakes, *, at: datetime
) -> WebhookDelivery:
    """One call, now, whether the endpoint is paused or fails; one that is taken lets a failing endpoint go on."""
    caller.require(PERMISSION)
    caller.require_person(SENDS_ELSEWHERE)
    with transactions(caller.tenant_id) as tx:
        tx.webhooks.endpoint(endpoint_id)
        waiting = tx.webhook_log.page(endpoint_id, states=["WAITING"], before=None, limit=PINGS_WAITING_MAX)
        if sum(each.kind == "PING" for each in waiting) >= PINGS_WAITING_MAX:
            raise Conflict("as many pings are on their way already")
        delivery_id = tx.webhook_queue.add_ping(endpoint_id, PING_TOPIC)
        queued = tx.webhook_log.delivery(endpoint_id, delivery_id)
    send_wakes([Wake(caller.tenant_id, endpoint_id, PING_LANE, is_careful=True)])
    return queued


def redeliver(
    caller: Caller,
    transactions: TenantTransactions,
    endpoint_id: uuid.UUID,
    delivery_id: uuid.UUID,
    send_wakes: SendWakes,
    *,
    at: datetime,
) -> WebhookDelivery:
    """The same event once more, behind what waits of its account. Conflict for one that waits, and for a ping."""
    caller.require(PERMISSION)
    caller.require_person(SENDS_ELSEWHERE)
    with transactions(caller.tenant_id) as tx:
        endpoint = tx.webhooks.endpoint(endpoint_id)
        old = tx.webhook_log.delivery(endpoint_id, delivery_id)
        if old.kind == "PING":
            raise Conflict("a ping is not sent again: make another")
        if old.state == "WAITING":
            raise Conflict("it still waits for its turn or its next attempt")
        event = Happened(old.event_id, old.topic, old.account_id, old.sequence, 0)
        lane = lane_of(old.account_id)
        added = tx.webhook_queue.add([Queued(endpoint_id, lane, event)], "REDELIVERY")
        tell(endpoint, "REDELIVERED", caller, tx, at)
        queued = tx.webhook_log.delivery(endpoint_id, added[endpoint_id, lane][0])
    wake_lanes(caller.tenant_id, [(endpoint_id, lane)], transactions, send_wakes)
    return queued


def redeliver_period(
    caller: Caller,
    transactions: TenantTransactions,
    endpoint_id: uuid.UUID,
    send_wakes: SendWakes,
    *,
    since: datetime,
    until: datetime,
    at: datetime,
) -> Redelivered:
    """All that happened then and that the endpoint wants now, from the event store: also what was never queued.

    A thousand at once; the answer says where to go on. InvalidRequest for a period that is none, or too long ago.
    """
    caller.require(PERMISSION)
    caller.require_person(SENDS_ELSEWHERE)
    if not at - LOG_KEPT <= since < until:
        raise InvalidRequest(f"a period is from at most {LOG_KEPT.days} days ago up to a later time", field="since")
    with transactions(caller.tenant_id) as tx:
        endpoint = tx.webhooks.endpoint(endpoint_id)
        if endpoint.waiting + REDELIVERED_AT_ONCE_MAX > QUEUE_MAX:
            raise Conflict("too much waits for the endpoint already")
        found = tx.webhook_queue.happened(
            nanoseconds(since),
            nanoseconds(until),
            topics=endpoint.topics,
            account_ids=endpoint.account_ids,
            at_most=REDELIVERED_AT_ONCE_MAX + 1,
        )
        events, goes_on_since = _page_of(found)
        in_order = sorted(events, key=lambda event: (event.sequence is None, event.sequence or 0))
        queued = [Queued(endpoint_id, lane_of(event.account_id), event) for event in in_order]
        lanes: list[Lane] = list(tx.webhook_queue.add(queued, "REDELIVERY")) if queued else []
        if endpoint.missed_since is not None and since <= endpoint.missed_since and goes_on_since is None:
            tx.webhooks.forget_missed(endpoint_id)
        tell(endpoint, "REDELIVERED", caller, tx, at)
    wake_lanes(caller.tenant_id, lanes, transactions, send_wakes)
    return Redelivered(len(queued), goes_on_since)


def _page_of(found: list[Happened]) -> tuple[list[Happened], datetime | None]:
    """Up to the last microsecond that is there as a whole, so that the next page begins with the one behind it."""
    if len(found) <= REDELIVERED_AT_ONCE_MAX:
        return found, None
    cut = from_nanoseconds(found[-1].occurred_at_ns)
    page = [event for event in found if from_nanoseconds(event.occurred_at_ns) < cut]
    if not page:
        raise Conflict("more happened in one microsecond than is redelivered at once")
    return page, cut
