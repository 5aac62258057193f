"""Bybit's public spot stream as its documentation shows it: a book's snapshot, then what changes of it, and trades."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

type Levels = Mapping[str, str]  # Quantities by their prices; in a change "0" takes a level away.


class BybitMarket:
    """One symbol. A socket is told of what it has subscribed to, each with a snapshot first."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.subscribed: list[str] = []  # Every topic, whenever it was asked for.
        self.sockets: dict[web.WebSocketResponse, set[str]] = {}
        self.is_mute = False  # Nothing is told, and pings are answered.
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self._updates = 0
        self._trades = 0

    @property
    def book_topic(self) -> str:
        return f"orderbook.50.{self.symbol}"

    @property
    def trade_topic(self) -> str:
        return f"publicTrade.{self.symbol}"

    async def stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        topics = self.sockets[socket] = set()
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                asked = message.json()
                told = {"success": True, "ret_msg": "", "conn_id": "1", "op": asked["op"]}
                if asked["op"] == "ping":
                    told["ret_msg"] = "pong"
                await socket.send_json(told | ({"req_id": asked["req_id"]} if "req_id" in asked else {}))
                if asked["op"] == "unsubscribe":
                    topics.difference_update(asked["args"])
                if asked["op"] == "subscribe":
                    topics.update(asked["args"])
                    self.subscribed += asked["args"]
                    if self.book_topic in asked["args"]:
                        await self._send(self._snapshot(), socket)
        finally:
            del self.sockets[socket]
        return socket

    async def show(self, bids: Levels, asks: Levels) -> None:
        """The book anew, as after a restart of its service."""
        self._bids, self._asks, self._updates = dict(bids), dict(asks), 0
        await self._tell(self._snapshot())

    async def change(self, bids: Levels | None = None, asks: Levels | None = None) -> None:
        for levels, changes in ((self._bids, bids or {}), (self._asks, asks or {})):
            levels.update(changes)
            for price in [price for price, quantity in levels.items() if quantity == "0"]:
                del levels[price]
        await self._tell(self._book("delta", bids or {}, asks or {}))

    async def trade(self, side: str, quantity: str, price: str) -> None:
        self._trades += 1
        now_ms = time.time_ns() // 1_000_000
        trade = {
            "T": now_ms,
            "s": self.symbol,
            "S": side,
            "v": quantity,
            "p": price,
            "i": str(2_290_000_000 + self._trades),
        }
        await self._tell({"topic": self.trade_topic, "type": "snapshot", "ts": now_ms, "data": [trade | {"BT": False}]})

    def _snapshot(self) -> dict[str, Any]:
        return self._book("snapshot", self._bids, self._asks)

    def _book(self, kind: str, bids: Levels, asks: Levels) -> dict[str, Any]:
        self._updates += 1
        levels = {name: [list(each) for each in told.items()] for name, told in (("b", bids), ("a", asks))}
        data = {"s": self.symbol, **levels, "u": self._updates, "seq": 7_961_638_724 + self._updates}
        return {"topic": self.book_topic, "type": kind, "ts": time.time_ns() // 1_000_000, "data": data}

    async def _tell(self, message: dict[str, Any]) -> None:
        for socket, topics in list(self.sockets.items()):
            if message["topic"] in topics:
                await self._send(message, socket)

    async def _send(self, message: dict[str, Any], socket: web.WebSocketResponse) -> None:
        if not self.is_mute:
            with suppress(ConnectionError):
                await socket.send_json(message)
