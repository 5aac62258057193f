"""A limit below what is in use cannot hold any more: until somebody re-arms its node, that only reduces.

It comes to that by whoever sets the limit, overrides it or moves a node below it, at once. By the clock too: a limit
begins, an override begins or ends. Those moments are written down beforehand, and the watch looks then; so it does
where a use is not known.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Action, Limit, NodeState, Scope, is_stricter
from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.limits import use_of
from breakwater.domain.market import Market
from breakwater.domain.money import format_amount, trim
from breakwater.services.limits import change_node_state

LOOKED_AGAIN_AFTER = timedelta(seconds=5)  # Where a price was missing.

_ROWS = {name: row for row, name in enumerate(LIMIT_TYPES)}


def brake_below_use(
    tx: TenantTransaction,
    scope: Scope,
    limits: Iterable[Limit],
    market: Market,
    what: str,
    *,
    by: str,
    correlation_id: str,
    names_limits: bool = False,
) -> list[str]:
    """Bring the node of `scope`, which is locked, into REDUCE_ONLY where one of these limits of it is below its use.

    The answer are sentences for people, who know which limit it is about unless `names_limits`. `what` stands between
    the type and its value in the reason: "was set to".
    """
    told, node = [], scope.node
    for limit in sorted(limits, key=lambda each: (_ROWS[each.limit_type], each.instrument)):
        use = use_of(scope, limit, market)
        stops = limit.action != Action.WARN and is_stricter(NodeState.REDUCE_ONLY, node.state)
        it = f"{limit.limit_type} of {node.name}" if names_limits else "it"
        if use is not None and use.missing is not None and stops:
            look_later(tx, limit, market.at)
            told.append(f"whether {it} is below what is in use is looked at again: {use.missing} is missing")
        if use is None or use.in_use <= use.limit:
            continue
        below = f"{it} is below what is in use: {format_amount(trim(use.in_use))}"
        if not stops:
            told.append(below)
            continue
        change_node_state(
            tx,
            node,
            NodeState.REDUCE_ONLY,
            reason=f"{limit.limit_type} {what} {format_amount(use.limit)}, below what is in use",
            by=by,
            correlation_id=correlation_id,
            at=market.at,
        )
        node = node._replace(state=NodeState.REDUCE_ONLY)
        told.append(f"{below}; {node.name} only reduces until it is re-armed")
    return told


def brake_if_below_use(
    tx: TenantTransaction, limit: Limit, what: str, *, by: str, correlation_id: str, at: datetime
) -> list[str]:
    """The same of one limit, as it is in force now, if it is. Its node is locked."""
    [scope] = tx.limits.scopes_of(at, [limit.node_id])
    now = [each for each in scope.limits if each.limit_id == limit.limit_id]
    return brake_below_use(tx, scope, now, tx.limits.market(at), what, by=by, correlation_id=correlation_id)


def look_later(tx: TenantTransaction, limit: Limit, at: datetime) -> None:
    """What is in use is not known. What adds to it does not pass meanwhile: the limit refuses what it cannot judge."""
    due_at = at + LOOKED_AGAIN_AFTER
    if not tx.limit_settings.is_use_due(_id_of(limit), at, due_at):
        look_at(tx, limit, due_at)


def look_at(tx: TenantTransaction, limit: Limit, due_at: datetime) -> None:
    """Have the watch look at the limit's use at that moment. The node is locked."""
    tx.limit_settings.add_use_due(_id_of(limit), due_at)


def look_now(tx: TenantTransaction, limit_id: uuid.UUID, due_at: datetime, *, by: str, at: datetime) -> None:
    """What was to be looked at at `due_at`. Nothing where that was done, or the limit is gone."""
    limit = tx.limit_settings.get(limit_id)
    if limit is not None:
        tx.limits.node(limit.node_id, at, lock=True)
    is_due = tx.limit_settings.drop_use_due(limit_id, due_at)
    if is_due and limit is not None:
        brake_if_below_use(tx, limit, "is now", by=by, correlation_id=str(uuid.uuid4()), at=at)


def _id_of(limit: Limit) -> uuid.UUID:
    if limit.limit_id is None:
        raise ValueError("a limit that was never set")
    return limit.limit_id
