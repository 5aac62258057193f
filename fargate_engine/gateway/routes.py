"""The gateway: HTTP in, snapshots out (docs/ARCHITECTURE.md, "Engine gateway"). It translates and decides nothing."""

import asyncio
import uuid
from typing import Annotated, Any

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from breakwater.domain.money import format_amount
from breakwater.domain.orders import OrderSnapshot, OrdStatus, Side, SubmitOrder
from breakwater.errors import EngineUnavailable, InvalidRequest, NotFound
from fargate_engine import metrics
from fargate_engine.gateway.problems import problem_middleware
from fargate_engine.gateway.state import EngineState
from fargate_engine.inbox import Answer, FindOpenOrders, FindOrder
from fargate_engine.messages import CancelOrder, Command, VoidOrder

BODY_BYTES_MAX = 64 * 1024
ANSWER_TIMEOUT_S = 5
ACCOUNTS_MAX = 1_000
CANCELS_AT_ONCE = 200
DEPTH_MAX = 500
ENGINE = web.AppKey("engine", EngineState)


class VoidRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tenant_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    correlation_id: str


class CancelAllRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tenant_id: uuid.UUID
    account_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=ACCOUNTS_MAX)]
    correlation_id: str


def create_gateway(engine: EngineState) -> web.Application:
    app = web.Application(middlewares=[problem_middleware], client_max_size=BODY_BYTES_MAX)
    app[ENGINE] = engine
    app.add_routes(
        [
            web.post("/internal/orders", submit_order),
            web.get("/internal/orders/{order_id}", get_order),
            web.delete("/internal/orders/{order_id}", cancel_order),
            web.post("/internal/orders/{order_id}/void", void_order),
            web.post("/internal/cancel-all", cancel_all),
            web.get("/market/book", market_book),
            web.get("/health", health),
            web.get("/health/ready", ready),
            web.get("/metrics", prometheus),
        ]
    )
    return app


async def submit_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    order = await _body(request, SubmitOrder)
    return _snapshot(await _ask(engine, order))


async def get_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    return _snapshot(await _ask(engine, FindOrder(_order_id(request), _tenant_id(request))))


async def cancel_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    return _snapshot(await _ask(engine, CancelOrder(order_id=_order_id(request), tenant_id=_tenant_id(request))))


async def void_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    body = await _body(request, VoidRequest)
    command = VoidOrder(order_id=_order_id(request), tenant_id=body.tenant_id, account_id=body.account_id)
    return _snapshot(await _ask(engine, command))


async def cancel_all(request: web.Request) -> web.Response:
    """Each order is cancelled on its own: one that cannot be is named, and does not keep the others."""
    engine = _authenticated(request)
    body = await _body(request, CancelAllRequest)
    found = await _ask(engine, FindOpenOrders(body.tenant_id, frozenset(body.account_ids)))
    order_ids = found if isinstance(found, list) else []
    canceled: list[Any] = []
    failed: list[Any] = []
    for start in range(0, len(order_ids), CANCELS_AT_ONCE):
        chunk = order_ids[start : start + CANCELS_AT_ONCE]
        cancels = [_ask(engine, CancelOrder(order_id=order_id, tenant_id=body.tenant_id)) for order_id in chunk]
        for order_id, answer in zip(chunk, await asyncio.gather(*cancels, return_exceptions=True), strict=True):
            if isinstance(answer, OrderSnapshot) and answer.status is OrdStatus.CANCELED:
                canceled.append(answer.model_dump(mode="json"))
            elif isinstance(answer, OrderSnapshot):
                failed.append({"order_id": str(order_id), "reason": f"the order is {answer.status}"})
            elif isinstance(answer, EngineUnavailable):
                failed.append({"order_id": str(order_id), "reason": answer.message})
            elif isinstance(answer, BaseException):
                raise answer
    return _json({"canceled": canceled, "failed": failed})


async def market_book(request: web.Request) -> web.Response:
    engine = request.app[ENGINE]
    symbol = request.query.get("symbol", "")
    depth = _depth(request.query.get("depth", "20"))
    market = engine.serving().venue.markets.get(symbol)
    if market is None:
        raise NotFound("no such symbol")

    def levels(side: Side) -> list[list[str]]:
        instrument = market.instrument
        return [
            [format_amount(instrument.price(ticks)), format_amount(instrument.quantity(lots))]
            for ticks, lots in market.shown(side, depth)
        ]

    return _json(
        {"symbol": symbol, "bids": levels(Side.BUY), "asks": levels(Side.SELL), "observed_at": engine.now().isoformat()}
    )


async def health(request: web.Request) -> web.Response:
    """200 while the process lives; the states inside say what is wrong."""
    return _json(request.app[ENGINE].health())


async def ready(request: web.Request) -> web.Response:
    request.app[ENGINE].serving()
    return _json({"status": "READY"})


async def prometheus(request: web.Request) -> web.Response:
    term = request.app[ENGINE].term
    metrics.INBOX_DEPTH.set(term.inbox.depth if term else 0)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _ask(engine: EngineState, message: Command | FindOrder | FindOpenOrders) -> Answer:
    """The answer after its commit, or EngineUnavailable: the outcome is not known yet, ask again."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await engine.serving().inbox.ask(message)
    except TimeoutError as error:
        raise EngineUnavailable("the engine did not answer in time") from error


def _authenticated(request: web.Request) -> EngineState:
    engine = request.app[ENGINE]
    engine.tokens.authenticate(request)
    return engine


async def _body[Model: BaseModel](request: web.Request, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidRequest(f"{field}: {first['msg']}", field=field) from error


def _order_id(request: web.Request) -> uuid.UUID:
    return _uuid(request.match_info["order_id"], "order_id")


def _tenant_id(request: web.Request) -> uuid.UUID:
    return _uuid(request.query.get("tenant_id", ""), "tenant_id")


def _uuid(text: str, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidRequest(f"{name} must be a UUID", field=name) from error


def _depth(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= DEPTH_MAX and len(text) <= 3):
        raise InvalidRequest(f"depth must be a number from 1 to {DEPTH_MAX}", field="depth")
    return int(text)


def _snapshot(answer: Answer) -> web.Response:
    if not isinstance(answer, OrderSnapshot):
        raise NotFound("no such order")
    return web.Response(body=answer.model_dump_json().encode(), content_type="application/json")


def _json(document: Any) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")
