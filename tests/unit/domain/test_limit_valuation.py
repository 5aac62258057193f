import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.executions import Execution, Iceberg, Oco, Stop, TakeProfit, TrailingStop, Twap
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrderTerms, OrderType, Side
from breakwater.domain.valuation import (
    PriceBand,
    ReferenceUnavailable,
    collared_prices,
    fresh_reference,
    price_band,
)
from breakwater.errors import InvalidRequest

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def terms_of(side: Side, price: str | None, **more: Any) -> OrderTerms:
    return OrderTerms(
        client_order_id="one",
        account_id=uuid.UUID(int=1),
        symbol="ETH/USDT",
        side=side,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Decimal(1),
        price=None if price is None else Decimal(price),
        **more,
    )


@pytest.mark.parametrize(
    ("side", "price", "collar", "band"),
    [
        (Side.BUY, "1990.5", None, ("0.01", "1990.5")),
        (Side.BUY, "1990.5", "0.02", ("0.01", "1990.5")),
        (Side.SELL, "1990.5", "0.02", ("1990.5", "2040")),
        (Side.SELL, "2500", "0.02", ("2500", "2500")),
        (Side.SELL, "1990.5", None, ("1990.5", "2100")),
        (Side.BUY, None, None, ("1900", "2100")),
        (Side.SELL, None, "0.02", ("1960", "2040")),
    ],
)
def test_the_band_is_what_an_order_may_trade_in(
    side: Side, price: str | None, collar: str | None, band: tuple[str, str]
) -> None:
    fraction = None if collar is None else Decimal(collar)
    found = price_band(terms_of(side, price), ETH, Decimal(2000), fraction)
    assert found == PriceBand(Decimal(band[0]), Decimal(band[1]))


def test_a_market_band_is_rounded_inwards_to_whole_ticks() -> None:
    band = price_band(terms_of(Side.BUY, None), ETH, Decimal("10.005"), Decimal("0.0111"))
    assert band == PriceBand(Decimal("9.90"), Decimal("10.11"))  # 9.8939445 and 10.1160555 unrounded.


def test_a_collar_without_a_tick_inside_refuses_a_market_order() -> None:
    with pytest.raises(InvalidRequest):
        price_band(terms_of(Side.BUY, None), ETH, Decimal("10.005"), Decimal("0.0001"))


@pytest.mark.parametrize(
    ("side", "price", "collar"),
    [(Side.BUY, "2000", "0.05"), (Side.SELL, "2000", None), (Side.BUY, None, None), (Side.SELL, None, None)],
)
def test_without_a_reference_price_what_needs_it_is_refused(side: Side, price: str | None, collar: str | None) -> None:
    with pytest.raises(ReferenceUnavailable):
        price_band(terms_of(side, price), ETH, None, None if collar is None else Decimal(collar))


def test_a_limit_buy_without_a_collar_needs_no_reference_price() -> None:
    assert price_band(terms_of(Side.BUY, "2000"), ETH, None, None).high == 2000


@pytest.mark.parametrize(("age_s", "is_fresh"), [(0, True), (5, True), (5.000001, False), (-5.000001, False)])
def test_a_reference_price_is_fresh_for_five_seconds(age_s: float, is_fresh: bool) -> None:
    found = fresh_reference(Decimal(2000), NOW - timedelta(seconds=age_s), NOW)
    assert (found is not None) is is_fresh


def stop(stop_px: str) -> Stop:
    return Stop(algorithm="STOP", stop_px=Decimal(stop_px))


def take_profit(stop_px: str) -> TakeProfit:
    return TakeProfit(algorithm="TAKE_PROFIT", stop_px=Decimal(stop_px))


def trail(**words: str) -> TrailingStop:
    terms: dict[str, Any] = {name: Decimal(word) for name, word in words.items()}
    return TrailingStop(algorithm="TRAILING_STOP", **terms)


def oco(stop_px: str, stop_limit_px: str | None = None) -> Oco:
    return Oco.model_validate({"algorithm": "OCO", "stop_px": stop_px, "stop_limit_px": stop_limit_px})


@pytest.mark.parametrize(
    ("side", "price", "execution", "band"),
    [
        # The market is at 2000 and the collar a twentieth. A protective stop far from it trades where it stops.
        (Side.SELL, None, stop("1000"), ("950", "2100")),
        (Side.BUY, None, stop("3000"), ("1900", "3150")),
        (Side.SELL, "980", stop("1000"), ("980", "2100")),
        (Side.BUY, "3010", stop("3000"), ("0.01", "3010")),
        # What was reached already goes at once, so by the market.
        (Side.SELL, None, stop("3000"), ("1900", "2100")),
        (Side.BUY, None, stop("1000"), ("1900", "2100")),
        (Side.SELL, None, take_profit("1000"), ("1900", "2100")),
        (Side.BUY, None, take_profit("3000"), ("1900", "2100")),
        (Side.SELL, None, take_profit("3000"), ("2850", "3150")),
        (Side.BUY, None, take_profit("1000"), ("950", "1050")),
        (Side.SELL, "2990", take_profit("3000"), ("2990", "3150")),
        # One that trails: as far behind the market as it begins, and as far ahead as it may follow.
        (Side.SELL, None, trail(offset="100"), ("1805", "2205")),
        (Side.BUY, None, trail(offset="100"), ("1805", "2205")),
        (Side.SELL, None, trail(percent="10"), ("1710", "2310")),
        (Side.SELL, None, trail(percent="10", entry_px="2000", target_px="3000"), ("1710", "3150")),
        (Side.BUY, None, trail(percent="10", entry_px="2000", target_px="1000"), ("950", "2310")),
        # Both halves of one that cancels the other.
        (Side.SELL, "2600", oco("1000"), ("950", "2600")),
        (Side.SELL, "2050", oco("1000"), ("950", "2100")),
        (Side.SELL, "2600", oco("1000", "900"), ("900", "2600")),
        (Side.BUY, "1500", oco("3000"), ("0.01", "3150")),
        (Side.BUY, "1500", oco("3000", "3300"), ("0.01", "3300")),
        # The others trade as any order does.
        (Side.SELL, "2500", Iceberg(algorithm="ICEBERG", display_qty=Decimal("0.1")), ("2500", "2500")),
        (Side.BUY, None, Twap(algorithm="TWAP", duration_s=60), ("1900", "2100")),
    ],
)
def test_the_band_of_an_exit_is_about_where_it_trades(
    side: Side, price: str | None, execution: Execution, band: tuple[str, str]
) -> None:
    found = price_band(terms_of(side, price, execution=execution), ETH, Decimal(2000), Decimal("0.05"))
    assert found == PriceBand(Decimal(band[0]), Decimal(band[1]))


@pytest.mark.parametrize("side", Side)
def test_both_prices_of_an_exit_lie_in_its_band(side: Side) -> None:
    """The engine trades nothing outside of it: each half would be refused there."""
    price, stop_px = ("2600", "1000") if side is Side.SELL else ("1500", "3000")
    band = price_band(terms_of(side, price, execution=oco(stop_px)), ETH, Decimal(2000), None)
    assert all(band.low <= Decimal(told) <= band.high for told in (price, stop_px))


@pytest.mark.parametrize("execution", [stop("3000"), oco("3000")])
def test_an_exit_whose_worst_price_the_collar_says_needs_a_reference_price(execution: Execution) -> None:
    price = "1500" if isinstance(execution, Oco) else None
    with pytest.raises(ReferenceUnavailable):
        price_band(terms_of(Side.BUY, price, execution=execution), ETH, None, None)


def test_a_stop_cannot_trail_by_as_much_as_the_price_itself() -> None:
    with pytest.raises(InvalidRequest, match="as much as the price itself"):
        price_band(terms_of(Side.SELL, None, execution=trail(offset="2000")), ETH, Decimal(2000), None)


def test_a_collar_is_asked_of_each_limit_price_by_where_it_counts() -> None:
    reference = Decimal(2000)
    assert collared_prices(None, Side.SELL, Decimal(1990), reference) == [(1990, 2000)]
    assert collared_prices(stop("1000"), Side.SELL, None, reference) == []
    assert collared_prices(stop("1000"), Side.SELL, Decimal(990), reference) == [(990, 1000)]
    assert collared_prices(take_profit("100"), Side.SELL, Decimal(99), reference) == [(99, 2000)]
    assert collared_prices(oco("1000", "900"), Side.SELL, Decimal(2600), reference) == [(2600, 2000), (900, 1000)]
