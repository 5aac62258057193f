"""Order lists of the dialect in both of their forms: what they are, and the code of each refusal."""

import time
from decimal import Decimal

import pytest

from breakwater.domain.executions import Oco
from breakwater.domain.orders import OrderType, Side, TimeInForce
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.order_lists import (
    NewOrderList,
    check_against_market,
    read_newer_list,
    read_older_list,
    read_order_list_ref,
)
from fargate_engine.binance.parameters import Parameters
from fargate_engine.market_data.l2_book import DepthSnapshot, MarketTrade
from fargate_engine.market_data.market import Market
from tests.unit.fargate_engine.binance.instruments import ETH, LISTED

NEWER = {
    "symbol": "ETHUSDT",
    "side": "SELL",
    "quantity": "0.5",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "2100",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "1900",
    "belowPrice": "1890",
    "belowTimeInForce": "GTC",
}
NEWER_BUY = {
    "symbol": "ETHUSDT",
    "side": "BUY",
    "quantity": "0.5",
    "aboveType": "STOP_LOSS",
    "aboveStopPrice": "2100",
    "belowType": "LIMIT_MAKER",
    "belowPrice": "1900",
}
OLDER = {
    "symbol": "ETHUSDT",
    "side": "SELL",
    "quantity": "0.5",
    "price": "2100",
    "stopPrice": "1900",
    "stopLimitPrice": "1890",
    "stopLimitTimeInForce": "GTC",
}


def read(terms: dict[str, str], **changes: str | None) -> NewOrderList:
    parameters = Parameters((name, value) for name, value in (terms | changes).items() if value is not None)
    read_one = read_newer_list if "aboveType" in terms else read_older_list
    told = read_one(parameters, LISTED, 7)
    parameters.finish()
    return told


def terms_of(told: NewOrderList) -> tuple[Side, Decimal | None, Decimal, Decimal | None]:
    execution = told.order.execution
    assert isinstance(execution, Oco)
    return told.order.side, told.order.price, execution.stop_px, execution.stop_limit_px


@pytest.mark.parametrize("terms", [NEWER, OLDER])
def test_both_forms_are_one_order_that_rests_and_stops(terms: dict[str, str]) -> None:
    told = read(terms, listClientOrderId="list-1")
    assert terms_of(told) == (Side.SELL, Decimal(2100), Decimal(1900), Decimal(1890))
    order = told.order
    assert (order.client_order_id, order.valid_until_ms, order.instrument) == ("list-1", 7, ETH)
    assert (order.type, order.time_in_force, order.post_only) == (OrderType.LIMIT, TimeInForce.GTC, False)
    assert told.response_type == "RESULT"


def test_of_a_buy_the_limit_is_below_and_the_stop_above() -> None:
    assert terms_of(read(NEWER_BUY)) == (Side.BUY, Decimal(1900), Decimal(2100), None)
    older = read(OLDER, side="BUY", price="1900", stopPrice="2100", stopLimitPrice=None, stopLimitTimeInForce=None)
    assert terms_of(older) == (Side.BUY, Decimal(1900), Decimal(2100), None)


def test_each_order_has_the_id_that_was_told_or_one_of_its_own() -> None:
    told = read(NEWER, aboveClientOrderId="limit-1", belowClientOrderId="stop-1")
    execution = told.order.execution
    assert isinstance(execution, Oco)
    assert (execution.limit_client_order_id, execution.stop_client_order_id) == ("limit-1", "stop-1")
    assert told.told_ids == {"limit-1", "stop-1"}
    older = read(OLDER, stopClientOrderId="stop-2")
    execution = older.order.execution
    assert isinstance(execution, Oco)
    assert (execution.stop_client_order_id, older.told_ids) == ("stop-2", {"stop-2"})
    ids = {each for at in range(50) for each in _own_ids(read(OLDER, timestamp=str(at)))}
    assert len(ids) == 150
    assert set(_own_ids(read(OLDER, timestamp="7"))) < ids  # Sent again it is the same list.
    assert all(each is not None and len(each) <= 36 for each in ids)


def _own_ids(told: NewOrderList) -> tuple[str | None, ...]:
    execution = told.order.execution
    assert isinstance(execution, Oco)
    return told.order.client_order_id, execution.limit_client_order_id, execution.stop_client_order_id


@pytest.mark.parametrize(
    ("terms", "changes", "code"),
    [
        (NEWER, {"aboveType": None}, -1102),
        (NEWER, {"aboveType": "LIMIT_TAKER"}, -1116),
        (NEWER, {"belowType": "LIMIT_MAKER"}, -1168),
        (NEWER, {"aboveType": "STOP_LOSS", "belowType": "LIMIT_MAKER"}, -1166),
        (NEWER_BUY, {"aboveType": "LIMIT_MAKER", "belowType": "STOP_LOSS"}, -1165),
        (NEWER, {"aboveType": "TAKE_PROFIT"}, -1158),
        (NEWER, {"aboveType": "TAKE_PROFIT_LIMIT"}, -1158),
        (NEWER, {"belowType": "TAKE_PROFIT"}, -1158),
        (NEWER, {"aboveType": "LIMIT"}, -1158),
        (NEWER, {"abovePrice": None}, -1102),
        (NEWER, {"belowStopPrice": None}, -1102),
        (NEWER, {"belowPrice": None}, -1102),
        (NEWER, {"belowTimeInForce": None}, -1102),
        (NEWER, {"belowTimeInForce": "IOC"}, -1115),
        (NEWER, {"aboveTimeInForce": "IOC"}, -1115),
        (NEWER, {"belowType": "STOP_LOSS"}, -1106),
        (NEWER, {"belowType": "STOP_LOSS", "belowPrice": None}, -1114),
        (NEWER, {"aboveStopPrice": "2100"}, -1106),
        (NEWER, {"belowTrailingDelta": "100"}, -1128),
        (NEWER, {"aboveIcebergQty": "0.1"}, -1106),
        (NEWER, {"belowPegPriceType": "PRIMARY_PEG"}, -1104),
        (NEWER, {"price": "2100"}, -1104),
        (NEWER, {"quantity": None}, -1102),
        (NEWER, {"quantity": "0.00005"}, -1013),
        (NEWER, {"abovePrice": "2100.001"}, -1013),
        (NEWER, {"belowStopPrice": "1900.001"}, -1013),
        (NEWER, {"belowPrice": "1890.001"}, -1013),
        (NEWER, {"quantity": "0.0026", "belowPrice": "1800"}, -1013),
        (NEWER, {"belowStopPrice": "2100"}, -2010),
        (NEWER, {"belowPrice": "2100"}, -2010),
        (NEWER_BUY, {"aboveStopPrice": "1899"}, -2010),
        (NEWER, {"aboveClientOrderId": "one", "belowClientOrderId": "one"}, -2010),
        (NEWER, {"aboveClientOrderId": "a b"}, -1100),
        (NEWER, {"listClientOrderId": "x" * 37}, -1100),
        (NEWER, {"selfTradePreventionMode": "NONE"}, -1013),
        (NEWER, {"newOrderRespType": "ALL"}, -1100),
        (NEWER, {"symbol": "ETHEUR"}, -1121),
        (NEWER, {"side": "HOLD"}, -1117),
        (OLDER, {"price": None}, -1102),
        (OLDER, {"stopPrice": None}, -1102),
        (OLDER, {"stopLimitTimeInForce": None}, -1102),
        (OLDER, {"stopLimitTimeInForce": "FOK"}, -1115),
        (OLDER, {"stopLimitPrice": None}, -1114),
        (OLDER, {"stopPrice": None, "trailingDelta": "100"}, -1128),
        (OLDER, {"limitIcebergQty": "0.1"}, -1106),
        (OLDER, {"side": "BUY"}, -2010),
        (OLDER, {"limitClientOrderId": "one", "stopClientOrderId": "one"}, -2010),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_by_its_code(
    terms: dict[str, str], changes: dict[str, str | None], code: int
) -> None:
    with pytest.raises(BinanceError) as raised:
        read(terms, **changes)
    assert raised.value.code == code


def test_what_a_maker_only_order_is_in_any_case_may_be_said_of_it() -> None:
    assert read(NEWER, aboveTimeInForce="GTC", aboveStrategyId="7").order.price == Decimal(2100)


@pytest.fixture
def market() -> Market:
    market = Market("SIM", ETH)
    market.apply(DepthSnapshot(((199_900, 5_000),), ((200_100, 5_000),)), time.time_ns())
    market.apply(MarketTrade(Side.SELL, 200_000, 1_000), time.time_ns())
    return market


@pytest.mark.parametrize(
    ("terms", "changes", "message"),
    [
        (NEWER, {"abovePrice": "2000"}, "relationship of the prices"),
        (NEWER, {"belowStopPrice": "2000"}, "relationship of the prices"),
        (NEWER_BUY, {"aboveStopPrice": "2000"}, "relationship of the prices"),
        (NEWER_BUY, {"belowPrice": "2000"}, "relationship of the prices"),
        (NEWER, {"abovePrice": "1950"}, "relationship of the prices"),
    ],
)
def test_the_last_trade_lies_between_the_limit_and_the_stop(
    market: Market, terms: dict[str, str], changes: dict[str, str], message: str
) -> None:
    check_against_market(read(terms).order, market)
    with pytest.raises(BinanceError, match=message) as raised:
        check_against_market(read(terms, **changes).order, market)
    assert raised.value.code == -2010


def test_a_limit_that_would_take_is_refused_as_one_alone_is(market: Market) -> None:
    market.apply(DepthSnapshot(((200_500, 5_000),), ((200_600, 5_000),)), time.time_ns())
    with pytest.raises(BinanceError, match="immediately match and take"):
        check_against_market(read(NEWER, abovePrice="2005").order, market)
    check_against_market(read(NEWER, abovePrice="2005.01").order, market)


def test_where_nothing_has_traded_only_its_own_prices_are_compared() -> None:
    check_against_market(read(NEWER, abovePrice="1950").order, Market("SIM", ETH))


def test_a_list_is_named_by_its_number_or_its_client_id() -> None:
    ref = read_order_list_ref(Parameters([("orderListId", "12")]), client_id="origClientOrderId")
    assert (ref.instrument, ref.list_number, ref.list_client_order_id) == (None, 12, None)
    told = Parameters([("symbol", "ETHUSDT"), ("listClientOrderId", "mine")])
    ref = read_order_list_ref(told, LISTED, client_id="listClientOrderId")
    assert (ref.instrument, ref.list_number, ref.list_client_order_id) == (ETH, None, "mine")
    for parameters, instruments in ((Parameters([]), None), (Parameters([("listClientOrderId", "mine")]), LISTED)):
        with pytest.raises(BinanceError) as raised:
            read_order_list_ref(parameters, instruments, client_id="listClientOrderId")
        assert raised.value.code == -1102
