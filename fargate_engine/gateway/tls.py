"""The gateway's TLS, where it has one: its certificate changes while it serves, and who calls shows one too.

The handshake refuses a certificate that is not of our authorities, or is over. It lets those pass who show none, as the
balancer's health checks do; they are told whether the engine is well, and nothing else.
"""

import asyncio
import logging
import ssl
from typing import Any

from aiohttp import web

from breakwater.errors import NotAuthenticated, Unavailable
from breakwater.tls import BadIdentity, Identity, client_context, server_context
from fargate_engine import aws
from fargate_engine.gateway.problems import Handler

_LOG = logging.getLogger(__name__)

KEPT_S = 300.0
OPEN_PATHS = frozenset({"/health", "/health/ready"})


class GatewayTls:
    """The engine's certificate, read from its secret again and again. Connections keep what they were opened with.

    `server` is what a listener is given once: at each handshake it takes the context of that moment.
    """

    def __init__(self, secret_arn: str, client: Any = None) -> None:
        self._secret_arn = secret_arn
        self._client = client or aws.client("secretsmanager")
        self._identity: Identity | None = None
        self._now: ssl.SSLContext | None = None
        self.server: ssl.SSLContext | None = None
        self.to_peers: ssl.SSLContext | None = None

    async def read(self) -> ssl.SSLContext:
        """What a listener is given. Unavailable when the secret cannot be read; BadIdentity when it is not whole."""
        answer = await aws.call(self._client.get_secret_value, SecretId=self._secret_arn)
        identity = Identity.of(answer["SecretString"])
        if self.server is not None and identity == self._identity:
            return self.server
        context, to_peers = server_context(identity), client_context(identity)
        if self.server is None:
            self.server = context
            self.server.sni_callback = self._take_current
        self._now, self.to_peers, self._identity = context, to_peers, identity
        _LOG.info("the gateway's certificate was read")
        return self.server

    async def run(self) -> None:
        """For ever. A secret that cannot be read, or was written wrongly, changes nothing."""
        while True:
            await asyncio.sleep(KEPT_S)
            try:
                await self.read()
            except (Unavailable, BadIdentity) as error:
                _LOG.warning("the gateway's certificate stays as it is: %s", error)

    def _take_current(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # OpenSSL calls this for each handshake, also where the client names no server.
        if self._now is not None:
            connection.context = self._now


@web.middleware
async def certificate_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Who shows no certificate is asked nothing else than how the engine is."""
    transport = request.transport
    connection = transport.get_extra_info("ssl_object") if transport is not None else None
    if request.path not in OPEN_PATHS and not _has_shown_one(connection):
        raise NotAuthenticated("the engine takes requests with a client certificate alone")
    return await handler(request)


def _has_shown_one(connection: ssl.SSLObject | None) -> bool:
    """In this connection: one that goes on with a session shows that of before, which was not verified again.

    Below TLS 1.3 OpenSSL keeps sessions without being asked, and Python cannot tell it not to.
    """
    return connection is not None and not connection.session_reused and connection.getpeercert() is not None
