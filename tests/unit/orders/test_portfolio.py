"""Positions by the average cost method."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from breakwater.domain.portfolio import AVERAGE_PRICE_STEP, Fill, Position, balance_changes, equity

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))


def fill(side: str, quantity: str, price: str, fee: str = "0", fee_currency: str = "USDT") -> Fill:
    return Fill(Side(side), Decimal(quantity), Decimal(price), Decimal(fee), fee_currency)


def after(*fills: Fill) -> Position:
    position = Position()
    for each in fills:
        position = position.after(each, ETH)
    return position


def held(quantity: int, average_price: int, realised_pnl: int, fees: str = "0", flat_pnl: str = "0") -> Position:
    return Position(Decimal(quantity), Decimal(average_price), Decimal(realised_pnl), Decimal(fees), Decimal(flat_pnl))


fills = st.builds(
    Fill,
    side=st.sampled_from(Side),
    last_qty=st.integers(1, 10**8).map(lambda lots: lots * ETH.lot_size),
    last_px=st.integers(1, 10**8).map(lambda ticks: ticks * ETH.tick_size),
    fee=st.integers(0, 10**6).map(lambda cents: cents * Decimal("0.01")),
    fee_currency=st.sampled_from(["USDT", "ETH"]),
)


def test_adding_to_a_position_moves_its_average_price() -> None:
    position = after(fill("BUY", "1", "100"), fill("BUY", "3", "200"))
    assert position == held(4, 175, 0)


def test_closing_a_part_realises_profit_and_keeps_the_average_price() -> None:
    position = after(fill("BUY", "4", "100"), fill("SELL", "1", "130"))
    assert position == held(3, 100, 30)


def test_a_short_position_earns_when_the_price_falls() -> None:
    position = after(fill("SELL", "2", "100"), fill("BUY", "2", "90"))
    assert position == held(0, 0, 20, flat_pnl="20")


def test_a_fill_through_zero_closes_at_the_average_and_opens_at_its_own_price() -> None:
    position = after(fill("BUY", "1", "100"), fill("SELL", "3", "110"))
    assert position == held(-2, 110, 10, flat_pnl="10")


def test_fees_are_kept_apart_from_profit_and_a_fee_in_the_base_asset_is_valued_at_the_fill() -> None:
    position = after(fill("BUY", "1", "100", "0.1"), fill("SELL", "1", "100", "0.002", "ETH"))
    assert position == held(0, 0, 0, fees="0.3", flat_pnl="-0.3")


def test_a_round_trip_earns_what_its_fills_realised_less_their_fees_however_many_closed_it() -> None:
    opened = after(fill("BUY", "1", "100"), fill("SELL", "1", "120"), fill("BUY", "2", "100", "0.5"))
    half = opened.after(fill("SELL", "1", "99", "0.5"), ETH)
    closed = half.after(fill("SELL", "1", "101.5"), ETH)
    assert opened.round_trip_pnl(half) is None
    assert half.round_trip_pnl(closed) == Decimal("-0.5")
    turned = opened.after(fill("SELL", "3", "110"), ETH)
    assert opened.round_trip_pnl(turned) == Decimal("19.5")


def test_a_fee_in_an_asset_of_neither_side_is_refused() -> None:
    with pytest.raises(ValueError, match="BNB"):
        after(fill("BUY", "1", "100", "0.1", "BNB"))


def test_a_fill_moves_both_assets_and_takes_its_fee() -> None:
    assert balance_changes(fill("SELL", "0.5", "200", "0.1"), ETH) == {"ETH": Decimal("-0.5"), "USDT": Decimal("99.9")}


def test_a_fee_in_a_third_asset_is_taken_from_it() -> None:
    changes = balance_changes(fill("BUY", "1", "200", "0.1", "BNB"), ETH)
    assert changes == {"ETH": 1, "USDT": -200, "BNB": Decimal("-0.1")}


def test_equity_is_not_known_while_one_asset_has_no_price() -> None:
    balances = {"USDT": Decimal(10), "ETH": Decimal(2), "BTC": Decimal(0)}
    assert equity(balances, "USDT", {"ETH/USDT": Decimal(100)}) == 210
    assert equity(balances, "USDT", {}) is None


@given(st.lists(fills, max_size=30), st.integers(1, 10**8).map(lambda ticks: ticks * ETH.tick_size))
def test_profit_is_what_the_cash_and_the_holding_are_worth(sequence: list[Fill], mark: Decimal) -> None:
    position, cash, held, rounding_max = Position(), Fraction(0), Fraction(0), Fraction(0)
    for each in sequence:
        position = position.after(each, ETH)
        held += each.side.sign * Fraction(each.last_qty)
        cash -= each.side.sign * Fraction(each.last_qty) * Fraction(each.last_px)
        rounding_max += abs(held) * Fraction(AVERAGE_PRICE_STEP)  # An average is rounded once a fill, at most.
    assert Fraction(position.quantity) == held
    earned = Fraction(position.realised_pnl) + Fraction(position.unrealised_pnl(mark))
    assert abs(earned - (cash + held * Fraction(mark))) <= rounding_max


@given(st.lists(fills, max_size=30))
def test_the_average_price_lies_between_the_prices_paid_and_is_zero_only_when_flat(sequence: list[Fill]) -> None:
    position = after(*sequence)
    if position.quantity == 0:
        assert position.average_price == 0
    else:
        prices = [each.last_px for each in sequence]
        assert min(prices) <= position.average_price <= max(prices)


@given(st.lists(fills, max_size=30))
def test_balances_and_position_agree_on_the_base_asset(sequence: list[Fill]) -> None:
    base = sum((balance_changes(each, ETH)["ETH"] for each in sequence), Decimal(0))
    fees_in_base = sum((each.fee for each in sequence if each.fee_currency == "ETH"), Decimal(0))
    assert base + fees_in_base == after(*sequence).quantity
