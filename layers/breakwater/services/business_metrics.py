"""What an organisation's own business measures, as series like those of the platform."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from breakwater.db.connection import TenantTransaction
from breakwater.db.metric_rules import AccountHolding
from breakwater.domain.exposure import BASE_CURRENCY, ZERO
from breakwater.domain.limits import use_of
from breakwater.domain.market import Market, MissingReference
from breakwater.domain.metric_readings import SERIES_MAX, Series
from breakwater.domain.metric_rules import labels_of
from breakwater.domain.money import EXACT

MINUTE = timedelta(minutes=1)
LATENCY_OVER = timedelta(minutes=5)
_HUNDREDTH = Decimal("0.01")


def read_business(tx: TenantTransaction, at: datetime) -> dict[Series, Decimal]:
    """Orders and trades of the last minute, profit and loss and exposure by account, use of limits, order latency.

    What cannot be valued, because a mark is old, is left out: no value is better than a wrong one.
    """
    activity = tx.metric_rules.activity(at - MINUTE)
    found: dict[Series, Decimal] = {
        ("orders_per_minute", ()): Decimal(activity.orders),
        ("refusals_per_minute", ()): Decimal(activity.refusals),
        ("rejections_per_minute", ()): Decimal(activity.rejections),
        ("trades_per_minute", ()): Decimal(activity.trades),
    }
    latency = tx.metric_rules.order_latency_s(at - LATENCY_OVER)
    if latency is not None:
        found["order_latency_seconds_p50", ()], found["order_latency_seconds_p99", ()] = latency
    market = tx.limits.market(at)
    found.update(_accounts(tx, market))
    found.update(_limits(tx, market, at))
    return dict(list(found.items())[:SERIES_MAX])


def _accounts(tx: TenantTransaction, market: Market) -> Mapping[Series, Decimal]:
    by_account: dict[str, list[AccountHolding]] = defaultdict(list)
    for holding in tx.metric_rules.holdings():
        by_account[holding.account].append(holding)
    found: dict[Series, Decimal] = {}
    total_pnl, total_exposure, is_whole = ZERO, ZERO, True
    for account, holdings in by_account.items():
        try:
            pnl, exposure = _valued(holdings, market)
        except MissingReference:
            is_whole = False
            continue
        labels = labels_of({"account": account})
        found["pnl", labels], found["exposure", labels] = pnl, exposure
        total_pnl, total_exposure = EXACT.add(total_pnl, pnl), EXACT.add(total_exposure, exposure)
    if is_whole and by_account:
        found["pnl_total", ()], found["exposure_total", ()] = total_pnl, total_exposure
    return found


def _valued(holdings: list[AccountHolding], market: Market) -> tuple[Decimal, Decimal]:
    """Realised and unrealised profit and loss, and the sum of what is held whatever its sign, in the base currency."""
    pnl, exposure = ZERO, ZERO
    with localcontext(EXACT):
        for holding in holdings:
            earned = holding.realised_pnl
            held = ZERO
            if holding.quantity:
                held = holding.quantity * market.mark(holding.symbol)
                earned += held - holding.cost
            if earned or held:
                rate = market.rate(market.quote_asset(holding.symbol), BASE_CURRENCY)
                pnl += earned * rate
                exposure += abs(held) * rate
    return pnl, exposure


def _limits(tx: TenantTransaction, market: Market, at: datetime) -> Mapping[Series, Decimal]:
    found: dict[Series, Decimal] = {}
    for scope in tx.limits.scopes(at):
        for limit in scope.limits:
            use = use_of(scope, limit, market)
            if use is None or use.missing is not None or not use.limit:
                continue
            labels = labels_of(
                {"node": scope.node.name, "limit_type": limit.limit_type, "instrument": limit.instrument}
            )
            found["limit_usage_pct", labels] = (use.in_use * 100 / use.limit).quantize(_HUNDREDTH)
    return found
