"""The deterministic core: its state is a function of its inputs alone. No clock, no I/O, no randomness.

Replaying the journal through `apply` gives the same state, the same answers and the same event ids.
"""

import hashlib
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import format_amount
from breakwater.domain.orders import INTERNAL_VENUE, VOIDED, OrdStatus, SubmitOrder
from breakwater.errors import NotFound, OrderIdReused, Rejection
from events.envelope import Envelope, Event
from events.orders import OrderAccepted, OrderCanceled, OrderExpired, OrderRejected, TradeExecuted
from fargate_engine import risk
from fargate_engine.book import Book
from fargate_engine.messages import (
    CancelOrder,
    CoreInput,
    Liquidity,
    ListInstrument,
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueFilled,
    VenueRejected,
    VenueReport,
    VoidOrder,
)
from fargate_engine.orders import EngineOrder, RefusedOrder, order_state, refusal
from fargate_engine.terms import Reason, WorkingTerms

NEVER_HEARD_OF = Reason(VOIDED, "the order was given up before the engine heard of it")
NO_FEE = Decimal(0)  # The internal book matches customers with each other and charges neither.


@dataclass(frozen=True, slots=True)
class SubmitToVenue:
    terms: WorkingTerms


@dataclass(frozen=True, slots=True)
class CancelAtVenue:
    order_id: uuid.UUID
    symbol: str


VenueRequest = SubmitToVenue | CancelAtVenue


@dataclass(slots=True)
class Outcome:
    """What one input led to. An input that changed nothing leaves no row in the journal."""

    changed_order_ids: list[uuid.UUID] = field(default_factory=list)
    events: list[Envelope] = field(default_factory=list)
    venue_requests: list[VenueRequest] = field(default_factory=list)
    refused: Rejection | None = None  # The question was wrong; no order was changed.
    changed: bool = False


class Core:
    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._orders: dict[uuid.UUID, EngineOrder | RefusedOrder] = {}
        self._open: dict[uuid.UUID, EngineOrder] = {}
        self._books: dict[str, Book] = {}
        self._change_count = 0  # The engine_seq of the youngest change.
        self._at_ns = 0
        self._outcome = Outcome()

    def apply(self, message: CoreInput, at_ns: int) -> Outcome:
        """Take one input, stamped by the sequencer with `at_ns`. Anything raised here is a broken invariant."""
        self._at_ns = at_ns
        self._outcome = outcome = Outcome()
        match message:
            case SubmitOrder():
                self._submit(message)
            case CancelOrder():
                self._cancel(message)
            case VoidOrder():
                self._void(message)
            case ListInstrument():
                self._list(message.instrument())
            case _:
                self._report(message)
        outcome.changed |= bool(outcome.changed_order_ids)
        return outcome

    def find(self, order_id: uuid.UUID, tenant_id: uuid.UUID) -> EngineOrder | RefusedOrder | None:
        """None also for an order of another tenant."""
        order = self._orders.get(order_id)
        return order if order is not None and order.tenant_id == tenant_id else None

    def order(self, order_id: uuid.UUID) -> EngineOrder | RefusedOrder:
        """KeyError when the core never heard of it."""
        return self._orders[order_id]

    def open_orders(self) -> Collection[EngineOrder]:
        """Oldest first."""
        return self._open.values()

    def state_hash(self) -> str:
        """Equal for equal states: every order with all it says, and each book in the order it would trade in."""
        digest = hashlib.sha256()
        for symbol, instrument in sorted(self.instruments.items()):
            digest.update(f"{symbol} {instrument}\n".encode())
        for order_id in sorted(self._orders):
            digest.update(self._orders[order_id].snapshot().model_dump_json().encode())
        for symbol in sorted(self._books):
            digest.update(f"\n{symbol} {list(self._books[symbol].resting())}".encode())
        return digest.hexdigest()

    def _submit(self, order: SubmitOrder) -> None:
        known = self._orders.get(order.order_id)
        if known is not None:
            if known.tenant_id != order.tenant_id:
                self._outcome.refused = OrderIdReused("the order id belongs to another order")
            return
        checked = risk.check(order, self.instruments, len(self._open))
        if isinstance(checked, Reason):
            self._refuse(order, checked)
            return
        accepted = EngineOrder(
            submitted=order,
            instrument=checked.instrument,
            terms=checked.terms,
            status=OrdStatus.PENDING_NEW,
            engine_seq=0,
            transact_time_ns=0,
        )
        self._orders[order.order_id] = self._open[order.order_id] = accepted
        self._change(accepted, OrdStatus.PENDING_NEW)
        if order.venue == INTERNAL_VENUE:
            self._match(accepted)
        else:
            self._outcome.venue_requests.append(SubmitToVenue(checked.terms))

    def _refuse(self, order: SubmitOrder, reason: Reason) -> None:
        snapshot = refusal(
            order.order_id,
            order.quantity,
            reason,
            engine_seq=self._next_change(order.order_id),
            transact_time_ns=self._at_ns,
        )
        self._orders[order.order_id] = RefusedOrder(order.tenant_id, snapshot)
        self._emit(order, OrderRejected(order=order_state(order, snapshot)), snapshot.engine_seq)

    def _match(self, taker: EngineOrder) -> None:
        symbol = taker.terms.symbol
        if symbol not in self._books:
            self._books[symbol] = Book()
        matched = self._books[symbol].submit(taker.terms)
        if matched.rejected is not None:
            self._reject(taker, matched.rejected)
            return
        self._accept(taker)
        for trade in matched.trades:
            maker = self._open[trade.maker_order_id]
            self._fill(maker, trade.quantity_lots, trade.price_ticks, "MAKER", NO_FEE)
            self._fill(taker, trade.quantity_lots, trade.price_ticks, "TAKER", NO_FEE)
        if matched.canceled is not None:
            self._finish(taker, OrdStatus.CANCELED, matched.canceled)

    def _cancel(self, command: CancelOrder) -> None:
        if self.find(command.order_id, command.tenant_id) is None:
            self._outcome.refused = NotFound("no such order")
            return
        order = self._open.get(command.order_id)
        if order is None or order.status is OrdStatus.PENDING_CANCEL:
            return
        if order.submitted.venue == INTERNAL_VENUE:
            self._books[order.terms.symbol].cancel(command.order_id)
            self._finish(order, OrdStatus.CANCELED, None)
            return
        self._change(order, OrdStatus.PENDING_CANCEL)
        self._outcome.venue_requests.append(CancelAtVenue(command.order_id, order.terms.symbol))

    def _void(self, command: VoidOrder) -> None:
        known = self._orders.get(command.order_id)
        if known is None:
            snapshot = refusal(
                command.order_id,
                Decimal(0),
                NEVER_HEARD_OF,
                engine_seq=self._next_change(command.order_id),
                transact_time_ns=self._at_ns,
            )
            self._orders[command.order_id] = RefusedOrder(command.tenant_id, snapshot)
        elif known.tenant_id != command.tenant_id:
            self._outcome.refused = NotFound("no such order")

    def _list(self, instrument: Instrument) -> None:
        if self.instruments.get(instrument.symbol) != instrument:
            self.instruments[instrument.symbol] = instrument
            self._outcome.changed = True

    def _report(self, report: VenueReport) -> None:
        order = self._open.get(report.order_id)
        if order is None:
            return  # The venue crossed a cancel with its own last word: the order is final and stays as it is.
        match report:
            case VenueAccepted():
                if order.status is OrdStatus.PENDING_NEW:
                    self._accept(order)
            case VenueRejected():
                self._reject(order, Reason(report.code, report.reason))
            case VenueFilled():
                self._fill(order, report.quantity_lots, report.price_ticks, report.liquidity, report.fee)
            case VenueCanceled():
                reason = None if report.code is None else Reason(report.code, report.reason or "")
                self._finish(order, OrdStatus.CANCELED, reason)
            case VenueExpired():
                self._finish(order, OrdStatus.EXPIRED, None)

    def _accept(self, order: EngineOrder) -> None:
        self._change(order, OrdStatus.NEW)
        self._emit(order.submitted, OrderAccepted(order=order_state(order.submitted, order.snapshot())))

    def _reject(self, order: EngineOrder, reason: Reason) -> None:
        self._finish(order, OrdStatus.REJECTED, reason)

    def _fill(self, order: EngineOrder, lots: int, ticks: int, liquidity: Liquidity, fee: Decimal) -> None:
        if not 0 < lots <= order.leaves_lots:
            raise AssertionError(f"order {order.terms.order_id} was filled with {lots} of {order.leaves_lots} lots")
        order.cum_lots += lots
        order.cum_notional_steps += lots * ticks
        if order.leaves_lots == 0:
            del self._open[order.terms.order_id]
            self._change(order, OrdStatus.FILLED)
        elif order.status is OrdStatus.PENDING_CANCEL:
            self._change(order, OrdStatus.PENDING_CANCEL)  # FIX: a fill does not undo that a cancel is on its way.
        else:
            self._change(order, OrdStatus.PARTIALLY_FILLED)
        self._emit(
            order.submitted,
            TradeExecuted(
                trade_id=uuid.uuid5(order.terms.order_id, f"trade/{order.engine_seq}"),
                last_qty=format_amount(order.instrument.quantity(lots)),
                last_px=format_amount(order.instrument.price(ticks)),
                liquidity=liquidity,
                fee=format_amount(fee),
                fee_currency=order.instrument.quote_asset,
                order=order_state(order.submitted, order.snapshot()),
            ),
        )

    def _finish(self, order: EngineOrder, status: OrdStatus, reason: Reason | None) -> None:
        del self._open[order.terms.order_id]
        order.reason = reason
        self._change(order, status)
        event = {OrdStatus.CANCELED: OrderCanceled, OrdStatus.EXPIRED: OrderExpired, OrdStatus.REJECTED: OrderRejected}
        self._emit(order.submitted, event[status](order=order_state(order.submitted, order.snapshot())))

    def _change(self, order: EngineOrder, status: OrdStatus) -> None:
        order.status = status
        order.engine_seq = self._next_change(order.terms.order_id)
        order.transact_time_ns = self._at_ns

    def _next_change(self, order_id: uuid.UUID) -> int:
        self._change_count += 1
        self._outcome.changed_order_ids.append(order_id)
        return self._change_count

    def _emit(self, order: SubmitOrder, event: Event, engine_seq: int | None = None) -> None:
        """The id follows from the order's change, so an event that is made again has the id it had."""
        self._outcome.events.append(
            Envelope(
                event_id=uuid.uuid5(order.order_id, f"{event.topic}/{engine_seq or self._change_count}"),
                topic=event.topic,
                tenant_id=order.tenant_id,
                account_id=order.account_id,
                aggregate_id=order.order_id,
                correlation_id=order.correlation_id,
                occurred_at_ns=self._at_ns,
                payload=event.model_dump(mode="json"),
            )
        )
