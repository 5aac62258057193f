"""What is listed in these tests."""

from decimal import Decimal

from breakwater.domain.instruments import Instrument

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
LISTED = {"ETHUSDT": ETH, "BTCUSDT": BTC}
