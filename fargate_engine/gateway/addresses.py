"""Who is asking."""

from aiohttp import web

NOBODY = ""


def peer_address(request: web.Request) -> str:
    return request.remote or NOBODY


def forwarded_address(request: web.Request) -> str:
    """Behind a balancer: the last entry is the one that it added itself, the others are what the client says."""
    return ",".join(request.headers.getall("X-Forwarded-For", [])).rpartition(",")[2].strip() or NOBODY
