"""Types 24 to 26: margin, leverage, concentration and value at risk. Their boundaries are in limit_boundaries.py."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.exposure import Exposure
from breakwater.domain.limits import evaluate
from breakwater.domain.market import Market, RiskTerms
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NOW, TODAY, exposure_of, market_of, order_for, refusals, scope_of

QUANTILE = Decimal("2.3263478740")


def held(symbol: str = "ETH/USDT", venue: str = "SIM", **amounts: str) -> Exposure:
    return exposure_of(symbol, venue=venue, **{name: Decimal(amount) for name, amount in amounts.items()})


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


def test_an_order_that_hedges_passes_where_a_smaller_one_does_not() -> None:
    market = market_knowing(ETH={"daily_volatility": Decimal("0.03")}, BTC={"daily_volatility": Decimal("0.03")})
    one_eth = QUANTILE * 60
    # With its sell filled BTC is short what five ETH are worth, and ETH is long three: with no correlation between
    # them a sell of ETH takes from the whole until the position has turned round.
    exposures = [held(filled_qty="3"), held("BTC/USDT", open_sell_qty=str(Decimal(1) / 6))]
    value = str(one_eth * Decimal("5.5"))
    words: dict[str, Any] = {"market": market, "correlation": "0"}
    named = largest("INCREMENTAL_VAR", value, exposures, Side.SELL, **words)
    assert named == Decimal("5.2912")
    scope = scope_of("INCREMENTAL_VAR", value, exposures=exposures, correlation="0")
    assert len(refusals(scope, order_for(scope, Side.BUY, "3", market=market))) == 1


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
