"""The largest quantity that a refusal names: it passes, and nothing larger does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakwater.domain.exposure import Exposure, NodeState, Scope, Standing
from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.limits import Finding, evaluate
from breakwater.domain.market import Market, RiskTerms
from breakwater.domain.orders import Side
from tests.unit.domain.limit_boundaries import BOUNDARIES, NOT_SETTABLE, Boundary
from tests.unit.domain.limit_orders import (
    ETH,
    NOW,
    TODAY,
    activity_of,
    exposure_of,
    market_of,
    order_for,
    refusals,
    scope_of,
)

# Every type that refuses an order for its size, with parameters to judge by.
SIZED: Mapping[str, Mapping[str, Any]] = {
    "MAX_ORDER_QTY": {},
    "MAX_ORDER_NOTIONAL": {},
    "ADV_PCT": {},
    "SHORT_SALE": {},
    "WINDOW_VOLUME": {"window_s": 60},
    "LONG_POSITION": {},
    "SHORT_POSITION": {},
    "NET_NOTIONAL": {},
    "GROSS_NOTIONAL": {},
    "OPEN_ORDER_NOTIONAL": {},
    "CREDIT": {},
    "DAILY_TRADED_NOTIONAL": {},
    "MARGIN": {},
    "LEVERAGE": {},
    "CONCENTRATION": {"by": "SECTOR"},
    "INCREMENTAL_VAR": {},
    "DAILY_LOSS": {},
    "DRAWDOWN": {},
    "LOSS_STREAK": {"cool_down_s": 60},
    "KILL_SWITCH": {},
    "REDUCE_ONLY": {},
}
FRACTIONS = {"ADV_PCT", "MARGIN", "LEVERAGE", "CONCENTRATION"}  # Of something else, which the limit is multiplied by.
NO_VALUE = {"SHORT_SALE", *NOT_SETTABLE}
ONE_SIDED = {"LONG_POSITION": Side.BUY, "CREDIT": Side.BUY, "SHORT_POSITION": Side.SELL, "SHORT_SALE": Side.SELL}

amounts = st.decimals(min_value=0, max_value=10**6, places=4)
open_quantities = st.decimals(min_value=0, max_value=500, places=4)
filled_quantities = st.decimals(min_value=-500, max_value=500, places=4)
lots = st.integers(min_value=1, max_value=10**7).map(lambda count: count * ETH.lot_size)
prices = st.integers(min_value=1, max_value=10**6).map(lambda count: count * ETH.tick_size)


@st.composite
def exposures(draw: st.DrawFn, symbol: str) -> Exposure:
    open_buy = draw(amounts)
    return exposure_of(
        symbol,
        filled_qty=draw(filled_quantities),
        open_buy_qty=draw(open_quantities),
        open_sell_qty=draw(open_quantities),
        open_buy_notional=open_buy,
        open_notional=open_buy + draw(amounts),
        traded_notional=draw(amounts),
    )


def market_with_terms() -> Market:
    def terms(symbol: str, volatility: str) -> RiskTerms:
        return RiskTerms(symbol, Decimal(1000), Decimal("0.5"), "coins", Decimal(volatility), TODAY)

    known = {"ETH/USDT": terms("ETH/USDT", "0.04"), "BTC/USDT": terms("BTC/USDT", "0.03")}
    # At the price of ETH, so that neither symbol drowns what the other one does to a sum.
    return replace(market_of({"BTC/USDT": "2000"}), terms=known)


MARKET = market_with_terms()


@dataclass(frozen=True)
class Question:
    """A scope with one limit of the type, and the terms of an order that comes to it."""

    limit_type: str
    scope: Scope
    side: Side
    price: Decimal

    def refused(self, quantity: Decimal) -> list[Finding]:
        return [finding for finding in self.findings(quantity) if finding.refuses]

    def findings(self, quantity: Decimal) -> list[Finding]:
        order = order_for(
            self.scope, self.side, quantity, str(self.price), market=MARKET, fee_rates={"SIM": Decimal("0.001")}
        )
        found = evaluate([self.scope], order, reduce_only=self.limit_type == "REDUCE_ONLY")
        return [finding for finding in found if finding.limit.limit_type == self.limit_type]


@st.composite
def questions(draw: st.DrawFn, limit_type: str, quantity: Decimal) -> Question:
    """With a value near what the order comes to: somewhere above or below it, so that a part of it passes, or none."""
    parameters = dict(SIZED[limit_type])
    if limit_type == "INCREMENTAL_VAR":
        parameters["correlation"] = draw(st.sampled_from(["0", "0.1", "0.5", "1"]))
    cash = draw(st.decimals(min_value=10**6, max_value=10**9, places=4))
    scope = scope_of(
        None if limit_type in NOT_SETTABLE else limit_type,
        None if limit_type in NO_VALUE else "1",
        state=NodeState.REDUCE_ONLY if limit_type == "KILL_SWITCH" else NodeState.ACTIVE,
        exposures=[draw(exposures("ETH/USDT")), draw(exposures("BTC/USDT"))],
        activity=[activity_of(traded_notional=draw(amounts))],
        cash={"USDT": cash},
        standing=Standing(pnl=-draw(amounts), observed_at=NOW, loss_streak=3, cool_until=NOW.replace(hour=13)),
        **parameters,
    )
    asked = Question(limit_type, scope, ONE_SIDED.get(limit_type) or draw(st.sampled_from(Side)), draw(prices))
    if limit_type in NO_VALUE:
        return asked
    (limit,), (finding,) = scope.limits, asked.findings(quantity)
    verdict = finding.verdict
    wanted = verdict.in_use + verdict.attempted * draw(st.decimals(min_value=-1, max_value=1, places=3))
    value = wanted - cash if limit_type == "CREDIT" else wanted / (verdict.limit if limit_type in FRACTIONS else 1)
    value = max(Decimal(0), value.quantize(Decimal("1e-6")))
    return replace(asked, scope=replace(scope, limits=[replace(limit, value=value)]))


def least_lots(price: Decimal) -> Decimal:
    """The smallest order that its instrument allows."""
    return max(Decimal(1), (ETH.notional_min / (price * ETH.lot_size)).to_integral_value(ROUND_CEILING)) * ETH.lot_size


def test_every_type_whose_boundary_is_a_quantity_is_among_those_asked_here() -> None:
    sized = {boundary.limit_type for boundary in BOUNDARIES if "quantity" in boundary.passes}
    assert sized | {"DAILY_LOSS", "DRAWDOWN", "LOSS_STREAK"} == set(SIZED)
    assert set(SIZED) <= set(LIMIT_TYPES)


@pytest.mark.parametrize("limit_type", SIZED)
@settings(max_examples=80)
@given(told=st.data(), quantity=lots)
def test_the_largest_quantity_passes_and_one_lot_more_does_not(
    limit_type: str, told: st.DataObject, quantity: Decimal
) -> None:
    asked = told.draw(questions(limit_type, quantity))
    for finding in asked.refused(quantity):
        verdict, largest = finding.verdict, finding.verdict.largest_passing_quantity
        assert verdict.reserved >= 0
        assert largest is not None
        assert largest < quantity
        assert largest % ETH.lot_size == 0
        if largest > 0:
            assert asked.refused(largest) == []
            assert asked.refused(largest + ETH.lot_size)
        elif least_lots(asked.price) <= quantity:
            assert asked.refused(least_lots(asked.price)), "it names none, and yet one passes"


@pytest.mark.parametrize("boundary", [b for b in BOUNDARIES if "quantity" in b.passes], ids=lambda b: b.limit_type)
def test_a_quantity_that_is_worth_less_than_the_smallest_order_is_not_named(boundary: Boundary) -> None:
    scope, order = boundary.build({**boundary.refuses, "price": "0.01"})
    found = refusals(scope, order, reduce_only=boundary.limit_type == "REDUCE_ONLY")
    assert all(finding.verdict.largest_passing_quantity == 0 for finding in found)
