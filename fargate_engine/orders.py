"""The engine's record of an order, and the words it says about it."""

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import OrderSnapshot, OrdStatus, SubmitOrder
from fargate_engine.terms import Reason, WorkingTerms

# The venue owes an answer: whoever asked waits for it.
_AWAITING_VENUE = frozenset({OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL})


@dataclass(slots=True)
class EngineOrder:
    """An order that the core was given as `number`, until it is final. `cum_notional_steps` is in ticks times lots.

    `document` is what was submitted as JSON: journal and snapshots have it.
    """

    number: int
    submitted: SubmitOrder
    document: str
    instrument: Instrument
    terms: WorkingTerms
    leaves_lots: int
    status: OrdStatus = OrdStatus.PENDING_NEW
    engine_seq: int = 0
    transact_time_ns: int = 0
    cum_lots: int = 0
    cum_notional_steps: int = 0
    reason: Reason | None = None
    _words: dict[str, Any] | None = field(default=None, compare=False)  # Of the state it is in, once somebody asked.

    @property
    def order_id(self) -> uuid.UUID:
        return self.submitted.order_id

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.submitted.tenant_id

    @property
    def awaits_venue(self) -> bool:
        return self.status in _AWAITING_VENUE

    @property
    def is_being_canceled(self) -> bool:
        return self.status is OrdStatus.PENDING_CANCEL

    def notional(self, steps: int) -> Decimal:
        instrument = self.instrument
        return trim(EXACT.multiply(EXACT.multiply(instrument.tick_size, instrument.lot_size), Decimal(steps)))

    def changed(self, status: OrdStatus, engine_seq: int, at_ns: int) -> None:
        """What else the change is must be set before."""
        self.status, self.engine_seq, self.transact_time_ns = status, engine_seq, at_ns
        self._words = None

    def words(self) -> dict[str, Any]:
        """The fields of its OrderSnapshot, JSON-ready. Event, answer and the final record of a change share them."""
        if self._words is None:
            self._words = self._say()
        return self._words

    def _say(self) -> dict[str, Any]:
        instrument = self.instrument
        return {
            "order_id": str(self.submitted.order_id),
            "status": self.status.value,
            "quantity": format_amount(self.submitted.quantity),
            "cum_qty": format_amount(trim(instrument.quantity(self.cum_lots))),
            "leaves_qty": format_amount(trim(instrument.quantity(self.leaves_lots))),
            "cum_notional": format_amount(self.notional(self.cum_notional_steps)),
            "reject_code": self.reason.code if self.reason else None,
            "reject_reason": self.reason.text if self.reason else None,
            "engine_seq": self.engine_seq,
            "transact_time_ns": self.transact_time_ns,
        }

    def snapshot(self) -> OrderSnapshot:
        return OrderSnapshot.model_validate(self.words())


@dataclass(slots=True)
class RefusedOrder:
    """Refused before the core, under a number that shall never trade: by the risk stage, or voided before it came.

    `submitted` is None for a voided one: nobody has told the engine what it was.
    """

    number: int
    order_id: uuid.UUID
    tenant_id: uuid.UUID
    submitted: SubmitOrder | None
    reason: Reason
    engine_seq: int = 0
    transact_time_ns: int = 0

    @property
    def awaits_venue(self) -> bool:
        return False

    def words(self) -> dict[str, Any]:
        return {
            "order_id": str(self.order_id),
            "status": OrdStatus.REJECTED.value,
            "quantity": format_amount(self.submitted.quantity) if self.submitted else "0",
            "cum_qty": "0",
            "leaves_qty": "0",
            "cum_notional": "0",
            "reject_code": self.reason.code,
            "reject_reason": self.reason.text,
            "engine_seq": self.engine_seq,
            "transact_time_ns": self.transact_time_ns,
        }

    def snapshot(self) -> OrderSnapshot:
        return OrderSnapshot.model_validate(self.words())


@dataclass(frozen=True, slots=True)
class FinalOrder:
    """An order that changes no more, as small as it can be kept: the JSON of its last snapshot."""

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    last_words: bytes

    @classmethod
    def of(cls, order: EngineOrder | RefusedOrder) -> "FinalOrder":
        return cls(order.order_id, order.tenant_id, orjson.dumps(order.words()))

    @property
    def awaits_venue(self) -> bool:
        return False

    def snapshot(self) -> OrderSnapshot:
        return OrderSnapshot.model_validate_json(self.last_words)


Order = EngineOrder | RefusedOrder | FinalOrder
