"""The REST half of the dialect as aiohttp routes."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from fargate_engine.binance import signing
from fargate_engine.binance.errors import BinanceError, not_supported, too_many_parameters
from fargate_engine.binance.operations import REST, Operation
from fargate_engine.binance.parameters import Parameters
from fargate_engine.binance.requests import Requests

BODY_BYTES_MAX = 16 * 1024
QUERY_LENGTH_MAX = 16 * 1024
ROOTS = ("api", "sapi", "fapi", "dapi")

type AddressOf = Callable[[web.Request], str]
type Elsewhere = Callable[[web.Request, str], Awaitable[web.StreamResponse | None]]


async def nowhere_else(_: web.Request, __: str) -> None:
    """Of an exchange that is one process."""


def rest_routes(requests: Requests, address_of: AddressOf, elsewhere: Elsewhere, base: str) -> list[web.RouteDef]:
    """Below the path `base`. `address_of` says who is asking, which is not the peer where a balancer stands between.

    `elsewhere` answers a question about the market of a pair when that is another engine's, and gives None when not.
    """
    served = [
        web.route(method, base + path, _handler(requests, address_of, elsewhere, operation))
        for (method, path), operation in REST.items()
    ]
    return served + [web.route("*", f"{base}/{root}/{{path:.*}}", _not_served) for root in ROOTS]


async def _not_served(_: web.Request) -> web.Response:
    return error_response(not_supported(404))


def _handler(
    requests: Requests, address_of: AddressOf, elsewhere: Elsewhere, operation: Operation
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        if operation.is_of_market:
            answered = await elsewhere(request, request.query.get("symbol", ""))
            if answered is not None:
                return answered
        try:
            document = await _answer(requests, address_of, operation, request)
        except BinanceError as error:
            return error_response(error)
        return web.Response(body=orjson.dumps(document), content_type="application/json")

    return handle


async def _answer(requests: Requests, address_of: AddressOf, operation: Operation, request: web.Request) -> Any:
    # As it was sent: what is signed is the text, and a tidied address would be another one.
    _, _, query = request.raw_path.partition("?")
    body = ""
    if request.body_exists:  # Also when it was read before: what stands around may look at it.
        if (request.content_length or 0) > BODY_BYTES_MAX:
            raise too_many_parameters(413)
        try:
            body = (await request.read()).decode("ascii")
        except (web.HTTPRequestEntityTooLarge, UnicodeDecodeError) as error:
            raise too_many_parameters(413) from error
    if len(query) > QUERY_LENGTH_MAX or len(body) > BODY_BYTES_MAX:
        raise too_many_parameters(413)
    return await requests.answer(
        operation,
        Parameters.of_queries(query, body),
        key_id=request.headers.get("X-MBX-APIKEY"),
        address=address_of(request),
        check_signature=partial(signing.check_request, query=query, body=body),
    )


def error_response(error: BinanceError) -> web.Response:
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    body = orjson.dumps(error.document)
    return web.Response(body=body, status=error.status, headers=headers, content_type="application/json")
