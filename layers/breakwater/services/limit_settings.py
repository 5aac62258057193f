"""Limits as people meet them: set and see them, ask what they would say, stop a scope and let it trade again."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.limits import OpenOrder
from breakwater.domain.exposure import ALL_INSTRUMENTS, Limit, Node, NodeState, Scope
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import LIMIT_TYPES, RESTRICTED_LIST
from breakwater.domain.limits import refused, use_of
from breakwater.domain.money import EXACT, Amount, format_amount, trim
from breakwater.domain.orders import OrderTerms
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import BreakwaterError, EngineUnavailable, InvalidRequest, NotFound
from breakwater.services.engine_client import CanceledOrders, EngineClient, FailedCancel
from breakwater.services.limit_views import (
    KilledNode,
    LimitTree,
    LimitTreeNode,
    LimitUsage,
    LimitValidation,
    LimitView,
    NodeView,
    SetLimit,
)
from breakwater.services.limits import judge
from breakwater.services.settlement import TenantTransactions, settle
from events.envelope import Event
from events.limits import LimitChanged, NodeStateChanged


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitSetting(_Body):
    """The body of POST /limits; `instrument` is a symbol or * for all."""

    node_id: uuid.UUID
    limit_type: Annotated[str, StringConstraints(max_length=40)]
    instrument: Annotated[str, StringConstraints(max_length=41)] = ALL_INSTRUMENTS
    value: Amount | None = None
    parameters: dict[str, Any] = {}


class StateChange(_Body):
    """The body of POST /limits/kill and /limits/rearm."""

    node_id: uuid.UUID
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


def set_limit(setting: LimitSetting, caller: Caller, tx: TenantTransaction, at: datetime) -> SetLimit:
    """Create the limit, or replace the one of the same node, type and instrument.

    The answer is the limit with `warnings`, sentences for people: it is looser than one above it and so never the one
    that refuses, or already below what is in use. InvalidRequest for a value that makes no sense.
    """
    caller.require("limits:manage")
    limit_type = LIMIT_TYPES.get(setting.limit_type)
    if limit_type is None:
        raise InvalidRequest(f"limit_type is one of {', '.join(LIMIT_TYPES)}", field="limit_type")
    limit_type.check_setting(setting.value, setting.parameters)
    # Locked, so that an order sees either the old limit or the new one.
    node = tx.limits.node(setting.node_id, lock=True)
    if node is None:
        raise NotFound("no such node")
    instruments = tx.market.instruments()
    _check_symbols(setting, {instrument.symbol for instrument in instruments})
    before = tx.limits.limit_at(setting.node_id, setting.limit_type, setting.instrument)
    limit = tx.limits.put(Limit(limit_id=uuid.uuid4(), **dict(setting)), created_by=caller.username)
    _tell_change(tx, node, before=before, after=limit, caller=caller, at=at)
    scopes = {scope.node.node_id: scope for scope in tx.limits.scopes(at.astimezone(UTC).date())}
    scope = scopes[limit.node_id]
    warnings = [*_looser_than_above(limit, scope, scopes), *_below_use(limit, scope, instruments)]
    return {**_limit_json(scope, limit, instruments), "warnings": warnings}


def delete_limit(limit_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound when there is no such limit."""
    caller.require("limits:manage")
    limit = tx.limits.delete(limit_id)
    node = None if limit is None else tx.limits.node(limit.node_id)
    if node is None:
        raise NotFound("no such limit")
    _tell_change(tx, node, before=limit, after=None, caller=caller, at=at)


def tree(caller: Caller, tx: TenantTransaction, at: datetime) -> LimitTree:
    """`items`: the topmost scopes the caller may see, each with state, limits and their use, and its `children`."""
    instruments = tx.market.instruments()
    roots: list[LimitTreeNode] = []
    seen: dict[uuid.UUID, LimitTreeNode] = {}
    for scope in _visible_scopes(caller, tx, at):  # Parents come before their children.
        told = seen[scope.node.node_id] = {
            **_node_json(scope.node),
            "limits": [_limit_json(scope, limit, instruments) for limit in scope.limits],
            "children": [],
        }
        parent = seen.get(scope.node.parent_id) if scope.node.parent_id else None
        (roots if parent is None else parent["children"]).append(told)
    return {"items": roots}


def usage(node_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> LimitUsage:
    """`items`: every limit of one scope with its use. NotFound for a scope the caller may not see."""
    for scope in _visible_scopes(caller, tx, at):
        if scope.node.node_id == node_id:
            instruments = tx.market.instruments()
            items = [_limit_json(scope, limit, instruments) for limit in scope.limits]
            return {**_node_json(scope.node), "items": items}
    raise NotFound("no such node")


def validate(terms: OrderTerms, caller: Caller, tx: TenantTransaction, at: datetime) -> LimitValidation:
    """What every limit would say to these terms now; reserves nothing. Raises what `judge` raises."""
    caller.require("limits:read")
    tx.identity.require_account(caller.subject, caller.role, terms.account_id)
    ladder = tx.limits.read_ladder(terms.account_id, terms.symbol, uuid.uuid4(), at.astimezone(UTC).date())
    proposed, findings = judge(ladder, terms, at)
    largest = [f.verdict.largest_passing_quantity for f in findings if f.verdict.largest_passing_quantity is not None]
    return {
        "passes": not refused(findings),
        "price_low": format_amount(proposed.band.low),
        "price_high": format_amount(proposed.band.high),
        "largest_passing_quantity": format_amount(trim(min(largest))) if largest else None,
        "verdicts": [{**finding.to_json(), "passes": finding.verdict.passes} for finding in findings],
    }


def kill(
    change: StateChange, caller: Caller, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> KilledNode:
    """Refuse all new orders at the node and below, then cancel the open ones.

    The state stands before the engine is asked, and what was reserved until then is ended by name, so nothing slips
    in between. `failed` names every order that may still be open; the call may be repeated. NotFound when there is no
    such node.
    """
    caller.require("risk:manage")
    with transactions(caller.tenant_id) as tx:
        node = _change_state(change, NodeState.KILLED, caller, tx, at)
        account_ids = tx.limits.account_ids_below(node.node_id)
        open_orders = tx.limits.open_orders(node.node_id)
    outcome = _cancel_all(account_ids, open_orders, caller, engine)
    for snapshot in outcome.canceled:
        # One by one: a hot node is locked for one order's sake only.
        with transactions(caller.tenant_id) as tx:
            settle(tx, snapshot)
    return {
        **_node_json(node),
        "canceled": [str(snapshot.order_id) for snapshot in outcome.canceled],
        "failed": [{"order_id": str(failed.order_id), "reason": failed.reason} for failed in outcome.failed],
    }


def rearm(change: StateChange, caller: Caller, tx: TenantTransaction, at: datetime) -> NodeView:
    """Let the node trade again. NotFound when there is no such node."""
    caller.require("risk:manage")
    return _node_json(_change_state(change, NodeState.ACTIVE, caller, tx, at))


def _tell_change(
    tx: TenantTransaction, node: Node, *, before: Limit | None, after: Limit | None, caller: Caller, at: datetime
) -> None:
    """Who loosened a limit must not be able to tighten it again unseen."""
    limit = after or before
    if limit is None or limit.limit_id is None:
        raise ValueError("a change of nothing")
    event = LimitChanged(
        node_id=node.node_id,
        node_name=node.name,
        limit_id=limit.limit_id,
        limit_type=limit.limit_type,
        instrument=limit.instrument,
        value_before=_value_text(before),
        value=_value_text(after),
        parameters_before=None if before is None else dict(before.parameters),
        parameters=None if after is None else dict(after.parameters),
        changed_by=caller.username,
    )
    _publish(event, node, caller, tx, at)


def _value_text(limit: Limit | None) -> str | None:
    return None if limit is None or limit.value is None else format_amount(limit.value)


def _publish(event: Event, node: Node, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=node.node_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _change_state(change: StateChange, state: NodeState, caller: Caller, tx: TenantTransaction, at: datetime) -> Node:
    before = tx.limits.node(change.node_id, lock=True)
    if before is None:
        raise NotFound("no such node")
    tx.limits.set_state(before.node_id, state, reason=change.reason, changed_by=caller.username, at=at)
    event = NodeStateChanged(
        node_id=before.node_id,
        node_name=before.name,
        state_before=before.state,
        state=state,
        reason=change.reason,
        changed_by=caller.username,
    )
    _publish(event, before, caller, tx, at)
    return replace(before, state=state, state_reason=change.reason)


def _cancel_all(
    account_ids: Sequence[uuid.UUID], open_orders: Sequence[OpenOrder], caller: Caller, engine: EngineClient
) -> CanceledOrders:
    """Every order that was open when the node stopped, either ended by the engine's word or named as failed."""
    try:
        outcome = engine.cancel_all(account_ids, tenant_id=caller.tenant_id, correlation_id=caller.correlation_id)
    except EngineUnavailable as error:
        # The node is stopped all the same: the answer says so, and which orders may still be open.
        outcome = CanceledOrders(canceled=[], failed=[_failed(order, error) for order in open_orders])
    told = {snapshot.order_id for snapshot in outcome.canceled} | {failed.order_id for failed in outcome.failed}
    ended, failed = list(outcome.canceled), list(outcome.failed)
    for order in open_orders:
        if order.order_id in told:
            continue
        try:
            # Reserved before the stop and not at the engine when it cancelled: it must not slip in after that.
            snapshot = engine.end(
                order.order_id,
                tenant_id=caller.tenant_id,
                account_id=order.account_id,
                symbol=order.symbol,
                correlation_id=caller.correlation_id,
            )
            ended.append(snapshot)
        except (EngineUnavailable, NotFound) as error:
            failed.append(_failed(order, error))
    return CanceledOrders(canceled=ended, failed=failed)


def _failed(order: OpenOrder, error: BreakwaterError) -> FailedCancel:
    return FailedCancel(order_id=order.order_id, reason=error.message)


def _visible_scopes(caller: Caller, tx: TenantTransaction, at: datetime) -> list[Scope]:
    """All of them for who oversees the organisation; otherwise those on the way to the caller's accounts and below."""
    caller.require("limits:read")
    scopes = tx.limits.scopes(at.astimezone(UTC).date())
    if caller.role in ROLES_WITH_ALL_ACCOUNTS:
        return scopes
    account_ids = set(tx.identity.accessible_account_ids(caller.subject, caller.role))
    own = [scope.node for scope in scopes if scope.node.account_id in account_ids]
    above = {node_id for node in own for node_id in node.path}
    own_ids = {node.node_id for node in own}
    return [scope for scope in scopes if scope.node.node_id in above or not own_ids.isdisjoint(scope.node.path)]


def _check_symbols(setting: LimitSetting, known: set[str]) -> None:
    if setting.instrument != ALL_INSTRUMENTS and setting.instrument not in known:
        raise InvalidRequest(f"unknown symbol {setting.instrument}", field="instrument")
    if setting.limit_type == RESTRICTED_LIST and not known.issuperset(setting.parameters["symbols"]):
        raise InvalidRequest("symbols has an unknown symbol", field="parameters")


def _looser_than_above(limit: Limit, scope: Scope, scopes: dict[uuid.UUID, Scope]) -> list[str]:
    above = [scopes[node_id] for node_id in scope.node.path[:-1]]
    return [
        f"it has no effect: {higher.node.name} allows {format_amount(other.value)}"
        for higher in above
        for other in higher.limits
        if other.limit_type == limit.limit_type and other.instrument in (ALL_INSTRUMENTS, limit.instrument)
        if limit.value is not None and other.value is not None and limit.value > other.value
    ]


def _below_use(limit: Limit, scope: Scope, instruments: Iterable[Instrument]) -> list[str]:
    use = use_of(scope, limit, instruments)
    if use is None or use.in_use <= use.limit:
        return []
    return [f"it is below what is in use: {format_amount(trim(use.in_use))}"]


def _node_json(node: Node) -> NodeView:
    return {
        "node_id": str(node.node_id),
        "parent_id": None if node.parent_id is None else str(node.parent_id),
        "name": node.name,
        "kind": node.kind,
        "account_id": None if node.account_id is None else str(node.account_id),
        "state": NodeState(node.state),
        "state_reason": node.state_reason,
    }


def _limit_json(scope: Scope, limit: Limit, instruments: Iterable[Instrument]) -> LimitView:
    use = use_of(scope, limit, instruments)
    return {
        "limit_id": str(limit.limit_id),
        "node_id": str(limit.node_id),
        "limit_type": limit.limit_type,
        "instrument": limit.instrument,
        "value": None if limit.value is None else format_amount(limit.value),
        "parameters": dict(limit.parameters),
        "used": None if use is None else format_amount(trim(use.used)),
        "reserved": None if use is None else format_amount(trim(use.reserved)),
        "usage_pct": None if use is None else _percent(use.in_use, use.limit),
    }


def _percent(part: Decimal, whole: Decimal) -> str:
    """To two decimals, for the eye. A limit of zero is always full."""
    if whole == 0:
        return "100"
    with localcontext(EXACT):
        return format_amount(trim((max(part, Decimal(0)) * 100 / whole).quantize(Decimal("0.01"))))
