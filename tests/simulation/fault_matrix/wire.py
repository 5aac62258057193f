"""What happens to requests on their way to the engine's gateway, and to its answers on their way back.

A middleware of the real gateway: it runs in the engine's loop, in front of everything else.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Call(StrEnum):
    SUBMIT = "submit"
    GET = "get"
    CANCEL = "cancel"
    VOID = "void"
    REPLACE = "replace"
    VOID_REPLACE = "void of a replace"
    CANCEL_ALL = "cancel-all"
    LEASED_ORDER = "leased order"
    LEASE = "lease"

    @classmethod
    def of(cls, request: web.Request) -> "Call | None":
        parts = request.path.strip("/").split("/")[1:]
        if len(parts) > 1 and parts[0] == "orders":
            parts[1] = "{order_id}"
        return _CALLS.get((request.method, "/".join(parts)))


_CALLS = {
    ("POST", "orders"): Call.SUBMIT,
    ("GET", "orders/{order_id}"): Call.GET,
    ("DELETE", "orders/{order_id}"): Call.CANCEL,
    ("POST", "orders/{order_id}/void"): Call.VOID,
    ("PUT", "orders/{order_id}/replace"): Call.REPLACE,
    ("PUT", "orders/{order_id}/replace/void"): Call.VOID_REPLACE,
    ("POST", "cancel-all"): Call.CANCEL_ALL,
    ("POST", "leased-orders"): Call.LEASED_ORDER,
    ("POST", "leases"): Call.LEASE,
}


class Garbage(StrEnum):
    NOT_JSON = "not JSON"
    WRONG_SHAPE = "JSON of the wrong shape"
    ANOTHER_ORDER = "another order's snapshot"
    STRANGER = "the snapshot of an order that nobody knows"
    HTML = "HTTP 500 with HTML"
    CUT_OFF = "a body that is cut off"


@dataclass(frozen=True)
class Request:
    """One that has not arrived yet."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WireFault:
    """Meets the first `times` requests of this kind; None: all of them, until it is taken away."""

    call: Call
    does: "Callable[[Wire, web.Request, Handler], Awaitable[web.StreamResponse]]"
    times: int | None = 1
    fired: int = 0

    def takes(self, call: Call | None) -> bool:
        if call is not self.call or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True


@dataclass
class Wire:
    """`other_order` is the engine's word on an order that nobody asked about, for answers that are mixed up."""

    faults: list[WireFault] = field(default_factory=list)
    late: list[Request] = field(default_factory=list)
    other_order: bytes = b""
    _under_way: dict[asyncio.Task[object], asyncio.Transport] = field(default_factory=dict)

    def middleware(self) -> Middleware:
        @web.middleware
        async def pass_on(request: web.Request, handler: Handler) -> web.StreamResponse:
            task = asyncio.current_task()
            assert task is not None
            assert request.transport is not None
            self._under_way[task] = request.transport
            try:
                fault = next((fault for fault in self.faults if fault.takes(Call.of(request))), None)
                return await (handler(request) if fault is None else fault.does(self, request, handler))
            finally:
                del self._under_way[task]

        return pass_on

    def break_connections(self) -> None:
        """Nobody hears an answer to what is under way now; it goes on."""
        for transport in self._under_way.values():
            transport.abort()

    def end_everything(self) -> None:
        """The process behind it is gone."""
        self.break_connections()
        for task in list(self._under_way):
            task.cancel()


async def lose_request(wire: Wire, request: web.Request, handler: Handler) -> web.StreamResponse:
    wire.break_connections()
    return web.Response()


async def lose_answer(wire: Wire, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    wire.break_connections()
    return web.Response()


async def double_request(wire: Wire, request: web.Request, handler: Handler) -> web.StreamResponse:
    await request.read()
    answers = await asyncio.gather(handler(request), handler(request))
    return answers[-1]


async def delay_request(wire: Wire, request: web.Request, handler: Handler) -> web.StreamResponse:
    kept = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
    wire.late.append(Request(request.method, request.path_qs, kept, await request.read()))
    wire.break_connections()
    return web.Response()


def answer_and(does: Callable[[], None]) -> Callable[[Wire, web.Request, Handler], Awaitable[web.StreamResponse]]:
    """The answer is written whole, and then something happens to whoever wrote it."""

    async def answer(wire: Wire, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        await response.prepare(request)
        await response.write_eof()
        does()
        return response

    return answer


def garble(kind: Garbage) -> Callable[[Wire, web.Request, Handler], Awaitable[web.StreamResponse]]:
    """The request is carried out, and its answer is garbage."""

    async def answer(wire: Wire, request: web.Request, handler: Handler) -> web.StreamResponse:
        true = await handler(request)
        assert isinstance(true, web.Response)
        assert isinstance(true.body, bytes)
        if kind is Garbage.HTML:
            return web.Response(status=500, body=b"<html><body>Bad Gateway</body></html>", content_type="text/html")
        if kind is Garbage.CUT_OFF:
            return await _cut_off(wire, request, true.body)
        body = _garbage(kind, wire, Call.of(request), true.body)
        return web.Response(body=body, content_type="application/json")

    return answer


def _garbage(kind: Garbage, wire: Wire, call: Call | None, true: bytes) -> bytes:
    if kind is Garbage.NOT_JSON:
        return b'\x00\xff{"order_id": '
    if kind is Garbage.WRONG_SHAPE:
        return b'{"status": "FILLED", "canceled": 7}'
    if call is Call.LEASE:
        another = {"account_id": str(uuid.uuid4())} if kind is Garbage.ANOTHER_ORDER else {"version": 10**6}
        return orjson.dumps(orjson.loads(true) | {"buy_granted": "0"} | another)
    snapshot = orjson.loads(wire.other_order)
    if kind is Garbage.STRANGER:
        snapshot |= {"order_id": str(uuid.uuid4()), "status": "FILLED", "leaves_qty": "0"}
        snapshot["cum_qty"] = snapshot["quantity"]
    return orjson.dumps({"canceled": [snapshot], "failed": []} if call is Call.CANCEL_ALL else snapshot)


async def _cut_off(wire: Wire, request: web.Request, body: bytes) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    assert request.transport is not None
    request.transport.close()  # What was written is sent; the rest never comes.
    return answer
