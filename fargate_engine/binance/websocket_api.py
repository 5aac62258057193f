"""The WebSocket API: the operations of REST as messages, and the user data stream."""

import asyncio
import itertools
import logging
from functools import partial
from http import HTTPStatus
from typing import Any, TypedDict

from aiohttp import web

from breakwater.errors import Unavailable
from fargate_engine.binance import signing
from fargate_engine.binance.connection import Connection, Connections, TooManyConnections, connected
from fargate_engine.binance.errors import (
    BinanceError,
    illegal,
    not_supported,
    too_many_requests,
    unavailable,
    unknown_failure,
)
from fargate_engine.binance.exchange import UserEvents
from fargate_engine.binance.operations import WEBSOCKET, Security
from fargate_engine.binance.parameters import Parameters
from fargate_engine.binance.requests import CheckSignature, Requests
from fargate_engine.binance.rest import AddressOf, error_response

_LOG = logging.getLogger(__name__)

UNDER_WAY_MAX = 64  # Requests of one connection.
SUBSCRIBE_WEIGHT = 2
ID_LENGTH_MAX = 36
SUBSCRIPTIONS_MAX = 4  # User data streams of one connection.
SUBSCRIBE, UNSUBSCRIBE = "userDataStream.subscribe.signature", "userDataStream.unsubscribe"


def websocket_api_route(requests: Requests, connections: Connections, address_of: AddressOf, base: str) -> web.RouteDef:
    async def handle(request: web.Request) -> web.StreamResponse:
        address = address_of(request)
        try:
            with connections.one_more(address):
                async with connected(request) as (socket, connection):
                    await _Session(requests, connection, address).run()
                return socket
        except TooManyConnections:
            return error_response(too_many_requests(60))

    return web.get(f"{base}/ws-api/v3", handle)


class Signer(TypedDict):
    """Whoever says that he has signed a message."""

    key_id: str | None
    address: str
    check_signature: CheckSignature


class _Session:
    def __init__(self, requests: Requests, connection: Connection, address: str) -> None:
        self._requests = requests
        self._connection = connection
        self._address = address
        self._numbers = itertools.count()
        self._subscriptions: dict[int, tuple[asyncio.Task[None], UserEvents]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            async for message in self._connection.messages():
                if len(self._under_way) >= UNDER_WAY_MAX:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._answer(message))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
        finally:
            # An order that is under way is not called back: its outcome is asked for by its client id. Subscriptions
            # come last, for one of these may make another.
            while self._under_way:
                await asyncio.wait(self._under_way)
            self._end(list(self._subscriptions))

    async def _answer(self, message: Any) -> None:
        request_id = message.get("id") if isinstance(message, dict) and _is_id(message.get("id")) else None
        try:
            result = await self._obey(message)
            self._connection.send_document({"id": request_id, "status": int(HTTPStatus.OK), "result": result})
        except BinanceError as error:
            self._refuse(request_id, error)
        except Unavailable as error:
            self._refuse(request_id, unavailable(error.retry_after_s))
        except Exception:  # noqa: BLE001 - the edge: the client gets an answer, the log gets the reason
            _LOG.exception("a message was answered with an error nobody foresaw")
            self._refuse(request_id, unknown_failure())

    def _refuse(self, request_id: Any, error: BinanceError) -> None:
        self._connection.send_document({"id": request_id, "status": error.status, "error": error.document})

    async def _obey(self, message: Any) -> Any:
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            raise illegal("method", "a method's name")
        if not _is_id(message.get("id")):
            raise illegal("id", "^[a-zA-Z0-9-_]{1,36}$")
        return await self._result(message["method"], message.get("params") or {})

    async def _result(self, method: str, params: Any) -> Any:
        parameters = Parameters.of_json(params)
        key_id = parameters.text("apiKey")
        parameters.text("returnRateLimits")  # None is told in any case: what counts are the firm's limits.
        if method == SUBSCRIBE:
            return await self._subscribe(params, parameters, key_id)
        if method == UNSUBSCRIBE:
            return self._unsubscribe(parameters)
        operation = WEBSOCKET.get(method)
        if operation is None:
            raise not_supported()
        return await self._requests.answer(operation, parameters, **self._signer(key_id, params))

    def _signer(self, key_id: str | None, params: Any) -> Signer:
        check_signature = partial(signing.check_message, params=params)
        return {"key_id": key_id, "address": self._address, "check_signature": check_signature}

    async def _subscribe(self, params: Any, parameters: Parameters, key_id: str | None) -> Any:
        requests = self._requests
        requests.weights.take(self._address, SUBSCRIBE_WEIGHT, requests.exchange.now_ms())
        client, _ = await requests.signed(parameters, Security.READ, **self._signer(key_id, params))
        parameters.finish()
        events = await requests.exchange.user_events(client)
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:  # After the last wait: others may subscribe meanwhile.
            events.close()
            raise too_many_requests(60)
        number = next(self._numbers)
        self._subscriptions[number] = (asyncio.create_task(self._push(number, events)), events)
        return {"subscriptionId": number}

    def _unsubscribe(self, parameters: Parameters) -> Any:
        number = parameters.integer("subscriptionId")
        parameters.finish()
        self._end([number] if number is not None else list(self._subscriptions))
        return {}

    def _end(self, numbers: list[int]) -> None:
        for number in numbers:
            if number in self._subscriptions:
                pushing, events = self._subscriptions.pop(number)
                pushing.cancel()
                events.close()

    async def _push(self, number: int, events: UserEvents) -> None:
        """The client is cut off where its events end: connecting anew it asks for its orders, and misses nothing."""
        try:
            async for event in events:
                self._connection.send_document({"subscriptionId": number, "event": event})
        except Unavailable as error:
            _LOG.warning("a user data stream ended: %s", error.message)
        self._connection.drop()


def _is_id(request_id: Any) -> bool:
    is_id = request_id is None or isinstance(request_id, str | int)
    return is_id and not (isinstance(request_id, str) and len(request_id) > ID_LENGTH_MAX)
