"""The limits ledger in use: hold what an order may consume, follow it until it is final, give the rest back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from breakwater.db.connection import TenantTransaction
from breakwater.db.limits import Ladder
from breakwater.domain.exposure import ZERO
from breakwater.domain.limit_types import ProposedOrder
from breakwater.domain.limits import Finding, Refusal, evaluate, propose, refused
from breakwater.domain.orders import OrderSnapshot, OrderTerms, PlaceOrder
from breakwater.domain.settlement import (
    HeldReservation,
    ReservationState,
    change_between,
    released,
    session_day,
    settled,
)
from breakwater.domain.valuation import fresh_reference
from breakwater.errors import InvalidRequest, LimitExceeded, NotFound
from events.limits import LimitBreached

type _Action = Literal["WARN", "REJECT"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """Held for an order until it is final. `warnings`: soft thresholds it crossed, to be put in the outbox."""

    order_id: uuid.UUID
    price_low: Decimal
    price_high: Decimal
    warnings: tuple[LimitBreached, ...]


def reserve_limits(tx: TenantTransaction, order: PlaceOrder, at: datetime) -> Reservation:
    """Hold what the order may consume under every limit above its account, or nothing at all.

    Idempotent by order id: what is held already comes back unchanged, without warnings. Nothing is written when it
    raises: LimitExceeded (`refusals` names every limit that refused), its kind ReferenceUnavailable (`refusals` is
    empty), NotFound (unknown account), InvalidRequest (unknown symbol, off tick, off lot, below the minimum).
    """
    terms, day = order.terms, at.astimezone(UTC).date()
    ladder = tx.limits.lock_ladder(terms.account_id, terms.symbol, order.order_id, day)
    if ladder.held is not None:
        return Reservation(order.order_id, ladder.held.price_low, ladder.held.price_high, ())
    proposed, findings = judge(ladder, terms, at)
    refusals = [finding.to_json() for finding in refused(findings)]
    if refusals:
        raise LimitExceeded(_refusal_message(refusals), refusals=refusals)
    reservation = HeldReservation(
        order_id=order.order_id,
        node_ids=[scope.node.node_id for scope in ladder.scopes],
        symbol=terms.symbol,
        side=terms.side,
        quantity=terms.quantity,
        valuation_price=proposed.band.high,
        open_qty=terms.quantity,
        cum_qty=ZERO,
        cum_notional=ZERO,
        engine_seq=0,
        state=ReservationState.HELD,
    )
    tx.limits.hold(reservation, change_between(released(reservation), reservation), terms.account_id, day, at)
    warnings = tuple(_warnings(order, findings))
    return Reservation(order.order_id, proposed.band.low, proposed.band.high, warnings)


def judge(ladder: Ladder, terms: OrderTerms, at: datetime) -> tuple[ProposedOrder, list[Finding]]:
    """What every limit says to these terms. Raises as `reserve_limits` does, but for LimitExceeded itself."""
    if not ladder.scopes:
        raise NotFound("unknown account")
    quote = ladder.quote
    if quote is None:
        raise InvalidRequest(f"unknown symbol {terms.symbol}", field="symbol")
    terms.check_against(quote.instrument)
    reference = None
    if quote.reference is not None and quote.observed_at is not None:
        reference = fresh_reference(quote.reference, quote.observed_at, at)
    proposed = propose(terms, quote.instrument, reference, ladder.scopes)
    return proposed, evaluate(ladder.scopes, proposed, reduce_only=terms.reduce_only)


def _refusal_message(refusals: list[Refusal]) -> str:
    first, *others = refusals
    also = "" if not others else " and one other limit" if len(others) == 1 else f" and {len(others)} other limits"
    return f"refused by {first['limit_type']} of {first['node_name']}{also}"


def refusal_events(order: PlaceOrder, refusals: list[dict[str, Any]]) -> list[LimitBreached]:
    """The events that belong into the transaction that records the order as refused."""
    return [_breach(order, refusal, "REJECT", 100) for refusal in refusals]


def settle(tx: TenantTransaction, snapshot: OrderSnapshot) -> bool:
    """Book what the engine says the order has come to; False when the ledger has heard as much or more already.

    NotFound when nothing was ever reserved for the order.
    """
    before = tx.limits.lock_reservation(snapshot.order_id)
    if before is None:
        raise NotFound("nothing is reserved for this order")
    after = settled(before, snapshot)
    if after is before:
        return False
    tx.limits.settle(after, change_between(before, after), session_day(snapshot.transact_time_ns))
    return True


def _warnings(order: PlaceOrder, findings: list[Finding]) -> list[LimitBreached]:
    return [
        _breach(order, finding.to_json(), "WARN", pct) for finding in findings for pct in finding.thresholds_crossed()
    ]


def _breach(order: PlaceOrder, finding: Mapping[str, Any], action: _Action, threshold_pct: int) -> LimitBreached:
    told = {name: value for name, value in finding.items() if name != "largest_passing_quantity"}
    return LimitBreached(
        **told, action=action, threshold_pct=threshold_pct, order_id=order.order_id, symbol=order.terms.symbol
    )
