"""The WebSocket channels over real sockets and real Postgres: who hears what, and what happens to bad clients."""

import asyncio
import itertools
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import psycopg
import pytest
import uvloop
from aiohttp import WSMsgType, web

from breakwater.db.connection import Database
from breakwater.db.engine_connection import engine_pool
from breakwater.domain.access_tokens import UserPool
from breakwater.domain.orders import Side
from breakwater.domain.permissions import Caller
from breakwater.services.api_keys import create_api_key, revoke_api_key
from fargate_engine.account_feed import AccountFeed
from fargate_engine.channels import connection as channel_connection
from fargate_engine.channels import server as channel_server
from fargate_engine.channels.callers import Callers
from fargate_engine.channels.server import ChannelServer
from fargate_engine.gateway.problems import problem_middleware
from fargate_engine.market_data import synthetic
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, MarketTrade
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import StartEngine
from tests.integration.identity.conftest import Firm, make_firm
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
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    opened = Database(lambda: database_urls.functions)
    yield opened
    opened.close()


@pytest.fixture
def firm(database: Database) -> Firm:
    return make_firm(database, "ours")


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


async def test_a_market_begins_with_its_book_and_goes_on_without_a_gap(channels: Channels, firm: Firm) -> None:
    async with channels.connect(firm) as client:
        snapshot = await client.ask("subscribe", **MARKET)
        assert (snapshot["type"], snapshot["sequence"], snapshot["venue"]) == ("snapshot", 1, "SIM")
        assert (snapshot["bids"], snapshot["asks"]) == ([["1.00", "0.0005"], ["0.99", "0.0007"]], [["1.01", "0.0004"]])
        sequence = snapshot["sequence"]
        for lots in range(1, 6):
            channels.market.apply(DepthDiff(bids=((100, lots),), asks=()), 2_000_000_000)
            update = await client.hear("update")
            assert update["previous_sequence"] == sequence
            sequence = update["sequence"]
        assert (update["bids"], sequence) == ([["1.00", "0.0005"]], 6)
        channels.market.apply(MarketTrade(Side.BUY, 101, 2), 3_000_000_000)
        trades = await client.hear("trades")
        assert (trades["lost"], trades["trades"][0]["price"], trades["trades"][0]["taker"]) == (0, "1.01", "BUY")


async def test_who_listens_no_more_hears_nothing_and_a_market_that_goes_says_so(channels: Channels, firm: Firm) -> None:
    async with channels.connect(firm) as client:
        await client.ask("subscribe", **MARKET)
        assert (await client.ask("unsubscribe", **MARKET))["type"] == "unsubscribed"
        channels.market.apply(DepthDiff(bids=((100, 9),), asks=()), 2_000_000_000)
        assert (await client.ask("unsubscribe", **MARKET))["code"] == "NOT_FOUND"
        await client.ask("subscribe", **MARKET)
        channels.hub.close("SIM", "ETH/USDT")
        assert (await client.hear("closed"))["symbol"] == "ETH/USDT"
        assert (await client.ask("subscribe", **MARKET))["code"] == "NOT_FOUND"


async def test_orders_begin_with_a_snapshot_and_a_client_that_was_away_gets_what_it_missed(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    tell(database_urls.admin, firm, account_id)
    async with channels.connect(firm) as client:
        snapshot = await client.ask("subscribe", channel="orders")
        assert (snapshot["type"], snapshot["sequence"], snapshot["items"]) == ("snapshot", 1, [])
        tell(database_urls.admin, firm, account_id)
        update = await client.hear("update")
        assert (update["previous_sequence"], update["sequence"]) == (1, 2)
        assert update["event"]["topic"] == "orders.OrderAccepted.v1"
    tell(database_urls.admin, firm, account_id, "limits.LimitBreached.v1")
    tell(database_urls.admin, firm, account_id)
    async with channels.connect(firm) as client:
        resumed = await client.ask("subscribe", channel="orders", account_id=str(account_id), since=2)
        assert (resumed["type"], resumed["sequence"]) == ("resumed", 2)
        update = await client.hear("update")
        assert (update["previous_sequence"], update["sequence"]) == (2, 4)  # Number 3 is of another channel.
        assert (await client.ask("subscribe", channel="orders", account_id=str(account_id), since=5))["code"] == (
            "INVALID_REQUEST"
        )


async def test_orders_and_positions_are_shown_as_they_stand(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.positions (account_id, symbol, tenant_id, quantity, average_price, updated_at)"
            " VALUES (%s, 'ETH/USDT', %s, 1.50, 2000, now())",
            (account_id, firm.tenant_id),
        )
        connection.execute(
            "INSERT INTO trading.orders (order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side,"
            " type, time_in_force, post_only, reduce_only, quantity, price, venue, status, cum_qty, leaves_qty,"
            " cum_notional, correlation_id, created_by, created_at, updated_at) VALUES (%s, %s, %s, 'mine', 'f',"
            " 'ETH/USDT', 'BUY', 'LIMIT', 'GTC', false, false, 0.50, 2000.00, 'SIM', 'PARTIALLY_FILLED', 0.20, 0.30,"
            " 400, 'c', 'trader', now(), now())",
            (uuid.uuid4(), firm.tenant_id, account_id),
        )
    async with channels.connect(firm) as client:
        (order,) = (await client.ask("subscribe", channel="orders", account_id=str(account_id)))["items"]
        assert (order["client_order_id"], order["quantity"], order["cum_qty"]) == ("mine", "0.50", "0.2")
        assert (order["avg_px"], order["status"]) == ("2000", "PARTIALLY_FILLED")
        (position,) = (await client.ask("subscribe", channel="positions", account_id=str(account_id)))["items"]
        assert (position["symbol"], position["quantity"]) == ("ETH/USDT", "1.5")
        tell(database_urls.admin, firm, account_id)
        tell(database_urls.admin, firm, account_id, "trades.TradeExecuted.v1")
        heard = [await client.hear("update") for _ in range(3)]
    numbers = sorted((each["channel"], each["sequence"]) for each in heard)
    assert numbers == [("orders", 1), ("orders", 2), ("positions", 2)]


async def test_positions_tell_of_a_fill_from_elsewhere(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    async with channels.connect(firm) as client:
        await client.ask("subscribe", channel="positions")
        await client.ask("subscribe", channel="orders")
        tell(database_urls.admin, firm, firm.account.account_id, "limits.ExternalFillBooked.v1", is_projected=False)
        tell(database_urls.admin, firm, firm.account.account_id, "trades.TradeExecuted.v1")
        heard = [await client.hear("update") for _ in range(3)]
    told = sorted((each["channel"], each["event"]["topic"]) for each in heard)
    assert told == [
        ("orders", "trades.TradeExecuted.v1"),
        ("positions", "limits.ExternalFillBooked.v1"),
        ("positions", "trades.TradeExecuted.v1"),
    ]


async def test_only_accounts_of_the_caller_are_told(channels: Channels, firm: Firm, database: Database) -> None:
    stranger = make_firm(database, "theirs")
    async with channels.connect(firm) as client:
        for account in (firm.other_account, stranger.account):
            answer = await client.ask("subscribe", channel="orders", account_id=str(account.account_id))
            assert (answer["type"], answer["code"]) == ("error", "NOT_FOUND")
    async with channels.connect(firm, "organisation_admin") as client:
        told = {(await client.ask("subscribe", channel="positions"))["account_id"], (await client.hear())["account_id"]}
        assert told == {str(firm.account.account_id), str(firm.other_account.account_id)}


async def test_who_cannot_be_believed_is_not_let_in(channels: Channels, firm: Firm) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"ApiKey bw_{'0' * 16}_{'x' * 43}"}):
        async with channels.session.get(channels.url, headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (401, "NOT_AUTHENTICATED")
    async with channels.session.ws_connect(f"{channels.url}?token={bearer(firm)[7:]}") as ws:
        assert (await Client(ws).ask("ping"))["type"] == "pong"  # A browser sends no header.


async def test_an_api_key_listens_as_its_scopes_allow_until_it_is_revoked(
    channels: Channels, firm: Firm, database: Database
) -> None:
    api_key = make_api_key(database, firm)
    headers = {"Authorization": f"ApiKey {api_key}"}
    async with channels.session.ws_connect(channels.url, headers=headers) as ws:
        client = Client(ws)
        assert (await client.ask("subscribe", channel="orders"))["type"] == "snapshot"
        assert (await client.ask("subscribe", channel="positions"))["code"] == "NOT_PERMITTED"
    async with channels.session.get(f"{channels.url}?token={api_key}") as response:
        assert response.status == 401  # An address is no place for a key.
    with database.tenant_transaction(firm.tenant_id) as tx:
        revoke_api_key(person(firm), tx, api_key.split("_")[1])
    async with channels.session.get(channels.url, headers=headers) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("not json", "Invalid JSON"),
        ("[1]", "object"),
        ('{"action": "dance"}', "tag"),
        ('{"action": "subscribe", "channel": "rumours"}', "markets"),
        ('{"action": "subscribe", "channel": "markets"}', "takes a symbol"),
        ('{"action": "subscribe", "channel": "orders", "symbol": "ETH/USDT"}', "takes an account_id"),
        ('{"action": "subscribe", "channel": "markets", "symbol": "ETH/USDT", "since": 3}', "since goes with"),
        ('{"action": "subscribe", "channel": "orders", "since": -1}', "greater than"),
        ('{"action": "subscribe", "channel": "orders", "colour": "red"}', "Extra inputs"),
    ],
)
async def test_what_is_not_understood_is_said_and_the_connection_lives(
    channels: Channels, firm: Firm, text: str, detail: str
) -> None:
    async with channels.connect(firm) as client:
        await client.ws.send_str(text)
        answer = await client.hear()
        assert (answer["type"], answer["code"]) == ("error", "INVALID_REQUEST")
        assert detail in answer["detail"]
        assert (await client.ask("ping"))["type"] == "pong"


async def test_who_talks_too_much_too_long_or_in_bytes_is_closed(channels: Channels, firm: Firm) -> None:
    async with channels.connect(firm) as client:
        for _ in range(3 * channel_server.MESSAGES_A_SECOND_MAX):
            await client.say("ping")
        assert await client.close_code() == 1008
    async with channels.connect(firm) as client:
        await client.ws.send_str("x" * (channel_server.MESSAGE_BYTES_MAX + 1))
        assert await client.close_code() == 1009
    async with channels.connect(firm) as client:
        await client.ws.send_bytes(b"{}")
        assert await client.close_code() == 1003


async def test_connections_and_subscriptions_are_bounded_and_free_again(
    channels: Channels, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_server, "CONNECTIONS_OF_CALLER_MAX", 1)
    monkeypatch.setattr(channel_server, "SUBSCRIPTIONS_MAX", 1)
    async with channels.connect(firm) as client:
        async with channels.session.get(channels.url, headers={"Authorization": bearer(firm)}) as response:
            assert (response.status, (await response.json())["code"]) == (429, "TOO_MANY_CONNECTIONS")
        await client.ask("subscribe", **MARKET)
        assert (await client.ask("subscribe", **MARKET))["type"] == "snapshot"  # Anew, in place of the first.
        assert (await client.ask("subscribe", channel="orders"))["code"] == "INVALID_REQUEST"
    await asyncio.sleep(0.1)
    async with channels.connect(firm) as client:
        assert (await client.ask("ping"))["type"] == "pong"
    monkeypatch.setattr(channel_server, "CONNECTIONS_MAX", 0)
    async with channels.session.get(channels.url, headers={"Authorization": bearer(firm)}) as response:
        assert response.status == 503


async def test_a_connection_ends_with_its_token_and_beats_until_then(
    channels: Channels, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with channels.connect(firm) as client:
        channels.server._send_heartbeats()
        assert (await client.hear("heartbeat"))["type"] == "heartbeat"
        monkeypatch.setattr(channel_server, "LIFETIME_S", -1.0)
        channels.server._send_heartbeats()
        assert (await client.hear("error"))["code"] == "NOT_AUTHENTICATED"
        assert await client.close_code() == 4401


async def test_a_client_that_does_not_read_is_cut_off_and_holds_nobody_up(
    channels: Channels, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_connection, "STALLED_MAX_S", 0.5)
    monkeypatch.setattr(channel_connection, "BUFFER_BYTES_MAX", 64 * 1024)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    address = (channels.url.split("/")[2].split(":")[0], int(channels.url.split(":")[2].split("/")[0]))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, address)
    subscribe = '{"action":"subscribe","channel":"markets","symbol":"ETH/USDT"}'
    await loop.sock_sendall(deaf, _handshake(firm) + _masked(subscribe))
    async with channels.connect(firm) as client:
        snapshot = await client.ask("subscribe", **MARKET)
        sequence, largest, steps = snapshot["sequence"], 0, 0
        async with asyncio.timeout(20):
            for timed in itertools.islice(synthetic.events(ETH, 1), 100_000):
                channels.market.apply(timed.event, timed.at_ns + 1)
                steps += 1
                if steps % 50 == 0:
                    update = await client.hear("update")
                    assert update["previous_sequence"] == sequence
                    sequence = update["sequence"]
                    waiting = [each._transport.get_write_buffer_size() for each in channels.server._open]
                    largest = max(largest, *waiting)
                    if len(channels.server._open) == 1 and steps > 500:
                        break
    assert len(channels.server._open) <= 1
    assert 64 * 1024 < largest < 512 * 1024  # It was full, and no fuller.
    deaf.close()


def _handshake(firm: Firm) -> bytes:
    return (
        "GET /channels HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: {bearer(firm)}\r\n\r\n"
    ).encode()


def _masked(text: str) -> bytes:
    """A client's text frame; the mask is zero."""
    assert len(text) < 126
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text.encode()


async def test_the_engine_serves_its_markets_and_accounts(
    start_engine: StartEngine, database_urls: DatabaseUrls, firm: Firm
) -> None:
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)  # As the engine runs.
    with served_jwk_set("first") as jwks_url:
        async with start_engine(user_pool=UserPool(ISSUER, jwks_url, CLIENT_ID)) as engine:
            headers = {"Authorization": bearer(firm)}
            async with engine.session.ws_connect("/channels", headers=headers) as ws:
                client = Client(ws)
                snapshot = await client.ask("subscribe", **MARKET)
                sequence = snapshot["sequence"]
                for _ in range(5):
                    update = await client.hear("update")
                    assert update["previous_sequence"] == sequence
                    sequence = update["sequence"]
                await client.say("subscribe", channel="orders")
                assert (await client.hear("snapshot"))["channel"] == "orders"
                told = {"tenant_id": str(firm.tenant_id), "account_id": str(firm.account.account_id)}
                await engine.submit(**told)
                async with asyncio.timeout(10):
                    while (heard := await client.hear("update"))["channel"] != "orders":
                        pass
                assert heard["event"]["account_id"] == told["account_id"]
