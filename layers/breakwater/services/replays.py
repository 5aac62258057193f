"""A period of the event store, told to a consumer again, which does then nothing outside of the platform.

Each message is the envelope as it was, and beside it the attribute `replay`: what is frozen stays as it is, and a
consumer sees at the queue's edge that it is told of the past (runtime/queue.py).
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Annotated, Any, Literal, TypedDict

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.event_store import FIRST_ACCOUNT, Period, StoredEvent
from breakwater.domain.dead_letters import REPLAY_ATTRIBUTE
from breakwater.domain.delivery import FIFO_SUFFIX, queue_url
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import InvalidRequest, Unavailable
from breakwater.services import alerts, notifications, projections
from events.catalogue import CATALOGUE
from events.operations import ReplayRequested

EVENTS_MAX = 500  # Of a request: it is sent within the time of one.
AT_ONCE = 10
_EPOCH = datetime.fromtimestamp(0, UTC)
_CURSOR = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|organisation):([0-9]{1,18})")
_ORGANISATION = "organisation"

type ConsumerName = Literal["projections", "notifications", "alerts"]


@dataclass(frozen=True, slots=True)
class _Consumer:
    queue: str
    topics: Sequence[str]
    of_accounts_only: bool = False


_PUSHED = sorted(event.topic for event in CATALOGUE if notifications.is_pushed(event.topic))
CONSUMERS: dict[ConsumerName, _Consumer] = {
    "projections": _Consumer("trade-events.fifo", sorted(projections.TOPICS), of_accounts_only=True),
    "notifications": _Consumer("notifications", _PUSHED),
    "alerts": _Consumer("alerts", sorted(alerts.TOPICS)),
}


class ReplayRequest(BaseModel):
    """`replay_id` is the client's: the same request again sends the same messages. `cursor`: where it goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replay_id: uuid.UUID
    consumer: ConsumerName
    since: AwareDatetime
    until: AwareDatetime
    account_id: uuid.UUID | None = None
    cursor: Annotated[str, StringConstraints(max_length=60)] | None = None


class Replayed(TypedDict):
    """So many events were sent by this request; there is more behind `next_cursor`, if it is not null."""

    replay_id: str
    sent: int
    next_cursor: str | None


def ask_for_replay(request: ReplayRequest, caller: Caller, tx: TenantTransaction, at: datetime) -> list[StoredEvent]:
    """What is to be sent, of the caller's own organisation; who asked is written with the first of it.

    InvalidRequest for a period that ends before it begins, or a cursor that is none; NotFound for another's account.
    """
    caller.require("system:operate")
    if request.until <= request.since:
        raise InvalidRequest("until is after since", field="until")
    if request.account_id is not None:
        tx.identity.account(request.account_id)
    period = _period(request, at)
    if request.cursor is None:
        tx.outbox.add(
            ReplayRequested(
                replay_id=request.replay_id,
                consumer=request.consumer,
                since_ns=period.since_ns,
                until_ns=period.until_ns,
                account_id=request.account_id,
                requested_by=caller.actor,
            ),
            aggregate_id=request.replay_id,
            account_id=None,
            correlation_id=caller.correlation_id,
            occurred_at_ns=nanoseconds(at),
        )
    return _due(request, period, tx)


def send(request: ReplayRequest, due: Sequence[StoredEvent], sqs: Any, arns: Sequence[str]) -> Replayed:
    """In the order they are in. Unavailable when the queue does not take one: the same request again goes on with it.

    On a FIFO queue an event of a replay is there once for five minutes.
    """
    queue = CONSUMERS[request.consumer].queue
    is_fifo = queue.endswith(FIFO_SUFFIX)
    url = next(queue_url(arn) for arn in arns if arn.rpartition(":")[2] == queue)
    # SQS may take the second of a batch and refuse the first: where there is an order, each has a call of its own.
    for events in batched(due, 1 if is_fifo else AT_ONCE, strict=False):
        entries = [_entry(str(n), event, request, is_fifo=is_fifo) for n, event in enumerate(events)]
        try:
            refused = sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the queue did not answer") from error
        if refused:
            raise Unavailable(f"the queue refused {len(refused)} events")
    more = len(due) == EVENTS_MAX
    return {
        "replay_id": str(request.replay_id),
        "sent": len(due),
        "next_cursor": _cursor(due[-1]) if more else None,
    }


def _period(request: ReplayRequest, at: datetime) -> Period:
    """Of what has happened: a time outside of it may be one that no number of nanoseconds tells."""
    since, until = (min(max(told, _EPOCH), at) for told in (request.since, request.until))
    topics = CONSUMERS[request.consumer].topics
    return Period(nanoseconds(since), nanoseconds(until), topics, request.account_id)


def _due(request: ReplayRequest, period: Period, tx: TenantTransaction) -> list[StoredEvent]:
    consumer = CONSUMERS[request.consumer]
    account_id, number = _place(request.cursor)
    due: list[StoredEvent] = []
    if account_id is not None:
        due = tx.event_store.of_accounts(period, (account_id, number), EVENTS_MAX)
        number = 0
    if len(due) < EVENTS_MAX and request.account_id is None and not consumer.of_accounts_only:
        due += tx.event_store.of_no_account(period, number, EVENTS_MAX - len(due))
    return due


def _place(cursor: str | None) -> tuple[uuid.UUID | None, int]:
    if cursor is None:
        return FIRST_ACCOUNT, 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidRequest("this cursor was not given out by us", field="cursor")
    return None if found[1] == _ORGANISATION else uuid.UUID(found[1]), int(found[2])


def _cursor(last: StoredEvent) -> str:
    return f"{last.account_id or _ORGANISATION}:{last.number}"


def _entry(entry_id: str, event: StoredEvent, request: ReplayRequest, *, is_fifo: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Id": entry_id,
        "MessageBody": event.envelope().model_dump_json(),
        "MessageAttributes": {REPLAY_ATTRIBUTE: {"DataType": "String", "StringValue": str(request.replay_id)}},
    }
    if is_fifo:
        entry |= {
            "MessageGroupId": str(event.account_id),
            "MessageDeduplicationId": f"{request.replay_id}-{event.event_id}",
        }
    return entry
