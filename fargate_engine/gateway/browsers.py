"""What browsers are told: security headers on every answer, and whose pages may read it (CORS)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from breakwater.domain.security_headers import SECURITY_HEADERS

ALLOWED_ORIGINS = web.AppKey("allowed_origins", frozenset[str])
METHODS = "GET, POST, PUT, DELETE"
HEADERS = "Authorization, Content-Type, X-MBX-APIKEY"
PREFLIGHT_KEPT_S = 600

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Of every answer, of an upgrade to a WebSocket as well. Cookies are never allowed: keys and tokens are headers."""
    response.headers.update(SECURITY_HEADERS)
    response.headers["Vary"] = "Origin"  # Always, or a cache would give one origin what was said to another.
    origin = request.headers.get("Origin")
    if origin is not None and origin in request.app[ALLOWED_ORIGINS]:
        response.headers["Access-Control-Allow-Origin"] = origin


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser's question before the request itself. An origin that is not listed gets the answer of any OPTIONS."""
    is_asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not is_asked or request.headers.get("Origin") not in request.app[ALLOWED_ORIGINS]:
        return await handler(request)
    allowed = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_KEPT_S),
    }
    return web.Response(status=204, headers=allowed)
