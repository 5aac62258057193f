"""Types 17 to 26: what positions and open orders may come to, reserved before an order is sent.

A position here is the worst that the open orders of one side may make of it: |F + B| or |F - S|.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_UP, Decimal

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

    def net(positions: Mapping[str, Position]) -> Decimal:
        buys = {symbol: p.filled_qty + p.open_buy_qty for symbol, p in positions.items()}
        sells = {symbol: p.filled_qty - p.open_sell_qty for symbol, p in positions.items()}
        most = _sum_at_mark(order, limit, buys)
        least = _sum_at_mark(order, limit, sells, ROUND_FLOOR)
        return max(abs(most), abs(least))

    def worst(quantity: Decimal) -> Decimal:
        return net(_positions_with(scope, order, limit, quantity))

    return measured(order, limit.cap, worst, net(_filled(scope, limit)))


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
    fee_rates = order.market.fee_rates
    cash = scope.cash.get(limit.currency, ZERO)
    for fills in scope.fills_not_in_cash:
        if fills.quote_asset == limit.currency:
            fee_rate = fee_rates.get(fills.venue, ZERO)
            cash += fills.sold_notional * (1 - fee_rate) - fills.bought_notional * (1 + fee_rate)
    held = [e for e in scope.exposures if e.quote_asset == limit.currency]
    reserved = sum((e.open_buy_notional * (1 + fee_rates.get(e.venue, ZERO)) for e in held), ZERO)
    buys = order.side is Side.BUY and order.instrument.quote_asset == limit.currency
    per_unit = order.band.high * (1 + fee_rates.get(order.venue, ZERO)) if buys else ZERO
    verdict = capped(order, cash + limit.cap, per_unit, reserved=reserved)
    return reducing_passes(verdict, order)


def daily_traded_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """What traded since the session began, what open orders may still trade, and this one.

    What only reduces the account's position passes even a spent limit: a position can always be closed.
    """
    worth = order.market.worth
    today = scope.today(limit.instrument)
    used = sum((worth(e.traded_notional, e.quote_asset, limit.currency) for e in today), ZERO)
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
    (RiskMetrics Technical Document, 4th ed., section 1.2, with a constant correlation c), at the worst that any mixture
    of fills comes to; rounded up to 8 decimals.

    Each v_i lies between its sells filled and its buys filled. The variance is convex in them, so it is greatest where
    each is at one of its ends. As c * s^2 is the maximum over x of 2cxs - cx^2, it is the maximum over x of a sum in
    which each symbol decides by itself: for its buys where (1 - c) * (buys + sells) + 2cx >= 0, which the symbols with
    the higher buys + sells reach first. So the worst has the buys of some first symbols in that order and the sells of
    the others, and of n symbols n + 1 mixtures are all that need be asked.
    """
    quantile = NORMAL_QUANTILES[limit.parameters.get("confidence", "0.99")]
    correlation = limit.parameter("correlation", "1")

    def value_at_risk(positions: Mapping[str, Position]) -> Decimal:
        ends = [_risks(order, limit, symbol, p) for symbol, p in positions.items() if p != Position()]
        ends.sort(key=sum, reverse=True)
        squares = sum((sells * sells for sells, _ in ends), ZERO)
        together = sum((sells for sells, _ in ends), ZERO)
        variance = (1 - correlation) * squares + correlation * together * together
        for sells, buys in ends:
            squares += buys * buys - sells * sells
            together += buys - sells
            variance = max(variance, (1 - correlation) * squares + correlation * together * together)
        return (quantile * variance.sqrt(EXACT)).quantize(_VAR_DECIMALS, ROUND_UP)

    def worst(quantity: Decimal) -> Decimal:
        return value_at_risk(_positions_with(scope, order, limit, quantity))

    return measured(order, limit.cap, worst, value_at_risk(_filled(scope, limit)))


def _risks(order: ProposedOrder, limit: Limit, symbol: str, position: Position) -> tuple[Decimal, Decimal]:
    """A day's standard deviation of the position with all its sells filled, and with all its buys: both signed."""
    market, currency = order.market, limit.currency
    volatility = market.daily_volatility(symbol)
    least = market.notional(position.filled_qty - position.open_sell_qty, symbol, currency, ROUND_FLOOR)
    most = market.notional(position.filled_qty + position.open_buy_qty, symbol, currency)
    return least * volatility, most * volatility


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


def _filled(scope: Scope, limit: Limit) -> dict[str, Position]:
    """By symbol, as far as the limit looks, with nothing open."""
    return {symbol: Position(p.filled_qty) for symbol, p in scope.positions(limit.instrument).items()}


def _sum_at_mark(
    order: ProposedOrder, limit: Limit, quantities: Mapping[str, Decimal], rounding: str = ROUND_CEILING
) -> Decimal:
    """In the limit's currency. A symbol that nothing is held of needs no price."""
    notional, currency = order.market.notional, limit.currency
    return sum(
        (notional(quantity, symbol, currency, rounding) for symbol, quantity in quantities.items() if quantity), ZERO
    )


def _open_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Decimal:
    worth = order.market.worth
    held = scope.matching(limit.instrument)
    return sum((worth(e.open_notional, e.quote_asset, limit.currency) for e in held), ZERO)


def _equity(scope: Scope, order: ProposedOrder, limit: Limit) -> Decimal:
    """All balances at their marks, in the limit's currency. MissingReference where one of them has no price."""
    worth = order.market.worth
    held = ((amount, asset) for asset, amount in scope.cash.items() if amount)
    return sum((worth(amount, asset, limit.currency, ROUND_FLOOR) for amount, asset in held), ZERO)


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
