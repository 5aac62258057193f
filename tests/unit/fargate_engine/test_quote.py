"""The reference price."""

from decimal import Decimal

from breakwater.db.engine_market import Quote


def test_the_middle_of_bid_and_ask_is_exact_for_the_widest_amounts() -> None:
    quote = Quote(
        "ETH/USDT", Decimal("123456789012345678.000000000000000001"), Decimal("123456789012345678.000000000000000003")
    )
    assert quote.price == Decimal("123456789012345678.000000000000000002")
