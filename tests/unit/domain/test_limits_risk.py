"""Types 24 to 26: margin, leverage, concentration and value at risk. Their boundaries are in limit_boundaries.py."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.exposure import Exposure, Position
from breakwater.domain.limits import evaluate
from breakwater.domain.market import Market, RiskTerms
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NOW, TODAY, exposure_of, market_of, order_for, refusals, scope_of

QUANTILE = Decimal("2.3263478740")


def held(symbol: str = "ETH/USDT", venue: str = "SIM", **amounts: str) -> Exposure:
    told: dict[str, Any] = {name: Decimal(amount) for name, amount in amounts.items()}
    return exposure_of(symbol, venue=venue, **told)


def market_knowing(**terms: Mapping[str, Any]) -> Market:
    """Terms of ETH, BTC and EUR by name; what is not given is not known."""
    known = {f"{name}/USDT": RiskTerms(f"{name}/USDT", **{"as_of": TODAY, **told}) for name, told in terms.items()}
    return replace(market_of(), terms=known)


def usdt(amount: str) -> dict[str, Decimal]:
    return {"USDT": Decimal(amount)}


def largest(
    limit_type: str, value: str, exposures: Sequence[Exposure], side: Side = Side.BUY, *, market: Market, **words: Any
) -> Decimal | None:
    """Of a hundred ETH, which is refused; what is named passes."""
    scope = scope_of(limit_type, value, exposures=exposures, **words)
    (refusal,) = refusals(scope, order_for(scope, side, "100", market=market))
    named = refusal.verdict.largest_passing_quantity
    assert refusal.verdict.missing is None
    if named:
        assert refusals(scope, order_for(scope, side, named, market=market)) == []
    return named


def test_margin_is_of_the_worst_of_every_position_with_its_own_rate() -> None:
    market = market_knowing(ETH={"initial_margin": Decimal("0.5")}, BTC={"initial_margin": Decimal("0.1")})
    # Of an equity of 10,000 a half: 5,000. The short in BTC takes 600, so ETH may come to 4.4.
    exposures = [held("BTC/USDT", filled_qty="-0.1"), held(filled_qty="1", open_sell_qty="9")]
    assert largest("MARGIN", "0.5", exposures[:1], market=market, cash=usdt("10000")) == Decimal("4.4")
    assert largest("MARGIN", "1", exposures, market=market, cash=usdt("10000")) == Decimal("8.4")
    assert largest("LEVERAGE", "3", exposures, market=market, cash=usdt("10000")) == Decimal("11")


def test_equity_is_all_that_the_accounts_hold_in_the_currency_of_the_limit() -> None:
    cash = {"USDT": Decimal(-1000), "ETH": Decimal(1), "EUR": Decimal(800)}  # -1000 + 2000 + 1000.
    market = market_knowing()
    for currency in ("USDT", "EUR"):
        setting = {"currency": currency}
        assert largest("LEVERAGE", "3", [], market=market, cash=cash, setting=setting) == 3


@pytest.mark.parametrize(
    ("limit_type", "parameters"),
    [
        ("NET_NOTIONAL", {}),
        ("GROSS_NOTIONAL", {}),
        ("OPEN_ORDER_NOTIONAL", {}),
        ("DAILY_TRADED_NOTIONAL", {}),
        ("WINDOW_VOLUME", {"window_s": 60}),
        ("MAX_ORDER_NOTIONAL", {}),
    ],
)
@pytest.mark.parametrize("side", Side)
def test_a_rate_that_has_to_be_rounded_never_lets_pass_what_is_over_the_limit(
    limit_type: str, parameters: dict[str, Any], side: Side
) -> None:
    market = market_of({"EUR/USDT": "3"})  # One ETH is worth 666 and two thirds.
    for value, passes in (("666.666666666", False), ("666.666666668", True)):
        scope = scope_of(limit_type, value, setting={"currency": "EUR"}, **parameters)
        assert (refusals(scope, order_for(scope, side, market=market)) == []) is passes


def test_what_the_accounts_hold_is_never_rounded_up_by_a_rate_nor_what_they_owe_down() -> None:
    market = market_of({"EUR/USDT": "3"})
    for cash, passes in ((Decimal(2000), False), (Decimal(2001), True)):
        scope = scope_of("LEVERAGE", "1", cash={"USDT": cash}, setting={"currency": "EUR"})
        assert (refusals(scope, order_for(scope, market=market)) == []) is passes
    owing = {"EUR": Decimal("1333.333333334"), "USDT": Decimal(-2000)}  # A hair more than 666 and two thirds.
    scope = scope_of("LEVERAGE", "1", cash=owing, setting={"currency": "EUR"})
    assert len(refusals(scope, order_for(scope, market=market))) == 1


@pytest.mark.parametrize("cash", [{}, {"USDT": Decimal(0)}, {"USDT": Decimal(-1)}])
@pytest.mark.parametrize("limit_type", ["MARGIN", "LEVERAGE", "CONCENTRATION"])
def test_without_equity_nothing_may_grow_and_all_may_shrink(limit_type: str, cash: dict[str, Decimal]) -> None:
    scope = scope_of(limit_type, "10", exposures=[held(filled_qty="5")], cash=cash)
    market = market_knowing(ETH={"initial_margin": Decimal("0.5")})
    assert refusals(scope, order_for(scope, Side.SELL, "5", market=market)) == []
    assert len(refusals(scope, order_for(scope, Side.BUY, "0.01", market=market))) == 1
    (refusal,) = refusals(scope, order_for(scope, Side.SELL, "11", market=market))
    assert refusal.verdict.largest_passing_quantity == 5


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        # Half of 20,000 may be exposed to what is alike. ETH is held for 2,000 here and for 2,000 at the other venue.
        ("INSTRUMENT", "3"),
        ("SECTOR", "1.5"),  # BTC, of the same sector, for 3,000.
        ("VENUE", "1.5"),  # BTC and ETH at this venue come to 5,000, and euros to 2,000.
    ],
)
def test_concentration_is_by_instrument_sector_or_venue(by: str, expected: str) -> None:
    market = market_knowing(ETH={"sector": "coins"}, BTC={"sector": "coins"}, EUR={"sector": "currencies"})
    exposures = [
        held(filled_qty="1"),
        held(venue="BOOK", filled_qty="1"),
        held("BTC/USDT", filled_qty="-0.05"),
        held("EUR/USDT", filled_qty="1600"),
    ]
    assert largest("CONCENTRATION", "0.5", exposures, market=market, cash=usdt("20000"), by=by) == Decimal(expected)


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ("SIM", "3"),  # Of 20,000 half: 2,000 here, and 2,000 that the router may have bought here.
        ("BOOK", "5"),  # What was sold through the router may have been sold elsewhere.
        ("SOR", "3"),  # It may go to any venue: what is held at each counts.
    ],
)
def test_concentration_in_a_venue_counts_what_is_at_the_router(venue: str, expected: str) -> None:
    exposures = [held(filled_qty="1"), held(venue="SOR", filled_qty="1" if venue != "BOOK" else "-1")]
    market, cash = market_knowing(), usdt("20000")
    scope = scope_of("CONCENTRATION", "0.5", exposures=exposures, cash=cash, by="VENUE")
    assert refusals(scope, order_for(scope, quantity=expected, market=market, venue=venue)) == []
    assert len(refusals(scope, order_for(scope, quantity=f"{expected}.01", market=market, venue=venue))) == 1


def test_concentration_without_the_sector_of_something_held_refuses_and_names_it() -> None:
    scope = scope_of("CONCENTRATION", "0.5", exposures=[held("BTC/USDT")], cash=usdt("20000"), by="SECTOR")
    (refusal,) = refusals(scope, order_for(scope, market=market_knowing(ETH={"sector": "coins"})))
    assert refusal.verdict.missing == "the sector of BTC/USDT"


@pytest.mark.parametrize(
    ("confidence", "quantile"),
    [("0.95", "1.6448536270"), ("0.975", "1.9599639845"), ("0.99", "2.3263478740"), ("0.995", "2.5758293035")],
)
def test_value_at_risk_of_one_symbol_is_notional_times_volatility_times_the_quantile(
    confidence: str, quantile: str
) -> None:
    market = market_knowing(ETH={"daily_volatility": Decimal("0.04")})
    one_eth = Decimal(quantile) * 2000 * Decimal("0.04")
    assert largest("INCREMENTAL_VAR", str(3 * one_eth), [], market=market, confidence=confidence) == 3


@pytest.mark.parametrize(("correlation", "expected"), [("0", "25"), ("0.5", "30.41381266"), ("1", "35")])
def test_value_at_risk_of_two_symbols_lies_between_their_root_of_squares_and_their_sum(
    correlation: str, expected: str
) -> None:
    # Risks of 15 and 20: the roots of 625, of 925 (which is 30.4138126514… and rounded up), and of 1225.
    volatility = {"daily_volatility": Decimal("0.01") / QUANTILE}
    market = market_knowing(ETH=volatility, BTC=volatility)
    scope = scope_of(
        "INCREMENTAL_VAR", "1000", exposures=[held("BTC/USDT", filled_qty="0.025")], correlation=correlation
    )
    (finding,) = [f for f in evaluate([scope], order_for(scope, market=market), reduce_only=False) if f.limit.limit_id]
    after = finding.verdict.in_use + finding.verdict.attempted
    assert Decimal(expected) <= after <= Decimal(expected) + Decimal("1e-7")
    assert after == after.quantize(Decimal("1e-8"))


def test_value_at_risk_of_opposite_positions_is_their_difference_where_they_move_together() -> None:
    market = market_knowing(ETH={"daily_volatility": Decimal("0.03")}, BTC={"daily_volatility": Decimal("0.03")})
    one_eth = QUANTILE * 60
    hedged = [held("BTC/USDT", filled_qty="-0.1")]  # Worth three ETH.
    assert largest("INCREMENTAL_VAR", str(4 * one_eth), hedged, market=market) == 7
    # What would hedge and is not filled yet is no hedge.
    hedging = [held("BTC/USDT", open_sell_qty="0.1")]
    assert largest("INCREMENTAL_VAR", str(4 * one_eth), hedging, market=market) == 4


def test_value_at_risk_is_never_less_than_that_of_what_is_held_already() -> None:
    market = market_knowing(ETH={"daily_volatility": Decimal("0.03")}, BTC={"daily_volatility": Decimal("0.03")})
    # Both open orders would reduce: with both filled, or either side, less is at risk than now.
    exposures = [held(filled_qty="3", open_sell_qty="3"), held("BTC/USDT", filled_qty="-0.1", open_buy_qty="0.1")]
    scope = scope_of("INCREMENTAL_VAR", "1000000", exposures=exposures, correlation="0")
    (finding,) = [f for f in evaluate([scope], order_for(scope, market=market), reduce_only=False) if f.limit.limit_id]
    assert finding.verdict.used > 0
    assert finding.verdict.reserved == 0


def test_an_order_that_would_hedge_is_no_hedge_until_it_has_filled() -> None:
    market = market_knowing(ETH={"daily_volatility": Decimal("0.03")}, BTC={"daily_volatility": Decimal("0.03")})
    one_eth = QUANTILE * 60
    # With its sell filled BTC is short what five ETH are worth, and ETH is still long three: the root of 34.
    exposures = [held(filled_qty="3"), held("BTC/USDT", open_sell_qty=str(Decimal(1) / 6))]
    words: dict[str, Any] = {"market": market, "correlation": "0"}
    assert largest("INCREMENTAL_VAR", str(one_eth * Decimal("5.5")), exposures, Side.SELL, **words) == 3  # It reduces.
    assert largest("INCREMENTAL_VAR", str(one_eth * Decimal("5.84")), exposures, Side.SELL, **words) == Decimal(
        "6.0175"
    )


def test_value_at_risk_counts_a_buy_here_and_a_sell_there_that_may_both_fill() -> None:
    volatility = {"daily_volatility": Decimal("0.005")}
    market = replace(market_knowing(ETH=volatility, BTC=volatility), quotes=market_of({"BTC/USDT": "2000"}).quotes)
    exposures = [held("BTC/USDT", filled_qty="10", open_buy_qty="10"), held(filled_qty="-10")]
    # Both come to twenty, which is worth 200 of a day's deviations each: the root of 2 times that, times the quantile.
    words: dict[str, Any] = {"market": market, "correlation": "0"}
    assert largest("INCREMENTAL_VAR", "657.991", exposures, Side.SELL, **words) == Decimal("10")
    assert largest("INCREMENTAL_VAR", "530", exposures, Side.SELL, **words) == Decimal("0.9106")


amounts = st.decimals(min_value=0, max_value=50, places=2)


@given(
    held_in=st.lists(st.tuples(amounts, amounts, amounts, st.booleans()), min_size=3, max_size=3),
    quantity=amounts.filter(bool),
    side=st.sampled_from(Side),
    correlation=st.sampled_from(["0", "0.1", "0.5", "0.9", "1"]),
)
def test_value_at_risk_is_that_of_the_worst_of_all_mixtures_of_fills(
    held_in: list[tuple[Decimal, Decimal, Decimal, bool]], quantity: Decimal, side: Side, correlation: str
) -> None:
    names = {"ETH/USDT": Decimal("0.03"), "BTC/USDT": Decimal("0.02"), "EUR/USDT": Decimal("0.04")}
    prices = {"ETH/USDT": "20", "BTC/USDT": "30", "EUR/USDT": "15"}
    exposures = [
        held(symbol, filled_qty=str(-filled if is_short else filled), open_buy_qty=str(buys), open_sell_qty=str(sells))
        for symbol, (filled, buys, sells, is_short) in zip(names, held_in, strict=True)
    ]
    known = {symbol[:3]: {"daily_volatility": volatility} for symbol, volatility in names.items()}
    market = replace(market_knowing(**known), quotes=market_of(prices).quotes)
    scope = scope_of("INCREMENTAL_VAR", "1", exposures=exposures, correlation=correlation)
    order = order_for(scope, side, quantity, market=market)
    (finding,) = [f for f in evaluate([scope], order, reduce_only=False) if f.limit.limit_id]

    def ends(position: Position, symbol: str) -> list[Decimal]:
        filled, worth = position.filled_qty, names[symbol] * Decimal(prices[symbol])
        bought, sold = filled + position.open_buy_qty, filled - position.open_sell_qty
        return [filled * worth, bought * worth, sold * worth, (bought + sold) / 2 * worth]

    positions = {e.symbol: Position(e.filled_qty, e.open_buy_qty, e.open_sell_qty) for e in exposures}
    positions["ETH/USDT"] = positions["ETH/USDT"].with_order(side, quantity)
    c = Decimal(correlation)
    variances = [
        (1 - c) * sum(v * v for v in mixture) + c * sum(mixture) ** 2
        for mixture in itertools.product(*(ends(p, symbol) for symbol, p in positions.items()))
    ]
    worst = (QUANTILE * max(variances).sqrt()).quantize(Decimal("1e-8"), ROUND_UP)
    assert abs(finding.verdict.in_use + finding.verdict.attempted - worst) <= Decimal("1e-8")
    assert finding.verdict.used >= 0
    assert finding.verdict.reserved >= 0
    assert finding.verdict.attempted >= 0


@pytest.mark.parametrize(
    ("limit_type", "words", "known", "missing"),
    [
        ("MARGIN", {}, {}, "the initial margin of ETH/USDT"),
        ("INCREMENTAL_VAR", {}, {}, "the daily volatility of ETH/USDT"),
        (
            "INCREMENTAL_VAR",
            {},
            {"daily_volatility": Decimal("0.01"), "as_of": TODAY - timedelta(days=8)},
            "the daily volatility of ETH/USDT",
        ),
        ("LEVERAGE", {"cash": {"XRP": Decimal(1)}}, {}, "a rate from XRP to USDT"),
        ("CONCENTRATION", {"cash": {"XRP": Decimal(1)}}, {}, "a rate from XRP to USDT"),
    ],
)
def test_what_is_not_known_refuses_by_name_all_but_what_only_reduces(
    limit_type: str, words: dict[str, Any], known: dict[str, Any], missing: str
) -> None:
    scope = scope_of(limit_type, "1", exposures=[held(filled_qty="5")], **{"cash": usdt("1000000"), **words})
    market = market_knowing(ETH=known)
    (refusal,) = refusals(scope, order_for(scope, market=market))
    assert (refusal.verdict.missing, refusal.verdict.largest_passing_quantity) == (missing, 0)
    assert refusals(scope, order_for(scope, Side.SELL, "5", market=market)) == []


def test_a_volatility_is_known_for_seven_days() -> None:
    week_old = {"daily_volatility": Decimal("0.01"), "as_of": TODAY - timedelta(days=7)}
    scope = scope_of("INCREMENTAL_VAR", "1000")
    assert refusals(scope, order_for(scope, market=market_knowing(ETH=week_old))) == []


@pytest.mark.parametrize("limit_type", ["MARGIN", "LEVERAGE", "CONCENTRATION", "INCREMENTAL_VAR"])
def test_what_is_held_needs_a_fresh_price(limit_type: str) -> None:
    scope = scope_of(limit_type, "1", exposures=[held(filled_qty="5")], cash=usdt("1000000"))
    known = {"initial_margin": Decimal("0.5"), "daily_volatility": Decimal("0.01")}
    stale = replace(market_of(observed_at=NOW - timedelta(seconds=6)), terms=market_knowing(ETH=known).terms)
    (refusal,) = refusals(scope, order_for(scope, market=stale))
    assert refusal.verdict.missing == "a fresh price of ETH/USDT"
