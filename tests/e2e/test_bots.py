"""Unmodified clients of Binance trade under the firm's limits: ccxt in its three kinds."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest

from breakwater.client import Client
from tests.e2e.bots import pointed_at
from tests.e2e.desk import SYMBOL, Desk, eventually
from tests.e2e.test_faults import kill_engine

WITHIN_S = 15


@pytest.fixture
def key(desk: Desk) -> Iterator[dict[str, Any]]:
    """One of trader2's, who has one account."""
    created = desk.client.create_api_key("e2e bot", ["read", "trade"])
    yield created
    desk.client.revoke_api_key(created["key_id"])


@pytest.fixture
def bot(endpoints: dict[str, Any], key: dict[str, Any]) -> ccxt.binance:
    return pointed_at(ccxt.binance, endpoints["engine_url"], key)


@pytest.fixture
def lease(desk: Desk, key: dict[str, Any], sign_in: Callable[[str], Client]) -> Iterator[dict[str, Any]]:
    """Of 8 ETH each way for the bot's key."""
    risk = sign_in("risk")
    lease = risk.open_lease(desk.account_id, SYMBOL, buy_max="8", sell_max="8", orders_max=20, api_key_id=key["key_id"])
    assert lease["is_answered"]
    yield lease
    risk.stop_lease(lease["lease_id"])


def test_a_bot_sees_the_market_and_its_account(bot: ccxt.binance, desk: Desk) -> None:
    markets = bot.load_markets()
    assert {"ETH/USDT", "BTC/USDT"} <= set(markets)
    assert markets[SYMBOL]["precision"] == {"amount": 0.0001, "price": 0.01, "base": 1e-08, "quote": 1e-08}
    bid, ask = desk.market()
    ticker, book = bot.fetch_ticker(SYMBOL), bot.fetch_order_book(SYMBOL, 5)
    assert float(bid) * 0.9 < ticker["last"] < float(ask) * 1.1
    assert book["bids"][0][0] < book["asks"][0][0]
    assert bot.fetch_ohlcv(SYMBOL, "1m")[-1][4] > 0
    assert bot.fetch_trades(SYMBOL)[-1]["price"] > 0
    assert abs(bot.fetch_time() - bot.milliseconds()) < 5_000
    assert set(bot.fetch_balance()["total"]) >= {"USDT", "BTC", "ETH"}


def test_an_order_rests_is_found_and_is_cancelled(bot: ccxt.binance, desk: Desk) -> None:
    price = float(desk.price_below())
    free = bot.fetch_balance()["USDT"]["free"]
    order = bot.create_order(SYMBOL, "limit", "buy", 0.01, price, {"newClientOrderId": f"e2e-{uuid.uuid4().hex[:12]}"})
    assert (order["status"], order["filled"], order["price"]) == ("open", 0.0, price)
    assert bot.fetch_order(order["id"], SYMBOL)["clientOrderId"] == order["clientOrderId"]
    by_client_id = bot.fetch_order(None, SYMBOL, {"origClientOrderId": order["clientOrderId"]})
    assert by_client_id["id"] == order["id"]
    assert [each["id"] for each in bot.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert bot.fetch_balance()["USDT"]["free"] == pytest.approx(free - 0.01 * price)
    [shown] = [each for each in desk.client.orders(account_id=desk.account_id)["items"] if each["status"] == "NEW"]
    assert str(shown["exchange_order_id"]) == order["id"]  # The API knows it as the bot does.
    assert bot.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert bot.fetch_order(order["id"], SYMBOL)["status"] == "canceled"
    assert bot.fetch_open_orders(SYMBOL) == []


def test_a_market_order_is_filled_and_its_trades_are_told(bot: ccxt.binance) -> None:
    order = bot.create_order(SYMBOL, "market", "buy", 0.02)
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.02, 0.0)
    assert order["fee"]["currency"] == "USDT"
    assert sum(each["amount"] for each in order["trades"]) == pytest.approx(0.02)

    def booked() -> list[Any] | None:
        found = [each for each in bot.fetch_my_trades(SYMBOL) if each["order"] == order["id"]]
        return found or None

    trades = eventually(booked)
    assert {each["id"] for each in trades} == {each["id"] for each in order["trades"]}
    assert sum(each["cost"] for each in trades) == pytest.approx(order["cost"])
    spent = bot.create_order(SYMBOL, "market", "sell", None, None, {"quoteOrderQty": 50})
    assert 45 < spent["cost"] <= 50


def test_a_limit_that_is_hit_is_told_by_its_name(bot: ccxt.binance, desk: Desk) -> None:
    with pytest.raises(ccxt.InvalidOrder, match=r"Limit LONG_POSITION of .* refused it"):
        bot.create_order(SYMBOL, "limit", "buy", 900_000, float(desk.price_below()))
    far_away = float(Decimal(desk.price_above()) * 2)
    with pytest.raises(ccxt.InvalidOrder, match="PRICE_COLLAR"):
        bot.create_order(SYMBOL, "limit", "buy", 0.01, round(far_away, 2))
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        bot.create_order(SYMBOL, "limit", "buy", 0.01, float(desk.price_above()), {"postOnly": True})


def test_where_only_reducing_is_allowed_a_bot_may_go_out_and_not_further_in(
    bot: ccxt.binance, desk: Desk, sign_in: Callable[[str], Client]
) -> None:
    go_long(bot, desk, Decimal("0.03"))
    risk = sign_in("risk")
    node_id = next(each["node_id"] for each in risk.nodes("Trader 2"))
    risk.brake(node_id, "REDUCE_ONLY", "a test of bots")
    try:
        with pytest.raises(ccxt.InvalidOrder, match="KILL_SWITCH of Trader 2"):
            bot.create_order(SYMBOL, "market", "buy", 0.01)
        assert bot.create_order(SYMBOL, "market", "sell", 0.01)["status"] == "closed"
        price = float(desk.price_below())
        waiting = bot.create_order(SYMBOL, "market", "sell", 0.02, None, {"stopLossPrice": price})
        assert waiting["status"] == "open"
        bot.cancel_order(waiting["id"], SYMBOL)
    finally:
        risk.rearm(node_id, "a test of bots is over")
    bot.create_order(SYMBOL, "market", "sell", 0.02)


@pytest.mark.parametrize(
    ("type_", "is_above", "terms"),
    [
        ("STOP_LOSS", False, {}),
        ("STOP_LOSS_LIMIT", False, {"timeInForce": "GTC"}),
        ("TAKE_PROFIT", True, {}),
        ("TAKE_PROFIT_LIMIT", True, {"timeInForce": "GTC"}),
        ("STOP_LOSS", False, {"trailingDelta": 300}),
    ],
)
def test_an_exit_by_itself_waits_is_shown_as_it_was_sent_and_is_cancelled(
    bot: ccxt.binance, desk: Desk, type_: str, is_above: bool, terms: dict[str, Any]
) -> None:
    price = desk.price_above() if is_above else desk.price_below()
    stop = {} if "trailingDelta" in terms else {"stopPrice": price}
    limit = {"price": price} if type_.endswith("LIMIT") else {}
    order = {"symbol": "ETHUSDT", "side": "SELL", "type": type_, "quantity": "0.01", **stop, **limit, **terms}
    if not is_above:
        bot.create_order(SYMBOL, "market", "buy", 0.01)  # What it is to sell.

    placed = bot.private_post_order({**order, "newOrderRespType": "RESULT"})

    assert (placed["type"], placed["status"], placed["executedQty"]) == (type_, "NEW", "0.00000000")
    [shown] = [
        each for each in bot.private_get_openorders({"symbol": "ETHUSDT"}) if each["orderId"] == placed["orderId"]
    ]
    assert (shown["type"], shown["status"]) == (type_, "NEW")
    if stop:
        assert Decimal(shown["stopPrice"]) == Decimal(price)
    else:
        assert shown["trailingDelta"] == 300
    assert bot.private_delete_order({"symbol": "ETHUSDT", "orderId": placed["orderId"]})["status"] == "CANCELED"


def go_long(bot: ccxt.binance, desk: Desk, quantity: Decimal) -> None:
    """Until the account holds that much at least: it may be short of what tests before this one sold."""

    def buy(wanted: Decimal) -> None:
        order = bot.create_order(SYMBOL, "market", "buy", float(wanted))
        # What is told of an account comes in its order: with these trades those before them are in its position.
        eventually(lambda: any(each["order"] == order["id"] for each in bot.fetch_my_trades(SYMBOL)) or None)

    buy(quantity)
    missing = quantity - position_of(desk)
    if missing > 0:
        buy(max(missing, quantity))  # An order may be too small.
    assert position_of(desk) >= quantity


def position_of(desk: Desk) -> Decimal:
    positions = desk.client.positions(account_id=desk.account_id)["items"]
    return sum((Decimal(each["quantity"]) for each in positions if each["symbol"] == SYMBOL), Decimal(0))


def test_an_id_that_was_used_is_refused_while_open_and_when_final(bot: ccxt.binance, desk: Desk) -> None:
    once = {"newClientOrderId": f"e2e-{uuid.uuid4().hex[:12]}"}
    price = float(desk.price_below())
    order = bot.create_order(SYMBOL, "limit", "buy", 0.01, price, once)
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate"):
        bot.create_order(SYMBOL, "limit", "buy", 0.01, price, once)
    bot.cancel_order(order["id"], SYMBOL)
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate"):
        bot.create_order(SYMBOL, "limit", "buy", 0.01, price, once)
    with pytest.raises(ccxt.OrderNotFound):
        bot.cancel_order(order["id"], SYMBOL)


def test_within_a_lease_of_its_key_an_order_needs_nobody_else_and_beyond_it_the_ledger(
    bot: ccxt.binance, desk: Desk, lease: dict[str, Any]
) -> None:
    assert lease["buy_free"] == "1"
    price = float(desk.price_below())
    within = bot.create_order(SYMBOL, "limit", "buy", 0.5, price)
    beyond = bot.create_order(SYMBOL, "limit", "buy", 2, price)
    bot.create_order(SYMBOL, "market", "sell", 0.1)

    def is_leased(order: Any) -> bool | None:
        found = desk.client.orders(account_id=desk.account_id)["items"]
        return next((each["is_leased"] for each in found if str(each["exchange_order_id"]) == order["id"]), None)

    assert eventually(lambda: is_leased(within)) is True
    assert is_leased(beyond) is False
    assert {each["id"] for each in bot.fetch_open_orders(SYMBOL)} == {within["id"], beyond["id"]}
    outside_its_band = round(float(desk.market()[0]) * 0.93, 2)  # 5 % either way; the firm's collar is 10 %.
    assert bot.create_order(SYMBOL, "limit", "sell", 0.01, outside_its_band)["status"] == "closed"
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate"):
        bot.create_order(SYMBOL, "limit", "buy", 0.5, price, {"newClientOrderId": within["clientOrderId"]})
    assert {each["status"] for each in bot.cancel_all_orders(SYMBOL)} == {"canceled"}
    assert bot.fetch_order(within["id"], SYMBOL)["status"] == "canceled"


def test_orders_outlive_an_engine_that_is_killed(bot: ccxt.binance, desk: Desk, endpoints_file: Path) -> None:
    order = bot.create_order(SYMBOL, "limit", "buy", 0.01, float(desk.price_below()))
    kill_engine(endpoints_file)

    def said(ask: Callable[[], Any]) -> str | None:
        """As a bot goes on: it asks again while there is no answer."""
        try:
            status: str = ask()["status"]
        except ccxt.OperationFailed:
            return None
        return status

    by_client_id = {"origClientOrderId": order["clientOrderId"]}
    assert eventually(lambda: said(lambda: bot.fetch_order(None, SYMBOL, by_client_id)), within_s=60) == "open"
    assert eventually(lambda: said(lambda: bot.cancel_order(order["id"], SYMBOL)), within_s=60) == "canceled"


async def test_an_asynchronous_client_trades_as_well(
    endpoints: dict[str, Any], key: dict[str, Any], desk: Desk
) -> None:
    bot = pointed_at(ccxt.async_support.binance, endpoints["engine_url"], key)
    try:
        price = float(desk.price_below())
        orders = await asyncio.gather(*(bot.create_order(SYMBOL, "limit", "buy", 0.01, price) for _ in range(5)))
        assert {each["status"] for each in orders} == {"open"}
        await asyncio.gather(*(bot.cancel_order(each["id"], SYMBOL) for each in orders))
        assert await bot.fetch_open_orders(SYMBOL) == []
    finally:
        await bot.close()


async def test_a_streaming_client_follows_market_orders_and_balances(
    endpoints: dict[str, Any], key: dict[str, Any], desk: Desk
) -> None:
    bot = pointed_at(ccxt.pro.binance, endpoints["engine_url"], key)
    try:
        async with asyncio.timeout(60):
            await bot.load_markets()
            for _ in range(10):
                book = await bot.watch_order_book(SYMBOL)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert (await bot.watch_trades(SYMBOL))[-1]["price"] > 0
            assert (await bot.watch_ticker(SYMBOL))["last"] > 0
            assert (await bot.watch_ohlcv(SYMBOL, "1m"))[-1][4] > 0
            orders, balance = asyncio.create_task(bot.watch_orders(SYMBOL)), asyncio.create_task(bot.watch_balance())
            await asyncio.sleep(1)  # Until both are subscribed.
            placed = await bot.create_order_ws(SYMBOL, "limit", "buy", 0.01, float(desk.price_below()))
            assert [each["id"] for each in await orders] == [placed["id"]]
            assert (await balance)["USDT"]["used"] > 0
            trades = asyncio.create_task(bot.watch_my_trades(SYMBOL))
            await bot.create_order(SYMBOL, "market", "buy", 0.01)
            assert (await trades)[-1]["amount"] == 0.01
            assert (await bot.cancel_order_ws(placed["id"], SYMBOL))["status"] == "canceled"
    finally:
        await bot.close()
