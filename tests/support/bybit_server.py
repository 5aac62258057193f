"""As much of Bybit's v5 spot API as the adapter uses: documents as its documentation shows them, over real sockets.

Its book is the test's: orders rest, and are filled or refused when the test says so. What goes wrong on the way is the
chance's, with the switches of the simulated exchange.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

from aiohttp import WSMsgType, web

from fargate_engine.simulated_exchange.faults import Faults
from fargate_engine.simulated_exchange.switches import Chance
from tests.support.bybit_market import BybitMarket

DAY_MS = 24 * 60 * 60 * 1000
OPEN = frozenset({"New", "PartiallyFilled"})
ORDERS_A_PAGE_MAX, EXECUTIONS_A_PAGE_MAX = 50, 100
INSTRUMENT: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "baseCoin": "ETH",
    "quoteCoin": "USDT",
    "innovation": "0",
    "status": "Trading",
    "marginTrading": "both",
    "lotSizeFilter": {
        "basePrecision": "0.0001",
        "quotePrecision": "0.0000001",
        "minOrderQty": "0.0001",
        "maxOrderQty": "500",
        "minOrderAmt": "5",
        "maxOrderAmt": "4000000",
    },
    "priceFilter": {"tickSize": "0.01"},
}


class Bybit:
    def __init__(self, secret: str, chance: Chance) -> None:
        self.chance = chance
        self.market = BybitMarket(INSTRUMENT["symbol"])
        self.faults = Faults(chance, streams=("/v5/private", "/v5/public"), is_signed=_is_signed)
        self.orders: dict[str, dict[str, Any]] = {}  # By orderLinkId.
        self.executions: list[dict[str, Any]] = []
        self.pages: Counter[str] = Counter()  # That were asked for, and cancels, by path.
        self.refuse: tuple[int, str] | None = None  # retCode and retMsg of the next new order, or amendment.
        self.limit_headers: dict[str, str] = {}  # Of every answer.
        self.is_banned = False  # Everything is answered with 403.
        self.takes_amendments_lost = False  # They are acknowledged, and come to nothing.
        self.loses_replies = False
        self.answers_processing = False  # What it has done it answers with 170035.
        self.shows_of_before: dict[str, dict[str, Any]] = {}  # Orders as its questions see them, when they lag.
        self.shows_late = False  # It has taken an order, and neither tells nor finds it yet.
        self._secret = secret.encode()
        self._sockets: set[web.WebSocketResponse] = set()
        self._later: set[asyncio.Task[None]] = set()  # Messages that come late.
        self._numbers = itertools.count(1)

    def limits(self) -> Any:
        @web.middleware
        async def around(request: web.Request, handler: Any) -> web.StreamResponse:
            if self.is_banned:
                return web.Response(status=403, text="access too frequent")
            response: web.StreamResponse = await handler(request)
            if not response.prepared:
                response.headers.update(self.limit_headers)
            return response

        return around

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v5/market/time", self._time),
            web.get("/v5/market/instruments-info", self._instruments),
            web.post("/v5/order/create", self._create),
            web.post("/v5/order/amend", self._amend),
            web.post("/v5/order/cancel", self._cancel),
            web.post("/v5/order/cancel-all", self._cancel_all),
            web.get("/v5/order/realtime", self._realtime),
            web.get("/v5/order/history", self._realtime),
            web.get("/v5/execution/list", self._executions),
            web.get("/v5/account/wallet-balance", self._balance),
            web.get("/v5/private", self._private),
            web.get("/v5/public/spot", self.market.stream),
        ]

    async def fill(
        self, client_id: str, quantity: str, price: str, *, told: bool = True, at_ms: int | None = None
    ) -> None:
        order = self.orders[client_id]
        number = next(self._numbers)
        done = Decimal(order["cumExecQty"]) + Decimal(quantity)
        order["cumExecQty"] = f"{done:f}"
        order["cumExecValue"] = f"{Decimal(order['cumExecValue']) + Decimal(quantity) * Decimal(price):f}"
        order["orderStatus"] = "Filled" if done == Decimal(order["qty"]) else "PartiallyFilled"
        execution = {
            "category": "spot",
            "symbol": order["symbol"],
            "orderId": order["orderId"],
            "orderLinkId": client_id,
            "side": order["side"],
            "execId": f"2100000000{number}",
            "execPrice": price,
            "execQty": quantity,
            "execFee": "0.00001",
            "feeCurrency": "ETH",
            "execType": "Trade",
            "execTime": str(at_ms or time.time_ns() // 1_000_000),
            "isMaker": True,
            "orderType": "Limit",
        }
        self.executions.append(execution)
        if told:
            await self._tell("execution", execution)
            await self._tell("order", dict(order))

    async def end(self, client_id: str, status: str, reason: str = "EC_NoError", *, told: bool = True) -> None:
        self.orders[client_id] |= {"orderStatus": status, "rejectReason": reason}
        if told:
            await self._tell("order", dict(self.orders[client_id]))

    async def _tell(self, topic: str, document: dict[str, Any]) -> None:
        if self.shows_late:
            return
        message = {"id": "1", "topic": topic, "creationTime": 1, "data": [{"category": "spot", **document}]}
        for after_s in self.chance.deliveries_s():
            if after_s:
                later = asyncio.create_task(self._send_after(after_s, message))
                self._later.add(later)
                later.add_done_callback(self._later.discard)
            else:
                await self._send(message)

    async def _send_after(self, after_s: float, message: dict[str, Any]) -> None:
        await asyncio.sleep(after_s)
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                await socket.send_json(message)

    async def _time(self, request: web.Request) -> web.Response:
        now_ns = time.time_ns()
        return _done({"timeSecond": str(now_ns // 10**9), "timeNano": str(now_ns)}, time=now_ns // 1_000_000)

    async def _instruments(self, request: web.Request) -> web.Response:
        return _done({"category": "spot", "list": [INSTRUMENT]})

    async def _create(self, request: web.Request) -> web.Response:
        told = await self._signed(request)
        refused = await self._too_late(request)
        if refused is None and told["orderLinkId"] in self.orders:
            refused = (170141, "Duplicate clientOrderId.")
        refused = refused or self._refusal()
        if refused is not None:
            return _refused(*refused)
        order = {
            "orderId": str(1_000_000 + next(self._numbers)),
            "orderLinkId": told["orderLinkId"],
            "symbol": told["symbol"],
            "side": told["side"],
            "orderType": told["orderType"],
            "qty": told["qty"],
            "price": told["price"],
            "timeInForce": told["timeInForce"],
            "orderStatus": "New",
            "cumExecQty": "0",
            "cumExecValue": "0",
            "cumExecFee": "0",
            "avgPrice": "",
            "rejectReason": "EC_NoError",
            "createdTime": "1684738540559",
            "updatedTime": "1684738540561",
        }
        self.orders[told["orderLinkId"]] = order
        return self._acknowledged(request, order)

    async def _amend(self, request: web.Request) -> web.Response:
        """Acknowledged with its ids alone. It keeps them."""
        told = await self._signed(request)
        refused = await self._too_late(request) or self._refusal()
        order = self.orders.get(told["orderLinkId"])
        if refused is None and (order is None or order["orderStatus"] not in OPEN):
            refused = (170213, "Order does not exist.")
        if refused is not None or order is None:
            return _refused(*(refused or (10001, "")))
        if (Decimal(told["qty"]), Decimal(told["price"])) == (Decimal(order["qty"]), Decimal(order["price"])):
            same = "The order remains unchanged as the parameters entered match the existing ones."
            return _refused(10001, same)
        if Decimal(told["qty"]) <= Decimal(order["cumExecQty"]):
            return _refused(170136, "Order quantity exceeded lower limit.")
        if not self.takes_amendments_lost:
            order |= {"qty": told["qty"], "price": told["price"]}
            await self._tell("order", dict(order))
        return self._acknowledged(request, order)

    def _acknowledged(self, request: web.Request, order: dict[str, Any]) -> web.Response:
        if self.loses_replies and request.transport is not None:
            request.transport.abort()
        if self.answers_processing:
            return _refused(170035, "Submitted to the system for processing!")
        return _done({"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]})

    async def _too_late(self, request: web.Request) -> tuple[int, str] | None:
        """What reaches its book does so after a while, and only in its window."""
        await asyncio.sleep(self.chance.up_to_s(self.chance.switches.latency_ms))
        valid_until_ms = int(request.headers["X-BAPI-TIMESTAMP"]) + int(request.headers["X-BAPI-RECV-WINDOW"])
        if time.time_ns() // 1_000_000 > valid_until_ms:
            return (10002, "invalid request, please check your server timestamp or recv_window param.")
        return None

    def _refusal(self) -> tuple[int, str] | None:
        if self.refuse is not None:
            refused, self.refuse = self.refuse, None
            return refused
        return (170131, "Insufficient balance.") if self.chance.hits("reject") else None

    async def _cancel(self, request: web.Request) -> web.Response:
        told = await self._signed(request)
        self.pages[request.path] += 1
        order = self.orders.get(told["orderLinkId"])
        if order is None or order["orderStatus"] not in OPEN:
            return _refused(170213, "Order does not exist.")
        await self.end(told["orderLinkId"], "Cancelled", "EC_PerCancelRequest")
        return _done({"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]})

    async def _cancel_all(self, request: web.Request) -> web.Response:
        """Of a spot symbol, plain orders. It says that it was done, and not of which."""
        told = await self._signed(request)
        assert (told["category"], told["orderFilter"]) == ("spot", "Order")
        refused = await self._too_late(request)
        if refused is not None:
            return _refused(*refused)
        self.pages[request.path] += 1
        for client_id, order in list(self.orders.items()):
            if order["symbol"] == told["symbol"] and order["orderStatus"] in OPEN:
                await self.end(client_id, "Cancelled", "EC_PerCancelRequest")
        if self.loses_replies and request.transport is not None:
            request.transport.abort()
        return _done({"list": [], "success": "1"})

    async def _realtime(self, request: web.Request) -> web.Response:
        await self._signed(request)
        shown = self.orders | self.shows_of_before
        query, orders = request.query, [] if self.shows_late else list(shown.values())
        for name in ("orderLinkId", "orderId"):
            if name in query:
                orders = [order for order in orders if order[name] == query[name]]
        if not {"orderLinkId", "orderId"} & set(query):
            orders = [order for order in orders if order["orderStatus"] in OPEN]
        return self._page(request, orders, ORDERS_A_PAGE_MAX)

    async def _executions(self, request: web.Request) -> web.Response:
        """Newest first. Of an order all; else of seven days at most, the first ones after `startTime`."""
        await self._signed(request)
        query, now_ms = request.query, time.time_ns() // 1_000_000
        if "orderId" in query:
            found = [each for each in self.executions if each["orderId"] == query["orderId"]]
        else:
            start_ms = int(query.get("startTime", now_ms - 7 * DAY_MS))
            end_ms = int(query.get("endTime", start_ms + 7 * DAY_MS))
            assert end_ms - start_ms <= 7 * DAY_MS
            found = [each for each in self.executions if start_ms <= int(each["execTime"]) <= end_ms]
        found.sort(key=lambda each: int(each["execTime"]), reverse=True)
        return self._page(request, found, EXECUTIONS_A_PAGE_MAX)

    def _page(self, request: web.Request, every: Sequence[Any], most: int) -> web.Response:
        """A cursor comes with every page that is not empty, also with the last one."""
        self.pages[request.path] += 1
        limit, start = int(request.query.get("limit", 20)), int(request.query.get("cursor", 0))
        assert 1 <= limit <= most
        listed = every[start : start + limit]
        cursor = str(start + len(listed)) if listed else ""
        return _done({"category": "spot", "nextPageCursor": cursor, "list": listed})

    async def _balance(self, request: web.Request) -> web.Response:
        await self._signed(request)
        coins = [
            {"coin": "USDT", "walletBalance": "1000.5", "locked": "20", "borrowAmount": "0"},
            {"coin": "BTC", "walletBalance": "0", "locked": "0", "borrowAmount": "0"},
        ]
        return _done({"list": [{"accountType": "UNIFIED", "coin": coins}]})

    async def _signed(self, request: web.Request) -> Any:
        """The body, once its signature is checked: X-BAPI-TIMESTAMP, key, window, then what was sent."""
        body, headers = await request.text(), request.headers
        sent = body if request.method == "POST" else request.raw_path.partition("?")[2]
        text = "".join(headers[f"X-BAPI-{name}"] for name in ("TIMESTAMP", "API-KEY", "RECV-WINDOW")) + sent
        assert hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest() == headers["X-BAPI-SIGN"]
        assert int(headers["X-BAPI-RECV-WINDOW"]) <= 2_000
        return json.loads(body) if body else {}

    async def _private(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            told = message.json()
            await socket.send_json({"success": True, "ret_msg": "", "op": told["op"], "conn_id": "1"})
            if told["op"] == "subscribe":
                self._sockets.add(socket)
        self._sockets.discard(socket)
        return socket


@asynccontextmanager
async def bybit_server(secret: str, chance: Chance | None = None) -> AsyncIterator[tuple[Bybit, str]]:
    """Without a chance nothing goes wrong by itself."""
    bybit = Bybit(secret, chance or Chance())
    app = web.Application(middlewares=[bybit.faults.middleware(), bybit.limits()])
    app.add_routes(bybit.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    cutting = asyncio.create_task(bybit.faults.run())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield bybit, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        cutting.cancel()
        await runner.cleanup()


async def _is_signed(request: web.Request) -> bool:
    return "X-BAPI-SIGN" in request.headers


def _refused(code: int, message: str) -> web.Response:
    return web.json_response({"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 1})


def _done(result: Any, **more: Any) -> web.Response:
    return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1} | more)
