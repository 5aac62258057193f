"""Types 17 to 23: positions, notionals and cash. Their boundaries are in limit_boundaries.py."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.exposure import Exposure, Position
from breakwater.domain.limit_types import Verdict
from breakwater.domain.limits import evaluate, use_of
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NOW, exposure_of, market_of, order_for, refusals, scope_of

SPENT = "0.01"
MARKED = ("NET_NOTIONAL", "GROSS_NOTIONAL")
IN_CURRENCY = (*MARKED, "OPEN_ORDER_NOTIONAL", "DAILY_TRADED_NOTIONAL")


def held(symbol: str = "ETH/USDT", venue: str = "SIM", **amounts: str) -> Exposure:
    told: dict[str, Any] = {name: Decimal(amount) for name, amount in amounts.items()}
    return exposure_of(symbol, venue=venue, **told)


def verdict_of(limit_type: str, value: str, exposures: list[Exposure], side: Side = Side.BUY, **words: Any) -> Verdict:
    scope = scope_of(limit_type, value, exposures=exposures, **{w: words.pop(w) for w in ("cash",) if w in words})
    (finding,) = [f for f in evaluate([scope], order_for(scope, side, **words), reduce_only=False) if f.limit.limit_id]
    return finding.verdict


def test_a_position_limit_for_all_instruments_holds_in_each_symbol_by_itself() -> None:
    scope = scope_of("LONG_POSITION", "10", exposures=[held("BTC/USDT", filled_qty="9"), held(filled_qty="1")])
    assert refusals(scope, order_for(scope, quantity="9")) == []
    assert len(refusals(scope, order_for(scope, quantity="9.0001"))) == 1
    use = use_of(scope, scope.limits[0], market_of())
    assert use is not None
    assert use.used == Decimal(9)


@pytest.mark.parametrize(
    ("limit_type", "side", "sign"), [("LONG_POSITION", Side.BUY, ""), ("SHORT_POSITION", Side.SELL, "-")]
)
@pytest.mark.parametrize(
    ("instrument", "largest"), [("*", "1"), ("ETH/USDT", "1"), ("venue:SIM", "7"), ("class:SPOT", "1")]
)
def test_a_position_limit_counts_what_its_filter_matches(
    limit_type: str, side: Side, sign: str, instrument: str, largest: str
) -> None:
    exposures = [held(filled_qty=f"{sign}3"), held(venue="BOOK", filled_qty=f"{sign}6")]
    scope = scope_of(limit_type, "10", instrument=instrument, exposures=exposures)
    assert refusals(scope, order_for(scope, side, largest)) == []
    (refusal,) = refusals(scope, order_for(scope, side, "9"))
    assert refusal.verdict.largest_passing_quantity == Decimal(largest)
    assert refusal.verdict.used == 10 - Decimal(largest)


@pytest.mark.parametrize(("limit_type", "side"), [("LONG_POSITION", Side.BUY), ("SHORT_POSITION", Side.SELL)])
def test_what_is_at_the_router_counts_to_every_venue_and_never_for_the_order(limit_type: str, side: Side) -> None:
    sign = "" if side is Side.BUY else "-"
    other = "-" if side is Side.BUY else ""
    opened = {"open_buy_qty" if side is Side.BUY else "open_sell_qty": "2"}
    exposures = [held(filled_qty=f"{sign}3"), held(venue="SOR", filled_qty=f"{sign}4", **opened)]
    scope = scope_of(limit_type, "10", instrument="venue:SIM", exposures=exposures)
    assert refusals(scope, order_for(scope, side, "1")) == []
    assert len(refusals(scope, order_for(scope, side, "1.0001"))) == 1
    # What filled the other way may have filled elsewhere.
    exposures = [held(filled_qty=f"{sign}3"), held(venue="SOR", filled_qty=f"{other}4")]
    scope = scope_of(limit_type, "10", instrument="venue:SIM", exposures=exposures)
    assert len(refusals(scope, order_for(scope, side, "7.0001"))) == 1


@pytest.mark.parametrize("instrument", ["venue:SIM", "venue:BOOK", "*"])
def test_an_order_at_the_router_is_judged_by_the_limits_of_every_venue(instrument: str) -> None:
    scope = scope_of("OPEN_ORDER_NOTIONAL", "1999", instrument=instrument)
    assert len(refusals(scope, order_for(scope, venue="SOR"))) == 1


def test_a_limit_of_the_router_itself_looks_at_no_other_venue() -> None:
    scope = scope_of("OPEN_ORDER_NOTIONAL", "1999", instrument="venue:SOR")
    assert refusals(scope, order_for(scope, venue="SIM")) == []
    assert len(refusals(scope, order_for(scope, venue="SOR"))) == 1


def test_a_short_sale_limit_of_a_venue_looks_at_what_is_held_there() -> None:
    exposures = [held(filled_qty="3"), held(venue="BOOK", filled_qty="6")]
    for instrument, largest in (("venue:SIM", "3"), ("*", "9")):
        scope = scope_of("SHORT_SALE", instrument=instrument, exposures=exposures)
        (refusal,) = refusals(scope, order_for(scope, Side.SELL, "10"))
        assert refusal.verdict.largest_passing_quantity == Decimal(largest)


def test_a_position_beyond_a_lowered_limit_may_shrink_and_not_grow() -> None:
    scope = scope_of("LONG_POSITION", "1", exposures=[held(filled_qty="5")])
    assert refusals(scope, order_for(scope, Side.SELL, "1")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.BUY, "1"))
    assert refusal.verdict.largest_passing_quantity == 0


def test_the_position_limits_never_look_at_the_other_side() -> None:
    for limit_type, side in (("LONG_POSITION", Side.SELL), ("SHORT_POSITION", Side.BUY)):
        scope = scope_of(limit_type, "0")
        assert refusals(scope, order_for(scope, side, "1000")) == []


@pytest.mark.parametrize(
    ("exposures", "side", "largest"),
    [
        # 10,000 may be held net: five ETH. A short in BTC is worth 3,000 of the other sign.
        ([], Side.BUY, "5"),
        ([], Side.SELL, "5"),
        ([held("BTC/USDT", filled_qty="-0.05")], Side.BUY, "6.5"),
        ([held("BTC/USDT", filled_qty="-0.05")], Side.SELL, "3.5"),
        ([held(filled_qty="2", open_buy_qty="1", open_sell_qty="4")], Side.BUY, "2"),
        ([held(filled_qty="2", open_buy_qty="1", open_sell_qty="4")], Side.SELL, "3"),
        # An open buy of BTC cannot be counted on to hedge: the worse case is that it does not fill.
        ([held("BTC/USDT", open_buy_qty="0.05")], Side.SELL, "5"),
    ],
)
def test_net_notional_is_at_the_worse_of_all_buys_or_all_sells_filling(
    exposures: list[Exposure], side: Side, largest: str
) -> None:
    scope = scope_of("NET_NOTIONAL", "10000", exposures=exposures)
    assert refusals(scope, order_for(scope, side, largest)) == []
    (refusal,) = refusals(scope, order_for(scope, side, "50"))
    assert refusal.verdict.largest_passing_quantity == Decimal(largest)


@pytest.mark.parametrize(
    ("exposures", "side", "largest"),
    [
        ([], Side.BUY, "5"),
        ([held("BTC/USDT", filled_qty="-0.05")], Side.BUY, "3.5"),
        ([held(filled_qty="2", open_sell_qty="6")], Side.BUY, "3"),
        ([held(filled_qty="2", open_sell_qty="6")], Side.SELL, "1"),
        ([held(filled_qty="2"), held(venue="BOOK", filled_qty="-2")], Side.SELL, "5"),
    ],
)
def test_gross_notional_sums_the_worst_of_every_symbol(exposures: list[Exposure], side: Side, largest: str) -> None:
    scope = scope_of("GROSS_NOTIONAL", "10000", exposures=exposures)
    assert refusals(scope, order_for(scope, side, largest)) == []
    (refusal,) = refusals(scope, order_for(scope, side, "50"))
    assert refusal.verdict.largest_passing_quantity == Decimal(largest)


def test_a_measure_tells_what_has_filled_what_is_open_and_what_would_come() -> None:
    exposures = [held(filled_qty="1", open_buy_qty="2"), held("BTC/USDT", filled_qty="-0.05")]
    for limit_type, told in (("GROSS_NOTIONAL", (5000, 4000, 2000)), ("NET_NOTIONAL", (1000, 2000, 2000))):
        verdict = verdict_of(limit_type, "100000", exposures)
        assert (verdict.used, verdict.reserved, verdict.attempted) == told


@pytest.mark.parametrize(("currency", "value"), [("USDT", "4000"), ("EUR", "3200"), ("BTC", "0.066666668")])
@pytest.mark.parametrize("limit_type", IN_CURRENCY)
def test_a_notional_is_asked_in_the_currency_of_its_limit(limit_type: str, currency: str, value: str) -> None:
    exposures = [held(filled_qty="1" if limit_type in MARKED else "0", open_notional="2000")]
    for cap, passes in ((Decimal(value), True), (Decimal(value) * Decimal("0.999"), False)):
        scope = scope_of(limit_type, str(cap), exposures=exposures, setting={"currency": currency})
        assert (refusals(scope, order_for(scope)) == []) is passes


@pytest.mark.parametrize("limit_type", IN_CURRENCY)
def test_a_notional_without_a_rate_refuses_and_names_it(limit_type: str) -> None:
    scope = scope_of(limit_type, "1000000", setting={"currency": "GBP"})
    (refusal,) = refusals(scope, order_for(scope))
    assert refusal.verdict.missing == "a rate from USDT to GBP"


@pytest.mark.parametrize("limit_type", MARKED)
def test_a_notional_needs_a_fresh_price_of_all_that_is_held_and_of_nothing_else(limit_type: str) -> None:
    for quantity, missing in (("0.01", ["a fresh price of XRP/USDT"]), ("0", [])):
        scope = scope_of(limit_type, "1000000", exposures=[held("XRP/USDT", filled_qty=quantity)])
        found = refusals(scope, order_for(scope))
        assert [finding.verdict.missing for finding in found] == missing
    stale = market_of(observed_at=NOW - timedelta(seconds=6))
    scope = scope_of(limit_type, "1000000")
    (refusal,) = refusals(scope, order_for(scope, market=stale))
    assert refusal.verdict.missing == "a fresh price of ETH/USDT"


def test_an_open_sell_is_worth_the_top_of_its_band() -> None:
    assert verdict_of("OPEN_ORDER_NOTIONAL", "9999", [], Side.SELL, price=None).attempted == 2100


def test_open_notional_counts_what_is_open_and_not_what_has_traded() -> None:
    verdict = verdict_of("OPEN_ORDER_NOTIONAL", "9999", [held(open_notional="300", traded_notional="7000")])
    assert (verdict.used, verdict.reserved, verdict.attempted) == (0, 300, 2000)


def test_what_traded_on_an_earlier_day_does_not_count_today() -> None:
    yesterday = exposure_of(day=date(2026, 3, 1), traded_notional=Decimal(5000), open_notional=Decimal(300))
    for value, passes in (("2300", True), ("2299", False)):
        scope = scope_of("DAILY_TRADED_NOTIONAL", value, exposures=[yesterday])
        assert (refusals(scope, order_for(scope)) == []) is passes


def test_traded_notional_is_summed_over_what_the_filter_matches() -> None:
    exposures = [
        held(traded_notional="100"),
        held("BTC/USDT", traded_notional="300"),
        held(venue="BOOK", traded_notional="700"),
    ]
    for instrument, used in (("*", 1100), ("ETH/USDT", 800), ("venue:SIM", 400), ("class:SPOT", 1100)):
        scope = scope_of("DAILY_TRADED_NOTIONAL", str(2000 + used), instrument=instrument, exposures=exposures)
        assert refusals(scope, order_for(scope)) == []
        assert len(refusals(scope, order_for(scope, quantity="1.0001"))) == 1


@pytest.mark.parametrize(
    ("side", "cash", "line", "passes"),
    [
        (Side.BUY, "2002", "0", True),  # 2000 and a fee of 0.1 %.
        (Side.BUY, "2001.99", "0", False),
        (Side.BUY, "1002", "1000", True),
        (Side.BUY, "-500", "2502", True),
        (Side.BUY, "-500", "2501.99", False),
        (Side.SELL, "0", "0", True),
    ],
)
def test_a_buy_is_paid_with_its_fee_from_cash_and_the_credit_line(
    side: Side, cash: str, line: str, passes: bool
) -> None:
    scope = scope_of("CREDIT", line, cash={"USDT": Decimal(cash)})
    assert (refusals(scope, order_for(scope, side, fee_rates={"SIM": Decimal("0.001")})) == []) is passes


def test_credit_counts_open_buys_in_its_own_currency_and_no_others() -> None:
    exposures = [held(open_buy_notional="1000", open_notional="9000"), held("ETH/EUR", open_buy_notional="5000")]
    scope = scope_of("CREDIT", "0", exposures=exposures, cash={"USDT": Decimal(3000), "EUR": Decimal(0)})
    assert refusals(scope, order_for(scope)) == []
    assert len(refusals(scope, order_for(scope, quantity="1.0001"))) == 1
    in_euros = scope_of("CREDIT", "0", setting={"currency": "EUR"})
    assert refusals(in_euros, order_for(in_euros)) == []  # This order is paid in USDT.


def test_each_venues_fee_is_held_for_what_is_open_there() -> None:
    exposures = [held(open_buy_notional="1000"), held(venue="BOOK", open_buy_notional="1000")]
    for venue, needed in (("SIM", "4003"), ("BOOK", "4001")):
        for cash, passes in ((Decimal(needed), True), (Decimal(needed) - Decimal("0.01"), False)):
            scope = scope_of("CREDIT", "0", exposures=exposures, cash={"USDT": cash})
            order = order_for(scope, venue=venue, fee_rates={"SIM": Decimal("0.001")})
            assert (refusals(scope, order) == []) is passes


def test_an_account_without_any_cash_buys_nothing() -> None:
    scope = scope_of("CREDIT", "0")
    (refusal,) = refusals(scope, order_for(scope, quantity="0.01"))
    assert (refusal.verdict.limit, refusal.verdict.largest_passing_quantity) == (0, 0)


@pytest.mark.parametrize("limit_type", IN_CURRENCY)
@pytest.mark.parametrize(
    ("filled", "opposite", "side"), [("5", {"open_sell_qty": "2"}, Side.SELL), ("-5", {"open_buy_qty": "2"}, Side.BUY)]
)
def test_what_only_reduces_passes_a_spent_limit_and_no_lot_more_does(
    limit_type: str, filled: str, opposite: dict[str, str], side: Side
) -> None:
    scope = scope_of(limit_type, SPENT, exposures=[held(filled_qty=filled, traded_notional="1", **opposite)])
    assert refusals(scope, order_for(scope, side, "3")) == []
    (refusal,) = refusals(scope, order_for(scope, side, "3.0001"))
    assert refusal.verdict.largest_passing_quantity == 3


def test_a_short_can_be_bought_back_on_spent_credit_and_no_lot_more() -> None:
    scope = scope_of("CREDIT", "0", exposures=[held(filled_qty="-5", open_buy_qty="2")])
    assert refusals(scope, order_for(scope, Side.BUY, "3")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.BUY, "3.0001"))
    assert refusal.verdict.largest_passing_quantity == 3


@pytest.mark.parametrize("limit_type", IN_CURRENCY)
def test_what_only_reduces_passes_where_the_exposure_is_not_known(limit_type: str) -> None:
    scope = scope_of(limit_type, SPENT, exposures=[held(filled_qty="5")], setting={"currency": "GBP"})
    assert refusals(scope, order_for(scope, Side.SELL, "5")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.SELL, "5.0001"))
    assert refusal.verdict.missing == "a rate from USDT to GBP"


@given(
    filled=st.decimals(min_value=-100, max_value=100, places=4),
    open_buy=st.decimals(min_value=0, max_value=100, places=4),
    open_sell=st.decimals(min_value=0, max_value=100, places=4),
    side=st.sampled_from(Side),
    shares=st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from([0, 1, 2]), st.sampled_from([1, 2])),
)
def test_what_only_reduces_brings_the_position_nearer_to_zero_whichever_orders_fill_before(
    filled: Decimal, open_buy: Decimal, open_sell: Decimal, side: Side, shares: tuple[int, int, int]
) -> None:
    quantity = Position(filled, open_buy, open_sell).reducible_qty(side)
    before = filled + open_buy * shares[0] / 2 - open_sell * shares[1] / 2
    after = before + side.sign * quantity * shares[2] / 2
    assert abs(after) <= abs(before) or quantity == 0
