"""Requests for shards that another engine holds are passed on to it, once.

The header names the shards that the request is passed on for. Whoever finds it answers for exactly those: it passes
nothing on again, and an engine that has let one of them go meanwhile answers 503 instead of "no such order".
"""

from collections.abc import Collection
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from breakwater.domain.shards import SHARDS
from breakwater.errors import EngineUnavailable, InvalidRequest
from fargate_engine.gateway.tls import GatewayTls

ASKED_SHARDS = "X-Breakwater-Shards"
PASSED_ON = ("Authorization", "Content-Type", "X-Correlation-ID")
TIMEOUT = aiohttp.ClientTimeout(total=4, sock_connect=1)
CONNECTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    status: int
    body: bytes
    content_type: str
    retry_after: str | None

    def response(self) -> web.Response:
        response = web.Response(status=self.status, body=self.body, content_type=self.content_type)
        if self.retry_after is not None:
            response.headers["Retry-After"] = self.retry_after
        return response


class Peers:
    """The other engines. With TLS each is called at its address and shows a certificate of the engine's name."""

    def __init__(self, session: aiohttp.ClientSession, tls: GatewayTls | None = None, name: str = "") -> None:
        self._session = session
        self.tls = tls
        self._name = name

    async def ask(self, request: web.Request, address: str, shards: Collection[int]) -> PeerAnswer:
        """What the engine at `address` says to this request for these shards. EngineUnavailable if it says nothing."""
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        headers[ASKED_SHARDS] = ",".join(str(shard) for shard in sorted(shards))
        scheme = "http" if self.tls is None else "https"
        url = URL(f"{scheme}://{address}{request.raw_path}", encoded=True)
        body = await request.read()
        try:
            async with self._session.request(
                request.method,
                url,
                headers=headers,
                data=body,
                timeout=TIMEOUT,
                allow_redirects=False,
                ssl=(self.tls and self.tls.to_peers) or True,  # True: aiohttp's own, which http does not look at.
                server_hostname=self._name or None,
            ) as answer:
                retry_after = answer.headers.get("Retry-After")
                return PeerAnswer(answer.status, await answer.read(), answer.content_type, retry_after)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineUnavailable("the engine that holds the shard did not answer") from error


def asked_shards(request: web.Request) -> frozenset[int] | None:
    """The shards that another engine passed this request on for; None for a request that comes from elsewhere."""
    text = request.headers.get(ASKED_SHARDS)
    if text is None:
        return None
    shards = {shard_number(part) for part in text.split(",")}
    if None in shards:
        raise InvalidRequest(f"{ASKED_SHARDS} must be numbers of shards", field=ASKED_SHARDS)
    return frozenset(shard for shard in shards if shard is not None)


def shard_number(text: str) -> int | None:
    """None for what is not the number of a shard."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 2
    return int(text) if is_number and int(text) < SHARDS else None
