"""What those who run the platform had it do with events: written before it is done, and of a rebuild with it."""

import uuid
from typing import ClassVar

from events.envelope import Event


class RedriveRequested(Event):
    """Somebody has one dead letter (`letter_id` null: all) of a queue sent to its consumer again."""

    topic: ClassVar[str] = "operations.RedriveRequested.v1"
    queue: str
    letter_id: uuid.UUID | None
    requested_by: str


class ReplayRequested(Event):
    """Somebody has the organisation's (or, not null, an account's) events of a period told to a consumer again."""

    topic: ClassVar[str] = "operations.ReplayRequested.v1"
    replay_id: uuid.UUID
    consumer: str
    since_ns: int
    until_ns: int
    account_id: uuid.UUID | None
    requested_by: str


class ReadModelsRebuilt(Event):
    """The read models of an account were made again from its events, and so many of its rows were other than these."""

    topic: ClassVar[str] = "operations.ReadModelsRebuilt.v1"
    account_id: uuid.UUID
    events: int
    trades: int
    positions: int
    balances: int
    orders: int
    rebuilt_by: str
