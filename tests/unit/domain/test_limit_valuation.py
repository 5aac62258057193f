import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrderTerms, OrderType, Side
from breakwater.domain.valuation import PriceBand, ReferenceUnavailable, fresh_reference, price_band
from breakwater.errors import InvalidRequest

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def terms_of(side: Side, price: str | None) -> OrderTerms:
    return OrderTerms(
        client_order_id="one",
        account_id=uuid.UUID(int=1),
        symbol="ETH/USDT",
        side=side,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Decimal(1),
        price=None if price is None else Decimal(price),
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
