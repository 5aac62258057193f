"""Does to requests and sockets what the switches say, as a middleware around the dialect's routes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from fargate_engine.binance.errors import outcome_unknown, too_many_requests
from fargate_engine.binance.rest import error_response
from fargate_engine.simulated_exchange.switches import Chance

STREAMS = ("/ws", "/stream", "/ws-api/")
CONTROL = "/control"
LOOK_S = 0.05

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Faults:
    """`streams`: where the paths of its sockets begin. `is_signed`: which requests may go wrong in every way."""

    def __init__(
        self,
        chance: Chance,
        *,
        streams: tuple[str, ...] = STREAMS,
        is_signed: Callable[[web.Request], Awaitable[bool]] | None = None,
    ) -> None:
        self._chance = chance
        self._streams = streams
        self._is_signed = is_signed or _is_signed
        self._sockets: set[asyncio.Transport] = set()

    def disconnect(self) -> int:
        """Cut every socket; how many there were."""
        sockets = list(self._sockets)
        for transport in sockets:
            transport.abort()
        return len(sockets)

    async def run(self) -> None:
        """Disconnects as often as the switch says, for ever."""
        loop = asyncio.get_running_loop()
        disconnected_at = loop.time()
        while True:
            await asyncio.sleep(LOOK_S)
            every_s = self._chance.switches.disconnect_ms / 1000
            if every_s and loop.time() - disconnected_at >= every_s:
                disconnected_at = loop.time()
                self._chance.done["disconnect"] += self.disconnect()

    def middleware(self) -> Any:
        """aiohttp's decorator gives it the type that an application wants, and no name for it."""

        @web.middleware
        async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(CONTROL):
                return await handler(request)
            if self._chance.switches.maintenance:
                return web.Response(status=503, text="the exchange is under maintenance")
            if request.path.startswith(self._streams):
                return await self._stream(request, handler)
            return await self._answer(request, handler)

        return around

    async def _stream(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return await handler(request)
        self._sockets.add(transport)
        try:
            return await handler(request)
        finally:
            self._sockets.discard(transport)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What is done and what is answered: either may be missing."""
        if self._chance.hits("rate_limit"):
            return error_response(too_many_requests(self._chance.switches.retry_after_s))
        if not await self._is_signed(request):
            return await handler(request)
        fault = self._chance.fault_of_request()
        if fault == "lost_request":
            return _cut(request)
        response = await handler(request)
        if fault == "repeated_request":
            response = await handler(request)
        await asyncio.sleep(self._chance.up_to_s(self._chance.switches.slow_reply_ms))
        if fault == "lost_reply":
            response = _cut(request)
        elif fault == "unknown_reply":
            response = error_response(outcome_unknown())
        elif fault == "garbled_reply":
            response = web.Response(text="<html>", content_type="text/html")
        return response


async def _is_signed(request: web.Request) -> bool:
    return "signature=" in request.query_string or b"signature=" in await request.read()


def _cut(request: web.Request) -> web.Response:
    """The client sees its connection end, and no answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
