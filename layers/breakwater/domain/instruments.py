"""Reference data of what can be traded, and the step from amounts to whole ticks and lots."""

from dataclasses import dataclass
from decimal import Decimal

from breakwater.domain.money import EXACT, format_amount
from breakwater.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Instrument:
    """`symbol` as in ccxt ("ETH/USDT"); prices in whole `tick_size`, quantities in whole `lot_size`."""

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    lot_size: Decimal
    notional_min: Decimal
    asset_class: str = "SPOT"

    def has_steps_of(self, other: "Instrument") -> bool:
        """Whether whole ticks and lots mean the same in both."""
        return (self.tick_size, self.lot_size) == (other.tick_size, other.lot_size)

    def price_ticks(self, price: Decimal, field: str = "price") -> int:
        """The price in ticks; InvalidRequest, which names the field, when it is not positive or between two ticks."""
        return _whole_steps(price, self.tick_size, field, "tick size")

    def quantity_lots(self, quantity: Decimal, field: str = "quantity") -> int:
        """The quantity in lots; InvalidRequest, which names the field, when it is not positive or between two lots."""
        return _whole_steps(quantity, self.lot_size, field, "lot size")

    def price(self, ticks: int) -> Decimal:
        return EXACT.multiply(self.tick_size, ticks)

    def quantity(self, lots: int) -> Decimal:
        return EXACT.multiply(self.lot_size, lots)

    def notional(self, steps: int) -> Decimal:
        """Of so many ticks times lots."""
        return EXACT.multiply(EXACT.multiply(self.tick_size, self.lot_size), steps)


def _whole_steps(amount: Decimal, step: Decimal, what: str, step_name: str) -> int:
    if amount <= 0:
        raise InvalidRequest(f"{what} must be greater than zero", field=what)
    steps = EXACT.divide(amount, step)
    if steps != steps.to_integral_value():
        raise InvalidRequest(f"{what} is not a multiple of the {step_name} {format_amount(step)}", field=what)
    return int(steps)
