"""Types 1 to 8: each order by itself. Their boundaries are in limit_boundaries.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.executions import read_execution
from breakwater.domain.limit_types.per_order import is_within_hours
from breakwater.domain.limits import evaluate
from breakwater.domain.market import Market, Quote
from breakwater.domain.orders import OrderType, Side, TimeInForce
from breakwater.domain.valuation import PriceBand
from tests.unit.domain.limit_orders import (
    ETH,
    NOW,
    TODAY,
    exposure_of,
    market_of,
    order_for,
    refusals,
    scope_of,
)

OFFICE = {"days": ["MON", "TUE", "WED", "THU", "FRI"], "from": "09:00", "until": "17:30"}
NIGHT = {"days": ["FRI"], "from": "22:00", "until": "06:00"}


@pytest.mark.parametrize(
    ("side", "price", "passes"),
    [
        # 1999.99 and five per cent of it are 2099.9895 and 1899.9905: nothing is rounded before it is compared.
        (Side.BUY, "2099.98", True),
        (Side.BUY, "2099.99", False),
        (Side.SELL, "1900", True),
        (Side.SELL, "1899.99", False),
        (Side.BUY, "1", True),  # Far from the reference on the side that cannot hurt.
        (Side.SELL, "9000", True),
    ],
)
def test_a_collar_compares_the_price_with_the_product_unrounded(side: Side, price: str, passes: bool) -> None:
    scope = scope_of("PRICE_COLLAR", "0.05")
    found = refusals(scope, order_for(scope, side, price=price, reference=Decimal("1999.99")))
    assert (found == []) is passes
    assert all(finding.verdict.attempted > finding.verdict.limit for finding in found)


@pytest.mark.parametrize(
    ("execution", "price", "passes"),
    [
        ({"algorithm": "STOP", "stop_px": "1000"}, "950", True),  # Far below the market, as a protective stop is.
        ({"algorithm": "STOP", "stop_px": "1000"}, "949.99", False),
        ({"algorithm": "TAKE_PROFIT", "stop_px": "1000"}, "990", False),  # Reached already: it would sell at once.
        ({"algorithm": "OCO", "stop_px": "1000"}, "3000", True),
        ({"algorithm": "OCO", "stop_px": "1000", "stop_limit_px": "950"}, "3000", True),
        ({"algorithm": "OCO", "stop_px": "1000", "stop_limit_px": "949.99"}, "3000", False),
        ({"algorithm": "OCO", "stop_px": "1000"}, "1899.99", False),  # It rests at once, and far below the market.
        ({"algorithm": "TRAILING_STOP", "percent": "10"}, "1710", True),
        ({"algorithm": "TRAILING_STOP", "percent": "10"}, "1709.99", False),
        ({"algorithm": "BEST"}, "1899.99", False),
    ],
)
def test_a_collar_measures_an_exit_from_where_it_trades(execution: dict[str, str], price: str, passes: bool) -> None:
    scope = scope_of("PRICE_COLLAR", "0.05")
    order = order_for(scope, Side.SELL, price=price, venue="SOR", execution=read_execution(execution))
    assert (refusals(scope, order) == []) is passes


def test_a_buy_that_may_also_stop_is_valued_at_where_it_may_stop() -> None:
    scope = scope_of("MAX_ORDER_NOTIONAL", "3000")
    order = replace(order_for(scope, price="1500"), band=PriceBand(Decimal("0.01"), Decimal(3150)))
    assert len(refusals(scope, order)) == 1


def test_a_collar_leaves_a_market_order_to_its_band() -> None:
    scope = scope_of("PRICE_COLLAR", "0.05")
    assert refusals(scope, order_for(scope, price=None)) == []


@pytest.mark.parametrize("side", Side)
def test_a_collar_without_a_reference_price_refuses_and_names_it(side: Side) -> None:
    scope = scope_of("PRICE_COLLAR", "0.05", exposures=[exposure_of(filled_qty=Decimal(5))])
    (refusal,) = refusals(scope, order_for(scope, side, reference=None))
    assert refusal.verdict.missing == "a fresh price of ETH/USDT"


@pytest.mark.parametrize("limit_type", ["PRICE_COLLAR", "MAX_ORDER_QTY", "MAX_ORDER_NOTIONAL"])
def test_an_order_that_only_reduces_meets_every_limit_per_order(limit_type: str) -> None:
    scope = scope_of(limit_type, "0.05", exposures=[exposure_of(filled_qty=Decimal(5))])
    order = order_for(scope, Side.SELL, "1", "1000")
    assert order.only_reduces
    assert [finding.limit.limit_type for finding in refusals(scope, order)] == [limit_type]


def test_a_market_order_is_valued_at_the_top_of_its_band() -> None:
    scope = scope_of("MAX_ORDER_NOTIONAL", "2100")
    (finding,) = [f for f in evaluate([scope], order_for(scope, price=None), reduce_only=False) if f.limit.limit_id]
    assert finding.verdict.attempted == 2100


@pytest.mark.parametrize(
    ("price", "value", "passes"),
    [
        ("1.25", "1600", True),  # One euro is 1.25: 2000 USDT are 1600 euros.
        ("1.25", "1599.99", False),
        ("1.1", "1818.181818182", True),  # One USDT is 0.909090909091 euros, rounded to twelve decimals.
        ("1.1", "1818.181818181", False),
    ],
)
def test_a_limit_in_another_currency_is_asked_by_the_inverse_of_the_pair(price: str, value: str, passes: bool) -> None:
    scope = scope_of("MAX_ORDER_NOTIONAL", value, setting={"currency": "EUR"})
    order = order_for(scope, market=market_of({"EUR/USDT": price}))
    assert (refusals(scope, order) == []) is passes


def test_a_limit_in_a_currency_without_a_rate_refuses_and_names_the_rate() -> None:
    scope = scope_of("MAX_ORDER_NOTIONAL", "1000000", setting={"currency": "GBP"})
    (refusal,) = refusals(scope, order_for(scope))
    assert (refusal.verdict.missing, refusal.verdict.largest_passing_quantity) == ("a rate from USDT to GBP", 0)


@pytest.mark.parametrize(("days_old", "passes"), [(0, True), (7, True), (8, False)])
def test_an_average_volume_is_known_for_seven_days(days_old: int, passes: bool) -> None:
    market = market_of(average_daily_qty=Decimal(1000), as_of=TODAY - timedelta(days=days_old))
    scope = scope_of("ADV_PCT", "0.5")
    found = refusals(scope, order_for(scope, market=market))
    assert [finding.verdict.missing for finding in found] == (
        [] if passes else ["the average daily volume of ETH/USDT"]
    )


def test_without_an_average_volume_no_order_passes_not_even_one_that_reduces() -> None:
    scope = scope_of("ADV_PCT", "0.5", exposures=[exposure_of(filled_qty=Decimal(5))])
    (refusal,) = refusals(scope, order_for(scope, Side.SELL))
    assert refusal.verdict.missing == "the average daily volume of ETH/USDT"


def test_a_restricted_list_allows_or_denies_by_symbol() -> None:
    for mode, symbols, passes in (
        ("DENY", ["ETH/USDT"], False),
        ("DENY", ["BTC/USDT"], True),
        ("DENY", [], True),
        ("ALLOW", ["ETH/USDT"], True),
        ("ALLOW", ["BTC/USDT"], False),
        ("ALLOW", [], False),
    ):
        scope = scope_of("RESTRICTED_LIST", mode=mode, symbols=symbols)
        assert (refusals(scope, order_for(scope)) == []) is passes


@pytest.mark.parametrize(
    ("permission", "order", "passes"),
    [
        ({"types": ["LIMIT"]}, {"type": OrderType.LIMIT}, True),
        ({"types": ["LIMIT"]}, {"type": OrderType.MARKET, "price": None}, False),
        ({"times_in_force": ["GTC", "IOC"]}, {"time_in_force": TimeInForce.IOC}, True),
        ({"times_in_force": ["GTC", "IOC"]}, {"time_in_force": TimeInForce.FOK}, False),
        ({"sides": ["SELL"]}, {"side": Side.SELL}, True),
        ({"sides": ["SELL"]}, {"side": Side.BUY}, False),
        ({"venues": ["SIM"]}, {"venue": "SIM"}, True),
        ({"venues": ["SIM"]}, {"venue": "BOOK"}, False),
        ({"venues": ["SIM"], "sides": ["SELL"]}, {"venue": "SIM", "side": Side.BUY}, False),
    ],
)
def test_a_permission_names_all_that_is_allowed_and_what_it_does_not_name_is_free(
    permission: dict[str, Any], order: dict[str, Any], passes: bool
) -> None:
    scope = scope_of("ORDER_PERMISSION", **permission)
    assert (refusals(scope, order_for(scope, **order)) == []) is passes


@pytest.mark.parametrize(
    ("allowed", "named", "passes"),
    [
        (["SIM"], [], False),  # It may go anywhere.
        (["SIM"], ["SIM"], True),
        (["SIM", "BOOK"], ["BOOK", "SIM"], True),
        (["SIM"], ["BOOK", "SIM"], False),
        (["SOR"], [], True),
        (["SOR"], ["BOOK"], True),
    ],
)
def test_a_permission_of_venues_is_asked_of_every_venue_that_the_router_may_use(
    allowed: list[str], named: list[str], passes: bool
) -> None:
    scope = scope_of("ORDER_PERMISSION", venues=allowed)
    order = order_for(scope, venue="SOR", execution=read_execution({"algorithm": "BEST", "venues": named}))
    assert (refusals(scope, order) == []) is passes


@pytest.mark.parametrize(
    ("hours", "at", "passes"),
    [
        (OFFICE, "2026-03-02T09:00:00", True),  # A Monday.
        (OFFICE, "2026-03-02T08:59:59.999999", False),
        (OFFICE, "2026-03-02T17:29:59.999999", True),
        (OFFICE, "2026-03-02T17:30:00", False),
        (OFFICE, "2026-03-07T10:00:00", False),  # A Saturday.
        (NIGHT, "2026-03-06T22:00:00", True),  # It belongs to the Friday that it begins on.
        (NIGHT, "2026-03-07T05:59:59.999999", True),
        (NIGHT, "2026-03-07T06:00:00", False),
        (NIGHT, "2026-03-06T05:00:00", False),
        (NIGHT, "2026-03-07T22:00:00", False),
        (NIGHT, "2026-03-06T21:59:59", False),
    ],
)
def test_hours_hold_from_their_beginning_and_not_at_their_end(hours: dict[str, Any], at: str, passes: bool) -> None:
    assert is_within_hours(hours, datetime.fromisoformat(at).replace(tzinfo=UTC), "UTC") is passes


@pytest.mark.parametrize(
    ("time_zone", "at", "passes"),
    [
        # New York is five hours behind until 8 March 2026, and four from then on.
        ("America/New_York", "2026-03-06T13:59:59", False),
        ("America/New_York", "2026-03-06T14:00:00", True),
        ("America/New_York", "2026-03-09T13:00:00", True),
        ("America/New_York", "2026-03-09T12:59:59", False),
        ("America/New_York", "2026-03-09T21:30:00", False),
        # Sunday evening in UTC is Monday morning in Tokyo, and Friday morning there ends on Friday in UTC.
        ("Asia/Tokyo", "2026-03-08T23:59:59", False),
        ("Asia/Tokyo", "2026-03-09T00:00:00", True),
        ("Asia/Tokyo", "2026-03-09T08:30:00", False),
        # London goes over to summer time on 29 March 2026.
        ("Europe/London", "2026-03-27T09:00:00", True),
        ("Europe/London", "2026-03-30T08:00:00", True),
        ("Europe/London", "2026-03-30T16:30:00", False),
    ],
)
def test_hours_are_those_of_the_nodes_own_clock(time_zone: str, at: str, passes: bool) -> None:
    scope = scope_of("ORDER_PERMISSION", hours=OFFICE, time_zone=time_zone)
    order = order_for(scope, at=datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert (refusals(scope, order) == []) is passes


@pytest.mark.parametrize(
    ("at", "passes"),
    [
        ("2026-03-29T00:59:00", True),  # 01:59 in Berlin; a minute later it is 03:00.
        ("2026-03-29T01:00:00", True),
        ("2026-03-29T01:59:00", True),
        ("2026-03-29T02:00:00", False),  # 04:00.
        ("2026-10-25T00:30:00", True),  # 02:30, and the same hour comes again.
        ("2026-10-25T01:30:00", True),
        ("2026-10-25T03:00:00", False),
    ],
)
def test_a_night_in_which_the_clock_changes_is_an_hour_shorter_or_longer(at: str, passes: bool) -> None:
    night = {"days": ["SAT"], "from": "23:00", "until": "04:00"}
    assert is_within_hours(night, datetime.fromisoformat(at).replace(tzinfo=UTC), "Europe/Berlin") is passes


@pytest.mark.parametrize(
    ("order", "passes"),
    [
        ({"side": Side.SELL, "quantity": "5"}, True),
        ({"side": Side.SELL, "quantity": "5.0001"}, False),
        ({"side": Side.SELL, "quantity": "9", "located": True}, True),
        ({"side": Side.BUY, "quantity": "9"}, True),
    ],
)
def test_what_is_sold_short_is_marked_as_located(order: dict[str, Any], passes: bool) -> None:
    scope = scope_of("SHORT_SALE", exposures=[exposure_of(filled_qty=Decimal(8), open_sell_qty=Decimal(3))])
    assert (refusals(scope, order_for(scope, **order)) == []) is passes


def test_who_holds_nothing_or_is_short_sells_nothing_that_is_not_located() -> None:
    for held in ([], [exposure_of(filled_qty=Decimal(-1))]):
        scope = scope_of("SHORT_SALE", exposures=held)
        (refusal,) = refusals(scope, order_for(scope, Side.SELL, "0.01"))
        assert refusal.verdict.largest_passing_quantity == 0


def test_a_reference_price_that_was_never_observed_is_stale_and_named() -> None:
    scope = scope_of("STALE_DATA", "3600", exposures=[exposure_of(filled_qty=Decimal(5))])
    for side in Side:
        (refusal,) = refusals(scope, order_for(scope, side, reference_age_s=None))
        assert refusal.verdict.missing == "a price of ETH/USDT"


def test_the_age_of_a_reference_price_counts_to_the_microsecond_and_from_ahead_of_our_clock_too() -> None:
    for away in (timedelta(microseconds=-1_500_001), timedelta(microseconds=1_500_001)):
        assert Quote(ETH, Decimal(2000), NOW + away).age_s(NOW) == Decimal("1.500001")
    assert Quote(ETH, None, None).age_s(NOW) is None


@pytest.mark.parametrize(
    ("instrument", "venue", "applies"),
    [
        ("*", "SIM", True),
        ("ETH/USDT", "BOOK", True),
        ("BTC/USDT", "SIM", False),
        ("venue:SIM", "SIM", True),
        ("venue:SIM", "BOOK", False),
        ("class:SPOT", "BOOK", True),
        ("class:FX", "SIM", False),
    ],
)
def test_a_limit_is_asked_where_its_filter_matches_the_order(instrument: str, venue: str, applies: bool) -> None:
    scope = scope_of("MAX_ORDER_QTY", "0.5", instrument=instrument)
    assert bool(refusals(scope, order_for(scope, venue=venue))) is applies


def test_a_rate_that_is_stale_counts_as_missing() -> None:
    scope = scope_of("MAX_ORDER_NOTIONAL", "1000000", setting={"currency": "EUR"})
    stale = market_of(observed_at=NOW - timedelta(seconds=5, microseconds=1))
    (refusal,) = refusals(scope, order_for(scope, market=stale))
    assert refusal.verdict.missing == "a rate from USDT to EUR"
    assert refusals(scope, order_for(scope, market=Market(NOW, market_of().quotes))) == []
