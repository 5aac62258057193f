"""Types 30 to 32: what stops a node, and what watches over it."""

from datetime import timedelta
from decimal import Decimal

from breakwater.domain.exposure import ZERO, Limit, NodeState, Scope
from breakwater.domain.limit_types.verdict import ONE, ProposedOrder, Verdict, capped, no, yes


def self_trade(_scope: Scope, order: ProposedOrder, _limit: Limit) -> Verdict:
    """It refuses nothing here: its mode goes with the order, and the matching core acts on it when two would meet."""
    return yes(order)


def kill_switch(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The state of the node itself."""
    if scope.node.state == NodeState.ACTIVE:
        return yes(order)
    if scope.node.state == NodeState.REDUCE_ONLY:
        return reduce_only(scope, order, limit)
    return no(order)


def dead_man(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Seconds since the node was last heard of. Before the first heartbeat the switch is not set."""
    heard_at = scope.standing.heartbeat_at
    if heard_at is None:
        return Verdict(True, limit.cap, ZERO, ZERO, ZERO, None)
    silent_s = Decimal(max(order.at - heard_at, timedelta(0)) // timedelta(microseconds=1)).scaleb(-6)
    passes = silent_s <= limit.cap
    return Verdict(passes, limit.cap, silent_s, ZERO, ZERO, None if passes else ZERO)


def reduce_only(_scope: Scope, order: ProposedOrder, _limit: Limit) -> Verdict:
    """What brings the account's position nearer to zero."""
    return capped(order, order.reducible_qty, ONE)
