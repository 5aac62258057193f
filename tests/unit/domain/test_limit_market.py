"""Prices, rates between currencies, instrument filters, and what of them is missing."""

from collections.abc import Callable
from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_FLOOR, Decimal

import pytest

from breakwater.domain.exposure import InstrumentFilter
from breakwater.domain.instruments import Instrument
from breakwater.domain.market import Market, MissingReference, Quote, RiskTerms
from tests.unit.domain.limit_orders import BTC, ETH, EUR, NOW, TODAY, market_of


@pytest.mark.parametrize(
    ("of", "into", "rate"),
    [
        ("USDT", "USDT", "1"),
        ("GBP", "GBP", "1"),  # Nothing has to be known for that.
        ("EUR", "USDT", "1.25"),
        ("USDT", "EUR", "0.8"),
        ("ETH", "USDT", "2000"),
        ("USDT", "ETH", "0.0005"),
        ("ETH", "EUR", "1600"),  # Over USDT.
        ("EUR", "ETH", "0.000625"),
        ("BTC", "ETH", "30"),
    ],
)
def test_a_rate_leads_over_the_pair_its_inverse_or_one_currency_between(of: str, into: str, rate: str) -> None:
    assert market_of().rate(of, into) == Decimal(rate)


@pytest.mark.parametrize(
    ("price", "least", "most"),
    [
        ("3", "0.333333333333", "0.333333333334"),
        ("1.1", "0.909090909090", "0.909090909091"),
        ("7", "0.142857142857", "0.142857142858"),
        ("60000", "0.000016666666", "0.000016666667"),
        ("8", "0.125", "0.125"),
    ],
)
def test_an_inverse_is_rounded_at_the_twelfth_decimal_to_the_side_that_is_asked_for(
    price: str, least: str, most: str
) -> None:
    market = market_of({"EUR/USDT": price})
    assert market.rate("USDT", "EUR") == Decimal(most)
    assert market.rate("USDT", "EUR", ROUND_DOWN) == Decimal(least)
    # A step over a third currency, by two inverses.
    over = market.rate("BTC", "EUR") / 60000
    assert (over, market.rate("BTC", "EUR", ROUND_DOWN) / 60000) == (Decimal(most), Decimal(least))
    for amount in (Decimal(300), Decimal(-300)):
        ends = sorted((amount * Decimal(least), amount * Decimal(most)))
        assert market.worth(amount, "USDT", "EUR", ROUND_FLOOR) == ends[0]
        assert market.worth(amount, "USDT", "EUR") == ends[1]


def test_the_pair_itself_is_preferred_to_its_inverse_and_to_a_way_round() -> None:
    usdt_eur = Instrument("USDT/EUR", "USDT", "EUR", Decimal("0.0001"), Decimal("0.01"), Decimal(1))
    eth_eur = Instrument("ETH/EUR", "ETH", "EUR", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
    listed = {
        "USDT/EUR": Quote(usdt_eur, Decimal("0.9"), NOW),
        "ETH/EUR": Quote(eth_eur, Decimal(1700), NOW),
    }
    market = Market(NOW, {**market_of().quotes, **listed})
    assert (market.rate("USDT", "EUR"), market.rate("ETH", "EUR")) == (Decimal("0.9"), Decimal(1700))


def test_a_stale_pair_is_gone_round_and_without_a_way_round_it_is_missing() -> None:
    old = NOW - timedelta(seconds=5, microseconds=1)
    eth_eur = Instrument("ETH/EUR", "ETH", "EUR", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
    market = Market(NOW, {**market_of().quotes, "ETH/EUR": Quote(eth_eur, Decimal(1), old)})
    assert market.rate("ETH", "EUR") == 1600
    with pytest.raises(MissingReference, match="a rate from EUR to USDT"):
        market_of(observed_at=old).rate("EUR", "USDT")


@pytest.mark.parametrize(
    ("age_us", "is_fresh"), [(0, True), (5_000_000, True), (5_000_001, False), (-5_000_001, False)]
)
def test_a_mark_is_fresh_for_five_seconds(age_us: int, is_fresh: bool) -> None:
    market = market_of(observed_at=NOW - timedelta(microseconds=age_us))
    if is_fresh:
        assert market.mark("ETH/USDT") == 2000
    else:
        with pytest.raises(MissingReference, match="a fresh price of ETH/USDT"):
            market.mark("ETH/USDT")


@pytest.mark.parametrize("quote", [Quote(ETH, None, None), Quote(ETH, Decimal(2000), None), None])
def test_a_price_that_was_never_observed_is_missing(quote: Quote | None) -> None:
    market = Market(NOW, {} if quote is None else {"ETH/USDT": quote})
    with pytest.raises(MissingReference, match="a fresh price of ETH/USDT"):
        market.mark("ETH/USDT")


@pytest.mark.parametrize(
    ("currency", "notional"), [("USDT", "-3000"), ("EUR", "-2400"), ("ETH", "-1.5"), ("BTC", "-0.049999998")]
)
def test_a_notional_keeps_its_sign_takes_on_the_currency_and_is_never_less_than_it_is(
    currency: str, notional: str
) -> None:
    assert market_of().notional(Decimal("-1.5"), "ETH/USDT", currency) == Decimal(notional)


def test_a_symbol_that_is_not_listed_any_more_still_names_its_quote_currency() -> None:
    assert market_of().quote_asset("XRP/EUR") == "EUR"


ASKED: list[tuple[Callable[[Market], object], str, RiskTerms]] = [
    (
        lambda market: market.average_daily_qty("ETH/USDT"),
        "the average daily volume of ETH/USDT",
        RiskTerms("ETH/USDT", average_daily_qty=Decimal(1)),
    ),
    (
        lambda market: market.daily_volatility("ETH/USDT"),
        "the daily volatility of ETH/USDT",
        RiskTerms("ETH/USDT", daily_volatility=Decimal(1)),
    ),
]


@pytest.mark.parametrize(("ask", "missing", "undated"), ASKED)
def test_a_statistic_that_is_not_there_not_dated_or_older_than_a_week_is_missing(
    ask: Callable[[Market], object], missing: str, undated: RiskTerms
) -> None:
    for terms in ({}, {"ETH/USDT": RiskTerms("ETH/USDT", as_of=TODAY)}, {"ETH/USDT": undated}):
        with pytest.raises(MissingReference, match=missing):
            ask(Market(NOW, {}, terms))


def test_what_the_firm_says_once_and_for_all_needs_no_date() -> None:
    terms = {"ETH/USDT": RiskTerms("ETH/USDT", initial_margin=Decimal("0.1"), sector="coins")}
    market = Market(NOW, {}, terms)
    assert (market.initial_margin("ETH/USDT"), market.sector("ETH/USDT")) == (Decimal("0.1"), "coins")
    with pytest.raises(MissingReference, match="the sector of BTC/USDT"):
        market.sector("BTC/USDT")
    with pytest.raises(MissingReference, match="the initial margin of BTC/USDT"):
        market.initial_margin("BTC/USDT")


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("*", {"ETH/USDT SIM", "ETH/USDT BOOK", "EUR/USDT SIM"}),
        ("ETH/USDT", {"ETH/USDT SIM", "ETH/USDT BOOK"}),
        ("venue:SIM", {"ETH/USDT SIM", "EUR/USDT SIM"}),
        ("venue:SI", set()),
        ("class:FX", {"EUR/USDT SIM"}),
        ("class:SPOT", {"ETH/USDT SIM", "ETH/USDT BOOK"}),
        ("BTC/USDT", set()),
        ("eth/usdt", set()),
    ],
)
def test_a_filter_is_a_symbol_a_venue_a_class_or_all(text: str, matching: set[str]) -> None:
    asked = [(ETH, "SIM"), (ETH, "BOOK"), (EUR, "SIM")]
    wanted = InstrumentFilter.of(text)
    found = {f"{i.symbol} {venue}" for i, venue in asked if wanted.matches(i.symbol, venue, i.asset_class)}
    assert found == matching
    assert BTC.asset_class == "SPOT"
