"""What every limit type speaks: an order passes when `used + reserved + attempted <= limit`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum, Flag, auto
from typing import Any, NamedTuple

from breakwater.domain.executions import Execution
from breakwater.domain.exposure import BASE_CURRENCY, ZERO, Action, Limit, Scope
from breakwater.domain.instruments import Instrument
from breakwater.domain.market import Market
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderType, Side, TimeInForce
from breakwater.domain.valuation import PriceBand
from breakwater.errors import InvalidRequest

ONE = Decimal(1)
IN_BASE_CURRENCY = "base currency"  # The unit of what is never turned into another currency.


@dataclass(frozen=True, slots=True)
class ProposedOrder:
    """An order as the limits see it. `reducible_qty`: how much of it could only reduce the account's position."""

    instrument: Instrument
    side: Side
    quantity: Decimal
    limit_price: Decimal | None  # None: a market order.
    reference: Decimal | None
    band: PriceBand
    reducible_qty: Decimal
    venue: str
    at: datetime
    market: Market
    type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    reference_age_s: Decimal | None = None
    located: bool = False  # A short sale whose stock or coin was borrowed or located.
    same_terms_at: datetime | None = None  # When the account last sent an order with the same terms.
    execution: Execution | None = None
    entry_open_qty: Decimal = ZERO  # What the order that it exits from may still fill: it trades no more than that has.

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def only_reduces(self) -> bool:
        return self.quantity <= self.reducible_qty

    @property
    def order_price(self) -> Decimal:
        """What a limit per order values it at: what a buy costs at most; a sell's limit price, where it has one."""
        return self.band.high if self.limit_price is None or self.side is Side.BUY else self.limit_price

    def whole_lots(self, quantity: Decimal) -> Decimal:
        """The largest quantity up to this one that could be ordered; zero where it would be below the minimum."""
        return self.of_lots(max(ZERO, quantity // self.instrument.lot_size))

    def of_lots(self, lots: Decimal) -> Decimal:
        """So many lots, or zero where that is below the minimum."""
        rounded = lots * self.instrument.lot_size
        too_small = self.limit_price is not None and rounded * self.limit_price < self.instrument.notional_min
        return ZERO if too_small else rounded

    def rate_into(self, currency: str) -> Decimal:
        """From the order's quote currency. MissingReference where no price leads there."""
        return self.market.rate(self.instrument.quote_asset, currency)


class Verdict(NamedTuple):
    """In the unit of the type. `largest_passing_quantity` None: this limit does not look at the quantity.

    `missing`: what could not be known, where the limit refuses for that. A tuple, which is made in a third of the time
    of a frozen dataclass: nodes are locked while an order gets some twenty of them.
    """

    passes: bool
    limit: Decimal
    used: Decimal
    reserved: Decimal
    attempted: Decimal
    largest_passing_quantity: Decimal | None
    missing: str | None = None

    @property
    def in_use(self) -> Decimal:
        return EXACT.add(self.used, self.reserved)


class Need(Flag):
    """What a type is judged by beyond nodes, limits and exposures; it is only read where a limit needs it."""

    NOTHING = 0
    RATES = auto()  # Between currencies: only where another than the limit's own is in play.
    MARKS = auto()  # Prices, and the firm's terms, of every symbol that something is held of.
    ACTIVITY = auto()
    CASH = auto()
    SAME_TERMS = auto()


class Above(Enum):
    """What a stricter limit of the type, on a node above, means for a looser one below it."""

    UNRELATED = auto()  # Nothing: it is measured against that node's own equity, ratio or streak.
    NETTED = auto()  # It binds the sum, in which what is below may offset each other.
    BINDING = auto()  # What is measured above is never less than below, so the looser one is never the first to refuse.


class Leasing(Enum):
    """How a type holds for orders that the engine takes by itself, within a lease that the ledger granted."""

    HELD = auto()  # The lease is judged as one order of its whole quantity, and the state of its nodes is watched.
    EACH_ORDER = auto()  # It bounds price, quantity or time of each order: the lease carries the bound.
    NEVER = auto()  # It asks what came before in all accounts below its node: where it is set nothing is leased.


type Judge = Callable[[Scope, ProposedOrder, Limit], Verdict]
type CheckSetting = Callable[[Decimal | None, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class LimitType:
    """One row of the table. `number` is that of LIMITS.md and the order of evaluation within a node.

    `about` is its line in the documentation, `unit` what its value is in. `accumulates`: its use lasts beyond one
    order, so it has a usage to show and soft thresholds to cross. `reducing_passes`: an order that only reduces is let
    through whatever the use. `kinds`: the kinds of node it may be set on; empty: all. `above`: how it goes together
    with limits of the type higher up. `leasing`: how it holds for orders of a lease.
    """

    number: int
    judge: Judge
    check_setting: CheckSetting
    unit: str
    about: str
    accumulates: bool = False
    needs: Need = Need.NOTHING
    action: Action = Action.REJECT
    kinds: frozenset[str] = field(default_factory=frozenset)
    above: Above = Above.UNRELATED
    leasing: Leasing = Leasing.HELD

    def check_currency(self, currency: str) -> None:
        """InvalidRequest where the value would hold as so much of the base currency, whatever it was meant in."""
        if self.unit == IN_BASE_CURRENCY and currency != BASE_CURRENCY:
            raise InvalidRequest(f"a limit of this type is in {BASE_CURRENCY}, the base currency", field="currency")


def yes(order: ProposedOrder, cap: Decimal | None = None) -> Verdict:
    """It passes, and nothing is measured."""
    return Verdict(True, order.quantity if cap is None else cap, ZERO, ZERO, ZERO, None)


def no(order: ProposedOrder) -> Verdict:
    """It is refused whatever its quantity."""
    return Verdict(False, ZERO, ZERO, ZERO, order.quantity, ZERO)


def counted(order: ProposedOrder, cap: Decimal, used: Decimal | int, attempted: Decimal = ONE) -> Verdict:
    """A count that each order raises by one, whatever its quantity."""
    used = Decimal(used)
    passes = used + attempted <= cap
    return Verdict(passes, cap, used, ZERO, attempted, None if passes else ZERO)


def capped(
    order: ProposedOrder, cap: Decimal, per_unit: Decimal, used: Decimal = ZERO, reserved: Decimal = ZERO
) -> Verdict:
    """A measure that each unit of the quantity raises by `per_unit`."""
    attempted = per_unit * order.quantity
    if per_unit == 0:
        return Verdict(True, cap, used, reserved, attempted, None)
    room = cap - used - reserved
    # Whole lots by integer division: a rounded quotient could name a quantity that does not pass.
    largest = order.of_lots(max(ZERO, room // (per_unit * order.instrument.lot_size)))
    return Verdict(attempted <= room, cap, used, reserved, attempted, largest)


def measured(order: ProposedOrder, cap: Decimal, measure: Callable[[Decimal], Decimal], used: Decimal) -> Verdict:
    """Any other measure, asked for the state with a quantity of the order in it: with none, and with all of it.

    `used`: the part of it that has traded. An order that only reduces passes. The largest quantity is searched where
    it refuses, by halving: no measure falls with the quantity, since what is open may also never fill.
    """
    before, after = measure(ZERO), measure(order.quantity)
    attempted = after - before
    passes = after <= cap or order.only_reduces
    largest = None if passes else max(_largest(order, cap, measure), order.whole_lots(order.reducible_qty))
    return Verdict(passes, cap, used, before - used, attempted, largest)


def reducing_passes(verdict: Verdict, order: ProposedOrder) -> Verdict:
    """The same, but a position can always be closed."""
    if order.reducible_qty <= 0:
        return verdict
    largest = max(verdict.largest_passing_quantity or ZERO, order.whole_lots(order.reducible_qty))
    passes = verdict.passes or order.only_reduces
    return Verdict(passes, verdict.limit, verdict.used, verdict.reserved, verdict.attempted, largest)


def _largest(order: ProposedOrder, cap: Decimal, measure: Callable[[Decimal], Decimal]) -> Decimal:
    if measure(ZERO) > cap:
        return ZERO
    lot = order.instrument.lot_size
    low, high = 0, int(order.quantity // lot)  # So many lots pass, and so many do not.
    while high - low > 1:
        middle = (low + high) // 2
        if measure(middle * lot) <= cap:
            low = middle
        else:
            high = middle
    return order.whole_lots(low * lot)
