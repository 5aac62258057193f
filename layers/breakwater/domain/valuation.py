"""What an order may trade at, and so what it is worth at most while it is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from breakwater.domain.executions import Execution, Oco, Stop, TakeProfit, TrailingStop
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, format_amount
from breakwater.domain.orders import OrderTerms, Side
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


@dataclass(frozen=True, slots=True)
class TradesAround:
    """What the market is about when an order trades: `worst` is the one that is dearer to a buy, cheaper to a sell."""

    worst: Decimal
    best: Decimal


def trades_around(execution: Execution | None, side: Side, reference: Decimal) -> TradesAround:
    """The reference price, but for exits: they wait until the market has come to their own (decision 96).

    One whose price was reached already goes at once, and so by the reference price.
    """
    dearer, cheaper = (max, min) if side is Side.BUY else (min, max)
    match execution:
        case Stop() | Oco():
            return TradesAround(dearer(reference, execution.stop_px), reference)
        case TakeProfit():
            reached = cheaper(reference, execution.stop_px)
            return TradesAround(reached, reached)
        case TrailingStop():
            behind = EXACT.multiply(_distance(execution, reference), side.sign)
            best = EXACT.subtract(reference, behind)
            if execution.target_px is not None:
                best = cheaper(best, execution.target_px)
            return TradesAround(EXACT.add(reference, behind), best)
        case _:
            return TradesAround(reference, reference)


def collared_prices(
    execution: Execution | None, side: Side, price: Decimal | None, reference: Decimal
) -> list[tuple[Decimal, Decimal]]:
    """(limit price, what the market is about when it counts) of each that the client gave; none of a market order."""
    around = trades_around(execution, side, reference).worst
    if not isinstance(execution, Oco):
        return [] if price is None else [(price, around)]
    told = ((price, reference), (execution.stop_limit_px, around))
    return [(limit, market) for limit, market in told if limit is not None]


def price_band(
    terms: OrderTerms, instrument: Instrument, reference: Decimal | None, collar: Decimal | None
) -> PriceBand:
    """`collar` is the tightest fraction set on the account's path, None where none is set.

    Raises ReferenceUnavailable where a reference is needed and missing: under a collar, and for every order whose
    band depends on it. InvalidRequest when no tick lies within the collar of a market order, or a trailing stop is
    further behind the market than the market is worth.
    """
    execution = terms.execution
    # What bounds it where the market is against it; None: the collar does.
    limit = execution.stop_limit_px if isinstance(execution, Oco) else terms.price
    buys = terms.side is Side.BUY
    if reference is None and (collar is not None or limit is None or not buys):
        raise ReferenceUnavailable(terms.symbol)
    if buys and limit is not None:
        return PriceBand(instrument.tick_size, limit)
    fraction = COLLAR_DEFAULT if collar is None else collar
    around = trades_around(execution, terms.side, reference or Decimal(0))
    if around.worst <= 0:
        raise InvalidRequest("the offset is as much as the price itself", field="offset")
    collar_low, _ = _collar(instrument, around.best if buys else around.worst, fraction)
    _, collar_high = _collar(instrument, around.worst if buys else around.best, fraction)
    if limit is not None:
        # A sell may be filled better than asked: up to the collar, or at its own price where that is higher.
        return PriceBand(limit, max(terms.price or limit, collar_high))
    if terms.price is not None:  # One that cancels the other: it also rests at its own price.
        return PriceBand(instrument.tick_size if buys else collar_low, max(terms.price, collar_high))
    if collar_low > collar_high:
        raise InvalidRequest(f"no tick lies within {format_amount(fraction)} of the reference price", field="symbol")
    return PriceBand(collar_low, collar_high)


def _distance(execution: TrailingStop, reference: Decimal) -> Decimal:
    """From the market to the stop when it begins."""
    if execution.offset is not None:
        return execution.offset
    return EXACT.divide(EXACT.multiply(reference, execution.percent or Decimal(0)), Decimal(100))


def _collar(instrument: Instrument, reference: Decimal, fraction: Decimal) -> tuple[Decimal, Decimal]:
    """Rounded inwards to whole ticks: a fill is then never beyond the collar, and the highest is what is reserved."""
    span = EXACT.multiply(reference, fraction)
    ticks_low = EXACT.divide(EXACT.subtract(reference, span), instrument.tick_size)
    ticks_high = EXACT.divide(EXACT.add(reference, span), instrument.tick_size)
    low = instrument.price(int(ticks_low.to_integral_value(ROUND_CEILING)))
    high = instrument.price(int(ticks_high.to_integral_value(ROUND_FLOOR)))
    return max(low, instrument.tick_size), high
