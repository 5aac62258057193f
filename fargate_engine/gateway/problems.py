"""Errors as problem documents (RFC 9457)."""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import Histogram

from breakwater.errors import BreakwaterError, Unavailable
from fargate_engine import metrics

_LOG = logging.getLogger(__name__)

SERIES_KEPT_MAX = 256  # More than there are routes and what they answer.

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(status: int, code: str, message: str, **members: Any) -> web.Response:
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": message, **members}
    return web.Response(status=status, body=orjson.dumps(body, default=str), content_type="application/problem+json")


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No answer without a code, and no internals in any."""
    started = time.perf_counter()
    try:
        response = await handler(request)
    except BreakwaterError as error:
        response = problem(error.status, error.code, error.message, **error.extensions)
        if isinstance(error, Unavailable):
            response.headers["Retry-After"] = str(error.retry_after_s)
    except web.HTTPRequestEntityTooLarge:
        response = problem(413, "BODY_TOO_LARGE", "the body is larger than this endpoint takes")
    except web.HTTPException as error:
        response = problem(error.status, error.reason.upper().replace(" ", "_"), error.reason)
    except Exception:  # noqa: BLE001 - the edge: the caller gets an answer, the log gets the reason
        _LOG.exception("%s %s failed", request.method, request.path)
        response = problem(500, "INTERNAL_ERROR", "the engine could not do this")
    if isinstance(response, web.WebSocketResponse):
        return response  # It took as long as its client stayed.
    route = request.match_info.route.resource.canonical if request.match_info.route.resource else "unknown"
    _seconds_of(request.method, route, response.status).observe(time.perf_counter() - started)
    return response


@lru_cache(SERIES_KEPT_MAX)
def _seconds_of(method: str, route: str, status: int) -> Histogram:
    return metrics.REQUEST_SECONDS.labels(f"{method} {route}", str(status))
