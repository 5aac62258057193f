"""The simulated exchange as a process: what an unmodified client sees of it, and its switches."""

import asyncio
import hmac
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support
import pytest
from ccxt.base import errors
from yarl import URL

from fargate_engine.simulated_exchange.__main__ import KEY, SECRET
from fargate_engine.venues.ccxt_loading import make_exchange
from fargate_engine.venues.configuration import Credentials
from tests.support.exchange_scene import settings

START_S = 30


@pytest.fixture
async def url(unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[str]:
    port = unused_tcp_port_factory()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fargate_engine.simulated_exchange", "--port", str(port), "--speed", "10"),
        env=os.environ,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{url}/api/v3/ping"):
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    exchange = make_exchange(ccxt.async_support.binance, settings(url), Credentials(KEY, SECRET), lambda *_: None)
    yield exchange
    await exchange.close()


async def control(url: str, **told: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/control", json=told) as answer:
        return answer.status, await answer.json()


def signed(secret: str = SECRET, **changes: str | int) -> str:
    """The query of an order that rests, signed as Binance says, without a client order id."""
    order = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.5"}
    query = urlencode({**order, "price": "500", "timestamp": time.time_ns() // 1_000_000, **changes})
    return f"{query}&signature={hmac.digest(secret.encode(), query.encode(), 'sha256').hex()}"


async def test_a_signed_request_that_somebody_sends_again_places_nothing(url: str, client: Any) -> None:
    """As it was, with its signature written otherwise, with other terms, after its window, and before it."""

    async def send(query: str) -> tuple[int, Any]:
        headers = {"X-MBX-APIKEY": KEY}
        address = URL(f"{url}/api/v3/order?{query}", encoded=True)
        async with aiohttp.ClientSession() as session, session.post(address, headers=headers) as answer:
            return answer.status, (await answer.json()).get("code")

    seen = signed(recvWindow=60_000)
    terms, _, signature = seen.rpartition("=")
    assert await send(seen) == (200, None)
    assert await send(seen) == (400, -2010)
    assert await send(f"{terms}={signature.upper()}") == (400, -2010)
    assert await send(seen.replace("quantity=0.5", "quantity=5")) == (400, -1022)
    assert await send(f"{seen}&newClientOrderId=another") == (400, -1022)
    assert await send(signed("another-secret")) == (400, -1022)
    now_ms = time.time_ns() // 1_000_000
    for timestamp in (now_ms - 6_000, now_ms + 60_000):
        assert await send(signed(timestamp=timestamp)) == (400, -1021)
    assert len(await client.fetch_open_orders("ETH/USDT")) == 1
    assert await send(signed(recvWindow=60_000)) == (200, None)  # At another time it is another order.
    assert len(await client.fetch_open_orders("ETH/USDT")) == 2


async def test_paper_money_trades_in_its_market(client: Any) -> None:
    before = await client.fetch_balance()
    order = await client.create_order("ETH/USDT", "market", "buy", "0.5")
    assert (order["status"], order["filled"]) == ("closed", 0.5)
    after = await client.fetch_balance()
    assert after["ETH"]["total"] == before["ETH"]["total"] + 0.5
    resting = await client.create_order("ETH/USDT", "limit", "buy", "1", "1000")
    assert (await client.fetch_balance())["USDT"]["used"] == 1000
    with pytest.raises(errors.InsufficientFunds):
        await client.create_order("ETH/USDT", "limit", "sell", "5000", "4000")
    with pytest.raises(errors.OrderImmediatelyFillable):
        await client.create_order("ETH/USDT", "limit", "buy", "1", "4000", {"postOnly": True})
    assert (await client.cancel_order(resting["id"], "ETH/USDT"))["status"] == "canceled"
    assert (await client.fetch_balance())["USDT"]["used"] == 0


async def test_switches_change_what_is_named_and_count_what_they_did(url: str, client: Any) -> None:
    await client.load_markets()
    status, told = await control(url, switches={"maintenance": True})
    assert (status, told["switches"]["maintenance"]) == (200, True)
    with pytest.raises(errors.ExchangeNotAvailable):
        await client.fetch_time()
    status, told = await control(url, switches={"maintenance": False, "rate_limit": 1, "retry_after_s": 3}, seed=7)
    with pytest.raises(errors.DDoSProtection):
        await client.fetch_time()
    assert client.last_response_headers["Retry-After"] == "3"
    status, told = await control(url, switches={"rate_limit": 0})
    assert (told["done"], told["switches"]["retry_after_s"]) == ({"rate_limit": 1}, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"switches": {"lost_reply": 2}}, {"switches": {"lost_reply": 0.6, "lost_request": 0.6}}, {"fault": 1}],
)
async def test_a_switch_that_cannot_be_is_refused_and_changes_nothing(url: str, wrong: dict[str, Any]) -> None:
    status, told = await control(url, **wrong)
    assert status == 422
    assert told["errors"]
    _, after = await control(url)
    assert not any(after["switches"][name] for name in ("lost_reply", "lost_request"))


async def test_sockets_can_be_cut(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
        status, told = await control(url, disconnect=True)
        assert (status, told["disconnected"]) == (200, 1)
        assert (await socket.receive(timeout=5)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}


async def test_it_has_no_order_lists_and_says_so(client: Any) -> None:
    markets = await client.load_markets()
    assert markets["ETH/USDT"]["info"]["ocoAllowed"] is False
    terms = {"symbol": "ETHUSDT", "side": "SELL", "quantity": "1"}
    newer = {"aboveType": "LIMIT_MAKER", "abovePrice": "9000", "belowType": "STOP_LOSS", "belowStopPrice": "100"}
    for place, more in (
        (client.private_post_orderlist_oco, newer),
        (client.private_post_order_oco, {"price": "9000", "stopPrice": "100"}),
    ):
        with pytest.raises(errors.InvalidOrder, match="OCO orders are not supported for this symbol"):
            await place(terms | more)
    assert await client.private_get_openorderlist() == await client.private_get_allorderlist() == []
    with pytest.raises(errors.OrderNotFound):
        await client.private_get_orderlist({"orderListId": 1})
    with pytest.raises(errors.OrderNotFound):
        await client.private_delete_orderlist({"symbol": "ETHUSDT", "orderListId": 1})


async def test_an_order_is_amended_only_to_less_than_it_was_and_more_than_it_has_traded(client: Any) -> None:
    markets = await client.load_markets()
    assert markets["ETH/USDT"]["info"]["amendAllowed"] is True
    params = {"newClientOrderId": "one"}
    resting = await client.create_order("ETH/USDT", "limit", "buy", "1", "1000", params)

    async def amend(**told: str) -> Any:
        asked = {"symbol": "ETHUSDT", "origClientOrderId": "one", **told}
        return await client.request("order/amend/keepPriority", ["private"], "PUT", asked)

    for wrong, error, words in (
        ({"newQty": "1"}, errors.OperationRejected, "would change no state"),
        ({"newQty": "2"}, errors.OperationRejected, "quantity increase"),
        ({"newQty": "0.5", "origClientOrderId": "another"}, errors.OperationRejected, "Unknown order sent"),
        ({"newQty": "0.00001"}, errors.InvalidOrder, "lot size"),
        ({"newQty": "0"}, errors.BadRequest, "Invalid quantity"),
        ({}, errors.BadRequest, "newQty"),
    ):
        with pytest.raises(error, match=words):
            await amend(**wrong)
    amended = (await amend(newQty="0.4", newClientOrderId="two"))["amendedOrder"]
    assert (amended["clientOrderId"], amended["origClientOrderId"], amended["qty"]) == ("two", "one", "0.40000000")
    assert str(amended["orderId"]) == resting["id"]
    assert (await client.fetch_balance())["USDT"]["used"] == 400


async def test_a_cancel_may_name_the_status_that_the_order_must_have(client: Any) -> None:
    await client.load_markets()
    resting = await client.create_order("ETH/USDT", "limit", "buy", "1", "1000")
    restricted = {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    with pytest.raises(errors.OrderNotFound, match="cancel restrictions"):
        await client.cancel_order(resting["id"], "ETH/USDT", restricted)
    new = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "900"}
    mode = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": resting["id"]}
    with pytest.raises(errors.OperationRejected, match="cancel restrictions"):
        await client.private_post_order_cancelreplace(new | mode | restricted)
    with pytest.raises(errors.BadRequest, match="ONLY_NEW, ONLY_PARTIALLY_FILLED"):
        await client.cancel_order(resting["id"], "ETH/USDT", {"cancelRestrictions": "ONLY_OLD"})
    done = await client.private_post_order_cancelreplace(new | mode | {"cancelRestrictions": "ONLY_NEW"})
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
