"""What an order may trade at, and so what it is worth at most while it is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, format_amount
from breakwater.domain.orders import OrderTerms, OrderType, Side
from breakwater.errors import InvalidRequest, LimitExceeded

COLLAR_DEFAULT = Decimal("0.05")  # Of the reference price, where no PRICE_COLLAR is set above the account.
REFERENCE_AGE_MAX = timedelta(seconds=5)


class ReferenceUnavailable(LimitExceeded):
    """The order cannot be judged without a fresh reference price, and what cannot be judged is refused."""

    code = "REFERENCE_UNAVAILABLE"

    def __init__(self, symbol: str) -> None:
        super().__init__(f"there is no fresh reference price of {symbol}", refusals=[])


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The engine never trades the order outside of [low, high]; the reservation is worth `high` a unit."""

    low: Decimal
    high: Decimal


def fresh_reference(price: Decimal, observed_at: datetime, at: datetime) -> Decimal | None:
    """None once it is older than REFERENCE_AGE_MAX, or as far ahead of our clock."""
    return price if abs(at - observed_at) <= REFERENCE_AGE_MAX else None


def price_band(
    terms: OrderTerms, instrument: Instrument, reference: Decimal | None, collar: Decimal | None
) -> PriceBand:
    """`collar` is the tightest fraction set on the account's path, None where none is set.

    Raises ReferenceUnavailable where a reference is needed and missing: under a collar, and for every order whose
    band depends on it. InvalidRequest when no tick lies within the collar of a market order.
    """
    buy_limit = terms.type is OrderType.LIMIT and terms.side is Side.BUY
    if reference is None and (collar is not None or not buy_limit):
        raise ReferenceUnavailable(terms.symbol)
    if terms.price is not None and buy_limit:
        return PriceBand(instrument.tick_size, terms.price)
    fraction = COLLAR_DEFAULT if collar is None else collar
    collar_low, collar_high = _collar(instrument, reference or Decimal(0), fraction)
    if terms.price is not None:
        # A sell may be filled better than asked: up to the collar, or at its own price where that is higher.
        return PriceBand(terms.price, max(terms.price, collar_high))
    if collar_low > collar_high:
        raise InvalidRequest(f"no tick lies within {format_amount(fraction)} of the reference price", field="symbol")
    return PriceBand(collar_low, collar_high)


def _collar(instrument: Instrument, reference: Decimal, fraction: Decimal) -> tuple[Decimal, Decimal]:
    """Rounded inwards to whole ticks: a fill is then never beyond the collar, and the highest is what is reserved."""
    span = EXACT.multiply(reference, fraction)
    ticks_low = EXACT.divide(EXACT.subtract(reference, span), instrument.tick_size)
    ticks_high = EXACT.divide(EXACT.add(reference, span), instrument.tick_size)
    low = instrument.price(int(ticks_low.to_integral_value(ROUND_CEILING)))
    high = instrument.price(int(ticks_high.to_integral_value(ROUND_FLOOR)))
    return max(low, instrument.tick_size), high
