"""The gateway: HTTP in, snapshots out (docs/ARCHITECTURE.md, "Engine gateway"). It translates and decides nothing."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from breakwater.domain.lease_messages import SetLease
from breakwater.domain.money import format_amount
from breakwater.domain.orders import (
    SIMULATED_VENUE,
    OrdStatus,
    PlaceOrder,
    ReplaceOrder,
    Side,
    SubmitOrder,
    VoidReplace,
)
from breakwater.domain.shards import SHARDS
from breakwater.errors import BreakwaterError, EngineUnavailable, InvalidRequest, NotFound
from fargate_engine import metrics
from fargate_engine.binance.exchange import Exchange
from fargate_engine.binance.server import venue_routes
from fargate_engine.gateway.addresses import forwarded_address, peer_address
from fargate_engine.gateway.browsers import ALLOWED_ORIGINS, preflight, protect
from fargate_engine.gateway.peers import shard_number
from fargate_engine.gateway.problems import problem_middleware
from fargate_engine.gateway.routing import Scope, ask, at_order, at_shard, market_elsewhere
from fargate_engine.gateway.state import EngineState
from fargate_engine.gateway.tls import certificate_middleware
from fargate_engine.inbox import Answer, FindOpenOrders, FindOrder
from fargate_engine.leased_orders import leased_order
from fargate_engine.messages import CancelOrder, Command, VoidOrder
from fargate_engine.term import Term

BODY_BYTES_MAX = 64 * 1024
ACCOUNTS_MAX = 1_000
CANCELS_AT_ONCE = 6_000  # Of one shard: a venue's answer to each is waited for, and orders of others have room beside.
DEPTH_MAX = 500
ENGINE_ID_LENGTH_MAX = 200
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


class MoveRequest(BaseModel):
    """`to` is the ENGINE_ID of the engine that shall have the shard, as its `/health` says it."""

    model_config = ConfigDict(extra="forbid")
    to: Annotated[str, Field(min_length=1, max_length=ENGINE_ID_LENGTH_MAX)]


def create_gateway(
    engine: EngineState,
    exchanges: Mapping[str, Exchange] | None = None,
    *,
    is_behind_balancer: bool = False,
    allowed_origins: frozenset[str] = frozenset(),
    asks_for_certificates: bool = False,
) -> web.Application:
    """With `exchanges`, by venue, their dialect is served beside, under its own paths.

    `allowed_origins`: whose pages may read the answers in a browser. `asks_for_certificates`: who shows none is told
    how the engine is, and nothing else.
    """
    middlewares = [preflight, problem_middleware, *([certificate_middleware] if asks_for_certificates else [])]
    app = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES_MAX)
    app[ALLOWED_ORIGINS] = allowed_origins
    app.on_response_prepare.append(protect)
    app[ENGINE] = engine
    address_of = engine.channels.address_of = forwarded_address if is_behind_balancer else peer_address
    app.add_routes(
        [
            web.post("/internal/orders", submit_order),
            web.get("/internal/orders/{order_id}", get_order),
            web.delete("/internal/orders/{order_id}", cancel_order),
            web.put("/internal/orders/{order_id}/replace", replace_order),
            web.put("/internal/orders/{order_id}/replace/void", void_replace),
            web.post("/internal/orders/{order_id}/void", void_order),
            web.post("/internal/leased-orders", submit_leased_order),
            web.post("/internal/leases", set_lease),
            web.post("/internal/cancel-all", cancel_all),
            web.get("/internal/shards", list_shards),
            web.post("/internal/shards/{shard}/move", move_shard),
            web.get("/market/book", market_book),
            web.get("/channels", engine.channels.handle),
            web.get("/health", health),
            web.get("/health/ready", ready),
            web.get("/metrics", prometheus),
        ]
    )
    if exchanges is not None:
        # Of an outside exchange every engine has the markets.
        elsewhere = {SIMULATED_VENUE: partial(market_elsewhere, engine)}
        app.add_routes(venue_routes(exchanges, address_of, elsewhere, at_root=SIMULATED_VENUE))
    return app


async def submit_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    order = await _body(request, SubmitOrder)
    return await at_shard(engine, request, order.symbol, lambda term: _snapshot_of(term, order))


async def submit_leased_order(request: web.Request) -> web.Response:
    """An order that nobody has reserved for: it has to fit into the lease of its account and symbol."""
    engine = _authenticated(request)
    order = await _body(request, PlaceOrder)
    return await at_shard(
        engine, request, order.terms.symbol, lambda term: _snapshot_of(term, leased_order(term.state, order))
    )


async def set_lease(request: web.Request) -> web.Response:
    """The ledger's terms of a lease; the answer is the lease as it is after the journal's commit."""
    engine = _authenticated(request)
    lease = await _body(request, SetLease)
    return await at_shard(engine, request, lease.symbol, lambda term: _lease_of(term, lease))


async def get_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    question = FindOrder(_order_id(request), _tenant_id(request))
    return await at_order(
        engine, request, question.order_id, question.tenant_id, lambda term: _snapshot_of(term, question)
    )


async def cancel_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    cancel = CancelOrder(order_id=_order_id(request), tenant_id=_tenant_id(request))
    return await at_order(engine, request, cancel.order_id, cancel.tenant_id, lambda term: _snapshot_of(term, cancel))


async def replace_order(request: web.Request) -> web.Response:
    return await _about_replace(request, ReplaceOrder)


async def void_replace(request: web.Request) -> web.Response:
    return await _about_replace(request, VoidReplace)


async def _about_replace(request: web.Request, model: type[ReplaceOrder] | type[VoidReplace]) -> web.Response:
    engine = _authenticated(request)
    body = await _body(request, model)
    if body.order_id != _order_id(request):
        raise InvalidRequest("the body is about another order", field="order_id")
    return await at_order(engine, request, body.order_id, body.tenant_id, lambda term: _snapshot_of(term, body))


async def void_order(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    body = await _body(request, VoidRequest)
    void = VoidOrder(order_id=_order_id(request), tenant_id=body.tenant_id, account_id=body.account_id)
    return await at_shard(engine, request, body.symbol, lambda term: _snapshot_of(term, void))


async def cancel_all(request: web.Request) -> web.Response:
    """Each order is cancelled on its own: one that cannot be is named, and does not keep the others.

    When some shard could not be asked the rest is cancelled, and the answer is 503: call again.
    """
    engine = _authenticated(request)
    body = await _body(request, CancelAllRequest)
    scope = Scope(engine, request, range(SHARDS))
    canceled: list[Any] = []
    failed: list[Any] = []
    here = asyncio.gather(*(_cancel_open(term, body, canceled, failed) for term in scope.here.values()))
    answers, _ = await asyncio.gather(scope.ask_elsewhere(), here)
    for answer in answers:
        if answer.status != HTTPStatus.OK:
            return answer.response()
        told = orjson.loads(answer.body)
        canceled += told["canceled"]
        failed += told["failed"]
    if scope.nowhere:
        raise scope.unavailable()
    return _json({"canceled": canceled, "failed": failed})


async def market_book(request: web.Request) -> web.Response:
    engine = request.app[ENGINE]
    symbol = request.query.get("symbol", "")
    depth = _depth(request.query.get("depth", "20"))

    async def book(term: Term) -> web.Response:
        market = term.simulated.markets.get(symbol)
        if market is None:
            raise NotFound("no such symbol")
        instrument = market.instrument

        def levels(side: Side) -> list[list[str]]:
            return [
                [format_amount(instrument.price(ticks)), format_amount(instrument.quantity(lots))]
                for ticks, lots in market.shown(side, depth)
            ]

        observed_at = engine.now().isoformat()
        return _json(
            {"symbol": symbol, "bids": levels(Side.BUY), "asks": levels(Side.SELL), "observed_at": observed_at}
        )

    return await at_shard(engine, request, symbol, book)


async def list_shards(request: web.Request) -> web.Response:
    engine = _authenticated(request)
    shards = [engine.shard(shard.number) for shard in engine.shards]
    return _json({"engine_id": engine.engine_id, "shards": shards})


async def move_shard(request: web.Request) -> web.Response:
    """Only the engine that serves the shard can let it go; any other passes the request on to it."""
    engine = _authenticated(request)
    body = await _body(request, MoveRequest)
    number = _shard(request)
    scope = Scope(engine, request, [number])
    if number in scope.here:
        if body.to == engine.engine_id:
            raise InvalidRequest("the shard is there already", field="to")
        await engine.shards[number].move(body.to)
        return _json({"shard": number, "from": engine.engine_id, "to": body.to})
    for answer in await scope.ask_elsewhere():
        return answer.response()
    raise scope.unavailable()


async def health(request: web.Request) -> web.Response:
    """200 while the process lives; the states inside say what is wrong."""
    return _json(request.app[ENGINE].health())


async def ready(request: web.Request) -> web.Response:
    request.app[ENGINE].must_be_ready()
    return _json({"status": "READY"})


async def prometheus(request: web.Request) -> web.Response:
    for exchange in request.app[ENGINE].exchanges:
        exchange.health()  # It sets what is read below.
    for shard in request.app[ENGINE].shards:
        label, term = str(shard.number), shard.term
        metrics.SHARD_SERVED.labels(label).set(shard.serving() is not None)
        metrics.INBOX_DEPTH.labels(label).set(term.inbox.depth if term else 0)
        metrics.JOURNAL_SEQ.labels(label).set(term.sequencer.last_seq if term else shard.last_seq)
        metrics.OPEN_ORDERS.labels(label).set(term.state.live_orders if term else 0)
    _set_market_ages(request.app[ENGINE])
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _set_market_ages(engine: EngineState) -> None:
    metrics.MARKET_AGE_SECONDS.clear()  # Those that are served elsewhere now do not stay as they were.
    now = time.monotonic()
    for market in engine.hub:
        age_s = market.book_age_s(now)
        if age_s is not None:
            metrics.MARKET_AGE_SECONDS.labels(market.venue, market.instrument.symbol).set(age_s)


async def _snapshot_of(term: Term, message: Command | FindOrder) -> web.Response:
    answer = await ask(term, message)
    if not isinstance(answer, bytes):
        raise NotFound("no such order")
    return web.Response(body=answer, content_type="application/json")


async def _lease_of(term: Term, lease: SetLease) -> web.Response:
    return web.Response(body=await ask(term, lease), content_type="application/json")


async def _cancel_open(term: Term, body: CancelAllRequest, canceled: list[Any], failed: list[Any]) -> None:
    """Those of one shard; adds to `canceled` and `failed`."""
    found = await ask(term, FindOpenOrders(body.tenant_id, frozenset(body.account_ids)))
    order_ids = found if isinstance(found, list) else []
    left = iter(order_ids)
    answers: dict[uuid.UUID, Answer | BreakwaterError] = {}

    async def cancel_in_turn() -> None:
        # All share the iterator. A semaphore would look through everyone who waits at each answer.
        for order_id in left:
            try:
                answers[order_id] = await ask(term, CancelOrder(order_id=order_id, tenant_id=body.tenant_id))
            except BreakwaterError as error:
                answers[order_id] = error

    await asyncio.gather(*(cancel_in_turn() for _ in range(min(len(order_ids), CANCELS_AT_ONCE))))
    for order_id in order_ids:
        answer = answers[order_id]
        if isinstance(answer, bytes):
            said = orjson.loads(answer)
            if said["status"] == OrdStatus.CANCELED:
                canceled.append(said)
            else:
                failed.append({"order_id": str(order_id), "reason": f"the order is {said['status']}"})
        elif isinstance(answer, EngineUnavailable):
            failed.append({"order_id": str(order_id), "reason": answer.message})
        elif isinstance(answer, BreakwaterError):
            raise answer


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


def _shard(request: web.Request) -> int:
    shard = shard_number(request.match_info["shard"])
    if shard is None:
        raise NotFound("no such shard")
    return shard


def _json(document: Any) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")
