"""Orders of the dialect: what each type needs, and the code of each refusal."""

from decimal import Decimal

import pytest

from breakwater.domain.executions import Iceberg, Stop, TakeProfit, TrailingStop
from breakwater.domain.orders import OrderType, Side, TimeInForce
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import NewOrder
from fargate_engine.binance.orders import affordable_quantity, read_new_order, read_order_ref
from fargate_engine.binance.parameters import Parameters
from tests.unit.fargate_engine.binance.instruments import ETH, LISTED

LIMIT = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.5", "price": "2000"}
MARKET = {"symbol": "ETHUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.5"}
MAKER = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.5", "price": "2000"}

STOP = {"symbol": "ETHUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.5", "stopPrice": "1900"}


def read(terms: dict[str, str], **changes: str | None) -> tuple[NewOrder, str]:
    told = {name: value for name, value in (terms | changes).items() if value is not None}
    parameters = Parameters(told.items())
    order = read_new_order(parameters, LISTED, valid_until_ms=7)
    parameters.finish()
    return order


def test_a_limit_order_is_read_and_answered_in_full() -> None:
    order, response_type = read(LIMIT, newClientOrderId="mine-1")
    assert (order.instrument, order.side, order.type) == (ETH, Side.BUY, OrderType.LIMIT)
    assert (order.quantity, order.price, order.time_in_force) == (Decimal("0.5"), Decimal(2000), TimeInForce.GTC)
    assert (order.client_order_id, order.valid_until_ms, order.post_only) == ("mine-1", 7, False)
    assert response_type == "FULL"


def test_a_market_order_takes_what_there_is() -> None:
    order, response_type = read(MARKET)
    assert (order.type, order.time_in_force, order.price, response_type) == (
        OrderType.MARKET,
        TimeInForce.IOC,
        None,
        "FULL",
    )


def test_a_maker_only_order_rests_or_is_refused_and_is_only_acknowledged() -> None:
    order, response_type = read(MAKER)
    assert (order.type, order.post_only, order.time_in_force) == (OrderType.LIMIT, True, TimeInForce.GTC)
    assert response_type == "ACK"
    assert read(MAKER, timeInForce="GTC")[0].post_only


def test_a_stop_waits_for_its_price_and_then_takes_what_there_is() -> None:
    order, response_type = read(STOP)
    assert order.execution == Stop(algorithm="STOP", stop_px=Decimal(1900))
    assert (order.type, order.price, order.time_in_force, response_type) == (
        OrderType.MARKET,
        None,
        TimeInForce.IOC,
        "ACK",
    )


def test_a_stop_with_a_limit_rests_at_it_afterwards() -> None:
    order, _ = read(STOP, type="TAKE_PROFIT_LIMIT", price="1890", timeInForce="GTC")
    assert order.execution == TakeProfit(algorithm="TAKE_PROFIT", stop_px=Decimal(1900))
    assert (order.type, order.price, order.time_in_force) == (OrderType.LIMIT, Decimal(1890), TimeInForce.GTC)


def test_a_trailing_delta_is_in_hundredths_of_a_percent() -> None:
    order, _ = read(STOP, stopPrice=None, trailingDelta="150")
    assert order.execution == TrailingStop(algorithm="TRAILING_STOP", percent=Decimal("1.5"))


def test_an_iceberg_is_a_limit_order_that_shows_a_part() -> None:
    order, _ = read(LIMIT, icebergQty="0.1")
    assert order.execution == Iceberg(algorithm="ICEBERG", display_qty=Decimal("0.1"))


def own_id(signed_by: str = "key", **changes: str) -> str:
    parameters = Parameters((LIMIT | {"timestamp": "7", "recvWindow": "5000", "signature": "aa"} | changes).items())
    parameters.signed_by = signed_by
    return read_new_order(parameters, LISTED, valid_until_ms=7)[0].client_order_id


def test_an_order_without_a_client_id_gets_one_of_its_own() -> None:
    ids = {own_id(timestamp=str(at)) for at in range(100)}
    assert len(ids) == 100
    assert all(len(each) <= 36 for each in ids)
    once, again = (read(LIMIT, timestamp="1", signature=each)[0].client_order_id for each in ("ab", "AB"))
    assert once == again  # Sent again it is the same order, however its signature is written.


def test_a_request_that_is_sent_again_is_the_same_order_and_no_other_is() -> None:
    """However its signature is written, which nobody has signed: that of HMAC in capitals, say."""
    assert own_id() == own_id(signature="AA")
    others = [own_id(signed_by="other"), own_id(timestamp="8"), own_id(quantity="0.6"), own_id(recvWindow="5001")]
    assert len({own_id(), *others}) == 5


@pytest.mark.parametrize(
    ("terms", "changes", "code"),
    [
        (LIMIT, {"symbol": None}, -1102),
        (LIMIT, {"symbol": "ETHEUR"}, -1121),
        (LIMIT, {"symbol": "ethusdt"}, -1121),
        (LIMIT, {"side": "HOLD"}, -1117),
        (LIMIT, {"type": "STOP_LOSS"}, -1106),
        (LIMIT, {"type": "limit"}, -1116),
        (LIMIT, {"timeInForce": None}, -1102),
        (LIMIT, {"timeInForce": "DAY"}, -1115),
        (LIMIT, {"timeInForce": "GTD"}, -1115),
        (LIMIT, {"quantity": None}, -1102),
        (LIMIT, {"price": None}, -1102),
        (LIMIT, {"quantity": "0.00005"}, -1013),
        (LIMIT, {"price": "2000.001"}, -1013),
        (LIMIT, {"quantity": "0.0001"}, -1013),
        (LIMIT, {"quantity": "0"}, -1013),
        (LIMIT, {"quoteOrderQty": "100"}, -1106),
        (LIMIT, {"icebergQty": "0.00005"}, -1013),
        (LIMIT, {"icebergQty": "0.6"}, -1013),
        (LIMIT, {"icebergQty": "0.1", "timeInForce": "IOC"}, -1013),
        (LIMIT, {"stopPrice": "1900"}, -1106),
        (LIMIT, {"trailingDelta": "100"}, -1106),
        (MARKET, {"icebergQty": "0.1"}, -1106),
        (STOP, {"stopPrice": None}, -1102),
        (STOP, {"stopPrice": "1900.001"}, -1013),
        (STOP, {"stopPrice": "0"}, -1013),
        (STOP, {"trailingDelta": "100"}, -1128),
        (STOP, {"stopPrice": None, "trailingDelta": "9"}, -1013),
        (STOP, {"stopPrice": None, "trailingDelta": "2001"}, -1013),
        (STOP, {"type": "TAKE_PROFIT", "stopPrice": None, "trailingDelta": "100"}, -1128),
        (STOP, {"price": "1890"}, -1106),
        (STOP, {"timeInForce": "GTC"}, -1104),
        (STOP, {"quantity": None, "quoteOrderQty": "100"}, -1106),
        (STOP, {"icebergQty": "0.1"}, -1106),
        (STOP, {"type": "STOP_LOSS_LIMIT"}, -1102),
        (STOP, {"type": "STOP_LOSS_LIMIT", "timeInForce": "FOK", "price": "1890"}, -1115),
        (LIMIT, {"newOrderRespType": "ALL"}, -1100),
        (LIMIT, {"selfTradePreventionMode": "NONE"}, -1013),
        (LIMIT, {"newClientOrderId": "a b"}, -1100),
        (MARKET, {"quantity": None}, -1102),
        (MARKET, {"quoteOrderQty": "100"}, -1106),
        (MARKET, {"price": "2000"}, -1106),
        (MARKET, {"timeInForce": "GTC"}, -1104),
        (MAKER, {"timeInForce": "IOC"}, -1115),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_their_code(
    terms: dict[str, str], changes: dict[str, str | None], code: int
) -> None:
    with pytest.raises(BinanceError) as raised:
        read(terms, **changes)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"quantity": "0.00005"}, "LOT_SIZE"),
        ({"price": "2000.001"}, "PRICE_FILTER"),
        ({"quantity": "0.001"}, "NOTIONAL"),
    ],
)
def test_a_filter_is_named_as_clients_look_for_it(changes: dict[str, str], name: str) -> None:
    with pytest.raises(BinanceError) as raised:
        read(LIMIT, **changes)
    assert raised.value.message == f"Filter failure: {name}"


def test_an_order_is_named_by_number_or_client_id() -> None:
    ref = read_order_ref(Parameters([("symbol", "ETHUSDT"), ("orderId", "12")]), LISTED)
    assert (ref.order_number, ref.client_order_id) == (12, None)
    ref = read_order_ref(Parameters([("symbol", "ETHUSDT"), ("origClientOrderId", "mine")]), LISTED)
    assert (ref.order_number, ref.client_order_id) == (None, "mine")
    with pytest.raises(BinanceError) as raised:
        read_order_ref(Parameters([("symbol", "ETHUSDT")]), LISTED)
    assert raised.value.code == -1102


@pytest.mark.parametrize(
    ("levels", "quote", "quantity"),
    [
        ([(200_000, 10_000)], "1000", "0.5"),
        ([(200_000, 1_000), (210_000, 10_000)], "410", "0.2"),
        ([(200_000, 1_000)], "400", "0.2"),
        ([(200_000, 10_000)], "0.1", "0"),
        ([(200_000, 10_000)], "0.399", "0.0001"),
        ([], "1000", "0"),
    ],
    ids=["one level", "two levels", "more than there is", "less than a lot", "rounded down", "no market"],
)
def test_what_is_to_be_spent_becomes_whole_lots_at_the_levels_there_are(
    levels: list[tuple[int, int]], quote: str, quantity: str
) -> None:
    assert affordable_quantity(ETH, levels, Decimal(quote)) == Decimal(quantity)
