"""Order lists (OCO) as bots place them: seen, triggered, cancelled, kept over a restart; and what is refused."""

import json
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.bots import RawBot, now_ms, pointed_at, raw_bot
from tests.e2e.desk import SYMBOL, Desk, eventually
from tests.e2e.test_faults import kill_engine

PAIR = "ETHUSDT"
NEWER, OLDER, LIST = "/api/v3/orderList/oco", "/api/v3/order/oco", "/api/v3/orderList"
ORDER, OPEN_ORDERS = "/api/v3/order", "/api/v3/openOrders"
BESIDE = Decimal("0.03")
TRIGGERED_WITHIN_S = 120


@pytest.fixture
def key(desk: Desk) -> Iterator[dict[str, Any]]:
    created = desk.client.create_api_key("e2e order lists", ["read", "trade"])
    yield created
    desk.client.revoke_api_key(created["key_id"])


@pytest.fixture
def bot(endpoints: dict[str, Any], key: dict[str, Any]) -> Iterator[RawBot]:
    with raw_bot(endpoints["engine_url"], key) as bot:
        yield bot
        bot.ask("DELETE", OPEN_ORDERS, symbol=PAIR)


def sell(desk: Desk, **changes: Any) -> dict[str, Any]:
    """A list far from the market on both sides, whose three ids begin alike."""
    name = f"e2e-{uuid.uuid4().hex[:12]}"
    terms = {
        "symbol": PAIR,
        "side": "SELL",
        "quantity": "0.02",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": desk.price_above(),
        "belowType": "STOP_LOSS",
        "belowStopPrice": desk.price_below(),
        "listClientOrderId": name,
        "aboveClientOrderId": f"{name}-limit",
        "belowClientOrderId": f"{name}-stop",
    }
    return terms | changes


def last_price(bot: RawBot) -> Decimal:
    return Decimal(bot.send("GET", "/api/v3/ticker/price", f"symbol={PAIR}").json()["price"])


def orders_of(bot: RawBot, placed: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stop and the limit as they are now."""
    stop, limit = (bot.ask("GET", ORDER, symbol=PAIR, orderId=each["orderId"])[1] for each in placed["orders"])
    return stop, limit


def test_a_list_is_one_reservation_and_two_orders_of_which_a_cancel_takes_both(bot: RawBot, desk: Desk) -> None:
    terms = sell(desk)
    status, placed = bot.ask("POST", NEWER, **terms)
    assert status == 200, placed
    assert (placed["listStatusType"], placed["listOrderStatus"]) == ("EXEC_STARTED", "EXECUTING")
    number = placed["orderListId"]
    stop, limit = orders_of(bot, placed)
    assert (stop["type"], stop["stopPrice"], stop["status"]) == ("STOP_LOSS", f"{terms['belowStopPrice']}000000", "NEW")
    assert (limit["type"], limit["price"], limit["status"]) == ("LIMIT_MAKER", f"{terms['abovePrice']}000000", "NEW")
    assert {each["orderListId"] for each in (stop, limit)} == {number}
    assert bot.ask("GET", OPEN_ORDERS, symbol=PAIR)[1] == [stop, limit]
    for order, name in ((stop, "below"), (limit, "above")):
        found = bot.ask("GET", ORDER, symbol=PAIR, origClientOrderId=terms[f"{name}ClientOrderId"])[1]
        assert found["orderId"] == order["orderId"]
    [shown] = [each for each in desk.client.orders(account_id=desk.account_id)["items"] if each["status"] == "NEW"]
    assert (shown["quantity"], shown["client_order_id"]) == ("0.02", terms["listClientOrderId"])
    [eth] = [each for each in bot.ask("GET", "/api/v3/account")[1]["balances"] if each["asset"] == "ETH"]
    assert eth["locked"] == "0.02000000"
    assert bot.ask("GET", LIST, orderListId=number)[1]["orders"] == placed["orders"]
    assert [each["orderListId"] for each in bot.ask("GET", "/api/v3/openOrderList")[1]] == [number]
    status, canceled = bot.ask("DELETE", ORDER, symbol=PAIR, orderId=stop["orderId"])
    assert (status, canceled["listOrderStatus"]) == (200, "ALL_DONE")
    assert [each["status"] for each in canceled["orderReports"]] == ["CANCELED", "CANCELED"]
    assert [each["status"] for each in orders_of(bot, placed)] == ["CANCELED", "CANCELED"]
    assert bot.ask("GET", "/api/v3/openOrderList")[1] == bot.ask("GET", OPEN_ORDERS, symbol=PAIR)[1] == []
    newest = eventually(lambda: _done(bot, number))
    assert newest["listClientOrderId"] == terms["listClientOrderId"]
    assert bot.ask("DELETE", ORDER, symbol=PAIR, orderId=limit["orderId"])[1]["code"] == -2011
    assert bot.ask("DELETE", LIST, symbol=PAIR, orderListId=number)[1]["code"] == -2011


def _done(bot: RawBot, number: int) -> dict[str, Any] | None:
    """The newest of all lists, once it is this one and over."""
    [newest] = bot.ask("GET", "/api/v3/allOrderList", limit=1)[1]
    is_it = newest["orderListId"] == number and newest["listOrderStatus"] == "ALL_DONE"
    return newest if is_it else None


def test_the_older_form_is_a_list_as_well_and_is_cancelled_by_its_client_id(bot: RawBot, desk: Desk) -> None:
    stop_limit = str((Decimal(desk.price_below()) * Decimal("0.99")).quantize(Decimal("0.01")))
    terms = {"symbol": PAIR, "side": "SELL", "quantity": "0.02", "price": desk.price_above()}
    stop = {"stopPrice": desk.price_below(), "stopLimitPrice": stop_limit, "stopLimitTimeInForce": "GTC"}
    status, placed = bot.ask("POST", OLDER, **terms, **stop)
    assert status == 200
    shown, _ = orders_of(bot, placed)
    assert (shown["type"], shown["price"]) == ("STOP_LOSS_LIMIT", f"{stop_limit}000000")
    name = placed["listClientOrderId"]
    assert bot.ask("GET", LIST, origClientOrderId=name)[1]["orderListId"] == placed["orderListId"]
    status, canceled = bot.ask("DELETE", LIST, symbol=PAIR, listClientOrderId=name, newClientOrderId="the-cancel")
    assert (status, canceled["listOrderStatus"]) == (200, "ALL_DONE")
    assert {each["clientOrderId"] for each in canceled["orderReports"]} == {"the-cancel"}


@pytest.mark.parametrize("which", ["stop", "limit"])
def test_one_that_is_filled_makes_the_other_expire_and_the_stream_says_so(
    bot: RawBot, desk: Desk, endpoints: dict[str, Any], which: str
) -> None:
    with connect(endpoints["engine_url"].replace("http", "ws") + "/ws-api/v3") as socket:
        _ask(bot, socket, "userDataStream.subscribe.signature")
        placed = eventually(lambda: _placed_near(bot, desk, which))
        events = _until_done(socket, placed["orderListId"])
    stop, limit = orders_of(bot, placed)
    filled, expired = (stop, limit) if which == "stop" else (limit, stop)
    assert (filled["status"], filled["executedQty"]) == ("FILLED", "0.02000000")
    assert (expired["status"], expired["executedQty"]) == ("EXPIRED", "0.00000000")
    told = [(each["i"], each["X"]) for each in events if each["e"] == "executionReport"]
    assert told[:2] == [(stop["orderId"], "NEW"), (limit["orderId"], "NEW")]
    assert told[2:].count((expired["orderId"], "EXPIRED")) == 1
    assert told[-1] == (filled["orderId"], "FILLED")
    assert [each["l"] for each in events if each["e"] == "listStatus"] == ["EXEC_STARTED", "ALL_DONE"]

    def traded() -> list[Any] | None:
        """All of it: fills are booked one after the other."""
        trades = bot.ask("GET", "/api/v3/myTrades", symbol=PAIR, orderId=filled["orderId"])[1]
        return trades if sum(Decimal(each["qty"]) for each in trades) == Decimal("0.02") else None

    assert {each["orderListId"] for each in eventually(traded)} == {placed["orderListId"]}
    assert bot.ask("GET", "/api/v3/myTrades", symbol=PAIR, orderId=expired["orderId"])[1] == []


def _placed_near(bot: RawBot, desk: Desk, which: str) -> dict[str, Any] | None:
    """With its stop or its limit beside the market. None where that has moved meanwhile, and it is refused."""
    bid, ask = desk.market()
    near = (
        {"belowStopPrice": str(min(bid, last_price(bot)) - BESIDE)}
        if which == "stop"
        else {"abovePrice": str(max(ask, last_price(bot)) + BESIDE)}
    )
    status, placed = bot.ask("POST", NEWER, **sell(desk, **near))
    assert status == 200 or placed["code"] == -2010, placed
    return placed if status == 200 else None


def _until_done(socket: ClientConnection, number: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    deadline = time.monotonic() + TRIGGERED_WITHIN_S
    while not (events and events[-1]["e"] == "listStatus" and events[-1]["l"] == "ALL_DONE"):
        event = json.loads(socket.recv(timeout=deadline - time.monotonic())).get("event", {})
        if event.get("g") == number:
            events.append(event)
    return events


def _ask(bot: RawBot, socket: ClientConnection, method: str, **params: Any) -> Any:
    params |= {"apiKey": bot.key_id, "timestamp": now_ms()}
    params["signature"] = bot.signature("&".join(f"{name}={params[name]}" for name in sorted(params)))
    socket.send(json.dumps({"id": method, "method": method, "params": params}))
    while True:
        answer = json.loads(socket.recv(timeout=30))
        if answer.get("id") == method:
            return answer.get("result", answer.get("error"))


def test_lists_are_placed_seen_and_cancelled_over_the_websocket_api(
    bot: RawBot, desk: Desk, endpoints: dict[str, Any]
) -> None:
    with connect(endpoints["engine_url"].replace("http", "ws") + "/ws-api/v3") as socket:
        placed = _ask(bot, socket, "orderList.place.oco", **sell(desk))
        number = placed["orderListId"]
        assert _ask(bot, socket, "orderList.status", orderListId=number)["orders"] == placed["orders"]
        assert [each["orderListId"] for each in _ask(bot, socket, "openOrderLists.status")] == [number]
        assert number in [each["orderListId"] for each in _ask(bot, socket, "allOrderLists")]
        canceled = _ask(bot, socket, "orderList.cancel", symbol=PAIR, orderListId=number)
        assert canceled["listOrderStatus"] == "ALL_DONE"
        older = {"price": desk.price_above(), "stopPrice": desk.price_below()}
        placed = _ask(bot, socket, "orderList.place", symbol=PAIR, side="SELL", quantity="0.02", **older)
        limit = placed["orders"][1]["orderId"]
        assert _ask(bot, socket, "order.cancel", symbol=PAIR, orderId=limit)["listOrderStatus"] == "ALL_DONE"
        assert _ask(bot, socket, "orderList.status", orderListId=7)["code"] == -2013


def test_a_list_keeps_its_ids_over_a_restart_and_ccxt_sees_its_orders(
    bot: RawBot, desk: Desk, endpoints: dict[str, Any], endpoints_file: Path, key: dict[str, Any]
) -> None:
    client = pointed_at(ccxt.binance, endpoints["engine_url"], key)
    client.load_markets()
    own = ("listClientOrderId", "aboveClientOrderId", "belowClientOrderId")
    placed = client.private_post_orderlist_oco(
        {name: value for name, value in sell(desk).items() if name not in own}  # ccxt tells ids of its own.
    )
    over = bot.ask("POST", NEWER, **sell(desk))[1]
    bot.ask("DELETE", LIST, symbol=PAIR, orderListId=over["orderListId"])
    kill_engine(endpoints_file)

    def seen() -> list[Any] | None:
        """The API, which answers until the engine does, may hear of the cancel after it."""
        try:
            found = list(client.fetch_open_orders(SYMBOL))
        except ccxt.BaseError:
            return None
        return found if len(found) == 2 else None

    ids = [str(each["orderId"]) for each in placed["orders"]]
    stop, limit = eventually(seen, within_s=60)
    assert [stop["id"], limit["id"]] == ids
    assert (stop["status"], limit["status"], limit["postOnly"]) == ("open", "open", True)
    for each in placed["orders"]:
        by_client_id = client.fetch_order(None, SYMBOL, {"origClientOrderId": each["clientOrderId"]})
        assert by_client_id["id"] == str(each["orderId"])
    assert [each["status"] for each in orders_of(bot, over)] == ["CANCELED", "CANCELED"]
    client.cancel_order(limit["id"], SYMBOL)
    assert client.fetch_order(stop["id"], SYMBOL)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(stop["id"], SYMBOL)


def test_what_no_list_can_be_is_refused_by_its_code_and_nothing_is_placed(bot: RawBot, desk: Desk) -> None:
    last = last_price(bot).quantize(Decimal("0.01"))
    below, above = (str((last * share).quantize(Decimal("0.01"))) for share in (Decimal("0.99"), Decimal("1.01")))
    refused = {
        -1158: {"aboveType": "TAKE_PROFIT_LIMIT"},
        -1166: {"aboveType": "STOP_LOSS", "belowType": "LIMIT_MAKER"},
        -1168: {"belowType": "LIMIT_MAKER"},
        -1128: {"belowTrailingDelta": "100"},
        -1013: {"belowStopPrice": f"{below}1"},
        -1121: {"symbol": "NOPE"},
    }
    for code, changes in refused.items():
        assert bot.ask("POST", NEWER, **sell(desk, **changes))[1]["code"] == code
    for changes in ({"abovePrice": below, "belowStopPrice": "1000"}, {"belowStopPrice": above}):
        status, answer = bot.ask("POST", NEWER, **sell(desk, **changes))
        assert (status, answer["code"]) == (400, -2010)
        assert answer["msg"] == "The relationship of the prices for the orders is not correct."
    status, answer = bot.ask("POST", NEWER, **sell(desk, quantity="900000"))
    assert (status, answer["code"]) == (400, -2010)
    assert answer["msg"].startswith("Limit ")
    assert bot.ask("GET", "/api/v3/openOrderList")[1] == []
    assert bot.ask("GET", LIST, orderListId=1 << 60)[1]["code"] == -2013
    assert bot.ask("DELETE", LIST, symbol=PAIR, orderListId=7)[1]["code"] == -2011
    assert bot.ask("GET", LIST)[1]["code"] == -1102


def test_an_id_of_a_list_or_of_its_orders_is_used_once(bot: RawBot, desk: Desk) -> None:
    terms = sell(desk)
    assert bot.ask("POST", NEWER, **terms)[0] == 200
    names = ("listClientOrderId", "aboveClientOrderId", "belowClientOrderId")
    others = sell(desk)
    for name in names:
        again = {**others, name: terms[name]}
        assert bot.ask("POST", NEWER, **again)[1] == {"code": -2010, "msg": "Duplicate order sent."}
    for name in names:
        plain = {"symbol": PAIR, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        plain |= {"price": desk.price_below(), "newClientOrderId": terms[name]}
        assert bot.ask("POST", ORDER, **plain)[1] == {"code": -2010, "msg": "Duplicate order sent."}
    bot.ask("DELETE", LIST, symbol=PAIR, listClientOrderId=terms["listClientOrderId"])
    assert bot.ask("POST", NEWER, **terms)[1]["code"] == -2010
    assert bot.ask("POST", NEWER, **sell(desk, aboveClientOrderId="one", belowClientOrderId="one"))[1]["code"] == -2010
    assert len(bot.ask("GET", "/api/v3/openOrderList")[1]) == 0
