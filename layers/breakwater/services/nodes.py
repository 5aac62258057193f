"""The scope tree as people build it: desks, traders, strategies and keys come, move and go."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Node, NodeState
from breakwater.domain.limit_types.settings import check_time_zone
from breakwater.domain.permissions import GIVES_RIGHTS, Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import InvalidRequest, NodeInUse, NotFound
from breakwater.services.below_use import brake_below_use
from breakwater.services.limit_views import ChangedNodeView, NodeView, node_json
from events.limits import ScopeChanged

# What may stand below what; a level may be left out.
LEVELS = ("FIRM", "DESK", "TRADER", "ACCOUNT", "STRATEGY", "API_KEY")
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
_TimeZone = Annotated[str, StringConstraints(max_length=60)]
_TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewNode(_Body):
    """The body of POST /limits/nodes. An account comes with POST /accounts; a key is one that exists, `api_key_id`."""

    parent_id: uuid.UUID
    kind: Literal["DESK", "TRADER", "STRATEGY", "API_KEY"]
    name: _Name
    api_key_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None


class NodeChange(_Body):
    """The body of PATCH /limits/nodes/{node_id}: what is left out stays.

    The calendar says when the day of daily limits begins; it is that of all nodes below as well.
    """

    name: _Name | None = None
    parent_id: uuid.UUID | None = None
    time_zone: _TimeZone | None = None
    session_start: _TimeOfDay | None = None


def create_node(new: NewNode, caller: Caller, tx: TenantTransaction, at: datetime) -> NodeView:
    """With its parent's calendar. NotFound for the parent or the key, InvalidRequest for a kind out of place."""
    caller.require("limits:manage")
    parent = tx.limits.node(new.parent_id, at, lock=True)
    if parent is None:
        raise NotFound("no such parent", field="parent_id")
    _check_level(new.kind, parent)
    if (new.kind == "API_KEY") != (new.api_key_id is not None):
        raise InvalidRequest("a node of kind API_KEY, and no other, names an api_key_id", field="api_key_id")
    if new.api_key_id is not None:
        _check_key(new.api_key_id, tx)
    return node_json(_add(parent, caller, tx, at, kind=new.kind, name=new.name, api_key_id=new.api_key_id))


def add_account(
    parent_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime, *, account_id: uuid.UUID, name: str
) -> None:
    """The place of a new account in the tree. NotFound for the parent, InvalidRequest for one that is no place for it.

    Whoever is assigned to a node above sees the account from now on.
    """
    parent = tx.limits.node(parent_id, at, lock=True)
    if parent is None:
        raise NotFound("no such parent", field="parent_id")
    _check_level("ACCOUNT", parent)
    _add(parent, caller, tx, at, kind="ACCOUNT", name=name, account_id=account_id)


def _add(
    parent: Node,
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    kind: str,
    name: str,
    account_id: uuid.UUID | None = None,
    api_key_id: str | None = None,
) -> Node:
    """With its parent's calendar."""
    node_id = uuid.uuid4()
    node = Node(
        node_id=node_id,
        parent_id=parent.node_id,
        kind=kind,
        name=name,
        account_id=account_id,
        path=[*parent.path, node_id],
        state=NodeState.ACTIVE,
        state_reason=None,
        session_day=parent.session_day,
        time_zone=parent.time_zone,
        session_start=parent.session_start,
    )
    tx.nodes.add(node, api_key_id=api_key_id)
    _tell(node, "CREATED", caller, tx, at)
    return node


def change_node(
    node_id: uuid.UUID, change: NodeChange, caller: Caller, tx: TenantTransaction, at: datetime
) -> ChangedNodeView:
    """Another name, calendar or parent. A node moves with all below it, and only while nothing is open there.

    A node above its new place that has a limit below what is in use then only reduces.

    InvalidRequest for a parent below the node itself (a cycle) or of the wrong kind; NodeInUse while orders are open.
    """
    caller.require("limits:manage")
    node = _locked(node_id, change.parent_id, tx, at)
    warnings: list[str] = []
    if change.name is not None:
        tx.nodes.rename(node_id, change.name)
    if change.time_zone is not None or change.session_start is not None:
        _set_calendar(node, change, tx)
    if change.parent_id is not None and change.parent_id != node.parent_id:
        _check_reach(node, change.parent_id, caller, tx, at)
        _move(node, change.parent_id, tx, at)
        warnings = _brake_above(node, change.parent_id, caller, tx, at)
    after = tx.limits.node(node_id, at)
    if after is None:
        raise RuntimeError(f"node {node_id} was there and is not any more")
    _tell(after, "MOVED" if after.parent_id != node.parent_id else "CHANGED", caller, tx, at)
    return {**node_json(after), "warnings": warnings}


def delete_node(node_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NodeInUse while it has limits or nodes below it, and for ever once something was reserved at it."""
    caller.require("limits:manage")
    node = _locked(node_id, None, tx, at)
    if node.kind in ("FIRM", "ACCOUNT"):
        raise InvalidRequest("the firm and its accounts stay", field="node_id")
    if tx.nodes.has_history(node_id):
        raise NodeInUse(f"{node.name} has limits, nodes below it, or a history of orders")
    tx.nodes.delete(node_id)
    _tell(node, "DELETED", caller, tx, at)


def _locked(node_id: uuid.UUID, parent_id: uuid.UUID | None, tx: TenantTransaction, at: datetime) -> Node:
    """The node, with all below it and above it and its new place locked in key order: no order is judged meanwhile."""
    tx.nodes.lock_subtrees([node_id] if parent_id is None else [node_id, parent_id])
    node = tx.limits.node(node_id, at)
    if node is None:
        raise NotFound("no such node")
    return node


def _check_reach(node: Node, parent_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """Accounts that move to, or from, below where somebody is assigned become his, or cease to be: that is a gift."""
    parent = tx.limits.node(parent_id, at)
    if parent is None or not tx.limits.account_ids_below(node.node_id):
        return
    left_or_reached = set(node.path[:-1]) ^ set(parent.path)
    if tx.people.is_anybody_assigned(left_or_reached):
        caller.require("users:manage")
        caller.require_person(GIVES_RIGHTS)


def _move(node: Node, parent_id: uuid.UUID, tx: TenantTransaction, at: datetime) -> None:
    parent = tx.limits.node(parent_id, at)
    if parent is None:
        raise NotFound("no such parent", field="parent_id")
    if node.node_id in parent.path:
        raise InvalidRequest(f"{parent.name} is below {node.name} itself", field="parent_id")
    _check_level(node.kind, parent)
    if node.kind in ("STRATEGY", "API_KEY") and parent.path[: len(node.path) - 1] != node.path[:-1]:
        raise InvalidRequest("a strategy or key stays with its account", field="parent_id")
    tx.degraded.wait_for_provisional_orders()
    if tx.nodes.has_open_reservations(node.node_id):
        raise NodeInUse(f"orders below {node.name} are open: it moves when they have ended")
    tx.nodes.move(node, parent, at)


def _brake_above(node: Node, parent_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> list[str]:
    """The scopes above its new place have all that has filled below it, and those that had it before have no more."""
    parent = tx.limits.node(parent_id, at)
    if parent is None:
        raise RuntimeError(f"node {parent_id} was there and is not any more")
    now_above = [node_id for node_id in parent.path if node_id not in node.path]
    scopes = {scope.node.node_id: scope for scope in tx.limits.scopes_of(at, now_above)}
    market, warnings = tx.limits.market(at), []
    for scope in (scopes[node_id] for node_id in now_above):
        warnings += brake_below_use(
            tx,
            scope,
            scope.limits,
            market,
            f"since {node.name} moved here is",
            by=caller.username,
            correlation_id=caller.correlation_id,
            names_limits=True,
        )
    return warnings


def _set_calendar(node: Node, change: NodeChange, tx: TenantTransaction) -> None:
    time_zone = node.time_zone if change.time_zone is None else change.time_zone
    check_time_zone(time_zone)
    if not tx.nodes.knows_time_zone(time_zone):  # Its list and Python's are not quite the same.
        raise InvalidRequest(f"unknown time zone {time_zone}", field="time_zone")
    start = node.session_start
    if change.session_start is not None:
        hours, minutes = change.session_start.split(":")
        start = timedelta(hours=int(hours), minutes=int(minutes))
    tx.nodes.set_calendar(node.node_id, time_zone, start)


def _check_level(kind: str, parent: Node) -> None:
    if LEVELS.index(kind) <= LEVELS.index(parent.kind):
        raise InvalidRequest(f"a {kind} cannot stand below a {parent.kind}", field="kind")
    below_account = LEVELS.index(kind) > LEVELS.index("ACCOUNT")
    if below_account and LEVELS.index(parent.kind) < LEVELS.index("ACCOUNT"):
        raise InvalidRequest(f"a {kind} stands below an account", field="parent_id")


def _check_key(api_key_id: str, tx: TenantTransaction) -> None:
    if all(key.key_id != api_key_id for key in tx.identity.api_keys(None)):
        raise NotFound("no such API key", field="api_key_id")
    if tx.limits.node_ids_of_key(api_key_id):
        raise InvalidRequest("this API key has its place in the tree already", field="api_key_id")


def _tell(node: Node, change: str, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    event = ScopeChanged(
        node_id=node.node_id,
        node_name=node.name,
        kind=node.kind,
        parent_id=node.parent_id,
        change=change,
        changed_by=caller.username,
    )
    tx.outbox.add(
        event,
        aggregate_id=node.node_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
