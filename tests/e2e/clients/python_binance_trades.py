"""python-binance as its users write it, with another URL and key: prints what it was told, as JSON."""

import asyncio
import json
import sys
from typing import Any

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

engine_url, key_id, secret, price = sys.argv[1:]
WITHIN_S = 10


def orders() -> dict[str, Any]:
    Client.API_URL = f"{engine_url}/api"
    client = Client(key_id, secret)
    placed = client.order_limit_buy(symbol="ETHUSDT", quantity="0.01", price=price)
    found = client.get_order(symbol="ETHUSDT", orderId=placed["orderId"])
    canceled = client.cancel_order(symbol="ETHUSDT", orderId=placed["orderId"])
    sold = client.order_market_sell(symbol="ETHUSDT", quantity="0.02")
    try:
        client.order_limit_buy(symbol="ETHUSDT", quantity="900000", price=price)
        refused = ""
    except BinanceAPIException as refusal:
        refused = refusal.message
    told = [each["status"] for each in (placed, found, canceled, sold)]
    return {"statuses": told, "fills": len(sold["fills"]), "refused": refused}


async def streams() -> list[str]:
    AsyncClient.API_URL = f"{engine_url}/api"
    BinanceSocketManager.STREAM_URL = f"ws{engine_url.removeprefix('http')}/"
    client = await AsyncClient.create(key_id, secret)
    sockets = BinanceSocketManager(client)
    heard = []
    for socket in (sockets.trade_socket("ETHUSDT"), sockets.depth_socket("ETHUSDT"), sockets.kline_socket("ETHUSDT")):
        async with socket as open_socket:
            heard.append((await asyncio.wait_for(open_socket.recv(), WITHIN_S))["e"])
    await client.close_connection()
    return heard


print(json.dumps({**orders(), "streams": asyncio.run(streams())}))  # noqa: T201
