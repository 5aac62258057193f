"""Orders of the dialect, read from parameters: what each type needs, and what it must not have."""

import secrets
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from breakwater.domain.executions import Execution, Iceberg, Stop, TakeProfit, TrailingStop
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from breakwater.errors import InvalidRequest
from fargate_engine.binance import documents
from fargate_engine.binance.errors import (
    BinanceError,
    bad_combination,
    bad_symbol,
    filter_failure,
    illegal,
    missing,
    not_required,
)
from fargate_engine.binance.exchange import Amendment, NewOrder, OrderRef, bounds_of
from fargate_engine.binance.parameters import Parameters

_CANCEL_RESTRICTIONS = {"ONLY_NEW": OrdStatus.NEW, "ONLY_PARTIALLY_FILLED": OrdStatus.PARTIALLY_FILLED}
RESPONSE_TYPES = ("ACK", "RESULT", "FULL")


def read_instrument(parameters: Parameters, instruments: Mapping[str, Instrument]) -> Instrument:
    """By the pair's name, ETHUSDT."""
    instrument = instruments.get(parameters.required("symbol"))
    if instrument is None:
        raise bad_symbol()
    return instrument


def read_new_order(
    parameters: Parameters, instruments: Mapping[str, Instrument], valid_until_ms: int
) -> tuple[NewOrder, str]:
    """The order and how it shall be answered. Its terms fit the instrument's filters."""
    instrument = read_instrument(parameters, instruments)
    side = read_side(parameters.required("side"))
    type_ = parameters.required("type")
    if type_ not in documents.ORDER_TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    is_market = type_ in documents.MARKET_TYPES
    quantity, price = parameters.amount("quantity"), parameters.amount("price")
    quote_quantity = parameters.amount("quoteOrderQty")
    time_in_force = _time_in_force(parameters, type_)
    _check_presence(type_, quantity, quote_quantity, price)
    check_self_trade_mode(parameters)
    for name in ("strategyId", "strategyType"):
        parameters.integer(name)  # The client's own notes, which Binance keeps; here they have no reader.
    client_order_id = parameters.client_order_id_for("newClientOrderId")
    execution = read_execution(parameters, type_, instrument)
    order = NewOrder(
        instrument=instrument,
        side=side,
        type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=time_in_force,
        post_only=type_ == "LIMIT_MAKER",
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=price,
        client_order_id=client_order_id,
        valid_until_ms=valid_until_ms,
        execution=execution,
    )
    check_filters(order)
    return order, read_response_type(parameters, "FULL" if type_ in {"LIMIT", "MARKET"} else "ACK")


def read_order_ref(
    parameters: Parameters,
    instruments: Mapping[str, Instrument],
    *,
    number: str = "orderId",
    client_id: str = "origClientOrderId",
) -> OrderRef:
    instrument = read_instrument(parameters, instruments)
    ref = OrderRef(instrument, parameters.integer(number), parameters.client_order_id(client_id))
    if ref.order_number is None and ref.client_order_id is None:
        message = f"Param '{client_id}' or '{number}' must be sent, but both were empty/null!"
        raise BinanceError(-1102, message)
    return ref


def read_amendment(parameters: Parameters, instruments: Mapping[str, Instrument], valid_until_ms: int) -> Amendment:
    """Its quantity is of whole lots."""
    ref = read_order_ref(parameters, instruments)
    quantity = parameters.amount("newQty")
    if quantity is None:
        raise missing("newQty")
    try:
        ref.instrument.quantity_lots(quantity)
    except InvalidRequest as error:
        raise filter_failure("LOT_SIZE") from error
    client_order_id = parameters.client_order_id_for("newClientOrderId")
    return Amendment(ref, quantity, client_order_id, valid_until_ms)


def read_cancel_restriction(parameters: Parameters) -> OrdStatus | None:
    """The status that the order must have to be cancelled."""
    told = parameters.text("cancelRestrictions")
    if told is None:
        return None
    if told not in _CANCEL_RESTRICTIONS:
        raise illegal("cancelRestrictions", ", ".join(_CANCEL_RESTRICTIONS))
    return _CANCEL_RESTRICTIONS[told]


def new_client_order_id() -> str:
    """Of a cancel, which nothing is keyed on."""
    return f"bw{secrets.token_hex(11)}"


def check_filters(order: NewOrder) -> None:
    """PRICE_FILTER, LOT_SIZE and NOTIONAL. What a market order is worth is judged where the market is."""
    instrument, bounds = order.instrument, bounds_of(order.instrument)
    if order.quantity is not None:
        try:
            instrument.quantity_lots(order.quantity)
        except InvalidRequest as error:
            raise filter_failure("LOT_SIZE") from error
        if not _is_within(order.quantity, bounds.quantity_min, bounds.quantity_max):
            raise filter_failure("LOT_SIZE")
    if order.price is None:
        return
    try:
        instrument.price_ticks(order.price)
    except InvalidRequest as error:
        raise filter_failure("PRICE_FILTER") from error
    if not _is_within(order.price, bounds.price_min, bounds.price_max):
        raise filter_failure("PRICE_FILTER")
    if order.quantity is not None and EXACT.multiply(order.quantity, order.price) < instrument.notional_min:
        raise filter_failure("NOTIONAL")


def _is_within(amount: Decimal, least: Decimal | None, most: Decimal | None) -> bool:
    return (least is None or amount >= least) and (most is None or amount <= most)


def affordable_quantity(instrument: Instrument, levels: list[tuple[int, int]], quote_quantity: Decimal) -> Decimal:
    """What `quote_quantity` buys or takes at these (price_ticks, lots), best first, in whole lots, rounded down.

    All of it at the last level's price where they do not reach: the venue then fills what there is.
    """
    left, lots_total, price = quote_quantity, 0, None
    for price_ticks, lots in levels:
        price = instrument.price(price_ticks)
        affordable = _whole_lots(left, price, instrument)
        if affordable <= lots:
            return instrument.quantity(lots_total + affordable)
        lots_total += lots
        left = EXACT.subtract(left, EXACT.multiply(price, instrument.quantity(lots)))
    return instrument.quantity(lots_total if price is None else lots_total + _whole_lots(left, price, instrument))


def _whole_lots(quote: Decimal, price: Decimal, instrument: Instrument) -> int:
    lots = EXACT.divide(quote, EXACT.multiply(price, instrument.lot_size))
    return int(lots.to_integral_value(rounding=ROUND_DOWN))


def read_side(text: str) -> Side:
    try:
        return Side(text)
    except ValueError as error:
        raise BinanceError(-1117, "Invalid side.") from error


def _time_in_force(parameters: Parameters, type_: str) -> TimeInForce:
    if type_ in documents.MARKET_TYPES:
        return TimeInForce.IOC
    if type_ == "LIMIT_MAKER":
        # Some clients send GTC with it, which is what it is.
        if parameters.text("timeInForce") not in {None, "GTC"}:
            raise BinanceError(-1115, "Invalid timeInForce.")
        return TimeInForce.GTC
    try:
        told = TimeInForce(parameters.required("timeInForce"))
    except ValueError as error:
        raise BinanceError(-1115, "Invalid timeInForce.") from error
    if told.has_end:  # Spot there has none.
        raise BinanceError(-1115, "Invalid timeInForce.")
    if told is TimeInForce.FOK and type_ in documents.STOP_TYPES:
        raise BinanceError(-1115, "Invalid timeInForce: a stop is not FOK here.")
    return told


def _check_presence(
    type_: str, quantity: Decimal | None, quote_quantity: Decimal | None, price: Decimal | None
) -> None:
    if type_ in documents.MARKET_TYPES:
        if quote_quantity is not None and type_ != "MARKET":
            raise not_required("quoteOrderQty")
        if (quantity is None) == (quote_quantity is None):
            raise (missing("quantity") if quantity is None else not_required("quoteOrderQty"))
        if price is not None:
            raise not_required("price")
        return
    if quote_quantity is not None:
        raise not_required("quoteOrderQty")
    if quantity is None:
        raise missing("quantity")
    if price is None:
        raise missing("price")


def check_self_trade_mode(parameters: Parameters) -> None:
    """The firm's limits say what is done about self-trades; a client may say that it expects just that, or nothing."""
    if parameters.text("selfTradePreventionMode") not in {None, "EXPIRE_TAKER"}:
        raise BinanceError(-1013, "This symbol does not allow the specified self-trade prevention mode.")


def read_execution(parameters: Parameters, type_: str, instrument: Instrument) -> Execution | None:
    """Of a stop its trigger, of a trailing one its distance, of an iceberg what it shows; None for a plain order."""
    stop_px, delta = parameters.amount("stopPrice"), parameters.integer("trailingDelta")
    shown = parameters.amount("icebergQty")
    if type_ not in documents.STOP_TYPES:
        for name, told in (("stopPrice", stop_px), ("trailingDelta", delta)):
            if told is not None:
                raise not_required(name)
        return None if shown is None else _iceberg(parameters, shown, type_, instrument)
    if shown is not None:
        raise not_required("icebergQty")
    if stop_px is not None and delta is not None:
        raise bad_combination("a trailing stop has no stopPrice here")
    if delta is not None:
        return _trailing(delta, type_)
    if stop_px is None:
        raise missing("stopPrice")
    try:
        instrument.price_ticks(stop_px)
    except InvalidRequest as error:
        raise filter_failure("PRICE_FILTER") from error
    if type_.startswith("STOP_LOSS"):
        return Stop(algorithm="STOP", stop_px=stop_px)
    return TakeProfit(algorithm="TAKE_PROFIT", stop_px=stop_px)


def _trailing(delta: int, type_: str) -> Execution:
    """In hundredths of a percent."""
    if not type_.startswith("STOP_LOSS"):
        raise bad_combination("a take profit does not trail here")
    if not documents.TRAILING_DELTA_MIN <= delta <= documents.TRAILING_DELTA_MAX:
        raise filter_failure("TRAILING_DELTA")
    return TrailingStop(algorithm="TRAILING_STOP", percent=EXACT.divide(Decimal(delta), Decimal(100)))


def _iceberg(parameters: Parameters, shown: Decimal, type_: str, instrument: Instrument) -> Execution:
    if type_ != "LIMIT":
        raise not_required("icebergQty")
    try:
        instrument.quantity_lots(shown)
    except InvalidRequest as error:
        raise filter_failure("LOT_SIZE") from error
    if parameters.text("timeInForce") != TimeInForce.GTC:
        raise BinanceError(-1013, "An iceberg order is GTC.")
    if shown > (parameters.amount("quantity") or Decimal(0)):
        raise filter_failure("ICEBERG_PARTS")
    return Iceberg(algorithm="ICEBERG", display_qty=shown)


def read_response_type(parameters: Parameters, default: str) -> str:
    asked = parameters.text("newOrderRespType")
    if asked is None:
        return default
    if asked not in RESPONSE_TYPES:
        raise BinanceError(
            -1100, "Illegal characters found in parameter 'newOrderRespType'; legal range is 'ACK, RESULT, FULL'."
        )
    return asked
