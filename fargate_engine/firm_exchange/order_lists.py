"""An OCO of the endpoint: one order of the platform, shown as a list of two, its stop and its limit (decision 97).

Both follow from the one order: the limit has its number and the stop that with the lowest bit turned, the list has the
number of the one and its client id. So they are the same at every engine and after every restart.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeGuard

from breakwater.domain.executions import Execution, Oco, Stop
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderType, OrdStatus, Side
from fargate_engine.binance.exchange import OrderRef, ShownOrder, ShownOrderList, ShownTrade

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Filled:
    quantity: Decimal = ZERO
    notional: Decimal = ZERO

    def plus(self, quantity: Decimal, notional: Decimal) -> "Filled":
        return Filled(EXACT.add(self.quantity, quantity), EXACT.add(self.notional, notional))


def is_list(execution: Execution | None) -> TypeGuard[Oco]:
    """An OCO that came another way has no names for its halves: it is one order to everybody."""
    return isinstance(execution, Oco) and execution.limit_client_order_id is not None


def other_number(number: int) -> int:
    """Of an order's number that of the other order, if both are of one list."""
    return number ^ 1


def names_of(number: int, client_order_id: str, execution: Execution | None) -> tuple[tuple[int, str], ...]:
    """(number, client order id) of each order that is shown of it."""
    if not is_list(execution):
        return ((number, client_order_id),)
    # Both names stand there or neither does.
    return (
        (number, execution.limit_client_order_id or ""),
        (other_number(number), execution.stop_client_order_id or ""),
    )


def names_of_shown(order: ShownOrder) -> tuple[tuple[int, str], ...]:
    return names_of(order.order_number, order.client_order_id, order.execution)


def is_meant(ref: OrderRef, symbol: str, names: Iterable[tuple[int, str]]) -> bool:
    """Number and client id, where both are given, and the symbol."""
    return symbol == ref.instrument.symbol and any(
        ref.order_number in {None, number} and ref.client_order_id in {None, client_order_id}
        for number, client_order_id in names
    )


def is_of_limit(side: Side, price: Decimal | None, quantity: Decimal, notional: Decimal) -> bool:
    """A fill at the limit's price or better is the limit's; the stop is for those that are worse."""
    return side.sign * EXACT.subtract(notional, EXACT.multiply(quantity, price or ZERO)) <= 0


def filled_of_limit(order: ShownOrder, fills: Iterable[tuple[Decimal, Decimal]]) -> Filled:
    """Of fills, or of what each child has filled: (quantity, notional). They may be newer than the order."""
    filled = Filled()
    for quantity, notional in fills:
        if is_of_limit(order.side, order.price, quantity, notional):
            filled = filled.plus(quantity, notional)
    # The stop is sent when the limit is over: what there was by then, and no more, is the limit's.
    return filled if filled.quantity < order.cum_qty else Filled(order.cum_qty, order.cum_notional)


def shown_list(order: ShownOrder, of_limit: Filled) -> ShownOrderList:
    """`of_limit`: what of its fills are the limit's."""
    return ShownOrderList(
        list_number=order.order_number,
        list_client_order_id=order.client_order_id,
        symbol=order.symbol,
        status=order.status,
        updated_ms=order.updated_ms,
        orders=_orders(order, of_limit),
    )


def trade_in_list(trade: ShownTrade, order: ShownOrder) -> ShownTrade:
    """As one of the order of the list that it is of."""
    quantity, price = trade.fill.quantity, trade.fill.price
    is_limits = is_of_limit(order.side, order.price, quantity, EXACT.multiply(quantity, price))
    number = order.order_number if is_limits else other_number(order.order_number)
    return replace(trade, order_number=number, list_number=order.order_number)


def _orders(order: ShownOrder, of_limit: Filled) -> tuple[ShownOrder, ShownOrder]:
    """The stop and the limit, in Binance's order."""
    execution = order.execution
    assert isinstance(execution, Oco)  # noqa: S101 - only lists come here
    (limit_number, limit_id), (stop_number, stop_id) = names_of(order.order_number, order.client_order_id, execution)
    of_stop = Filled(
        EXACT.subtract(order.cum_qty, of_limit.quantity), EXACT.subtract(order.cum_notional, of_limit.notional)
    )
    limit_status, stop_status = _statuses(order.status, of_limit, of_stop)
    common: dict[str, Any] = {"list_number": order.order_number, "fills": ()}
    limit = replace(
        order,
        order_number=limit_number,
        client_order_id=limit_id,
        post_only=True,
        status=limit_status,
        cum_qty=of_limit.quantity,
        cum_notional=of_limit.notional,
        execution=None,
        **common,
    )
    stop = replace(
        order,
        order_number=stop_number,
        client_order_id=stop_id,
        type=OrderType.MARKET if execution.stop_limit_px is None else OrderType.LIMIT,
        status=stop_status,
        # Once it works, all that it can trade is what the limit has left it.
        quantity=EXACT.subtract(order.quantity, of_limit.quantity) if of_stop.quantity else order.quantity,
        price=execution.stop_limit_px,
        cum_qty=of_stop.quantity,
        cum_notional=of_stop.notional,
        execution=Stop(algorithm="STOP", stop_px=execution.stop_px),
        **common,
    )
    return stop, limit


def _statuses(whole: OrdStatus, of_limit: Filled, of_stop: Filled) -> tuple[OrdStatus, OrdStatus]:
    """Of the limit and of the stop. Which gives way to the other has expired, as Binance says it."""
    has_stopped = of_stop.quantity > 0
    if whole is OrdStatus.FILLED:
        return (OrdStatus.EXPIRED, OrdStatus.FILLED) if has_stopped else (OrdStatus.FILLED, OrdStatus.EXPIRED)
    if whole is OrdStatus.PARTIALLY_FILLED:
        limit = OrdStatus.PARTIALLY_FILLED if of_limit.quantity else OrdStatus.NEW
        return (OrdStatus.EXPIRED, whole) if has_stopped else (limit, OrdStatus.NEW)
    return (OrdStatus.EXPIRED if has_stopped else whole), whole
