"""Types 17 to 26: what positions and open orders may come to, reserved before an order is sent.

A position here is the worst that the open orders of one side may make of it: |F + B| or |F - S|.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_UP, Decimal

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.exposure import ZERO, Exposure, Limit, Position, Scope
from breakwater.domain.limit_types.verdict import (
    ONE,
    ProposedOrder,
    Verdict,
    capped,
    measured,
    reducing_passes,
)
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side

# One-sided quantiles of the standard normal distribution, to ten decimals.
NORMAL_QUANTILES: Mapping[str, Decimal] = {
    "0.95": Decimal("1.6448536270"),
    "0.975": Decimal("1.9599639845"),
    "0.99": Decimal("2.3263478740"),
    "0.995": Decimal("2.5758293035"),
}
_VAR_DECIMALS = Decimal("1e-8")


def long_position(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """F + B of the order's symbol. A sell cannot raise it, so it passes even where the limit was lowered below use."""
    position = scope.position(order.symbol, limit.instrument)
    per_unit = ONE if order.side is Side.BUY else ZERO
    return capped(order, limit.cap, per_unit, used=position.filled_qty, reserved=position.open_buy_qty)


def short_position(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """S - F of the order's symbol. A buy cannot raise it."""
    position = scope.position(order.symbol, limit.instrument)
    per_unit = ONE if order.side is Side.SELL else ZERO
    return capped(order, limit.cap, per_unit, used=-position.filled_qty, reserved=position.open_sell_qty)


def net_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Longs against shorts at their marks, at the worse of all buys filling and all sells filling."""

    def net(quantity: Decimal) -> Decimal:
        positions = _positions_with(scope, order, limit, quantity)
        buys = _sum_at_mark(order, limit, {s: p.filled_qty + p.open_buy_qty for s, p in positions.items()})
        sells = _sum_at_mark(order, limit, {s: p.filled_qty - p.open_sell_qty for s, p in positions.items()})
        return max(abs(buys), abs(sells))

    filled = {symbol: p.filled_qty for symbol, p in scope.positions(limit.instrument).items()}
    return measured(order, limit.cap, net, abs(_sum_at_mark(order, limit, filled)))


def gross_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The sum of every symbol's worst magnitude at its mark."""

    def gross(quantity: Decimal) -> Decimal:
        positions = _positions_with(scope, order, limit, quantity)
        return _sum_at_mark(order, limit, {symbol: p.worst for symbol, p in positions.items()})

    filled = {symbol: abs(p.filled_qty) for symbol, p in scope.positions(limit.instrument).items()}
    return measured(order, limit.cap, gross, _sum_at_mark(order, limit, filled))


def open_order_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """What open orders, and this one, may cost at most; what has traded is not in it."""
    per_unit = order.band.high * order.rate_into(limit.currency)
    verdict = capped(order, limit.cap, per_unit, reserved=_open_notional(scope, order, limit))
    return reducing_passes(verdict, order)


def credit(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Cash in the limit's currency plus the credit line, less what open buys may cost, with fees, and this order.

    The value is the line: 0 says "only what is there". A sell pays for itself, and a short can always be bought back.
    """
    cash = scope.cash.get(limit.currency, ZERO)
    for fills in scope.fills_not_in_cash:
        if fills.quote_asset == limit.currency:
            fee_rate = order.fee_rates.get(fills.venue, ZERO)
            cash += fills.sold_notional * (1 - fee_rate) - fills.bought_notional * (1 + fee_rate)
    held = [e for e in scope.exposures if e.quote_asset == limit.currency]
    reserved = sum((e.open_buy_notional * (1 + order.fee_rates.get(e.venue, ZERO)) for e in held), ZERO)
    buys = order.side is Side.BUY and order.instrument.quote_asset == limit.currency
    per_unit = order.band.high * (1 + order.fee_rates.get(order.venue, ZERO)) if buys else ZERO
    verdict = capped(order, cash + limit.cap, per_unit, reserved=reserved)
    return reducing_passes(verdict, order)


def daily_traded_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """What traded since the session began, what open orders may still trade, and this one.

    What only reduces the account's position passes even a spent limit: a position can always be closed.
    """
    rate = order.market.rate
    today = scope.today(limit.instrument)
    used = sum((e.traded_notional * rate(e.quote_asset, limit.currency) for e in today), ZERO)
    per_unit = order.band.high * order.rate_into(limit.currency)
    verdict = capped(order, limit.cap, per_unit, used, _open_notional(scope, order, limit))
    return reducing_passes(verdict, order)


def margin(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Initial margin of positions and open orders may be this fraction of the equity."""
    equity = _equity(scope, order, limit)

    def initial_margin(quantity: Decimal) -> Decimal:
        positions = _positions_with(scope, order, limit, quantity)
        margins = {symbol: p.worst * order.market.initial_margin(symbol) for symbol, p in positions.items() if p.worst}
        return _sum_at_mark(order, limit, margins)

    return measured(order, limit.cap * equity, initial_margin, ZERO)


def leverage(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The gross notional may be this many times the equity."""
    equity = _equity(scope, order, limit)

    def gross(quantity: Decimal) -> Decimal:
        positions = _positions_with(scope, order, limit, quantity)
        return _sum_at_mark(order, limit, {symbol: p.worst for symbol, p in positions.items()})

    return measured(order, limit.cap * equity, gross, ZERO)


def concentration(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The exposure to what the order's instrument, sector or venue stands for may be this fraction of the equity."""
    by = limit.parameters.get("by", "INSTRUMENT")
    among = [e for e in scope.matching(limit.instrument) if _ALIKE[by](e, order)]
    if by == "VENUE":
        among = [e if e.venue == order.venue != ROUTER_VENUE else e.perhaps_there() for e in among]

    def exposed(quantity: Decimal) -> Decimal:
        positions = _summed(among)
        positions[order.symbol] = positions.get(order.symbol, Position()).with_order(order.side, quantity)
        return _sum_at_mark(order, limit, {symbol: p.worst for symbol, p in positions.items()})

    filled = {symbol: abs(p.filled_qty) for symbol, p in _summed(among).items()}
    return measured(order, limit.cap * _equity(scope, order, limit), exposed, _sum_at_mark(order, limit, filled))


def incremental_var(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """Value at risk of one day with the order in it: parametric, normal, one correlation between all symbols.

    VaR = z * sqrt((1 - c) * sum(v_i^2) + c * (sum v_i)^2) with v_i the signed notional times its daily volatility
    (RiskMetrics Technical Document, 4th ed., section 1.2, with a constant correlation c), at the worst of nothing, all
    buys, and all sells filling; rounded up to 8 decimals.
    """
    quantile = NORMAL_QUANTILES[limit.parameters.get("confidence", "0.99")]
    correlation = limit.parameter("correlation", "1")

    def value_at_risk(quantities: Mapping[str, Decimal]) -> Decimal:
        market = order.market
        risks = [
            market.notional(quantity, symbol, limit.currency) * market.daily_volatility(symbol)
            for symbol, quantity in quantities.items()
            if quantity != 0
        ]
        together = sum(risks, ZERO)
        variance = (1 - correlation) * sum((risk * risk for risk in risks), ZERO) + correlation * together * together
        root = max(variance, ZERO).sqrt(EXACT)
        return (quantile * root).quantize(_VAR_DECIMALS, ROUND_UP)

    filled = {symbol: p.filled_qty for symbol, p in scope.positions(limit.instrument).items()}
    now = value_at_risk(filled)  # Open orders may hedge it, but they may also never fill.

    def worst(quantity: Decimal) -> Decimal:
        positions = _positions_with(scope, order, limit, quantity)
        return max(
            now,
            value_at_risk({symbol: p.filled_qty + p.open_buy_qty for symbol, p in positions.items()}),
            value_at_risk({symbol: p.filled_qty - p.open_sell_qty for symbol, p in positions.items()}),
        )

    return measured(order, limit.cap, worst, now)


def _positions_with(scope: Scope, order: ProposedOrder, limit: Limit, quantity: Decimal) -> dict[str, Position]:
    """By symbol, as far as the limit looks, with that much of the order among the open ones."""
    positions = scope.positions(limit.instrument)
    positions[order.symbol] = positions.get(order.symbol, Position()).with_order(order.side, quantity)
    return positions


def _summed(exposures: list[Exposure]) -> dict[str, Position]:
    positions: dict[str, Position] = {}
    for exposure in exposures:
        positions[exposure.symbol] = positions.get(exposure.symbol, Position()) + exposure
    return positions


def _sum_at_mark(order: ProposedOrder, limit: Limit, quantities: Mapping[str, Decimal]) -> Decimal:
    """In the limit's currency. A symbol that nothing is held of needs no price."""
    market = order.market
    told = (market.notional(quantity, symbol, limit.currency) for symbol, quantity in quantities.items() if quantity)
    return sum(told, ZERO)


def _open_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Decimal:
    rate = order.market.rate
    held = scope.matching(limit.instrument)
    return sum((e.open_notional * rate(e.quote_asset, limit.currency) for e in held), ZERO)


def _equity(scope: Scope, order: ProposedOrder, limit: Limit) -> Decimal:
    """All balances at their marks, in the limit's currency. MissingReference where one of them has no price."""
    rate = order.market.rate
    return sum((amount * rate(asset, limit.currency) for asset, amount in scope.cash.items() if amount), ZERO)


def _same_sector(exposure: Exposure, order: ProposedOrder) -> bool:
    return order.market.sector(exposure.symbol) == order.market.sector(order.symbol)


def _same_venue(exposure: Exposure, order: ProposedOrder) -> bool:
    """What is at the router may go to any venue."""
    return exposure.venue == order.venue or ROUTER_VENUE in (exposure.venue, order.venue)


_ALIKE: Mapping[str, Callable[[Exposure, ProposedOrder], bool]] = {
    "INSTRUMENT": lambda exposure, order: exposure.symbol == order.symbol,
    "SECTOR": _same_sector,
    "VENUE": _same_venue,
}
