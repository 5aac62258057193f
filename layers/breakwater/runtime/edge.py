"""The outermost layer of an API: correlation id, security headers, the bound on bodies, the last resort for errors."""

import json
import re
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from breakwater.domain.api_keys import RateLimit
from breakwater.domain.caller_context import ENGINE_API_ID
from breakwater.domain.security_headers import SECURITY_HEADERS
from breakwater.errors import BreakwaterError
from breakwater.runtime import problems
from breakwater.runtime.front_door import source_address
from breakwater.runtime.observability import logger

CORRELATION_HEADER = "X-Correlation-ID"
BODY_BYTES_MAX = 64 * 1024

_CORRELATION_ID = re.compile(r"[!-~]{1,64}")  # Printable ASCII without blanks: it goes into logs and headers.


class Edge:
    """ASGI middleware. What is within finds `correlation_id` and `source_address` in `scope["state"]`.

    And leaves `rate_limit` there, where it has counted the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        logger().set_correlation_id(correlation_id)
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[CORRELATION_HEADER] = correlation_id
                rate_limit: RateLimit | None = scope["state"].get("rate_limit")
                headers.update({} if rate_limit is None else rate_limit.headers)
                headers.update(SECURITY_HEADERS)
            await send(message)

        try:
            body = await _read_body(receive)
            refusal = _refusal(scope, body, correlation_id) or _not_admitted(scope, correlation_id)
            await (refusal or self._app)(scope, _replay(body), send_with_id)
        except Exception:
            logger().exception("unexpected error")
            if started:
                raise
            await _unexpected(correlation_id)(scope, receive, send_with_id)


def problem_response(document: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, document["status"], headers, media_type=problems.CONTENT_TYPE)


def error_response(error: BreakwaterError, correlation_id: str) -> JSONResponse:
    retry_after_s = getattr(error, "retry_after_s", None)  # Of everything Unavailable, and of a refusal that passes.
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return problem_response(problems.problem_of(error, correlation_id), headers)


def parse_json(body: bytes) -> Any:
    """JSON as RFC 8259 has it; ValueError or RecursionError for what Python reads and others do not.

    Those are NaN and Infinity, the same member twice (two readers may keep different ones), and strings with NUL or a
    lone surrogate, which Postgres cannot hold. Numbers with a point stay floats: `Amount` refuses them.
    """
    value = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_members)
    _check_strings(value)
    return value


def _correlation_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(CORRELATION_HEADER, "")
    return given if _CORRELATION_ID.fullmatch(given) else str(uuid.uuid4())


async def _read_body(receive: Receive) -> bytes:
    """The whole body, or the first part of one that is too large."""
    body = b""
    while len(body) <= BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


def _replay(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _refusal(scope: Scope, body: bytes, correlation_id: str) -> JSONResponse | None:
    if len(body) > BODY_BYTES_MAX:
        detail = f"a body has at most {BODY_BYTES_MAX} bytes"
        return problem_response(problems.problem(413, "BODY_TOO_LARGE", detail, correlation_id))
    if "\0" in scope["path"] or b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
        detail = "the address holds a NUL character"
        return problem_response(problems.problem(400, "MALFORMED_ADDRESS", detail, correlation_id))
    return None


def _not_admitted(scope: Scope, correlation_id: str) -> JSONResponse | None:
    """The refusal of whoever came past the front door; else the caller's address is in the scope's state."""
    request_context = scope.get("aws.event", {}).get("requestContext", {})
    seen = request_context.get("http", {}).get("sourceIp")
    if request_context.get("apiId") == ENGINE_API_ID:  # It comes through no door, and has asked the address itself.
        scope["state"]["source_address"] = seen
        return None
    try:
        scope["state"]["source_address"] = source_address(Headers(scope=scope), seen)
    except BreakwaterError as error:
        return error_response(error, correlation_id)
    return None


def _unexpected(correlation_id: str) -> JSONResponse:
    detail = "something went wrong on our side; the correlation id finds it in the logs"
    return problem_response(problems.problem(500, "INTERNAL", detail, correlation_id))


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _refuse_repeated_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a member is given twice")
    return value


def _check_strings(value: Any) -> None:
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate.
        if "\0" in value:
            raise ValueError("a string holds a NUL character")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_strings(name)
            _check_strings(member)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)
