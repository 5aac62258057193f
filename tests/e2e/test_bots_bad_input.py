"""What a bot may get wrong, and the code of Binance that says so."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect

from breakwater.client import Client
from tests.e2e.bots import RawBot, now_ms, raw_bot
from tests.e2e.desk import Desk, eventually

ORDER = "/api/v3/order"
PAIR = "ETHUSDT"


@pytest.fixture
def bot(endpoints: dict[str, Any], desk: Desk) -> Iterator[RawBot]:
    key = desk.client.create_api_key("e2e raw bot", ["read", "trade"])
    with raw_bot(endpoints["engine_url"], key) as bot:
        yield bot
    desk.client.revoke_api_key(key["key_id"])


def limit_order(desk: Desk, **changes: Any) -> dict[str, Any]:
    terms = {"symbol": PAIR, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    return terms | {"price": desk.price_below()} | changes


def code(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["code"]


def test_a_request_that_is_not_signed_by_its_key_is_refused(bot: RawBot, desk: Desk) -> None:
    signed = bot.signed(**limit_order(desk))
    assert code(bot.send("POST", ORDER, signed[:-1] + ("0" if signed[-1] != "0" else "1"))) == (400, -1022)
    assert code(bot.send("POST", ORDER, signed.replace("0.01", "0.02"))) == (400, -1022)
    assert code(bot.send("POST", ORDER, signed.partition("&signature")[0])) == (400, -1102)
    assert code(bot.send("POST", ORDER, signed, headers={"X-MBX-APIKEY": "0" * 16})) == (401, -2015)
    assert code(bot.send("POST", ORDER, signed, headers={"X-MBX-APIKEY": ""})) == (401, -2014)


def test_a_request_outside_of_its_window_is_refused_and_one_that_is_repeated_is_no_second_order(
    bot: RawBot, desk: Desk
) -> None:
    late = limit_order(desk, timestamp=now_ms() - 6_000, recvWindow=5_000)
    assert code(bot.send("POST", ORDER, bot.signed(**late))) == (400, -1021)
    assert code(bot.send("POST", ORDER, bot.signed(**limit_order(desk, timestamp=now_ms() + 5_000)))) == (400, -1021)
    assert code(bot.send("POST", ORDER, bot.signed(**limit_order(desk, recvWindow=70_000)))) == (400, -1131)
    window = 60_000  # However long the first one takes on a busy machine, the second comes within it.
    signed = bot.signed(**limit_order(desk, newClientOrderId=f"e2e-{now_ms()}", recvWindow=window))
    assert bot.send("POST", ORDER, signed).status_code == 200
    assert code(bot.send("POST", ORDER, signed)) == (400, -2010)
    assert len(bot.ask("GET", "/api/v3/openOrders", symbol=PAIR)[1]) == 1
    unnamed = bot.signed(**limit_order(desk, recvWindow=window))  # Its id follows from what was signed.
    assert bot.send("POST", ORDER, unnamed).status_code == 200
    assert code(bot.send("POST", ORDER, unnamed)) == (400, -2010)
    assert len(bot.ask("GET", "/api/v3/openOrders", symbol=PAIR)[1]) == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"symbol": "NOPE"}, (400, -1121)),
        ({"quantity": "0.1e1"}, (400, -1100)),
        ({"price": "100.001"}, (400, -1013)),
        ({"quantity": "0.0001"}, (400, -1013)),
        ({"type": "STOP_SIDEWAYS"}, (400, -1116)),
        ({"type": "STOP_LOSS"}, (400, -1106)),
        ({"trailingDelta": "100"}, (400, -1106)),
        ({"newClientOrderId": "x" * 37}, (400, -1100)),
        ({"newClientOrderId": "a b"}, (400, -1100)),
        ({"price": "9" * 20}, (400, -1100)),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_its_code(
    bot: RawBot, desk: Desk, changes: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert code(bot.send("POST", ORDER, bot.signed(**limit_order(desk, **changes)))) == expected


def test_what_is_too_long_is_refused_and_the_connection_serves_on(bot: RawBot) -> None:
    assert bot.send("POST", ORDER, "", content=b"x=" + b"1" * 20_000).status_code == 413
    assert bot.send("GET", "/api/v3/depth", "symbol=" + "A" * 3_000).status_code in {400, 414}
    assert bot.ask("GET", "/api/v3/account")[0] == 200


def test_a_key_can_do_what_its_scopes_say_from_where_it_may_and_until_it_is_revoked(
    endpoints: dict[str, Any], desk: Desk
) -> None:
    keys = {
        "reader": desk.client.create_api_key("e2e reader", ["read"]),
        "canceller": desk.client.create_api_key("e2e canceller", ["cancel_only"]),
        "elsewhere": desk.client.create_api_key("e2e elsewhere", ["read", "trade"], ip_allow=["203.0.113.0/24"]),
    }
    url = endpoints["engine_url"]
    with raw_bot(url, keys["reader"]) as reader, raw_bot(url, keys["canceller"]) as canceller:
        assert reader.ask("GET", "/api/v3/account")[0] == 200
        assert reader.ask("POST", ORDER, **limit_order(desk))[1]["code"] == -2015
        assert canceller.ask("POST", ORDER, **limit_order(desk))[1]["code"] == -2015
        desk.rest()
        assert len(eventually(lambda: _canceled(canceller))) == 1
        with raw_bot(url, keys["elsewhere"]) as elsewhere:
            assert elsewhere.ask("GET", "/api/v3/account")[0] == 401
        for key in keys.values():
            desk.client.revoke_api_key(key["key_id"])
        assert eventually(lambda: reader.ask("GET", "/api/v3/account")[1].get("code")) == -2015


def _canceled(bot: RawBot) -> Any:
    status, answer = bot.ask("DELETE", "/api/v3/openOrders", symbol=PAIR)
    return answer if status == 200 else None


def test_an_ed25519_key_signs_and_its_private_half_never_left_the_client(endpoints: dict[str, Any], desk: Desk) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = desk.client.create_api_key("e2e ed25519", ["read"], public_key=pem)
    assert key["api_key"] is None
    query = f"timestamp={now_ms()}"
    signature = httpx.QueryParams({"signature": base64.b64encode(private.sign(query.encode())).decode()})
    headers = {"X-MBX-APIKEY": key["key_id"]}
    url = f"{endpoints['engine_url']}/api/v3/account"
    assert httpx.get(f"{url}?{query}&{signature}", headers=headers, timeout=30).status_code == 200
    other = httpx.QueryParams({"signature": base64.b64encode(bytes(64)).decode()})
    assert code(httpx.get(f"{url}?{query}&{other}", headers=headers, timeout=30)) == (400, -1022)
    desk.client.revoke_api_key(key["key_id"])


def test_streams_answer_what_they_do_not_understand_and_end_a_flood(endpoints: dict[str, Any]) -> None:
    url = endpoints["engine_url"].replace("http", "ws")
    with connect(f"{url}/ws") as socket:
        answers = {}
        messages: list[dict[str, Any]] = [
            {"method": "SUBSCRIBE", "params": ["ethusdt@nothing"]},
            {"method": "SUBSCRIBE", "params": [f"s{each}@trade" for each in range(1_100)]},
            {"method": "SHOUT"},
            {"method": "SUBSCRIBE", "params": "ethusdt@trade"},
            {"method": "SUBSCRIBE", "params": ["ethusdt@bookTicker"]},
        ]
        for number, message in enumerate(messages):
            socket.send(json.dumps({**message, "id": number}))
            answers[number] = next(told for told in _told(socket) if told.get("id") == number)
        assert [("error" in answers[number]) for number in range(5)] == [True, True, True, True, False]
        assert next(told for told in _told(socket) if told.get("s") == PAIR)["b"]
    with connect(f"{url}/ws") as socket, pytest.raises(websockets.ConnectionClosed) as closed:
        _flood(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def _flood(socket: Any) -> None:
    for _ in range(500):
        socket.send('{"method": "LIST_SUBSCRIPTIONS", "id": 1}')
    for _ in _told(socket):
        pass


def _told(socket: Any) -> Iterator[dict[str, Any]]:
    while True:
        yield json.loads(socket.recv(timeout=10))


def test_the_websocket_api_answers_wrong_messages_by_their_code(bot: RawBot, endpoints: dict[str, Any]) -> None:
    with connect(endpoints["engine_url"].replace("http", "ws") + "/ws-api/v3") as socket:

        def ask(message: Any) -> Any:
            socket.send(message if isinstance(message, str) else json.dumps(message))
            return json.loads(socket.recv(timeout=30))

        assert ask({"id": "a", "method": "ping"})["status"] == 200
        assert ask("no json")["error"]["code"] == -1100
        assert ask({"id": "b", "method": "order.steal"})["error"]["code"] == -1020
        assert ask({"id": "c", "method": "order.place", "params": {"quantity": 0.1}})["error"]["code"] == -1100
        assert ask({"id": "d", "method": "account.status"})["error"]["code"] == -2014
        params: dict[str, Any] = {"apiKey": bot.key_id, "timestamp": now_ms()}
        unsigned = ask({"id": "e", "method": "userDataStream.subscribe.signature", "params": params})
        assert unsigned["error"]["code"] == -1102
        signature = bot.signature("&".join(f"{name}={params[name]}" for name in sorted(params)))
        answer = ask({"id": "f", "method": "account.status", "params": {**params, "signature": signature}})
        assert answer["result"]["accountType"] == "SPOT"


def test_a_trader_with_several_accounts_names_the_one_that_a_key_trades(
    endpoints: dict[str, Any], sign_in: Callable[[str], Client], desk: Desk
) -> None:
    admin = sign_in("admin")  # Who sees every account.
    unclear, clear = (admin.create_api_key("e2e", ["read"], account_id=each) for each in (None, desk.account_id))
    for key, status in ((unclear, 401), (clear, 200)):
        with raw_bot(endpoints["engine_url"], key) as bot:
            assert bot.ask("GET", "/api/v3/account")[0] == status
    with raw_bot(endpoints["engine_url"], unclear) as bot:
        assert bot.ask("GET", "/api/v3/account")[1]["code"] == -2015
    for key in (unclear, clear):
        admin.revoke_api_key(key["key_id"])


def test_a_user_stream_ends_by_itself_with_its_key_and_by_word_without_its_connection(
    endpoints: dict[str, Any], desk: Desk
) -> None:
    key = desk.client.create_api_key("e2e stream", ["read", "trade"])
    url = endpoints["engine_url"].replace("http", "ws") + "/ws-api/v3"
    with raw_bot(endpoints["engine_url"], key) as bot, connect(url) as socket:
        subscribe(bot, socket)
        socket.send(json.dumps({"id": "u", "method": "userDataStream.unsubscribe", "params": {}}))
        assert next(told for told in _told(socket) if told.get("id") == "u")["status"] == 200
        subscribe(bot, socket)
        order = desk.rest()
        reports = (told["event"] for told in _told(socket) if "event" in told)
        assert next(each for each in reports if each["e"] == "executionReport")["c"] == order["client_order_id"]
        desk.client.revoke_api_key(key["key_id"])
        with pytest.raises(websockets.ConnectionClosed):
            _listen(socket, within_s=40)


def subscribe(bot: RawBot, socket: Any) -> None:
    params: dict[str, Any] = {"apiKey": bot.key_id, "timestamp": now_ms()}
    params["signature"] = bot.signature("&".join(f"{name}={params[name]}" for name in sorted(params)))
    socket.send(json.dumps({"id": "s", "method": "userDataStream.subscribe.signature", "params": params}))
    assert next(told for told in _told(socket) if told.get("id") == "s")["status"] == 200


def _listen(socket: Any, within_s: float) -> None:
    while True:
        socket.recv(timeout=within_s)


def test_lists_begin_where_they_were_asked_to_or_say_that_they_cannot(bot: RawBot, desk: Desk) -> None:
    placed: dict[str, Any] = {**desk.place("BUY", "0.01")}

    def trades(**span: Any) -> Any:
        return bot.ask("GET", "/api/v3/myTrades", symbol=PAIR, **span)

    # Its own, too: those of earlier orders are there at once, and a list that still grows cannot be compared.
    eventually(lambda: any(each["orderId"] == placed["exchange_order_id"] for each in trades()[1]) or None)
    assert trades(fromId=0)[1] == trades()[1]
    newest = trades()[1][-1]
    assert trades(fromId=newest["id"])[1] == [newest]
    assert trades(fromId=newest["id"] + 1)[1]["code"] == -1100
    assert bot.ask("GET", ORDER, symbol=PAIR, orderId=1 << 60)[1]["code"] == -2013


def test_what_is_not_served_is_told_as_a_client_can_read_it(bot: RawBot) -> None:
    for method, path in (("POST", "/api/v3/orderList/oto"), ("PUT", ORDER), ("GET", "/sapi/v1/account/status")):
        assert code(bot.send(method, path, bot.signed())) == (404, -1020)


def test_replacing_an_order_says_what_became_of_both_halves(bot: RawBot, desk: Desk) -> None:
    replace = "/api/v3/order/cancelReplace"
    placed = bot.ask("POST", ORDER, **limit_order(desk))[1]
    new = limit_order(desk, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"])
    status, both = bot.ask("POST", replace, **new)
    assert (status, both["cancelResult"], both["newOrderResult"]) == (200, "SUCCESS", "SUCCESS")
    status, failed = bot.ask("POST", replace, **new)  # It is cancelled already.
    assert (status, failed["code"], failed["data"]["newOrderResult"]) == (400, -2022, "NOT_ATTEMPTED")
    again = limit_order(desk, quantity="900000", cancelReplaceMode="STOP_ON_FAILURE")
    again["cancelOrderId"] = both["newOrderResponse"]["orderId"]
    status, half = bot.ask("POST", replace, **again)
    assert (status, half["code"], half["data"]["cancelResult"]) == (409, -2021, "SUCCESS")
    assert half["data"]["newOrderResponse"]["code"] == -2010
