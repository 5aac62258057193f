"""The engine's record of an order, and the words it says about it."""

import uuid
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import format_amount, format_computed
from breakwater.domain.orders import VOIDED, OrdStatus, ReplaceOrder, SubmitOrder, VoidReplace
from breakwater.errors import OrderForgotten
from fargate_engine.terms import Reason, WorkingTerms

# The venue owes an answer: whoever asked waits for it.
_AWAITING_VENUE = frozenset({OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL})
# What OrderState (events/orders.py) has of what was submitted, but for id and quantity: those are a snapshot's, too.
TERMS = ("client_order_id", "account_id", "symbol", "side", "type", "time_in_force", "venue", "price")

type SnapshotJson = bytes  # An OrderSnapshot. Nobody in the engine reads what it says of itself: it is sent as it is.


class Told(NamedTuple):
    """What an order says in every event and answer: as JSON has it, so that it is made once."""

    order_id: str
    quantity: str
    terms: dict[str, Any]

    @classmethod
    def of(cls, document: str) -> "Told":
        """`document` is a SubmitOrder's."""
        submitted = orjson.loads(document)
        return cls(submitted["order_id"], submitted["quantity"], {name: submitted[name] for name in TERMS})

    def of_replaced(self, replaced: ReplaceOrder) -> "Told":
        told = replaced.model_dump(mode="json")
        return self._replace(quantity=told["quantity"], terms={**self.terms, "price": told["price"]})


@dataclass(frozen=True, slots=True)
class Replacing:
    """A replace that is not decided: `terms` are what it asks for, or `reason` is why it will be refused."""

    asked: ReplaceOrder | VoidReplace
    terms: WorkingTerms | None = None
    reason: Reason | None = None


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
    venue_trade_ids: set[str] = field(default_factory=set)  # Of the fills that its venue has told.
    note: str = ""  # The router's, of an order that it works.
    is_expiring: bool = False  # Its venue was asked to cancel it because its time has come.
    replacing: Replacing | None = None
    replaced: ReplaceOrder | None = None  # Whose terms it has; None: those it was submitted with.
    replace_no: int = 0  # The last that was decided,
    replace_reason: Reason | None = None  # and why it was refused.
    # Once somebody asked.
    _told: Told | None = field(default=None, compare=False, repr=False)
    _words: dict[str, Any] | None = field(default=None, compare=False)  # Of the state it is in.

    @property
    def order_id(self) -> uuid.UUID:
        return self.submitted.order_id

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.submitted.tenant_id

    @property
    def parent_id(self) -> uuid.UUID | None:
        return self.submitted.parent_id

    @property
    def entry_id(self) -> uuid.UUID | None:
        """The order that it exits from."""
        return getattr(self.submitted.execution, "after", None)

    @property
    def awaits_venue(self) -> bool:
        return self.status in _AWAITING_VENUE or self.replacing is not None

    @property
    def is_rejected(self) -> bool:
        return self.status is OrdStatus.REJECTED

    @property
    def price(self) -> Decimal | None:
        return self.submitted.price if self.replaced is None else self.replaced.price

    @property
    def quantity(self) -> Decimal:
        return self.instrument.quantity(self.terms.quantity_lots)

    @property
    def is_reduced(self) -> bool:
        """It is for less than what was asked for last."""
        return self.quantity != (self.submitted if self.replaced is None else self.replaced).quantity

    @property
    def is_being_canceled(self) -> bool:
        return self.status is OrdStatus.PENDING_CANCEL

    @property
    def told(self) -> Told:
        if self._told is None:
            self._told = Told.of(self.document)
            if self.replaced is not None:
                self._told = self._told.of_replaced(self.replaced)
            if self.is_reduced:
                self._told = self._told._replace(quantity=format_computed(self.quantity))
        return self._told

    def take_terms(self, asked: ReplaceOrder, terms: WorkingTerms, leaves_lots: int) -> None:
        """Those of a replace that is done. `changed` is to be called after it."""
        self.terms, self.leaves_lots, self.replaced = terms, leaves_lots, asked
        self.replacing, self.replace_no, self.replace_reason = None, asked.replace_no, None
        self._told = None

    def reduce(self, leaves_lots: int) -> None:
        """It is an order for what has traded and this. `changed` is to be called after it."""
        self.terms = replace(self.terms, quantity_lots=self.cum_lots + leaves_lots)
        self.leaves_lots, self._told = leaves_lots, None

    def keep_terms(self, refused: ReplaceOrder | VoidReplace, reason: Reason) -> None:
        """A replace was refused. `changed` is to be called after it."""
        self.replacing, self.replace_no, self.replace_reason = None, refused.replace_no, reason

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
        told, instrument, reason = self.told, self.instrument, self.reason
        return {
            "order_id": told.order_id,
            "status": str(self.status),
            "quantity": told.quantity,
            "cum_qty": format_computed(instrument.quantity(self.cum_lots)),
            "leaves_qty": format_computed(instrument.quantity(self.leaves_lots)),
            "cum_notional": format_computed(instrument.notional(self.cum_notional_steps)),
            "reject_code": reason.code if reason else None,
            "reject_reason": reason.text if reason else None,
            "engine_seq": self.engine_seq,
            "transact_time_ns": self.transact_time_ns,
        }

    def answer(self) -> SnapshotJson:
        """Only an order that was to be replaced says so: a reader from before replaces knows no such fields."""
        if self.replace_no == 0:
            # A quantity counts where a price is told with it.
            price = {"price": self.told.terms["price"]} if self.is_reduced else {}
            return orjson.dumps(self.words() | price)
        return orjson.dumps(self.words() | self._replace_words())

    def _replace_words(self) -> dict[str, Any]:
        reason = self.replace_reason
        return {
            "price": self.told.terms["price"],
            "replace_no": self.replace_no,
            "terms_no": 0 if self.replaced is None else self.replaced.replace_no,
            "replace_code": reason.code if reason else None,
            "replace_reason": reason.text if reason else None,
        }


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

    @property
    def is_rejected(self) -> bool:
        return True

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

    def answer(self) -> SnapshotJson:
        return orjson.dumps(self.words())


class FinalOrder(NamedTuple):
    """An order that changes no more, as small as it can be kept: the JSON of its last snapshot.

    `kept_from_ns`: when it ended, or when it was needed last.
    """

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    kept_from_ns: int
    is_rejected: bool
    last_words: SnapshotJson

    @classmethod
    def of(cls, order: EngineOrder | RefusedOrder) -> "FinalOrder":
        last_words = bytes(memoryview(order.answer()))  # A copy: behind what orjson makes some 4 KB stay reserved.
        return cls(order.order_id, order.tenant_id, order.transact_time_ns, order.is_rejected, last_words)

    @property
    def awaits_venue(self) -> bool:
        return False

    def answer(self) -> SnapshotJson:
        return self.last_words


_REJECTED_ONCE = Reason(VOIDED, "the order was rejected, or given up, long ago")


@dataclass(frozen=True, slots=True)
class ForgottenOrder:
    """One that ended so long ago that only this is known of it: its id was taken. Not even whose it was."""

    order_id: uuid.UUID
    is_rejected: bool

    def refusal(self) -> OrderForgotten:
        """What is said to whoever asks for it. That it is not known would be wrong: it may have traded."""
        return OrderForgotten("the order ended long ago, and the engine keeps only that its id was taken")

    def rejected(self, tenant_id: uuid.UUID, at_ns: int) -> SnapshotJson:
        """To whoever voids one that was rejected: nobody may have heard of it yet, for a void is told by no event.

        Its word is the oldest that there can be: it counts where nothing was heard, and nowhere else.
        """
        return RefusedOrder(
            0, self.order_id, tenant_id, None, _REJECTED_ONCE, engine_seq=1, transact_time_ns=at_ns
        ).answer()


Order = EngineOrder | RefusedOrder | FinalOrder
