"""One order of the platform as the two of a list: their ids, what each has filled, how each stands."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.executions import Oco, Stop
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine.binance import documents, user_documents
from fargate_engine.binance.exchange import NO_LIST, Fill, OrderRef, ShownOrder, ShownOrderList, ShownTrade
from fargate_engine.firm_exchange.order_lists import (
    Filled,
    filled_of_limit,
    is_list,
    is_meant,
    is_of_limit,
    names_of_shown,
    other_number,
    shown_list,
    trade_in_list,
)
from tests.unit.fargate_engine.binance.instruments import BTC, ETH

OCO = Oco(
    algorithm="OCO",
    stop_px=Decimal(1900),
    limit_client_order_id="limit",
    stop_client_order_id="stop",
)
ORDER = ShownOrder(
    order_number=4_503_599_627_370_494,
    client_order_id="list",
    symbol="ETH/USDT",
    side=Side.SELL,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    status=OrdStatus.NEW,
    quantity=Decimal(1),
    price=Decimal(2100),
    cum_qty=Decimal(0),
    cum_notional=Decimal(0),
    created_ms=1_700_000_000_000,
    updated_ms=1_700_000_000_100,
    execution=OCO,
)
AT_LIMIT = (Decimal("0.4"), Decimal(840))
AT_STOP = (Decimal("0.6"), Decimal(1137))


def filled(status: OrdStatus, *fills: tuple[Decimal, Decimal]) -> ShownOrder:
    quantity = sum((each for each, _ in fills), Decimal(0))
    return replace(ORDER, status=status, cum_qty=quantity, cum_notional=sum((each for _, each in fills), Decimal(0)))


def shown(order: ShownOrder, *fills: tuple[Decimal, Decimal]) -> ShownOrderList:
    return shown_list(order, filled_of_limit(order, fills))


def test_a_list_is_a_stop_and_a_limit_with_numbers_of_their_own() -> None:
    whole = shown(ORDER)
    stop, limit = whole.orders
    assert (whole.list_number, whole.list_client_order_id) == (ORDER.order_number, "list")
    assert (limit.order_number, limit.client_order_id) == (ORDER.order_number, "limit")
    assert (stop.order_number, stop.client_order_id) == (ORDER.order_number + 1, "stop")
    assert {each.list_number for each in whole.orders} == {ORDER.order_number}
    assert (documents.order_type(limit), limit.price) == ("LIMIT_MAKER", Decimal(2100))
    assert (documents.order_type(stop), documents.stop_price(stop)) == ("STOP_LOSS", "1900.00000000")
    with_limit = replace(ORDER, execution=OCO.model_copy(update={"stop_limit_px": Decimal(1890)}))
    stop, _ = shown(with_limit).orders
    assert (documents.order_type(stop), stop.price) == ("STOP_LOSS_LIMIT", Decimal(1890))


def test_the_two_numbers_lead_to_each_other_and_stay_whole_in_javascript() -> None:
    for number in (0, 1, ORDER.order_number, (1 << 52) - 1):
        assert other_number(other_number(number)) == number != other_number(number)
        assert other_number(number) < 1 << 52


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (OrderRef(ETH, ORDER.order_number, None), True),
        (OrderRef(ETH, ORDER.order_number + 1, None), True),
        (OrderRef(ETH, None, "limit"), True),
        (OrderRef(ETH, None, "stop"), True),
        (OrderRef(ETH, ORDER.order_number + 1, "stop"), True),
        (OrderRef(ETH, ORDER.order_number, "stop"), False),
        (OrderRef(ETH, None, "list"), False),
        (OrderRef(BTC, None, "stop"), False),
        (OrderRef(ETH, ORDER.order_number + 2, None), False),
    ],
)
def test_each_order_is_found_by_its_own_ids_and_neither_by_the_lists(ref: OrderRef, expected: bool) -> None:
    assert is_meant(ref, ORDER.symbol, names_of_shown(ORDER)) is expected


def test_an_oco_whose_halves_have_no_names_is_one_order() -> None:
    plain = Oco(algorithm="OCO", stop_px=Decimal(1900))
    assert is_list(OCO)
    assert not any(map(is_list, (plain, Stop(algorithm="STOP", stop_px=Decimal(1900)), None)))
    assert names_of_shown(replace(ORDER, execution=plain)) == ((ORDER.order_number, "list"),)


@pytest.mark.parametrize(
    ("status", "fills", "limit_is", "stop_is"),
    [
        (OrdStatus.NEW, [], ("NEW", "1", "0"), ("NEW", "1", "0")),
        (OrdStatus.PARTIALLY_FILLED, [AT_LIMIT], ("PARTIALLY_FILLED", "1", "0.4"), ("NEW", "1", "0")),
        (OrdStatus.FILLED, [(Decimal(1), Decimal(2100))], ("FILLED", "1", "1"), ("EXPIRED", "1", "0")),
        (OrdStatus.PARTIALLY_FILLED, [AT_STOP], ("EXPIRED", "1", "0"), ("PARTIALLY_FILLED", "1", "0.6")),
        (OrdStatus.FILLED, [(Decimal(1), Decimal(1895))], ("EXPIRED", "1", "0"), ("FILLED", "1", "1")),
        (OrdStatus.FILLED, [AT_LIMIT, AT_STOP], ("EXPIRED", "1", "0.4"), ("FILLED", "0.6", "0.6")),
        (OrdStatus.CANCELED, [], ("CANCELED", "1", "0"), ("CANCELED", "1", "0")),
        (OrdStatus.CANCELED, [AT_LIMIT], ("CANCELED", "1", "0.4"), ("CANCELED", "1", "0")),
        (OrdStatus.CANCELED, [AT_STOP], ("EXPIRED", "1", "0"), ("CANCELED", "1", "0.6")),
        (OrdStatus.REJECTED, [], ("REJECTED", "1", "0"), ("REJECTED", "1", "0")),
    ],
)
def test_who_gives_way_has_expired_and_what_was_filled_adds_up(
    status: OrdStatus, fills: list[Any], limit_is: tuple[str, str, str], stop_is: tuple[str, str, str]
) -> None:
    order = filled(status, *fills)
    stop, limit = shown(order, *fills).orders
    for each, (told, quantity, cum_qty) in ((limit, limit_is), (stop, stop_is)):
        assert (documents.order_status(each), each.quantity, each.cum_qty) == (
            told,
            Decimal(quantity),
            Decimal(cum_qty),
        )
    assert stop.cum_notional + limit.cum_notional == order.cum_notional


def test_fills_that_are_newer_than_the_order_do_not_count_yet() -> None:
    """The limit fills first: what an older word of the order has filled is the limit's as far as that reaches."""
    before_the_stop = filled(OrdStatus.PARTIALLY_FILLED, AT_LIMIT)
    assert filled_of_limit(before_the_stop, [AT_LIMIT, AT_STOP]) == Filled(*AT_LIMIT)
    amid_the_limit = filled(OrdStatus.PARTIALLY_FILLED, (Decimal("0.1"), Decimal(210)))
    assert filled_of_limit(amid_the_limit, [AT_LIMIT]) == Filled(Decimal("0.1"), Decimal(210))


@pytest.mark.parametrize(
    ("side", "notional", "expected"),
    [
        (Side.SELL, "2100", True),
        (Side.SELL, "2101", True),
        (Side.SELL, "2099.99", False),
        (Side.BUY, "2100", True),
        (Side.BUY, "2099", True),
        (Side.BUY, "2100.01", False),
    ],
)
def test_a_fill_at_the_limits_price_or_better_is_the_limits(side: Side, notional: str, expected: bool) -> None:
    assert is_of_limit(side, Decimal(2100), Decimal(1), Decimal(notional)) is expected


@pytest.mark.parametrize(("price", "number"), [("2100", ORDER.order_number), ("1895", ORDER.order_number + 1)])
def test_a_trade_names_the_order_of_the_list_that_it_is_of(price: str, number: int) -> None:
    fill = Fill(28, Decimal(price), Decimal("0.25"), Decimal("0.5"), "USDT")
    trade = ShownTrade("ETH/USDT", ORDER.order_number, fill, 1, Side.SELL, is_maker=True)
    assert documents.trade(trade)["orderListId"] == NO_LIST
    told = documents.trade(trade_in_list(trade, ORDER))
    assert (told["orderId"], told["orderListId"]) == (number, ORDER.order_number)


def test_a_list_is_told_as_binance_tells_it() -> None:
    told = documents.placed_list(shown(ORDER), "RESULT")
    assert told["contingencyType"] == "OCO"
    assert (told["listStatusType"], told["listOrderStatus"]) == ("EXEC_STARTED", "EXECUTING")
    assert (told["orderListId"], told["listClientOrderId"], told["symbol"]) == (ORDER.order_number, "list", "ETHUSDT")
    assert told["orders"] == [
        {"symbol": "ETHUSDT", "orderId": ORDER.order_number + 1, "clientOrderId": "stop"},
        {"symbol": "ETHUSDT", "orderId": ORDER.order_number, "clientOrderId": "limit"},
    ]
    assert [each["type"] for each in told["orderReports"]] == ["STOP_LOSS", "LIMIT_MAKER"]
    assert {each["orderListId"] for each in told["orderReports"]} == {ORDER.order_number}
    assert "orderReports" not in documents.order_list(shown(ORDER))
    canceled = documents.canceled(shown(filled(OrdStatus.CANCELED)), "the-cancel")
    assert (canceled["listStatusType"], canceled["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [(each["origClientOrderId"], each["clientOrderId"]) for each in canceled["orderReports"]] == [
        ("stop", "the-cancel"),
        ("limit", "the-cancel"),
    ]
    event = user_documents.list_status(shown(filled(OrdStatus.REJECTED)), 7)
    assert (event["e"], event["g"], event["C"], event["l"], event["L"]) == (
        "listStatus",
        ORDER.order_number,
        "list",
        "RESPONSE",
        "REJECT",
    )
    assert [each["i"] for each in event["O"]] == [ORDER.order_number + 1, ORDER.order_number]
