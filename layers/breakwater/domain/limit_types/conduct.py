"""Types 9 to 16: how a node behaves, most of them over a sliding window."""

from decimal import Decimal

from breakwater.domain.exposure import ZERO, Limit, Scope
from breakwater.domain.limit_types.verdict import (
    ONE,
    ProposedOrder,
    Verdict,
    capped,
    counted,
    no,
    reducing_passes,
    yes,
)


def message_rate(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """New orders, replaces and cancels; cancels are counted and never blocked."""
    return counted(order, limit.cap, sum(a.message_count for a in scope.recent(limit, order.at)))


def duplicate_order(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The same account, symbol, side, price and quantity as an order within the window before this one."""
    if order.same_terms_at is None or order.at - order.same_terms_at > limit.window:
        return yes(order)
    return no(order)


def repeat_execution(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Fills of orders that no person sent. At the limit the node stops until a person has re-armed it."""
    since = scope.standing.rearmed_at
    recent = scope.recent(limit, order.at)
    fills = sum(a.automated_fill_count for a in recent if since is None or a.at > since)
    passes = fills < limit.cap
    return Verdict(passes, limit.cap, Decimal(fills), ZERO, ZERO, None if passes else ZERO)


def reject_streak(scope: Scope, _order: ProposedOrder, limit: Limit) -> Verdict:
    """Refusals in a row, of limits and of venues; an order that is accepted, or a re-arm, begins anew."""
    streak = scope.standing.reject_streak
    passes = streak < limit.cap
    return Verdict(passes, limit.cap, Decimal(streak), ZERO, ZERO, None if passes else ZERO)


def order_to_trade(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Messages, with this one, for each fill of the window. Until `messages_min` messages a ratio says nothing."""
    recent = scope.recent(limit, order.at)
    messages = sum(a.message_count for a in recent) + 1
    fills = sum(a.fill_count for a in recent)
    few = messages <= limit.parameter("messages_min", "100")
    # As a product: a ratio would have to be rounded, and without a fill there is none.
    passes = few or messages <= limit.cap * fills
    allowed = limit.cap * fills
    return Verdict(passes, allowed, Decimal(messages - 1), ZERO, ONE, None if passes else ZERO)


def window_volume(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """What traded within the window, what is open now, and this order, at what each may cost."""
    worth = order.market.worth
    recent = scope.recent(limit, order.at)
    used = sum((worth(a.traded_notional, a.quote_asset, limit.currency) for a in recent), ZERO)
    held = scope.matching(limit.instrument)
    reserved = sum((worth(e.open_notional, e.quote_asset, limit.currency) for e in held), ZERO)
    per_unit = order.band.high * order.rate_into(limit.currency)
    return reducing_passes(capped(order, limit.cap, per_unit, used, reserved), order)


def open_order_count(scope: Scope, _order: ProposedOrder, limit: Limit) -> Verdict:
    """Orders that are open now, with what leases to the engine may open."""
    reserved = sum(e.open_order_count for e in scope.matching(limit.instrument))
    passes = reserved + 1 <= limit.cap
    return Verdict(passes, limit.cap, ZERO, Decimal(reserved), ONE, None if passes else ZERO)


def daily_order_count(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Orders since the session of the node began."""
    return counted(order, limit.cap, sum(e.session_order_count for e in scope.today(limit.instrument)))
