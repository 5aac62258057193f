"""An unmodified bot at an exchange: the venue BINANCE is the simulated exchange, a process of its own on a socket."""

import asyncio
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import httpx
import pytest

from breakwater.client import Client
from fargate_engine.simulated_exchange.__main__ import KEY, SECRET
from tests.e2e.bots import pointed_at
from tests.e2e.conftest import REPOSITORY
from tests.e2e.desk import SYMBOL, Desk, eventually

VENUE = "BINANCE"
STOP_S = 10
UP_WITHIN_S = 60
# A whole platform is stopped and started twice around these tests.
pytestmark = pytest.mark.timeout(400)


@contextmanager
def exchange_process() -> Iterator[str]:
    """`make exchange` on a port of its own; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fargate_engine.simulated_exchange", "--port", str(port)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool | None:
        try:
            return httpx.get(f"{url}/api/v3/ping").is_success or None
        except httpx.TransportError:
            return None

    try:
        eventually(answers, within_s=UP_WITHIN_S)
        yield url
    finally:
        process.terminate()
        process.wait(STOP_S)


@pytest.fixture(scope="module")
def exchange(
    endpoints: dict[str, Any], sign_in: Callable[[str], Client], restart_platform: Callable[..., str]
) -> Iterator[str]:
    """The exchange, as the platform is configured with it until these tests are over; its URL."""
    admin = sign_in("admin")
    account_id = sign_in("trader2").me()["account_ids"][0]
    kept = admin.add_exchange_credential(
        account_id=account_id, venue=VENUE, label=f"e2e {uuid.uuid4().hex[:8]}", api_key=KEY, secret=SECRET
    )
    credential_id = kept["credential_id"]
    with exchange_process() as url:
        venue = {"name": VENUE, "exchange": "binance", "credentials": f"store:{credential_id}", "base_url": url}
        try:
            restart_platform(BREAKWATER_VENUES=json.dumps([venue]))
            eventually(lambda: is_up(endpoints), within_s=UP_WITHIN_S)
            yield url
        finally:
            restart_platform()
            admin.delete_exchange_credential(credential_id)


def is_up(endpoints: dict[str, Any]) -> bool | None:
    """With its market: the book has come."""
    told = httpx.get(f"{endpoints['engine_url']}/health").json()["dependencies"]
    has_market = told["market_data"]["age_ms"].get(f"{VENUE} {SYMBOL}") is not None
    return (told[f"venue_{VENUE}"]["status"] == "UP" and has_market) or None


@pytest.fixture
def key(exchange: str, desk: Desk) -> Iterator[dict[str, Any]]:
    created = desk.client.create_api_key("e2e bot at a venue", ["read", "trade"])
    yield created
    desk.client.revoke_api_key(created["key_id"])


@pytest.fixture
def url(endpoints: dict[str, Any]) -> str:
    return f"{endpoints['engine_url']}/venues/{VENUE}"


@pytest.fixture
def bot(url: str, key: dict[str, Any]) -> ccxt.binance:
    return pointed_at(ccxt.binance, url, key)


@pytest.fixture
def at_sim(endpoints: dict[str, Any], key: dict[str, Any]) -> ccxt.binance:
    """The same bot with the same key at the simulated venue."""
    return pointed_at(ccxt.binance, endpoints["engine_url"], key)


def open_there(exchange: str) -> list[Any]:
    """The exchange's own word, asked past the platform."""
    there = pointed_at(ccxt.binance, exchange, {"key_id": KEY, "api_key": SECRET})
    orders: list[Any] = there.fetch_open_orders(SYMBOL)
    return orders


def price_below(bot: ccxt.binance) -> float:
    best: float = bot.fetch_order_book(SYMBOL, 5)["bids"][0][0]
    return round(best * 0.98, 2)


def test_a_bot_trades_at_the_exchange_that_its_url_names(
    bot: ccxt.binance, at_sim: ccxt.binance, exchange: str
) -> None:
    assert "ETH/USDT" in bot.load_markets()
    assert bot.fetch_ticker(SYMBOL)["last"] > 0
    order = bot.create_order(SYMBOL, "limit", "buy", 0.01, price_below(bot))
    assert order["status"] == "open"
    [there] = open_there(exchange)
    assert (there["amount"], there["price"]) == (0.01, order["price"])
    assert bot.fetch_order(order["id"], SYMBOL)["status"] == "open"
    assert [each["id"] for each in bot.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert at_sim.fetch_open_orders(SYMBOL) == []
    with pytest.raises(ccxt.OrderNotFound):
        at_sim.fetch_order(order["id"], SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        at_sim.cancel_order(order["id"], SYMBOL)
    assert bot.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert open_there(exchange) == []


def test_a_market_order_is_filled_there_and_its_trades_are_shown_there_alone(
    bot: ccxt.binance, at_sim: ccxt.binance
) -> None:
    order = bot.create_order(SYMBOL, "market", "buy", 0.02)
    assert (order["status"], order["filled"]) == ("closed", 0.02)
    assert sum(each["amount"] for each in order["trades"]) == pytest.approx(0.02)

    def trades_of(asked: ccxt.binance) -> list[str] | None:
        return [each["id"] for each in asked.fetch_my_trades(SYMBOL) if each["order"] == order["id"]] or None

    assert set(eventually(lambda: trades_of(bot))) == {each["id"] for each in order["trades"]}
    assert trades_of(at_sim) is None
    assert bot.create_order(SYMBOL, "market", "sell", 0.02)["status"] == "closed"


def test_the_firms_limits_refuse_before_the_exchange_hears_of_it(bot: ccxt.binance, exchange: str) -> None:
    with pytest.raises(ccxt.InvalidOrder, match=r"Limit LONG_POSITION of .* refused it"):
        bot.create_order(SYMBOL, "limit", "buy", 900_000, price_below(bot))
    assert open_there(exchange) == []


def test_what_the_exchange_refuses_is_told_and_the_id_is_used_up(bot: ccxt.binance, exchange: str) -> None:
    price = price_below(bot)
    once = {"newClientOrderId": f"e2e-{uuid.uuid4().hex[:12]}"}
    httpx.post(f"{exchange}/control", json={"switches": {"reject": 1}}).raise_for_status()
    try:
        with pytest.raises(ccxt.InvalidOrder, match="VENUE_"):
            bot.create_order(SYMBOL, "limit", "buy", 0.01, price, once)
    finally:
        httpx.post(f"{exchange}/control", json={"switches": {"reject": 0}}).raise_for_status()
    assert open_there(exchange) == []
    with pytest.raises(ccxt.InvalidOrder):
        bot.create_order(SYMBOL, "limit", "buy", 0.01, price, once)
    assert open_there(exchange) == []


def test_all_orders_of_one_venue_are_cancelled_and_no_other(
    bot: ccxt.binance, at_sim: ccxt.binance, exchange: str
) -> None:
    here = [bot.create_order(SYMBOL, "limit", "buy", 0.01, price_below(bot))["id"] for _ in range(2)]
    elsewhere = at_sim.create_order(SYMBOL, "limit", "buy", 0.01, price_below(at_sim))
    stop = bot.create_order(SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": round(price_below(bot) * 0.98, 2)})
    assert {each["id"] for each in bot.fetch_open_orders(SYMBOL)} == {*here, stop["id"]}
    assert {each["id"] for each in bot.cancel_all_orders(SYMBOL)} == {*here, stop["id"]}
    assert open_there(exchange) == []
    assert [each["id"] for each in at_sim.fetch_open_orders(SYMBOL)] == [elsewhere["id"]]
    at_sim.cancel_order(elsewhere["id"], SYMBOL)


async def test_a_streaming_client_follows_the_exchanges_market_and_its_orders_there(
    url: str, key: dict[str, Any], at_sim: ccxt.binance
) -> None:
    bot = pointed_at(ccxt.pro.binance, url, key)
    try:
        async with asyncio.timeout(60):
            await bot.load_markets()
            book = await bot.watch_order_book(SYMBOL)
            price = round(book["bids"][0][0] * 0.98, 2)
            orders = asyncio.create_task(bot.watch_orders(SYMBOL))
            await asyncio.sleep(1)  # Until it is subscribed.
            other = await asyncio.to_thread(at_sim.create_order, SYMBOL, "limit", "buy", 0.01, price)
            placed = await bot.create_order_ws(SYMBOL, "limit", "buy", 0.01, price)
            assert [each["id"] for each in await orders] == [placed["id"]]
            assert (await bot.cancel_order_ws(placed["id"], SYMBOL))["status"] == "canceled"
            await asyncio.to_thread(at_sim.cancel_order, other["id"], SYMBOL)
    finally:
        await bot.close()


def test_a_venue_that_nobody_configured_is_none(endpoints: dict[str, Any], key: dict[str, Any]) -> None:
    nowhere = pointed_at(ccxt.binance, f"{endpoints['engine_url']}/venues/NOWHERE", key)
    with pytest.raises(ccxt.BaseError, match="no such venue"):
        nowhere.fetch_time()


def test_balances_are_the_accounts_wherever_an_order_waits(bot: ccxt.binance, at_sim: ccxt.binance) -> None:
    free = at_sim.fetch_balance()["USDT"]["free"]
    order = bot.create_order(SYMBOL, "limit", "buy", 0.01, price_below(bot))
    spent = 0.01 * order["price"]
    assert Decimal(str(at_sim.fetch_balance()["USDT"]["free"])) == pytest.approx(Decimal(str(free - spent)))
    bot.cancel_order(order["id"], SYMBOL)
