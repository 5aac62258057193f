"""What was paid, compared with what the market was."""

from decimal import Decimal
from enum import StrEnum

from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side

_SHOWN = Decimal("0.0001")


class Benchmark(StrEnum):
    """ARRIVAL: the middle of the best bid and ask when the order began. ARRIVAL_COST: the average at which all of it
    could have been taken then, from all of its venues' books together. VWAP: of what traded while it was worked.
    """

    ARRIVAL = "ARRIVAL"
    ARRIVAL_COST = "ARRIVAL_COST"
    VWAP = "VWAP"


def slippage_bps(side: Side, average_px: Decimal, benchmark_px: Decimal) -> Decimal:
    """In basis points of the benchmark, rounded half even to four decimals. Positive is worse, also of a sell."""
    worse = EXACT.multiply(EXACT.subtract(average_px, benchmark_px), side.sign)
    return EXACT.divide(EXACT.multiply(worse, 10_000), benchmark_px).quantize(_SHOWN, context=EXACT)


def share_of(part: Decimal, whole: Decimal) -> Decimal | None:
    """As a fraction, rounded half even to four decimals; None of nothing."""
    return None if whole == 0 else EXACT.divide(part, whole).quantize(_SHOWN, context=EXACT)
