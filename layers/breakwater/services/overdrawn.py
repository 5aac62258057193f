"""What was booked without asking the limits may be over them: then nothing may grow there until somebody has looked."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Action, Limit, NodeState, Scope, is_stricter
from breakwater.domain.limit_types import Verdict
from breakwater.domain.limits import WATCHED_LOSSES, use_of
from breakwater.domain.market import Market
from breakwater.services.below_use import look_later
from breakwater.services.limits import REPEAT_EXECUTION, FilledOrder, change_node_state, tell_crossing

# Losses by their watch; executions that repeat by the very fill that reaches the limit.
_TOLD_ELSEWHERE = frozenset({*WATCHED_LOSSES, REPEAT_EXECUTION})


@dataclass(frozen=True, slots=True)
class Booked:
    """What is booked, by which order where it is one; `over_before`: the limits that were passed without it."""

    what: str
    over_before: Collection[uuid.UUID | None]
    by: FilledOrder | None = None


def limits_over(tx: TenantTransaction, leaf_ids: Sequence[uuid.UUID], at: datetime) -> set[uuid.UUID | None]:
    """The limits of these nodes and of those above them that are passed now. The nodes are locked."""
    market = tx.limits.market(at)
    uses = [use for scope in tx.limits.scopes(at, leaf_ids, above=True) for use in _uses(scope, market)]
    return {limit.limit_id for limit, use in uses if _is_over(use)}


def reduce_where_over(
    tx: TenantTransaction,
    leaf_ids: Sequence[uuid.UUID],
    booked: Booked,
    *,
    by: str,
    correlation_id: str,
    at: datetime,
    also: Collection[uuid.UUID] = (),
) -> list[uuid.UUID]:
    """Bring each of the nodes and those above them that is over a limit, and those of `also`, into REDUCE_ONLY.

    They are locked. The ids of those that were not as strict before. Each limit that was not passed without what is
    booked is told as crossed.
    """
    market = tx.limits.market(at)
    braked = []
    for scope in tx.limits.scopes(at, leaf_ids, above=True):
        uses = _uses(scope, market)
        for limit, use in uses:
            if use.missing is not None and limit.action != Action.WARN:
                look_later(tx, limit, at)
            if _is_over(use) and limit.limit_id not in booked.over_before and limit.limit_type not in _TOLD_ELSEWHERE:
                tell_crossing(
                    tx,
                    limit,
                    used=use.used,
                    reserved=use.reserved,
                    by=booked.by,
                    correlation_id=correlation_id,
                    at=at,
                )
        over = [limit.limit_type for limit, use in uses if _is_over(use)]
        node = scope.node
        if not (over or node.node_id in also) or not is_stricter(NodeState.REDUCE_ONLY, node.state):
            continue
        change_node_state(
            tx,
            node,
            NodeState.REDUCE_ONLY,
            reason=f"{booked.what}; over {', '.join(over)}" if over else booked.what,
            by=by,
            correlation_id=correlation_id,
            at=at,
        )
        braked.append(node.node_id)
    return braked


def _uses(scope: Scope, market: Market) -> list[tuple[Limit, Verdict]]:
    """Of those limits that something stands against."""
    uses = [(limit, use_of(scope, limit, market)) for limit in scope.limits]
    return [(limit, use) for limit, use in uses if use is not None]


def _is_over(use: Verdict) -> bool:
    return use.in_use > use.limit
