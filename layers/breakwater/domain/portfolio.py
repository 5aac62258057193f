"""Positions, profit and balances by the average cost method: what one fill changes. Pure arithmetic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side

# The one rounding here: an average is a quotient. Half even, at the finest scale an amount may have.
AVERAGE_PRICE_STEP = Decimal("1e-18")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; `fee` is in `fee_currency` and positive when it is paid."""

    side: Side
    last_qty: Decimal
    last_px: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True)
class Position:
    """`quantity` is signed; `average_price` is zero when flat; profit and fees are in the quote currency.

    `realised_pnl` is before fees: what was really earned is `realised_pnl - fees`.
    """

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    flat_pnl: Decimal = ZERO  # Realised less fees when it was last flat: where the round trip under way began.

    def after(self, fill: Fill, instrument: Instrument) -> "Position":
        """The position once the fill is booked. ValueError when its fee is in an asset the pair does not have."""
        fees = EXACT.add(self.fees, _fee_in_quote(fill, instrument))
        change = EXACT.multiply(Decimal(fill.side.sign), fill.last_qty)
        quantity = EXACT.add(self.quantity, change)
        if EXACT.multiply(self.quantity, change) >= 0:
            cost = EXACT.add(EXACT.multiply(self.quantity, self.average_price), EXACT.multiply(change, fill.last_px))
            average = EXACT.divide(cost, quantity).quantize(AVERAGE_PRICE_STEP, context=EXACT)
            return replace(self, quantity=quantity, average_price=average, fees=fees)
        closed = min(self.quantity.copy_abs(), fill.last_qty).copy_sign(self.quantity)
        earned = EXACT.multiply(closed, EXACT.subtract(fill.last_px, self.average_price))
        realised = EXACT.add(self.realised_pnl, earned)
        average = self._average_after_closing(quantity, fill)
        ends_trip = EXACT.multiply(quantity, self.quantity) <= 0
        flat_pnl = EXACT.subtract(realised, fees) if ends_trip else self.flat_pnl
        return Position(quantity, average, realised, fees, flat_pnl)

    def round_trip_pnl(self, after: "Position") -> Decimal | None:
        """What the round trip that ended between this state and `after` has earned, fees paid; None if none ended."""
        ended = self.quantity != 0 and EXACT.multiply(after.quantity, self.quantity) <= 0
        return EXACT.subtract(after.flat_pnl, self.flat_pnl) if ended else None

    def unrealised_pnl(self, mark_price: Decimal) -> Decimal:
        return EXACT.multiply(self.quantity, EXACT.subtract(mark_price, self.average_price))

    def _average_after_closing(self, quantity: Decimal, fill: Fill) -> Decimal:
        """A fill that goes through zero closes the whole position and opens the rest at its own price."""
        if quantity == 0:
            return ZERO
        return self.average_price if EXACT.multiply(quantity, self.quantity) > 0 else fill.last_px


def balance_changes(fill: Fill, instrument: Instrument) -> dict[str, Decimal]:
    """What the fill adds to (or takes from) each asset of a paper account, its fee included."""
    sign = Decimal(fill.side.sign)
    notional = EXACT.multiply(fill.last_qty, fill.last_px)
    changes = {
        instrument.base_asset: EXACT.multiply(sign, fill.last_qty),
        instrument.quote_asset: EXACT.multiply(-sign, notional),
    }
    changes[fill.fee_currency] = EXACT.subtract(changes.get(fill.fee_currency, ZERO), fill.fee)
    return changes


def equity(balances: Mapping[str, Decimal], currency: str, mark_prices: Mapping[str, Decimal]) -> Decimal | None:
    """The balances in one currency at `mark_prices` (by symbol); None when one that is not zero has no price."""
    return total(value_in(currency, asset, amount, mark_prices) for asset, amount in balances.items())


def value_in(currency: str, asset: str, amount: Decimal, mark_prices: Mapping[str, Decimal]) -> Decimal | None:
    """`amount` of `asset` in `currency`; None when there is no price for it."""
    if asset == currency or amount == 0:
        return amount
    mark = mark_prices.get(f"{asset}/{currency}")
    return None if mark is None else EXACT.multiply(amount, mark)


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """None as soon as one of them is not known: a sum of the others would look like the whole."""
    sum_so_far = ZERO
    for amount in amounts:
        if amount is None:
            return None
        sum_so_far = EXACT.add(sum_so_far, amount)
    return sum_so_far


def _fee_in_quote(fill: Fill, instrument: Instrument) -> Decimal:
    if fill.fee_currency == instrument.quote_asset:
        return fill.fee
    if fill.fee_currency == instrument.base_asset:
        return EXACT.multiply(fill.fee, fill.last_px)
    raise ValueError(f"a fee in {fill.fee_currency} cannot be valued in {instrument.quote_asset}")
