"""The WebSocket channels over real sockets and real Postgres, and a client that listens to them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import psycopg
import pytest
from aiohttp import WSMsgType, web

from breakwater.db.connection import Database
from breakwater.db.engine_connection import engine_pool
from breakwater.domain.access_tokens import UserPool
from breakwater.domain.permissions import Caller
from breakwater.services.api_keys import create_api_key
from fargate_engine.account_feed import AccountFeed
from fargate_engine.channels.callers import Callers
from fargate_engine.channels.server import ChannelServer
from fargate_engine.gateway.problems import problem_middleware
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthSnapshot
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.unit.fargate_engine.orders import ETH
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, served_jwk_set, token

SNAPSHOT = DepthSnapshot(bids=((100, 5), (99, 7)), asks=((101, 4),))
MARKET = {"channel": "markets", "symbol": "ETH/USDT"}


class Client:
    """Reads with a time-out: what does not come is a failure, not a hang."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def say(self, action: str, **members: Any) -> None:
        await self.ws.send_json({"action": action, **members})

    async def hear(self, *kinds: str) -> dict[str, Any]:
        """The next message of these kinds; heartbeats and others are passed over."""
        async with asyncio.timeout(10):
            while True:
                message = await self.ws.receive_json()
                if not kinds or message["type"] in kinds:
                    heard: dict[str, Any] = message
                    return heard

    async def ask(self, action: str, **members: Any) -> dict[str, Any]:
        await self.say(action, **members)
        return await self.hear()

    async def close_code(self) -> int | None:
        async with asyncio.timeout(10):
            while (await self.ws.receive()).type not in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING}:
                pass
        return self.ws.close_code


class Channels:
    """The server of the channels with its database and a hub that the test writes."""

    def __init__(self, server: ChannelServer, hub: MarketHub, url: str, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.hub = hub
        self.url = url
        self.session = session
        self.market = hub.open("SIM", ETH)
        self.market.apply(SNAPSHOT, 1_000_000_000)

    @asynccontextmanager
    async def connect(self, firm: Firm, role: str = "trader", **claims: Any) -> AsyncIterator[Client]:
        async with self.session.ws_connect(self.url, headers={"Authorization": bearer(firm, role, **claims)}) as ws:
            yield Client(ws)


def bearer(firm: Firm, role: str = "trader", **claims: Any) -> str:
    user = firm.trader if role == "trader" else firm.admin
    groups = [f"org:{firm.tenant_id}", f"role:{role}"]
    return f"Bearer {token(**{'sub': user.subject, 'cognito:groups': groups} | claims)}"


@pytest.fixture
async def channels(database_urls: DatabaseUrls) -> AsyncIterator[Channels]:
    hub = MarketHub()
    server = ChannelServer(hub)
    app = web.Application(middlewares=[problem_middleware])
    app.add_routes([web.get("/channels", server.handle)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    with served_jwk_set("first") as jwks_url:
        async with engine_pool(database_urls.engine) as pool, aiohttp.ClientSession() as session:
            server.pool, server.feed = pool, AccountFeed(pool)
            server.callers = Callers(UserPool(ISSUER, jwks_url, CLIENT_ID), pool)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0]
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(server.run()), tasks.create_task(server.feed.run())]
                yield Channels(server, hub, f"http://{host}:{port}/channels", session)
                for task in running:
                    task.cancel()
                await runner.cleanup()


def person(firm: Firm) -> Caller:
    return Caller(firm.tenant_id, firm.trader.subject, "t", "trader", frozenset({"session"}), correlation_id="c")


def make_api_key(database: Database, firm: Firm) -> str:
    """One that may trade."""
    with database.tenant_transaction(firm.tenant_id) as tx:
        _, api_key = create_api_key(
            person(firm),
            tx,
            name="bot",
            scopes=["trade"],
            ip_allow=[],
            expires_at=None,
            encrypt=lambda *_: b"",
            at=datetime.now(UTC),
        )
    assert api_key is not None
    return api_key


def tell(
    conninfo: str,
    firm: Firm,
    account_id: uuid.UUID,
    topic: str = "orders.OrderAccepted.v1",
    *,
    is_projected: bool = True,
) -> None:
    """An event of the account, numbered as the relay would, and noted as the projections would."""
    event = {"event": uuid.uuid4(), "topic": topic, "tenant": firm.tenant_id, "account": account_id}
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "WITH event AS (INSERT INTO trading.events VALUES (%(event)s, %(topic)s, %(tenant)s, %(account)s,"
            " %(event)s, 'c', 5, '{}') RETURNING event_id)"
            " INSERT INTO trading.account_feed SELECT %(account)s, (SELECT coalesce(max(sequence), 0) + 1"
            " FROM trading.account_feed WHERE account_id = %(account)s), event_id, %(tenant)s FROM event",
            event,
        )
        if is_projected:
            connection.execute("INSERT INTO trading.inbox VALUES ('projections', %(event)s)", event)
