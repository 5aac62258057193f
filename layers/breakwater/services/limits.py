"""The limits ledger in use: hold what an order may consume, follow it until it is final, give the rest back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from breakwater.db.connection import TenantTransaction
from breakwater.db.ladders import Entry, Ladder, Place
from breakwater.db.limits import check_path
from breakwater.domain.exposure import ZERO, Action, Limit, Node, NodeState, Scope, is_stricter
from breakwater.domain.limit_types import ProposedOrder
from breakwater.domain.limits import (
    CROSSED_PCT,
    Finding,
    Refusal,
    evaluate,
    node_changes,
    propose,
    refused,
    self_trade_mode,
)
from breakwater.domain.money import format_amount, trim
from breakwater.domain.orders import OrderSnapshot, OrderTerms, OrdStatus, PlaceOrder
from breakwater.domain.replaces import TOO_LATE, judge_replace, without
from breakwater.domain.settlement import (
    HeldReservation,
    ReservationState,
    as_last_heard,
    change_between,
    released,
    replacing,
    settled,
)
from breakwater.domain.times import from_nanoseconds, nanoseconds
from breakwater.errors import InvalidRequest, LimitExceeded, NotFound, NotPermitted, ReplaceRefused
from breakwater.services import lease_ledger
from events.limits import LimitBreached, LimitBreachedByLoss, NodeStateChanged

type _Action = Literal["WARN", "REJECT"]


class FilledOrder(NamedTuple):
    """One that has crossed a limit by its fills. It was asked long before, or never."""

    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str


LOSS_STREAK = "LOSS_STREAK"
REPEAT_EXECUTION = "REPEAT_EXECUTION"
CHANGED_BY = "limits"  # Who changed a node's state, where a limit did.


@dataclass(frozen=True, slots=True)
class Reservation:
    """Held for an order until it is final. `warnings`: soft thresholds it crossed, to be put in the outbox.

    `self_trade`: what the matching core does where the order would meet one of the firm's own; None: its default.
    """

    order_id: uuid.UUID
    price_low: Decimal
    price_high: Decimal
    warnings: tuple[LimitBreached, ...]
    self_trade: str | None = None


def reserve_limits(tx: TenantTransaction, order: PlaceOrder, at: datetime) -> Reservation:
    """Hold what the order may consume under every limit above it, or nothing at all.

    Idempotent by order id: what is held already comes back unchanged, without warnings. Raises LimitExceeded
    (`refusals` names every limit that refused), its kind ReferenceUnavailable (`refusals` is empty), NotFound (unknown
    account or strategy), NotPermitted (the key has its place elsewhere in the tree), InvalidRequest (symbol, tick,
    lot, below the minimum), TreeChanged. With LimitExceeded it has written what the refusal does to the nodes, and with
    the others nothing: the refusal and its consequences belong into one commit.
    """
    terms = order.terms
    place = tx.ladders.place(terms, order.api_key_id)
    ladder = tx.ladders.lock(path_of(place, terms), place.quote, terms, order_id=order.order_id, at=at)
    return _reserve(tx, order, ladder, at)


def reserve_entered(tx: TenantTransaction, order: PlaceOrder, entry: Entry, at: datetime) -> Reservation:
    """The same for an order that has come through the open gate: what it is judged by is locked and read."""
    path = path_of(entry.place, order.terms)
    ladder = entry.ladder
    if ladder is None:
        raise RuntimeError(f"order {order.order_id} passed the gate, and nothing was locked for it")
    check_path(path[-1], ladder.scopes)
    return _reserve(tx, order, ladder, at)


def _reserve(tx: TenantTransaction, order: PlaceOrder, ladder: Ladder, at: datetime) -> Reservation:
    terms = order.terms
    tx.let_go_early()
    if ladder.held is not None:
        return Reservation(order.order_id, ladder.held.price_low, ladder.held.price_high, ())
    proposed, findings = judge(ladder, terms)
    refusals = [finding.to_json() for finding in refused(findings)]
    if refusals:
        _tell_nodes(tx, order, findings, ladder.scopes, at)
        raise LimitExceeded(refusal_message(refusals), refusals=refusals)
    node_ids = [scope.node.node_id for scope in ladder.scopes]
    reservation = HeldReservation(
        order_id=order.order_id,
        node_ids=node_ids,
        symbol=terms.symbol,
        venue=terms.venue,
        is_automated=order.api_key_id is not None,
        side=terms.side,
        quantity=terms.quantity,
        valuation_price=proposed.band.high,
        open_qty=terms.quantity,
        cum_qty=ZERO,
        cum_notional=ZERO,
        engine_seq=0,
        state=ReservationState.HELD,
    )
    tx.limits.hold(reservation, change_between(released(reservation), reservation), terms.account_id, at)
    if ladder.counts_activity:
        tx.limits.count_activity(node_ids, terms.symbol, terms.venue, at, new_count=1)
    mode = self_trade_mode(ladder.scopes, proposed)
    return Reservation(
        order.order_id, proposed.band.low, proposed.band.high, tuple(soft_breaches(order, findings)), mode
    )


def path_of(place: Place, terms: OrderTerms) -> Sequence[uuid.UUID]:
    """The way down to the scope the order counts to first: its key's, else its strategy's, else its account's.

    NotFound for an account that is not known and a strategy that is not below it; NotPermitted for a key whose place in
    the tree is not on the order's way: its limits would not hold there.
    """
    if place.account_path is None:
        raise NotFound("unknown account", field="account_id")
    if terms.strategy_id is not None and place.strategy_path is None:
        raise NotFound("no such strategy below this account", field="strategy_id")
    above = place.strategy_path or place.account_path
    if place.key_path is None:
        return above
    if above[-1] not in place.key_path:
        raise NotPermitted("this API key has limits of its own at another account or strategy, and trades only there")
    return place.key_path


def read_ladder(tx: TenantTransaction, terms: OrderTerms, api_key_id: str | None, at: datetime) -> Ladder:
    """What an order of these terms would be judged by. Raises as `path_of` does."""
    place = tx.ladders.place(terms, api_key_id)
    # No order has this id: nothing is held for it, so every limit is asked.
    return tx.ladders.read(path_of(place, terms), place.quote, terms, order_id=uuid.uuid4(), at=at)


def propose_in(ladder: Ladder, terms: OrderTerms) -> ProposedOrder:
    """The order as the limits see it. Raises as `reserve_limits` does, but for LimitExceeded itself."""
    if not ladder.scopes:
        raise NotFound("unknown account", field="account_id")
    if ladder.quote is None:
        raise InvalidRequest(f"unknown symbol {terms.symbol}", field="symbol")
    terms.check_against(ladder.quote.instrument)
    return propose(
        terms,
        ladder.market,
        ladder.scopes,
        same_terms_at=ladder.same_terms_at,
        entry_open_qty=ladder.entry_open_qty,
    )


def judge(ladder: Ladder, terms: OrderTerms) -> tuple[ProposedOrder, list[Finding]]:
    """What every limit says to these terms. Raises as `reserve_limits` does, but for LimitExceeded itself."""
    proposed = propose_in(ladder, terms)
    return proposed, evaluate(ladder.scopes, proposed, reduce_only=terms.reduce_only)


def refusal_message(refusals: list[Refusal]) -> str:
    first, *others = refusals
    also = "" if not others else " and one other limit" if len(others) == 1 else f" and {len(others)} other limits"
    return f"refused by {first['limit_type']} of {first['node_name']}{also}"


def refusal_events(order: PlaceOrder, refusals: list[dict[str, Any]]) -> list[LimitBreached]:
    """The events that belong into the transaction that records the order as refused."""
    return [_breach(order, refusal, "REJECT", 100) for refusal in refusals]


@dataclass(frozen=True, slots=True)
class ReplaceReservation:
    """Held beside what the order has, until the replace is decided. `warnings` as of a Reservation."""

    price_low: Decimal
    price_high: Decimal
    warnings: tuple[LimitBreached, ...]


def reserve_replace(
    tx: TenantTransaction, order: PlaceOrder, replace_no: int, at: datetime, *, price_low: Decimal, is_less: bool
) -> ReplaceReservation:
    """Hold the larger of what the order has and of what it may get with the terms of `order`.

    The order's row is locked, and no replace of it is undecided. Raises as `reserve_limits` does, with the same
    written, and ReplaceRefused where as much has traded. `price_low` is that of the order's band; `is_less`: no limit
    is asked, and the band stays.
    """
    before = tx.limits.lock_reservation(order.order_id)
    if before is None:
        raise NotFound("nothing is reserved for this order")
    if not before.is_open or before.cum_qty >= order.terms.quantity:
        raise ReplaceRefused("as much of the order has traded", code=TOO_LATE)
    terms = order.terms
    warnings: tuple[LimitBreached, ...] = ()
    if is_less:
        low, high = price_low, before.valuation_price
    else:
        place = tx.ladders.place(terms, order.api_key_id)
        if place.key_path is not None and place.key_path[-1] not in before.node_ids:
            raise NotPermitted("this API key has limits of its own, and replaces only orders that count to them")
        ladder = tx.ladders.lock(before.node_ids, place.quote, terms, order_id=order.order_id, at=at)
        ladder = replace(ladder, scopes=without(ladder.scopes, before))
        proposed = propose_in(ladder, terms)
        findings = judge_replace(ladder.scopes, proposed, before, reduce_only=terms.reduce_only)
        refusals = [finding.to_json() for finding in refused(findings)]
        if refusals:
            _tell_nodes(tx, order, findings, ladder.scopes, at)
            raise LimitExceeded(refusal_message(refusals), refusals=refusals)
        low, high = proposed.band.low, proposed.band.high
        warnings = tuple(soft_breaches(order, findings))
    after = replacing(before, replace_no, terms.quantity, high)
    tx.limits.settle(after, change_between(before, after), at)
    tx.limits.count_activity(before.node_ids, before.symbol, before.venue, at, replace_count=1)
    return ReplaceReservation(low, high, warnings)


def settle(tx: TenantTransaction, snapshot: OrderSnapshot) -> bool:
    """Book what the engine says the order has come to; False when the ledger has heard as much or more already.

    NotFound when nothing was ever reserved for the order. One that passed beside the ledger is booked by
    services/degraded.py.
    """
    before = tx.limits.lock_reservation(snapshot.order_id)
    if before is None and tx.degraded.is_provisional(snapshot.order_id):
        return False  # The order's row has the word, and the ledger takes it from there once it is back.
    if before is None:
        raise NotFound("nothing is reserved for this order")
    after = settled(before, snapshot)
    if after is before:
        return False
    is_newer = after.engine_seq != before.engine_seq  # Else it told of a replace alone.
    if not is_newer and after.is_open:
        # What is left was told by the newer word, which did not say of which terms. The order's row has kept it.
        row = tx.orders.get(after.order_id)
        if row is not None and row.engine_seq == after.engine_seq:
            after = as_last_heard(after, row.leaves_qty)
    at = from_nanoseconds(snapshot.transact_time_ns)
    change = change_between(before, after)
    fills = change.fill_count
    if before.lease_id is not None:
        lease_ledger.follow(tx, before, after, at)
    with tx.connection.pipeline():
        tx.limits.settle(after, change, at)
        if fills:
            tx.limits.count_activity(
                before.node_ids,
                before.symbol,
                before.venue,
                at,
                fill_count=fills,
                automated_fill_count=fills if before.is_automated else 0,
                traded_notional=change.traded_notional,
            )
        if is_newer and snapshot.status is OrdStatus.REJECTED:
            tx.limits.count_reject(before.node_ids)
        elif is_newer and before.engine_seq == 0:
            tx.limits.end_reject_streak(before.node_ids)
    if fills and before.is_automated:
        _stop_repeated_executions(tx, before, fills, at)
    return True


def count_round_trip(
    tx: TenantTransaction, account_id: uuid.UUID, *, lost: bool, order_id: uuid.UUID, symbol: str, at: datetime
) -> None:
    """A position was closed by this order. A loss that begins a cool-down is told: nothing but reducing passes then."""
    for reached in tx.limits.count_round_trip(account_id, lost=lost, at=at):
        limit = _limit_reached(LOSS_STREAK, reached)
        used = Decimal(reached["losses"])
        tell_crossing(tx, limit, used=used, by=FilledOrder(order_id, account_id, symbol), at=at)


def change_node_state(
    tx: TenantTransaction, node: Node, state: NodeState, *, reason: str, by: str, correlation_id: str, at: datetime
) -> None:
    """Write it and tell it. The node is locked. A kill asks for the cancel of what is open below."""
    if state is NodeState.KILLED:
        tx.limits.request_cancels(node.node_id, state, reason=reason, changed_by=by, at=at)
    else:
        tx.limits.set_state(node.node_id, state, reason=reason, changed_by=by, at=at)
    event = NodeStateChanged(
        node_id=node.node_id,
        node_name=node.name,
        state_before=node.state,
        state=state,
        reason=reason,
        changed_by=by,
    )
    tx.outbox.add(
        event,
        aggregate_id=node.node_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _tell_nodes(
    tx: TenantTransaction, order: PlaceOrder, findings: list[Finding], scopes: Sequence[Scope], at: datetime
) -> None:
    """What a refusal does beyond this order: the streak of refusals, and the states that its limits ask for."""
    tx.limits.count_reject([scope.node.node_id for scope in scopes])
    for change in node_changes(findings):
        change_node_state(
            tx,
            change.scope.node,
            change.state,
            reason=_reason(change.finding),
            by=CHANGED_BY,
            correlation_id=order.correlation_id,
            at=at,
        )


def _reason(refusal: Finding) -> str:
    """Why a node is stopped, for people."""
    limit, verdict = refusal.limit, refusal.verdict
    if limit.value is None:
        return f"{limit.limit_type} refuses an order"
    limit_told = f"{limit.limit_type} of {format_amount(limit.value)}"
    if verdict.missing is not None:
        return f"{limit_told}: {verdict.missing} is missing"
    in_use, attempted = (format_amount(trim(amount)) for amount in (verdict.in_use, verdict.attempted))
    return f"{limit_told}: {in_use} in use, {attempted} asked for"


def _stop_repeated_executions(tx: TenantTransaction, filled: HeldReservation, fills: int, at: datetime) -> None:
    """The fill that reaches the limit stops the node, not the next order: the window may be over by then.

    It is told with it, whatever the limit's action; `fills` are those that have come now.
    """
    for reached in tx.limits.repeated_executions(filled.node_ids, filled.symbol, filled.venue, at):
        if reached["is_of_fill"] and reached["fills"] - fills < reached["value"]:
            limit, used = _limit_reached(REPEAT_EXECUTION, reached), Decimal(reached["fills"])
            row = tx.orders.get(filled.order_id)
            by = None if row is None else FilledOrder(row.order_id, row.account_id, row.symbol)
            tell_crossing(tx, limit, used=used, by=by, at=at)
        node, state = tx.limits.node(reached["node_id"], at), Action(reached["action"]).node_state
        if node is None or state is None or not is_stricter(state, node.state):
            continue
        reason = f"REPEAT_EXECUTION of {reached['value']}: {reached['fills']} automated fills in the window"
        change_node_state(tx, node, state, reason=reason, by=CHANGED_BY, correlation_id=str(node.node_id), at=at)


def _limit_reached(limit_type: str, reached: Mapping[str, Any]) -> Limit:
    limit_id, node_id, action = (reached[name] for name in ("limit_id", "node_id", "action"))
    return Limit(limit_id, node_id, limit_type, reached["instrument"], reached["value"], {}, action=action)


def tell_crossing(
    tx: TenantTransaction,
    limit: Limit,
    *,
    used: Decimal,
    at: datetime,
    reserved: Decimal = ZERO,
    by: FilledOrder | None = None,
    correlation_id: str | None = None,
) -> None:
    """What has happened has taken the use across the limit, and no order was asked. `by` is the order that did.

    Whoever sees a node sees what crossed its limits; where an order is named, only whoever sees its account.
    """
    node = tx.limits.node(limit.node_id, at)
    if node is None:
        raise RuntimeError(f"limit {limit.limit_id} stands on node {limit.node_id}, which is not there")
    tx.outbox.add(
        _breach_without_order(node, limit, CROSSED_PCT, used, reserved, by=by),
        aggregate_id=node.node_id,
        account_id=node.account_id if by is None else by.account_id,
        correlation_id=correlation_id or str(node.node_id),
        occurred_at_ns=nanoseconds(at),
    )


def soft_breaches(order: PlaceOrder, findings: list[Finding]) -> list[LimitBreached]:
    return [
        _breach(order, finding.to_json(), "WARN", pct) for finding in findings for pct in finding.thresholds_crossed()
    ]


def loss_breach(scope: Scope, limit: Limit, lost: Decimal, threshold_pct: int) -> LimitBreachedByLoss:
    """That prices and fills have taken a loss to this part of its limit."""
    return _breach_without_order(scope.node, limit, threshold_pct, lost, ZERO, by=None)


def _breach_without_order(
    node: Node,
    limit: Limit,
    threshold_pct: int,
    used: Decimal,
    reserved: Decimal,
    *,
    by: FilledOrder | None,
) -> LimitBreachedByLoss:
    refuses = threshold_pct == CROSSED_PCT and limit.action != Action.WARN
    return LimitBreachedByLoss(
        node_id=node.node_id,
        node_name=node.name,
        limit_id=limit.limit_id,
        limit_type=limit.limit_type,
        instrument=limit.instrument,
        action="REJECT" if refuses else "WARN",
        threshold_pct=threshold_pct,
        limit=format_amount(limit.cap),
        used=format_amount(trim(used)),
        reserved=format_amount(trim(reserved)),
        attempted=format_amount(ZERO),
        order_id=None if by is None else by.order_id,
        symbol=None if by is None else by.symbol,
    )


_TOLD = ("node_id", "node_name", "limit_id", "limit_type", "instrument", "limit", "used", "reserved", "attempted")


def _breach(order: PlaceOrder, finding: Mapping[str, Any], action: _Action, threshold_pct: int) -> LimitBreached:
    return LimitBreached(
        **{name: finding[name] for name in _TOLD},
        action=action,
        threshold_pct=threshold_pct,
        order_id=order.order_id,
        symbol=order.terms.symbol,
    )
