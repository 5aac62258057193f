"""Types 27 to 29: what may be lost. They are watched with every mark and fill, and asked again with every order.

An order that only reduces passes; the rest waits until a person has re-armed the node, or a cool-down is over.
"""

from datetime import timedelta
from decimal import Decimal

from breakwater.domain.exposure import ZERO, Limit, Scope
from breakwater.domain.limit_types.verdict import ProposedOrder, Verdict
from breakwater.domain.market import MissingReference

OBSERVATION_AGE_MAX = timedelta(minutes=10)  # Profit and loss last observed before that is not known any more.


def daily_loss(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Realised plus unrealised minus fees plus funding, since the session began."""
    return _loss(order, limit, scope.standing.pnl_open - _observed(scope, order))


def drawdown(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """From the peak to now. STATIC: from where it began; TRAILING: from the highest ever; END_OF_DAY: from the highest
    that a session ended with."""
    standing = scope.standing
    peak = {"STATIC": ZERO, "TRAILING": standing.pnl_peak, "END_OF_DAY": standing.pnl_close_peak}
    return _loss(order, limit, peak[limit.parameters.get("mode", "TRAILING")] - _observed(scope, order))


def loss_streak(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Round trips that lost, in a row; then nothing but reducing until the cool-down is over."""
    standing = scope.standing
    # The streak itself outlasts the cool-down: one more loss after it, and the next one begins.
    cools = standing.cool_until is not None and order.at < standing.cool_until
    passes = not cools or order.only_reduces
    return Verdict(passes, limit.cap, Decimal(standing.loss_streak), ZERO, ZERO, _largest(order, passes=passes))


def _loss(order: ProposedOrder, limit: Limit, lost: Decimal) -> Verdict:
    passes = lost <= limit.cap or order.only_reduces
    return Verdict(passes, limit.cap, max(lost, ZERO), ZERO, ZERO, _largest(order, passes=passes))


def _largest(order: ProposedOrder, *, passes: bool) -> Decimal | None:
    return None if passes else order.whole_lots(order.reducible_qty)


def _observed(scope: Scope, order: ProposedOrder) -> Decimal:
    """Zero for a node that holds nothing and never did; MissingReference where it was not observed, or too long ago."""
    standing = scope.standing
    is_known = standing.observed_at is not None and order.at - standing.observed_at <= OBSERVATION_AGE_MAX
    if not is_known and any(position.filled_qty for position in scope.positions().values()):
        raise MissingReference(f"profit and loss of {scope.node.name}")
    return standing.pnl or ZERO
