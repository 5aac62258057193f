"""Order lists of the dialect, read from parameters: a limit and a stop of which one cancels the other (OCO).

Both forms are the same list: `order/oco` names its orders limit and stop, `orderList/oco` names them above and below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from breakwater.domain.executions import Oco
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderType, Side, TimeInForce
from breakwater.errors import InvalidRequest
from fargate_engine.binance import documents
from fargate_engine.binance.errors import (
    BinanceError,
    bad_combination,
    duplicate_order,
    filter_failure,
    missing,
    not_required,
    would_take,
    wrong_prices,
)
from fargate_engine.binance.exchange import NewOrder, OrderListRef
from fargate_engine.binance.orders import (
    check_filters,
    check_self_trade_mode,
    read_instrument,
    read_response_type,
    read_side,
)
from fargate_engine.binance.parameters import Parameters
from fargate_engine.market_data.market import Market

LIMIT_TYPE, STOP_LIMIT_TYPE = "LIMIT_MAKER", "STOP_LOSS_LIMIT"
STOP_TYPES = ("STOP_LOSS", STOP_LIMIT_TYPE)


@dataclass(frozen=True, slots=True)
class NewOrderList:
    """`order` has an Oco, and the list's client id. `told_ids`: those of its two orders that the client chose."""

    order: NewOrder
    told_ids: frozenset[str]
    response_type: str


@dataclass(frozen=True, slots=True)
class _Names:
    """What a form calls the parameters of the two orders. `not_here`: those that would ask for what there is not."""

    limit_id: str
    limit_price: str
    stop_id: str
    stop_price: str
    stop_limit_price: str
    stop_time_in_force: str
    trailing: tuple[str, ...]
    not_here: tuple[str, ...]
    notes: tuple[str, ...]


_OLDER = _Names(
    limit_id="limitClientOrderId",
    limit_price="price",
    stop_id="stopClientOrderId",
    stop_price="stopPrice",
    stop_limit_price="stopLimitPrice",
    stop_time_in_force="stopLimitTimeInForce",
    trailing=("trailingDelta",),
    not_here=("limitIcebergQty", "stopIcebergQty"),
    notes=("limitStrategyId", "limitStrategyType", "stopStrategyId", "stopStrategyType"),
)


def _newer(side: Side) -> _Names:
    limit, stop = ("above", "below") if side is Side.SELL else ("below", "above")
    return _Names(
        limit_id=f"{limit}ClientOrderId",
        limit_price=f"{limit}Price",
        stop_id=f"{stop}ClientOrderId",
        stop_price=f"{stop}StopPrice",
        stop_limit_price=f"{stop}Price",
        stop_time_in_force=f"{stop}TimeInForce",
        trailing=("aboveTrailingDelta", "belowTrailingDelta"),
        not_here=("aboveIcebergQty", "belowIcebergQty", f"{limit}StopPrice"),
        notes=("aboveStrategyId", "aboveStrategyType", "belowStrategyId", "belowStrategyType"),
    )


def read_older_list(parameters: Parameters, instruments: Mapping[str, Instrument], valid_until_ms: int) -> NewOrderList:
    """`order/oco`: with a `stopLimitPrice` the stop is a limit order once it is triggered."""
    instrument, side = read_instrument(parameters, instruments), read_side(parameters.required("side"))
    return _read(parameters, instrument, side, _OLDER, valid_until_ms)


def read_newer_list(parameters: Parameters, instruments: Mapping[str, Instrument], valid_until_ms: int) -> NewOrderList:
    """`orderList/oco`: the types say what is above the market, and what below."""
    instrument, side = read_instrument(parameters, instruments), read_side(parameters.required("side"))
    above, below = parameters.required("aboveType"), parameters.required("belowType")
    limit_type, stop_type = (above, below) if side is Side.SELL else (below, above)
    _check_types(side, limit_type, stop_type)
    names = _newer(side)
    # Some clients send GTC with a LIMIT_MAKER, which is what it is.
    limit_time_in_force = "aboveTimeInForce" if side is Side.SELL else "belowTimeInForce"
    if parameters.text(limit_time_in_force) not in {None, "GTC"}:
        raise BinanceError(-1115, "Invalid timeInForce.")
    if (parameters.amount(names.stop_limit_price) is not None) != (stop_type == STOP_LIMIT_TYPE):
        limit_price = names.stop_limit_price
        raise missing(limit_price) if stop_type == STOP_LIMIT_TYPE else not_required(limit_price)
    return _read(parameters, instrument, side, names, valid_until_ms)


def read_order_list_ref(
    parameters: Parameters, instruments: Mapping[str, Instrument] | None = None, *, client_id: str
) -> OrderListRef:
    """With `instruments` the symbol must be told."""
    instrument = None if instruments is None else read_instrument(parameters, instruments)
    ref = OrderListRef(instrument, parameters.integer("orderListId"), parameters.client_order_id(client_id))
    if ref.list_number is None and ref.list_client_order_id is None:
        raise BinanceError(-1102, f"Param '{client_id}' or 'orderListId' must be sent, but both were empty/null!")
    return ref


def check_against_market(order: NewOrder, market: Market) -> None:
    """As a list must stand around the last trade. What is only a moment old may still be passed on the way there."""
    # The market's steps may be finer than those of the venue's list.
    execution, instrument, sign = order.execution, market.instrument, order.side.sign
    assert isinstance(execution, Oco)  # noqa: S101 - it was read as a list
    assert order.price is not None  # noqa: S101 - and a list has a limit
    if market.trades:
        last_px = instrument.price(market.trades[-1].price_ticks)
        if not order.price * sign < last_px * sign < execution.stop_px * sign:
            raise wrong_prices()
    quote = market.quote()
    opposite_ticks = quote.ask_ticks if order.side is Side.BUY else quote.bid_ticks
    if opposite_ticks and sign * (order.price - instrument.price(opposite_ticks)) >= 0:
        raise would_take()


def _check_types(side: Side, limit_type: str, stop_type: str) -> None:
    for each in (limit_type, stop_type):
        if each not in documents.ORDER_TYPES:
            raise BinanceError(-1116, "Invalid orderType.")
    if limit_type == stop_type == LIMIT_TYPE:
        raise BinanceError(-1168, "At least one OCO order must be contingent.")
    if stop_type == LIMIT_TYPE and side is Side.SELL:
        raise BinanceError(-1166, "A limit order in a sell OCO must be above.")
    if stop_type == LIMIT_TYPE:
        raise BinanceError(-1165, "A limit order in a buy OCO must be below.")
    if limit_type != LIMIT_TYPE or stop_type not in STOP_TYPES:
        raise BinanceError(
            -1158, f"Order type not supported in OCO: here it is {LIMIT_TYPE} with {' or '.join(STOP_TYPES)}."
        )


def _read(
    parameters: Parameters, instrument: Instrument, side: Side, names: _Names, valid_until_ms: int
) -> NewOrderList:
    for each in names.notes:
        parameters.integer(each)  # The client's own notes, which have no reader here.
    for each in names.not_here:
        if parameters.amount(each) is not None:
            raise not_required(each)
    if any(parameters.integer(each) is not None for each in names.trailing):
        raise bad_combination("the stop of an order list does not trail here")
    check_self_trade_mode(parameters)
    quantity, price = parameters.amount("quantity"), parameters.amount(names.limit_price)
    stop_px, stop_limit_px = parameters.amount(names.stop_price), parameters.amount(names.stop_limit_price)
    if quantity is None or price is None or stop_px is None:
        told = (("quantity", quantity), (names.limit_price, price), (names.stop_price, stop_px))
        raise missing(next(name for name, amount in told if amount is None))
    _check_time_in_force(parameters, names, has_limit=stop_limit_px is not None)
    limit_id, stop_id = parameters.client_order_id(names.limit_id), parameters.client_order_id(names.stop_id)
    if limit_id is not None and limit_id == stop_id:
        raise duplicate_order()
    order = NewOrder(
        instrument=instrument,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,  # Its stop takes; that its limit does not is judged beforehand.
        quantity=quantity,
        quote_quantity=None,
        price=price,
        client_order_id=parameters.client_order_id_for("listClientOrderId"),
        valid_until_ms=valid_until_ms,
        execution=Oco(
            algorithm="OCO",
            stop_px=stop_px,
            stop_limit_px=stop_limit_px,
            limit_client_order_id=parameters.client_order_id_for(names.limit_id),
            stop_client_order_id=parameters.client_order_id_for(names.stop_id),
        ),
    )
    check_filters(order)
    _check_stop(order, quantity, price, [each for each in (stop_px, stop_limit_px) if each is not None])
    told_ids = frozenset(each for each in (limit_id, stop_id) if each is not None)
    return NewOrderList(order, told_ids, read_response_type(parameters, "RESULT"))


def _check_time_in_force(parameters: Parameters, names: _Names, *, has_limit: bool) -> None:
    told = parameters.text(names.stop_time_in_force)
    if not has_limit:
        if told is not None:
            raise BinanceError(-1114, "TimeInForce parameter sent when not required.")
        return
    if told is None:
        raise missing(names.stop_time_in_force)
    if told != TimeInForce.GTC:
        raise BinanceError(-1115, "Invalid timeInForce: the stop of an order list is GTC here.")


def _check_stop(order: NewOrder, quantity: Decimal, price: Decimal, stop_prices: list[Decimal]) -> None:
    """Each of its prices fits, is worth the minimum, and is on the other side of the market than the limit's."""
    instrument = order.instrument
    for each in stop_prices:
        try:
            instrument.price_ticks(each)
        except InvalidRequest as error:
            raise filter_failure("PRICE_FILTER") from error
        if EXACT.multiply(quantity, each) < instrument.notional_min:
            raise filter_failure("NOTIONAL")
        if order.side.sign * (each - price) <= 0:
            raise wrong_prices()
