"""Every limit type: one small pure function (scope, order, limit) -> verdict, and one row in the table at the end.

All verdicts speak one language: an order passes when `used + reserved + attempted <= limit`. Arithmetic runs in the
exact context that `breakwater.domain.limits` opens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from breakwater.domain.exposure import ZERO, Limit, NodeState, Scope
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side
from breakwater.domain.valuation import PriceBand
from breakwater.errors import InvalidRequest

_ONE = Decimal(1)


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

    @property
    def only_reduces(self) -> bool:
        return self.quantity <= self.reducible_qty

    @property
    def order_price(self) -> Decimal:
        """What a limit per order values it at; a market order is valued at the collar."""
        return self.band.high if self.limit_price is None else self.limit_price

    def whole_lots(self, quantity: Decimal) -> Decimal:
        """The largest quantity up to this one that could be ordered; zero where it would be below the minimum."""
        rounded = max(ZERO, quantity // self.instrument.lot_size * self.instrument.lot_size)
        too_small = self.limit_price is not None and rounded * self.limit_price < self.instrument.notional_min
        return ZERO if too_small else rounded


@dataclass(frozen=True, slots=True)
class Verdict:
    """In the unit of the type. `largest_passing_quantity` None: this limit does not look at the quantity."""

    passes: bool
    limit: Decimal
    used: Decimal
    reserved: Decimal
    attempted: Decimal
    largest_passing_quantity: Decimal | None

    @property
    def in_use(self) -> Decimal:
        return EXACT.add(self.used, self.reserved)


def _capped(
    order: ProposedOrder, cap: Decimal, per_unit: Decimal, used: Decimal = ZERO, reserved: Decimal = ZERO
) -> Verdict:
    """A measure that each unit of the quantity raises by `per_unit`."""
    attempted = per_unit * order.quantity
    if per_unit == 0:
        return Verdict(True, cap, used, reserved, attempted, None)
    room = cap - used - reserved
    # Whole lots by integer division: a rounded quotient could name a quantity that does not pass.
    lot = order.instrument.lot_size
    largest = order.whole_lots(max(ZERO, room // (per_unit * lot)) * lot)
    return Verdict(attempted <= room, cap, used, reserved, attempted, largest)


def _max_order_qty(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    return _capped(order, limit.cap, _ONE)


def _max_order_notional(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    return _capped(order, limit.cap, order.order_price)


def _price_collar(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """The limit is a fraction of the reference price; a market order stays inside by its band."""
    if order.limit_price is None or order.reference is None:
        return Verdict(True, limit.cap, ZERO, ZERO, ZERO, None)
    beyond = (order.limit_price - order.reference) * order.side.sign
    passes = beyond <= order.reference * limit.cap
    # Only for the eye, and rounded up, so that what refused also reads as beyond the limit.
    deviation = max(ZERO, beyond / order.reference).quantize(Decimal("1e-8"), ROUND_UP)
    return Verdict(passes, limit.cap, ZERO, ZERO, deviation, None if passes else ZERO)


def _restricted_list(_scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    listed = order.instrument.symbol in limit.parameters["symbols"]
    passes = listed == (limit.parameters["mode"] == "ALLOW")
    cap = order.quantity if passes else ZERO
    return Verdict(passes, cap, ZERO, ZERO, order.quantity, None if passes else ZERO)


def _open_order_count(scope: Scope, _order: ProposedOrder, limit: Limit) -> Verdict:
    reserved = Decimal(scope.open_order_count(limit.instrument))
    passes = reserved + _ONE <= limit.cap
    return Verdict(passes, limit.cap, ZERO, reserved, _ONE, None if passes else ZERO)


def _daily_traded_notional(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """What only reduces the account's position passes even a spent limit: a position can always be closed."""
    used, reserved = scope.traded_notional(limit.instrument), scope.open_notional(limit.instrument)
    verdict = _capped(order, limit.cap, order.band.high, used, reserved)
    by_value = verdict.largest_passing_quantity or ZERO
    largest = max(by_value, order.whole_lots(order.reducible_qty))
    passes = verdict.passes or order.only_reduces
    return Verdict(passes, limit.cap, used, reserved, verdict.attempted, largest)


def _long_position(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """F + B of the order's symbol. A sell cannot raise it, so it passes even where the limit was lowered below use."""
    exposure = scope.exposure(order.instrument.symbol)
    per_unit = _ONE if order.side is Side.BUY else ZERO
    return _capped(order, limit.cap, per_unit, used=exposure.filled_qty, reserved=exposure.open_buy_qty)


def _short_position(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    """S - F of the order's symbol. A buy cannot raise it."""
    exposure = scope.exposure(order.instrument.symbol)
    per_unit = _ONE if order.side is Side.SELL else ZERO
    return _capped(order, limit.cap, per_unit, used=-exposure.filled_qty, reserved=exposure.open_sell_qty)


def _kill_switch(scope: Scope, order: ProposedOrder, limit: Limit) -> Verdict:
    if scope.node.state == NodeState.ACTIVE:
        return Verdict(True, order.quantity, ZERO, ZERO, order.quantity, None)
    if scope.node.state == NodeState.REDUCE_ONLY:
        return _reduce_only(scope, order, limit)
    return Verdict(False, ZERO, ZERO, ZERO, order.quantity, ZERO)


def _reduce_only(_scope: Scope, order: ProposedOrder, _limit: Limit) -> Verdict:
    return _capped(order, order.reducible_qty, _ONE)


@dataclass(frozen=True, slots=True)
class LimitType:
    """`accumulates`: its use lasts beyond one order, so it has a usage to show and soft thresholds to cross."""

    judge: Callable[[Scope, ProposedOrder, Limit], Verdict]
    check_setting: Callable[[Decimal | None, Mapping[str, Any]], None]
    accumulates: bool = False


def _positive(value: Decimal | None, parameters: Mapping[str, Any]) -> None:
    if parameters:
        raise InvalidRequest("this limit type takes no parameters", field="parameters")
    if value is None or value <= 0:
        raise InvalidRequest("value must be greater than zero", field="value")


def _not_negative(value: Decimal | None, parameters: Mapping[str, Any]) -> None:
    if value == 0:  # Zero says "none at all": no short positions, no open orders.
        value = _ONE
    _positive(value, parameters)


def _whole_number(value: Decimal | None, parameters: Mapping[str, Any]) -> None:
    _not_negative(value, parameters)
    if value is not None and value != value.to_integral_value():
        raise InvalidRequest("value must be a whole number", field="value")


def _fraction(value: Decimal | None, parameters: Mapping[str, Any]) -> None:
    _positive(value, parameters)
    if value is not None and value > 1:
        raise InvalidRequest('value is a fraction of the reference price, such as "0.05" for 5 %', field="value")


def _symbol_list(value: Decimal | None, parameters: Mapping[str, Any]) -> None:
    symbols = parameters.get("symbols")
    if value is not None:
        raise InvalidRequest("this limit type takes parameters and no value", field="value")
    if set(parameters) != {"mode", "symbols"} or parameters["mode"] not in ("ALLOW", "DENY"):
        raise InvalidRequest('parameters are {"mode": "ALLOW" or "DENY", "symbols": [...]}', field="parameters")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        raise InvalidRequest("symbols is a list of symbols", field="parameters")
    if len(set(symbols)) < len(symbols):  # Every order reads the list, so it must not be longer than it needs to be.
        raise InvalidRequest("symbols has a symbol twice", field="parameters")


def _built_in(_value: Decimal | None, _parameters: Mapping[str, Any]) -> None:
    raise InvalidRequest("this is a state of the node: use /limits/kill and /limits/rearm", field="limit_type")


KILL_SWITCH = "KILL_SWITCH"
PRICE_COLLAR = "PRICE_COLLAR"
REDUCE_ONLY = "REDUCE_ONLY"
RESTRICTED_LIST = "RESTRICTED_LIST"

LIMIT_TYPES: Mapping[str, LimitType] = {
    PRICE_COLLAR: LimitType(_price_collar, _fraction),
    "MAX_ORDER_QTY": LimitType(_max_order_qty, _positive),
    "MAX_ORDER_NOTIONAL": LimitType(_max_order_notional, _positive),
    RESTRICTED_LIST: LimitType(_restricted_list, _symbol_list),
    "OPEN_ORDER_COUNT": LimitType(_open_order_count, _whole_number, accumulates=True),
    "DAILY_TRADED_NOTIONAL": LimitType(_daily_traded_notional, _not_negative, accumulates=True),
    "LONG_POSITION": LimitType(_long_position, _not_negative, accumulates=True),
    "SHORT_POSITION": LimitType(_short_position, _not_negative, accumulates=True),
    KILL_SWITCH: LimitType(_kill_switch, _built_in),
    REDUCE_ONLY: LimitType(_reduce_only, _built_in),
}
