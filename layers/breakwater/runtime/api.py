"""An HTTP API in a Lambda function: FastAPI behind API Gateway, every refusal a problem document."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from mangum import Mangum
from starlette.exceptions import HTTPException

from breakwater.db.api_keys import count_api_key_use
from breakwater.domain import permissions
from breakwater.domain.api_keys import RateLimit
from breakwater.domain.caller_context import ENGINE_API_ID, to_caller
from breakwater.domain.wrong_fields import WRONG_FIELD
from breakwater.errors import BreakwaterError, NotFromThere, RateLimited, Unavailable
from breakwater.runtime import problems
from breakwater.runtime.database import tenant_transaction, untenanted_transaction
from breakwater.runtime.edge import Edge, error_response, parse_json, problem_response
from breakwater.runtime.observability import logger, observed
from breakwater.runtime.settings import settings
from breakwater.services.security_signals import tell_used_from_elsewhere

ERRORS_SHOWN_MAX = 20
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before asking again", "schema": {"type": "integer"}}}
_CODES = {400: "MALFORMED_JSON", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
# Named and not spelt out: functions/openapi.py puts `Problem` there.
_PROBLEM = {
    "description": "Problem details (RFC 9457)",
    "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def create_api(service: str) -> FastAPI:
    """An API without routes yet. `service` names it in the OpenAPI document."""
    api = FastAPI(
        title=f"Breakwater {service}",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses={"4XX": _PROBLEM | {"headers": RETRY_AFTER}, "5XX": _PROBLEM | {"headers": RETRY_AFTER}},
    )
    api.router.route_class = _StrictRoute
    api.add_middleware(Edge)
    api.add_exception_handler(BreakwaterError, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http_error)
    return api


def lambda_handler(api: FastAPI) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of HTTP API events (payload 2.0)."""

    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with asyncio.Runner() as runner:
            runner.get_loop()  # Makes it the thread's loop, which is the one Mangum runs the request on.
            # Any other type is sent base64-encoded.
            return Mangum(api, lifespan="off", text_mime_types=["application/", "text/"])(
                _with_own_host(event), context
            )

    return handler


def _with_own_host(event: dict[str, Any]) -> dict[str, Any]:
    """The gateway's name in the place of what the client wrote there: the adapter takes host and port apart, and
    fails, where nothing of ours answers, on one that has no such parts.
    """
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name != "x-forwarded-port"}
    host = event.get("requestContext", {}).get("domainName", "localhost")
    return {**event, "headers": {**headers, "host": host}}


def correlation_id_of(request: Request) -> str:
    correlation_id: str = request.state.correlation_id
    return correlation_id


def caller_of(request: Request) -> permissions.Caller:
    """From the authorizer's context; NotAuthenticated where there is none, or it no longer holds.

    RateLimited where it is an API key that asks too often.
    """
    request_context = request.scope.get("aws.event", {}).get("requestContext", {})
    caller = to_caller(request_context.get("authorizer", {}).get("lambda"), correlation_id_of(request))
    try:
        caller.check_use(source_ip_of(request), int(time.time()))
    except NotFromThere:
        _tell_used_from_elsewhere(caller, source_ip_of(request))
        raise
    # Bots come through the endpoint with its own weights, which the engine has taken already.
    if caller.api_key_id is not None and request_context.get("apiId") != ENGINE_API_ID:
        count_use(request, caller.tenant_id, caller.api_key_id)
    return caller


def _tell_used_from_elsewhere(caller: permissions.Caller, source_ip: str | None) -> None:
    """The answer is no, whether or not that can be written."""
    if caller.api_key_id is None:  # Who is signed in may come from anywhere.
        return
    try:
        with tenant_transaction(caller.tenant_id) as tx:
            tell_used_from_elsewhere(caller, source_ip, tx, datetime.now(UTC))
    except Unavailable as error:
        logger().warning("that a key came from elsewhere is not written", reason=error.message)


def count_use(request: Request, tenant_id: uuid.UUID, key_id: str) -> None:
    """One more of the requests of a key or a client, whatever becomes of it. RateLimited beyond its rate."""
    with untenanted_transaction() as connection:
        use = count_api_key_use(
            connection,
            tenant_id,
            key_id,
            used_from=source_ip_of(request),
            per_minute_default=settings().key_rates.default,
        )
    rate_limit = RateLimit.of(use.per_minute, use.whole_in_s, is_within=use.is_within)
    request.state.rate_limit = rate_limit  # The outermost layer puts it into the answer, whichever that is.
    if rate_limit.retry_after_s is not None:
        raise RateLimited(
            f"this key or client may ask {use.per_minute} times a minute", retry_after_s=rate_limit.retry_after_s
        )


def source_ip_of(request: Request) -> str | None:
    """The client's, as the front door or the gateway saw it."""
    source_ip: str | None = request.state.source_address
    return source_ip


Caller = Annotated[permissions.Caller, Depends(caller_of)]
SourceIp = Annotated[str | None, Depends(source_ip_of)]
CorrelationId = Annotated[str, Depends(correlation_id_of)]


class Needs:
    """What a route asks of its caller, where the route is written: `dependencies=[needs("orders:create")]`.

    It is asked before the body is looked at. A test walks all routes and fails where one says nothing.
    """

    def __init__(self, permission: str | None, *, may_lack_second_factor: bool = False) -> None:
        self.permission = permission  # None: to be signed in is enough.
        self.may_lack_second_factor = may_lack_second_factor

    async def __call__(self, caller: Caller) -> None:
        if self.permission is not None:
            caller.require(self.permission)
        elif not self.may_lack_second_factor:
            caller.require_second_factor()


def needs(permission: str) -> Any:
    """NotAuthenticated or NotPermitted unless the caller has this permission; ValueError for one that there is not."""
    if permission not in permissions.PERMISSIONS:
        raise ValueError(f"no role has the permission {permission}")
    return Depends(Needs(permission))


async def _nothing() -> None:
    """Asked of whoever calls a public route."""


SIGNED_IN: Any = Depends(Needs(None))  # Of a route that tells everybody about himself.
# The same, of whoever must enrol a second factor before he may do anything else.
ENROLLING: Any = Depends(Needs(None, may_lack_second_factor=True))
PUBLIC: Any = Depends(_nothing)  # Of a route that anybody may call, known or not.


def is_public(route: APIRoute) -> bool:
    return any(declared.dependency is _nothing for declared in route.dependencies)


def permission_of(route: APIRoute) -> str | None:
    """The one that it declares; None where it declares that it needs none, or nothing."""
    asked = [declared.dependency for declared in route.dependencies]
    return next((each.permission for each in asked if isinstance(each, Needs)), None)


class _StrictRequest(Request):
    async def json(self) -> Any:
        try:
            return parse_json(await self.body())
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "the body is not JSON we can read") from error


class _StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


def _operation_id(route: APIRoute) -> str:
    return route.name


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, BreakwaterError)  # noqa: S101  # Starlette types its handlers for any exception.
    return error_response(error, correlation_id_of(request))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # Names and messages only, and cut: what was sent may be huge, or a secret in the wrong place.
    errors = [
        {
            "field": _field(found)[:100],
            "message": found["msg"].removeprefix("Value error, ")[:200],
        }
        for found in error.errors()[:ERRORS_SHOWN_MAX]
    ]
    detail = "the request is not valid"
    return problem_response(problems.problem(422, "INVALID_REQUEST", detail, correlation_id_of(request), errors=errors))


def _field(found: dict[str, Any]) -> str:
    """The path to it with dots. What a model says of itself as a whole stands at the field that is to be mended."""
    path = [*map(str, found["loc"][1:])]
    if found["type"] == WRONG_FIELD:
        path.append(found["ctx"]["field"])
    return ".".join(path)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = _CODES.get(error.status_code, "REJECTED")
    document = problems.problem(error.status_code, code, error.detail, correlation_id_of(request))
    return problem_response(document, dict(error.headers or {}))
