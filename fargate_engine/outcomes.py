"""What the core's events of a batch mean for the orders of the registry, for whoever waits, and for their venue."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from matching_core import EventKind

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.orders import OrdStatus, ReplaceOrder
from events.envelope import EnvelopeDocument
from fargate_engine import publishing
from fargate_engine.messages import (
    Liquidity,
    VenueCanceled,
    VenueFilled,
    VenueRejected,
    VenueReplaceRejected,
    VenueReport,
)
from fargate_engine.orders import EngineOrder, Replacing
from fargate_engine.publishing import NO_FEE, Fee
from fargate_engine.reasons import TOLD_BY_CALLER, reason_of
from fargate_engine.records import CoreEvent
from fargate_engine.registry import Registry
from fargate_engine.terms import Reason, WorkingTerms


@dataclass(frozen=True, slots=True)
class SubmitToVenue:
    venue: str
    terms: WorkingTerms


@dataclass(frozen=True, slots=True)
class CancelAtVenue:
    venue: str
    order_id: uuid.UUID
    symbol: str


@dataclass(frozen=True, slots=True)
class ReplaceAtVenue:
    """`terms` are those that the order shall have, by its replace of that number."""

    venue: str
    terms: WorkingTerms
    replace_no: int


VenueRequest = SubmitToVenue | CancelAtVenue | ReplaceAtVenue
_FINAL_STATUSES = {
    EventKind.REJECTED: OrdStatus.REJECTED,
    EventKind.CANCELED: OrdStatus.CANCELED,
    EventKind.EXPIRED: OrdStatus.EXPIRED,
}


@dataclass(slots=True)
class Outcomes:
    """Takes the events of one batch, in their order. Without `publishes` (a replay) it makes no envelopes.

    Anything raised here is a broken invariant.
    """

    registry: Registry
    at_ns: int
    reports: Mapping[int, VenueReport]
    publishes: bool
    changed_order_ids: list[uuid.UUID] = field(default_factory=list)
    envelopes: list[EnvelopeDocument] = field(default_factory=list)
    venue_requests: list[VenueRequest] = field(default_factory=list)
    refused_fills: list[VenueFilled] = field(default_factory=list)
    # What the fills of children are for their parents: these fills are to be taken next, in the same batch.
    fills_of_parents: list[VenueFilled] = field(default_factory=list)
    # Orders at the router that changed, or a child of theirs did.
    changed_parent_ids: set[uuid.UUID] = field(default_factory=set)
    _trail: list[str] = field(default_factory=list)

    def trail_after(self, trail: bytes) -> bytes:
        """A digest of every change of a registered order so far, in their order."""
        if not self._trail:
            return trail
        return hashlib.sha256(trail + "".join(self._trail).encode()).digest()

    def take_fills_of_parents(self) -> list[VenueFilled]:
        fills, self.fills_of_parents = self.fills_of_parents, []
        return fills

    def take(self, event: CoreEvent) -> None:
        """One event that says something of at least one registered order."""
        if event.kind == EventKind.TRADED:
            self._trade(event)
            return
        order = self.registry.live.get(event.order_id)
        if order is None:
            self._refuse(event)
            return
        match event.kind:
            case EventKind.ACCEPTED:
                if order.status is OrdStatus.PENDING_NEW:  # Else a cancel is on its way already, and that stands.
                    self._change(order, OrdStatus.NEW, event.seq)
                    self._tell(order)
            case EventKind.ROUTED:
                self._change(order, OrdStatus.PENDING_NEW, event.seq)
                self.venue_requests.append(SubmitToVenue(order.submitted.venue, order.terms))
            case EventKind.CANCEL_REQUESTED:
                if not order.is_being_canceled:  # Two cancels may come in one batch.
                    self._change(order, OrdStatus.PENDING_CANCEL, event.seq)
                    venue, symbol = order.submitted.venue, order.terms.symbol
                    self.venue_requests.append(CancelAtVenue(venue, order.order_id, symbol))
            case EventKind.VENUE_FILLED:
                report = self.reports[event.command]
                assert isinstance(report, VenueFilled)  # noqa: S101 - a broken invariant stops the engine
                fee = Fee(report.fee, report.fee_currency)
                self._fill(order, event.seq, event, event.leaves, liquidity=report.liquidity, fee=fee)
            case EventKind.REDUCED:
                self._restate(order, event)
            case EventKind.REPLACE_REQUESTED | EventKind.REPLACED | EventKind.REPLACE_REJECTED:
                self._replace(order, event)
            case _:
                self._finish(order, event)

    def _trade(self, event: CoreEvent) -> None:
        """The maker's change comes first. Who came as a record is not registered."""
        maker, taker = self.registry.live.get(event.maker_id), self.registry.live.get(event.order_id)
        if maker is not None:
            self._fill(maker, event.seq, event, event.maker_leaves, liquidity="MAKER", fee=NO_FEE)
        if taker is not None:
            self._fill(taker, event.seq + 1, event, event.leaves, liquidity="TAKER", fee=NO_FEE)

    def _fill(
        self, order: EngineOrder, seq: int, fill: CoreEvent, leaves_lots: int, *, liquidity: Liquidity, fee: Fee
    ) -> None:
        order.cum_lots += fill.quantity
        order.cum_notional_steps += fill.quantity * fill.price
        order.leaves_lots = leaves_lots
        if leaves_lots == 0:
            self._change(order, OrdStatus.FILLED, seq)
            self.registry.finish(order)
        elif order.is_being_canceled:
            self._change(order, OrdStatus.PENDING_CANCEL, seq)  # FIX: a fill does not undo that a cancel is on its way.
        else:
            self._change(order, OrdStatus.PARTIALLY_FILLED, seq)
        if self.publishes:
            self.envelopes.append(publishing.filled(order, fill.quantity, fill.price, liquidity, fee))
        if order.parent_id is not None:
            told = VenueFilled(
                order_id=order.parent_id,
                quantity_lots=fill.quantity,
                price_ticks=fill.price,
                liquidity=liquidity,
                fee=fee.amount,
                fee_currency=fee.currency or order.instrument.quote_asset,
                trade_id=f"{order.number}/{seq}",
            )
            self.fills_of_parents.append(told)

    def _restate(self, order: EngineOrder, event: CoreEvent) -> None:
        """Nobody trades what it has lost: it is an order for less, so that what is filled and what is left are all."""
        reason = reason_of(event.reason)
        assert reason is not None  # noqa: S101 - a broken invariant stops the engine
        order.reduce(event.leaves)
        self._change(order, order.status, event.seq)
        if self.publishes:
            self.envelopes.append(publishing.restated(order, event.quantity, reason))

    def _replace(self, order: EngineOrder, event: CoreEvent) -> None:
        replacing = order.replacing
        if replacing is None:
            return  # Its venue has told of it twice.
        if event.kind == EventKind.REPLACE_REJECTED:
            self._keep(order, replacing, event)
            return
        terms, asked = replacing.terms, replacing.asked
        assert terms is not None  # noqa: S101 - a broken invariant stops the engine
        assert isinstance(asked, ReplaceOrder)  # noqa: S101 - likewise
        if event.kind == EventKind.REPLACE_REQUESTED:
            self.venue_requests.append(ReplaceAtVenue(order.submitted.venue, terms, asked.replace_no))
            return
        order.take_terms(asked, terms, event.leaves)
        self._change(order, order.status, event.seq)
        self._trail.append(f"{order.terms.quantity_lots} {order.terms.limit_ticks} {order.replace_no}\n")
        if self.publishes:
            self.envelopes.append(publishing.replaced(order, asked))

    def _keep(self, order: EngineOrder, replacing: Replacing, event: CoreEvent) -> None:
        """A replace of it came to nothing."""
        report = self.reports.get(event.command)
        if event.reason != TOLD_BY_CALLER:
            reason = reason_of(event.reason)
        elif isinstance(report, VenueReplaceRejected):
            reason = Reason(report.code, report.reason)
        else:
            reason = replacing.reason
        assert reason is not None  # noqa: S101 - a broken invariant stops the engine
        order.keep_terms(replacing.asked, reason)
        self._change(order, order.status, event.seq)
        self._trail.append(f"{order.replace_no} {reason.code}\n")
        if self.publishes:
            self.envelopes.append(publishing.replace_rejected(order, replacing.asked, reason))

    def _refuse(self, event: CoreEvent) -> None:
        """An order that the core never had: it was refused before it, and is only counted there."""
        refused = self.registry.take_refused(event.order_id)
        if refused is None:
            return  # A cancel came after the order's last word in one batch: nothing is left to change.
        refused.engine_seq = event.seq
        refused.transact_time_ns = self.at_ns
        self._trail.append(f"{refused.number} {event.seq} REJECTED\n")
        self.changed_order_ids.append(refused.order_id)
        if refused.submitted is not None and refused.submitted.parent_id is not None:
            self.changed_parent_ids.add(refused.submitted.parent_id)
        self.registry.finish(refused)
        if self.publishes and refused.submitted is not None:
            if refused.submitted.leased is not None:
                self.envelopes.append(publishing.leased(refused, refused.submitted))
            self.envelopes.append(publishing.refused(refused, refused.submitted))

    def _finish(self, order: EngineOrder, event: CoreEvent) -> None:
        """Rejected, cancelled or expired: with nothing left."""
        report = self.reports.get(event.command)
        if event.kind == EventKind.REJECTED and isinstance(report, VenueFilled):
            # More than is left, or at no price: the core has not taken it and the order lives on as it was. It is the
            # venue that is wrong, so the engine goes on; people are told.
            self.refused_fills.append(report)
            return
        if event.reason != TOLD_BY_CALLER:
            order.reason = reason_of(event.reason)
        else:
            assert isinstance(report, VenueRejected | VenueCanceled)  # noqa: S101 - a broken invariant stops the engine
            order.reason = Reason(report.code or "", report.reason or "")
        order.leaves_lots = 0
        self._change(order, _FINAL_STATUSES[EventKind(event.kind)], event.seq)
        self.registry.finish(order)
        self._tell(order)

    def _change(self, order: EngineOrder, status: OrdStatus, seq: int) -> None:
        is_first = order.engine_seq == 0
        order.changed(status, seq, self.at_ns)
        self._trail.append(f"{order.number} {seq} {status} {order.cum_lots} {order.cum_notional_steps}\n")
        self.changed_order_ids.append(order.order_id)
        if order.submitted.venue == ROUTER_VENUE:
            self.changed_parent_ids.add(order.order_id)
        elif order.parent_id is not None:
            self.changed_parent_ids.add(order.parent_id)
        if is_first and self.publishes and order.submitted.leased is not None:
            self.envelopes.append(publishing.leased(order, order.submitted))

    def _tell(self, order: EngineOrder) -> None:
        if self.publishes:
            self.envelopes.append(publishing.changed(order))
