"""The engine's record of an order, and the words it says about it."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import OrderSnapshot, OrdStatus, SubmitOrder
from events.orders import OrderState
from fargate_engine.terms import Reason, WorkingTerms

# The venue owes an answer: whoever asked waits for it.
AWAITING_VENUE = frozenset({OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL})


@dataclass(slots=True)
class EngineOrder:
    """An order that passed the risk stage. `cum_notional_steps` is in ticks times lots."""

    submitted: SubmitOrder
    instrument: Instrument
    terms: WorkingTerms
    status: OrdStatus
    engine_seq: int
    transact_time_ns: int
    cum_lots: int = 0
    cum_notional_steps: int = 0
    reason: Reason | None = None

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.submitted.tenant_id

    @property
    def leaves_lots(self) -> int:
        return 0 if self.status.is_final else self.terms.quantity_lots - self.cum_lots

    def notional(self, steps: int) -> Decimal:
        instrument = self.instrument
        return trim(EXACT.multiply(EXACT.multiply(instrument.tick_size, instrument.lot_size), Decimal(steps)))

    def snapshot(self) -> OrderSnapshot:
        return OrderSnapshot(
            order_id=self.terms.order_id,
            status=self.status,
            quantity=self.submitted.quantity,
            cum_qty=trim(self.instrument.quantity(self.cum_lots)),
            leaves_qty=trim(self.instrument.quantity(self.leaves_lots)),
            cum_notional=self.notional(self.cum_notional_steps),
            reject_code=self.reason.code if self.reason else None,
            reject_reason=self.reason.text if self.reason else None,
            engine_seq=self.engine_seq,
            transact_time_ns=self.transact_time_ns,
        )


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order id that shall never trade: refused by the risk stage, or voided before it was heard of."""

    tenant_id: uuid.UUID
    refusal: OrderSnapshot

    @property
    def status(self) -> OrdStatus:
        return OrdStatus.REJECTED

    def snapshot(self) -> OrderSnapshot:
        return self.refusal


def refusal(
    order_id: uuid.UUID, quantity: Decimal, reason: Reason, *, engine_seq: int, transact_time_ns: int
) -> OrderSnapshot:
    return OrderSnapshot(
        order_id=order_id,
        status=OrdStatus.REJECTED,
        quantity=quantity,
        cum_qty=Decimal(0),
        leaves_qty=Decimal(0),
        cum_notional=Decimal(0),
        reject_code=reason.code,
        reject_reason=reason.text,
        engine_seq=engine_seq,
        transact_time_ns=transact_time_ns,
    )


def order_state(submitted: SubmitOrder, snapshot: OrderSnapshot) -> OrderState:
    """The order as its events tell it."""
    return OrderState(
        order_id=submitted.order_id,
        client_order_id=submitted.client_order_id,
        account_id=submitted.account_id,
        symbol=submitted.symbol,
        side=submitted.side,
        type=submitted.type,
        time_in_force=submitted.time_in_force,
        venue=submitted.venue,
        status=snapshot.status,
        quantity=format_amount(snapshot.quantity),
        price=None if submitted.price is None else format_amount(submitted.price),
        cum_qty=format_amount(snapshot.cum_qty),
        leaves_qty=format_amount(snapshot.leaves_qty),
        cum_notional=format_amount(snapshot.cum_notional),
        reject_code=snapshot.reject_code,
        reject_reason=snapshot.reject_reason,
        engine_seq=snapshot.engine_seq,
        transact_time_ns=snapshot.transact_time_ns,
    )
