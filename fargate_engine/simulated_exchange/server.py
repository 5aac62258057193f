"""The simulated exchange as an HTTP server: the dialect's routes, and its switches under /control."""

from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from fargate_engine.binance.server import exchange_routes
from fargate_engine.simulated_exchange.faults import CONTROL, Faults
from fargate_engine.simulated_exchange.paper_exchange import PaperExchange
from fargate_engine.simulated_exchange.switches import Chance, Switches

LOOPBACK = frozenset({"127.0.0.1", "::1"})
BODY_BYTES_MAX = 64 * 1024


class Control(BaseModel):
    """The body of POST /control: what is not named stays as it is. `seed` begins the chances anew."""

    model_config = ConfigDict(extra="forbid")

    switches: dict[str, Any] = {}
    seed: int | None = None
    disconnect: bool = False


def create_server(exchange: PaperExchange, chance: Chance, faults: Faults) -> web.Application:
    async def show(request: web.Request) -> web.Response:
        _only_here(request)
        return _json({"switches": chance.switches.model_dump(), "done": dict(chance.done)})

    async def switch(request: web.Request) -> web.Response:
        _only_here(request)
        try:
            told = Control.model_validate_json(await request.read())
            chance.switches = Switches.model_validate({**chance.switches.model_dump(), **told.switches})
        except ValidationError as error:
            return _json({"errors": error.errors(include_url=False, include_context=False)}, status=422)
        if told.seed is not None:
            chance.reseed(told.seed)
        cut = faults.disconnect() if told.disconnect else 0
        return _json({"switches": chance.switches.model_dump(), "done": dict(chance.done), "disconnected": cut})

    app = web.Application(middlewares=[faults.middleware()], client_max_size=BODY_BYTES_MAX)
    app.add_routes(exchange_routes(exchange, lambda request: request.remote or ""))
    app.add_routes([web.get(CONTROL, show), web.post(CONTROL, switch)])
    return app


def _only_here(request: web.Request) -> None:
    if request.remote not in LOOPBACK:
        raise web.HTTPNotFound


def _json(document: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document, default=str), status=status, content_type="application/json")
