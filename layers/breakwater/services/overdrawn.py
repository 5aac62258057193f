"""What was booked without asking the limits may be over them: then nothing may grow there until somebody has looked."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Action, NodeState, is_stricter
from breakwater.domain.limits import use_of
from breakwater.services.below_use import look_later
from breakwater.services.limits import change_node_state


def reduce_where_over(
    tx: TenantTransaction,
    leaf_ids: Sequence[uuid.UUID],
    what: str,
    *,
    by: str,
    correlation_id: str,
    at: datetime,
    also: Collection[uuid.UUID] = (),
) -> list[uuid.UUID]:
    """Bring each of the nodes and those above them that is over a limit, and those of `also`, into REDUCE_ONLY.

    They are locked. The ids of those that were not as strict before.
    """
    market = tx.limits.market(at)
    braked = []
    for scope in tx.limits.scopes(at, leaf_ids, above=True):
        uses = [(limit, use_of(scope, limit, market)) for limit in scope.limits]
        for limit, use in uses:
            if use is not None and use.missing is not None and limit.action != Action.WARN:
                look_later(tx, limit, at)
        over = [limit.limit_type for limit, use in uses if use is not None and use.in_use > use.limit]
        node = scope.node
        if not (over or node.node_id in also) or not is_stricter(NodeState.REDUCE_ONLY, node.state):
            continue
        change_node_state(
            tx,
            node,
            NodeState.REDUCE_ONLY,
            reason=f"{what}; over {', '.join(over)}" if over else what,
            by=by,
            correlation_id=correlation_id,
            at=at,
        )
        braked.append(node.node_id)
    return braked
