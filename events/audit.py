"""Who looked, and who did what no other event tells of."""

import uuid
from typing import ClassVar

from events.envelope import Amount, Event


class SensitiveDataRead(Event):
    """Somebody read what tells of people: `what` names it, such as the audit trail or the users of the organisation."""

    topic: ClassVar[str] = "audit.SensitiveDataRead.v1"
    is_of_account: ClassVar[bool | None] = False
    what: str
    read_by: str


class TrailExported(Event):
    """The records first_sequence to sequence left for a verifier."""

    topic: ClassVar[str] = "audit.TrailExported.v1"
    is_of_account: ClassVar[bool | None] = False
    first_sequence: int
    sequence: int
    exported_by: str


class ReplaceRequested(Event):
    """Somebody asks for another quantity or price of an order (null: as it is): its own events tell the rest."""

    topic: ClassVar[str] = "audit.ReplaceRequested.v1"
    is_of_account: ClassVar[bool | None] = False
    order_id: uuid.UUID
    account_id: uuid.UUID
    replace_id: str
    quantity: Amount | None
    price: Amount | None
    requested_by: str


class CancelRequested(Event):
    """Somebody has an order cancelled, or (`order_id` null) all of an account: their own events tell the rest."""

    topic: ClassVar[str] = "audit.CancelRequested.v1"
    is_of_account: ClassVar[bool | None] = False
    order_id: uuid.UUID | None
    account_id: uuid.UUID
    requested_by: str


class TrailResumptionAsked(Event):
    """Somebody says that the records first_sequence to sequence were lost by a restore of the database, and why."""

    topic: ClassVar[str] = "audit.TrailResumptionAsked.v1"
    is_of_account: ClassVar[bool | None] = False
    gap_id: uuid.UUID
    first_sequence: int
    sequence: int
    reason: str
    asked_by: str


class TrailResumed(Event):
    """Somebody else has approved it: the trail goes on behind them, and its next anchor names the gap."""

    topic: ClassVar[str] = "audit.TrailResumed.v1"
    is_of_account: ClassVar[bool | None] = False
    gap_id: uuid.UUID
    first_sequence: int
    sequence: int
    reason: str
    asked_by: str
    approved_by: str
