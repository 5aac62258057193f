"""What every event travels in, and the fields they share. This package imports nothing of ours."""

import uuid
from typing import Annotated, Any, ClassVar, TypedDict

from pydantic import BaseModel, ConfigDict, StringConstraints

Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]  # A decimal string, exact.


class Event(BaseModel):
    """A frozen contract: an unknown field is refused, so a new field is a new version under a new topic."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    topic: ClassVar[str]
    # True: always of an account, and so in the order of its events. False: of the organisation. None: either may be.
    is_of_account: ClassVar[bool | None] = None


class Envelope(BaseModel):
    """The event on the wire: SQS body, EventBridge detail, and what GET /events returns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID | None  # None: the event concerns the organisation, not one account.
    aggregate_id: uuid.UUID  # The order, limit node or alert it is about.
    correlation_id: str
    occurred_at_ns: int
    payload: dict[str, Any]


class EnvelopeDocument(TypedDict):
    """An Envelope by its fields. The engine writes these: to make a model of each would cost it more than its book."""

    event_id: uuid.UUID | str
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID | None
    aggregate_id: uuid.UUID
    correlation_id: str
    occurred_at_ns: int
    payload: dict[str, Any]
