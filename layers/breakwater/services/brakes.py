"""What stops a scope and lets it trade again: kill, suspend, re-arm, and the dead man's switch."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Node, NodeState, is_stricter
from breakwater.domain.limit_types import DEAD_MAN
from breakwater.domain.permissions import Caller
from breakwater.domain.times import format_time
from breakwater.errors import CancelsOutstanding, InvalidRequest, NodeStopped, NotFound
from breakwater.services import leases
from breakwater.services.cancels import cancel_open
from breakwater.services.engine_client import EngineClient
from breakwater.services.limit_views import Heartbeat, KilledNode, NodeView, node_json
from breakwater.services.limits import change_node_state
from breakwater.services.settlement import TenantTransactions, settle_if_known

# What was cancelled beyond these is settled by its events, some seconds later: the caller shall not wait for it.
SETTLED_AT_ONCE_MAX = 200


class StateChange(BaseModel):
    """The body of POST /limits/kill and /limits/rearm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    node_id: uuid.UUID
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Brake(StateChange):
    """The body of POST /limits/brake: no new orders, or only those that reduce. Open orders stay."""

    state: Literal["REDUCE_ONLY", "SUSPENDED"]


class Beat(BaseModel):
    """The body of POST /limits/heartbeat: of the account, or of the caller's own API key without one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: uuid.UUID | None = None


def kill(
    change: StateChange, caller: Caller, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> KilledNode:
    """Refuse all new orders at the node and below, then cancel the open ones.

    The state stands before the engine is asked, and what was reserved until then is ended by name, so nothing slips
    in between. `failed` names every order that may still be open, `leases_not_stopped` every lease that the engine may
    still go by for some seconds, until it runs out, or within which it may have open orders that nobody has heard of;
    the call may be repeated. NotFound when there is no such node, or it is not the caller's to stop.
    """
    caller.require("risk:stop")
    with transactions(caller.tenant_id) as tx:
        tx.identity.require_node(caller.subject, caller.role, change.node_id)
        tx.leases.lock_nodes_below(change.node_id)
        node = _change_state(change, NodeState.KILLED, caller, tx, at)
        lease_ids = leases.stop_below(
            tx,
            node.node_id,
            reason=f"{node.name} was killed",
            by=caller.username,
            correlation_id=caller.correlation_id,
            at=at,
        )
        tx.degraded.wait_for_provisional_orders()  # Those are not held back by the node's lock.
        account_ids = tx.limits.account_ids_below(node.node_id)
        open_orders = tx.limits.open_orders(node.node_id)
    # Before the cancels: what they make free must not let the engine's next order pass.
    not_stopped = leases.tell_all(lease_ids, caller.tenant_id, transactions, engine, at)
    outcome = cancel_open(
        account_ids, open_orders, tenant_id=caller.tenant_id, correlation_id=caller.correlation_id, engine=engine
    )
    for snapshot in outcome.canceled[:SETTLED_AT_ONCE_MAX]:
        # One by one: a hot node is locked for one order's sake only.
        settle_if_known(snapshot, caller.tenant_id, transactions)
    if outcome.is_unknown:
        with transactions(caller.tenant_id) as tx:
            not_stopped = [lease.lease_id for lease in tx.leases.page(node_id=node.node_id)]
    if not outcome.failed and not not_stopped:
        with transactions(caller.tenant_id) as tx:
            # Nothing is left for the watch, or to wait for before a re-arm. Of a lease that is not over the engine may
            # have orders that the ledger has not heard of.
            if not tx.leases.page(node_id=node.node_id):
                tx.watch.canceled(node.node_id, at)
    return {
        **node_json(node),
        "canceled": [str(snapshot.order_id) for snapshot in outcome.canceled],
        "leases_not_stopped": [str(lease_id) for lease_id in not_stopped],
        "failed": [{"order_id": str(failed.order_id), "reason": failed.reason} for failed in outcome.failed],
    }


def rearm(change: StateChange, caller: Caller, tx: TenantTransaction, at: datetime) -> NodeView:
    """Let the node trade again; its streaks, cool-downs and windows of fills begin anew.

    NotFound when there is no such node; NotPermitted for an API key: what stopped a node waits for a person;
    CancelsOutstanding while a kill is carried out, which would cancel what is placed after the re-arm, too.
    """
    caller.require("risk:manage")
    caller.require_person("re-arms a node")
    node = _change_state(change, NodeState.ACTIVE, caller, tx, at)
    if tx.watch.is_to_cancel(node.node_id):
        raise CancelsOutstanding(f"open orders of {node.name} are still being cancelled: re-arm it when they are")
    tx.limits.rearm(node.node_id, at)
    return node_json(node)


def brake(change: Brake, caller: Caller, tx: TenantTransaction, at: datetime) -> NodeView:
    """Make the node only reduce, or take no new orders, without cancelling anything.

    NotFound when there is no such node, or it is not the caller's to stop; NodeStopped when it is stopped by more than
    that: a brake never lets go.
    """
    caller.require("risk:stop")
    tx.identity.require_node(caller.subject, caller.role, change.node_id)
    node = tx.limits.node(change.node_id, at, lock=True)
    if node is not None and is_stricter(node.state, change.state):
        raise NodeStopped(f"{node.name} is {node.state}, which is stricter: re-arm it first", node_state=node.state)
    return node_json(_change_state(change, NodeState(change.state), caller, tx, at))


def heartbeat(beat: Beat, caller: Caller, tx: TenantTransaction, at: datetime) -> Heartbeat:
    """Say that the account, or the key, is still watched over. From the first one on, silence cancels its orders.

    InvalidRequest where no DEAD_MAN limit says how long a silence may be; NotFound for an account that is not the
    caller's, or a key that has no place in the tree.
    """
    caller.require("orders:cancel")
    node_id = _beating_node(beat, caller, tx)
    scope = tx.limits.scopes(at, [node_id])[0]
    allowed = [limit.cap for limit in scope.limits if limit.limit_type == DEAD_MAN]
    if not allowed:
        raise InvalidRequest(f"{scope.node.name} has no {DEAD_MAN} limit")
    tx.limits.heartbeat(node_id, at)
    expires_at = at + timedelta(seconds=float(min(allowed)))
    return {"node_id": str(node_id), "heartbeat_at": format_time(at), "expires_at": format_time(expires_at)}


def _beating_node(beat: Beat, caller: Caller, tx: TenantTransaction) -> uuid.UUID:
    if beat.account_id is not None:
        tx.identity.require_account(caller.subject, caller.role, beat.account_id)
        nodes = tx.limits.node_ids_of_accounts([beat.account_id])
    else:
        nodes = tx.limits.node_ids_of_key(caller.api_key_id) if caller.api_key_id else []
    if not nodes:
        raise NotFound("there is no such account, and this key has no place in the tree of limits")
    return nodes[0]


def _change_state(change: StateChange, state: NodeState, caller: Caller, tx: TenantTransaction, at: datetime) -> Node:
    before = tx.limits.node(change.node_id, at, lock=True)
    if before is None:
        raise NotFound("no such node")
    change_node_state(
        tx,
        before,
        state,
        reason=change.reason,
        by=caller.username,
        correlation_id=caller.correlation_id,
        at=at,
    )
    return before._replace(state=state, state_reason=change.reason)
