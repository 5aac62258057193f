"""What happens to endpoints that are told of events. `host`, and never the whole URL: its path may be a secret."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Event


class Ping(Event):
    """What an endpoint is sent for a try. It is in no feed and no event store: `event_id` is the delivery's."""

    topic: ClassVar[str] = "webhooks.Ping.v1"
    endpoint_id: uuid.UUID


class EndpointChanged(Event):
    """By a person. `account_ids` None: it hears of every account, and of what is the organisation's own."""

    topic: ClassVar[str] = "webhooks.EndpointChanged.v1"
    endpoint_id: uuid.UUID
    change: Literal["CREATED", "CHANGED", "SECRET_ROTATED", "PAUSED", "RESUMED", "REDELIVERED", "REMOVED"]
    name: str
    host: str
    topics: list[str]
    account_ids: list[uuid.UUID] | None
    changed_by: str


class EndpointPaused(Event):
    """By the platform: nothing is sent to it until somebody resumes it.

    GAVE_UP: for a day every call has failed. GONE: it answered 410. `event_id` is that of the event it failed last.
    """

    topic: ClassVar[str] = "webhooks.EndpointPaused.v1"
    endpoint_id: uuid.UUID
    name: str
    host: str
    reason: Literal["GAVE_UP", "GONE"]
    failing_since_ns: int
    last_outcome: str
    last_status: int | None
    event_id: uuid.UUID
    waiting: int


class EventGivenUp(Event):
    """An endpoint that takes others has refused this one for a day; it goes on with the next."""

    topic: ClassVar[str] = "webhooks.EventGivenUp.v1"
    endpoint_id: uuid.UUID
    name: str
    host: str
    delivery_id: uuid.UUID
    event_id: uuid.UUID
    event_topic: str
    attempts: int
    last_outcome: str
    last_status: int | None


class QueueOverflowed(Event):
    """As much waits for it as may. What comes until there is room is not queued, and can be sent by a redelivery."""

    topic: ClassVar[str] = "webhooks.QueueOverflowed.v1"
    endpoint_id: uuid.UUID
    name: str
    host: str
    waiting: int
    missed_since_ns: int
