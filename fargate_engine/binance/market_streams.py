"""The market streams `/ws` and `/stream`. A client that reads slowly is sent less often, and holds nobody up.

There is no queue: each connection looks for what is new when it has sent what it had (market_data/subscription.py).
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from fargate_engine.bell import Bell
from fargate_engine.binance.connection import (
    SEND_TIMEOUT_S,
    Connection,
    Connections,
    TooManyConnections,
    connected,
)
from fargate_engine.binance.errors import BinanceError, too_many_requests
from fargate_engine.binance.market_documents import markets_here
from fargate_engine.binance.requests import Requests
from fargate_engine.binance.rest import AddressOf, error_response
from fargate_engine.binance.stream_documents import ALL_PERIOD_S, OF_ALL_MARKETS, Kind, read_stream, texts
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.subscription import Subscription

_LOG = logging.getLogger(__name__)

STREAMS_MAX = 1_024  # Of one connection.
AWAITED_LOOK_S = 1.0
IDLE_S = 0.25  # So long at most until an answer to the client, or a list of all markets, is sent.


def market_stream_routes(
    requests: Requests, connections: Connections, address_of: AddressOf, base: str
) -> list[web.RouteDef]:
    async def raw(request: web.Request) -> web.StreamResponse:
        names = request.match_info.get("streams", "")
        return await _serve(requests, connections, address_of, request, names.split("/"), is_combined=False)

    async def combined(request: web.Request) -> web.StreamResponse:
        names = request.query.get("streams", "")
        return await _serve(requests, connections, address_of, request, names.split("/"), is_combined=True)

    return [
        web.get(f"{base}/ws", raw),
        web.get(f"{base}/ws/{{streams:.+}}", raw),
        web.get(f"{base}/stream", combined),
    ]


async def _serve(
    requests: Requests,
    connections: Connections,
    address_of: AddressOf,
    request: web.Request,
    names: list[str],
    *,
    is_combined: bool,
) -> web.StreamResponse:
    try:
        with connections.one_more(address_of(request)):
            async with connected(request) as (socket, connection):
                session = _Session(requests, socket, connection, is_combined=is_combined)
                session.subscribe_to_known(names)
                await session.run()
            return socket
    except TooManyConnections:
        return error_response(too_many_requests(60))


class _Session:
    def __init__(
        self, requests: Requests, socket: web.WebSocketResponse, connection: Connection, *, is_combined: bool
    ) -> None:
        self._requests = requests
        self._socket = socket
        self._connection = connection
        self._is_combined = is_combined
        self._bell: Bell[Subscription] = Bell()
        self._streams: dict[str, tuple[Subscription, Kind]] = {}
        self._names: dict[Subscription, str] = {}
        self._lists: dict[str, dict[str, int]] = {}  # Of all markets: how many trades each had when it was last told.
        self._due: dict[Subscription, float] = {}  # Not to be told again before then.
        self._lists_due = 0.0
        self._awaited: list[str] = []  # Of the address: those whose market is not here yet.
        self._awaited_due = 0.0

    def subscribe(self, names: list[str]) -> None:
        """All of them, or none: BinanceError for one that does not exist, or one too many."""
        new = [name for name in dict.fromkeys(names) if name not in self._streams and name not in self._lists]
        if len(self._streams) + len(self._lists) + len(new) > STREAMS_MAX:
            raise BinanceError(2, f"Invalid request: at most {STREAMS_MAX} streams on one connection")
        found = {name: self._find(name) for name in new if name not in OF_ALL_MARKETS}
        for name in new:
            if name in OF_ALL_MARKETS:
                self._lists[name] = {}
        for name, (market, kind) in found.items():
            subscription = market.subscribe([kind.subject], self._bell)
            self._streams[name] = (subscription, kind)
            self._names[subscription] = name
            if kind.form.startswith("depth") and kind.form != "depth":
                self._bell.ring(subscription)  # A partial book is told at once.

    def subscribe_to_known(self, names: list[str]) -> None:
        """Of an address: clients number their connections there, and what is no stream is none.

        One whose market is not here yet is told from when it is: a venue may be reached later than its clients come.
        """
        self._awaited = []
        for name in names[:STREAMS_MAX]:
            try:
                self.subscribe([name])
            except BinanceError as error:
                if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
                    self._awaited.append(name)

    def _find(self, name: str) -> tuple[Market, Kind]:
        pair, kind = read_stream(name)
        instrument = self._requests.listed.by_name.get(pair)
        if instrument is None:
            raise BinanceError(2, f"Invalid request: no such symbol: {pair}")
        return self._requests.exchange.market(instrument.symbol), kind

    def _unsubscribe(self, names: list[str]) -> None:
        self._awaited = [name for name in self._awaited if name not in names]
        for name in names:
            self._lists.pop(name, None)
            found = self._streams.pop(name, None)
            if found is not None:
                self._forget(found[0])

    def _forget(self, subscription: Subscription) -> None:
        del self._names[subscription]
        self._due.pop(subscription, None)
        subscription.close()

    async def run(self) -> None:
        telling = asyncio.create_task(self._tell_or_end())
        try:
            async for message in self._connection.messages():
                self._connection.send_document(self._answer(message))
        finally:
            telling.cancel()
            for subscription in list(self._names):
                subscription.close()

    def _answer(self, message: Any) -> dict[str, Any]:
        request_id = message.get("id") if isinstance(message, dict) else None
        try:
            return {"result": self._obey(message), "id": request_id}
        except BinanceError as error:
            return {"error": error.document, "id": request_id}

    def _obey(self, message: Any) -> list[str] | None:
        if not isinstance(message, dict):
            raise BinanceError(3, "Invalid JSON: expected an object")
        names = message.get("params") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BinanceError(2, "Invalid request: params must be a list of streams")
        match message.get("method"):
            case "SUBSCRIBE":
                self.subscribe(names)
            case "UNSUBSCRIBE":
                self._unsubscribe(names)
            case "LIST_SUBSCRIPTIONS":
                return [*self._streams, *self._lists]
            case _:
                raise BinanceError(2, "Invalid request: unknown method")
        return None

    async def _tell_or_end(self) -> None:
        """A connection that nobody tells anything any more is none."""
        try:
            await self._tell()
        except (TimeoutError, ConnectionError):
            self._connection.drop()  # The client does not read, or has gone.
        except Exception:  # noqa: BLE001 - the edge: the client is cut off, the log gets the reason
            _LOG.exception("a client of the streams was told nothing any more")
            self._connection.drop()

    async def _tell(self) -> None:
        """For ever. TimeoutError and ConnectionError end the connection, by its writer as well."""
        loop = asyncio.get_running_loop()
        waiting: dict[Subscription, None] = {}
        while True:
            if not waiting:
                await self._wait(IDLE_S)
            waiting |= dict.fromkeys(self._bell.answer())
            now = loop.time()
            for subscription in [each for each in waiting if self._due.get(each, 0.0) <= now]:
                del waiting[subscription]
                await self._tell_one(subscription, now)
            if self._awaited and now >= self._awaited_due:
                self._awaited_due = now + AWAITED_LOOK_S
                self.subscribe_to_known(self._awaited)
            if self._lists and now >= self._lists_due:
                self._lists_due = now + ALL_PERIOD_S
                await self._tell_lists()
            if waiting:
                next_due = min(self._due.get(each, 0.0) for each in waiting)
                await self._wait(min(max(next_due - loop.time(), 0.001), IDLE_S))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _tell_one(self, subscription: Subscription, now: float) -> None:
        name = self._names.get(subscription)
        if name is None:
            return
        if subscription.is_closed:  # Its market is served elsewhere now, or begins anew: the client shall, too.
            self._connection.drop()
            return
        kind = self._streams[name][1]
        if kind.period_s:
            self._due[subscription] = now + kind.period_s
        for update in subscription.take():
            for text in texts(kind, subscription.market, update).split(b"\n"):
                if text:
                    await self._send(name, text)

    async def _tell_lists(self) -> None:
        for name, told in list(self._lists.items()):
            documents = []
            for market in markets_here(self._requests.exchange):
                if told.get(market.instrument.symbol) != market.trade_count:
                    told[market.instrument.symbol] = market.trade_count
                    documents.append(OF_ALL_MARKETS[name](market))
            if documents:
                await self._send(name, orjson.dumps(documents))

    async def _send(self, name: str, text: bytes) -> None:
        document = text.decode()
        if self._is_combined:
            document = f'{{"stream":"{name}","data":{document}}}'
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._socket.send_str(document)
