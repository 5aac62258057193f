"""GET /channels: the WebSocket channels of markets, orders and positions."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from breakwater.db.channels import accessible_accounts, applied_sequence, newest_orders, positions_of, those_who_stand
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.permissions import PERMISSIONS_KNOWN_S, Principal
from breakwater.errors import (
    BreakwaterError,
    EngineUnavailable,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Rejection,
    Unavailable,
)
from fargate_engine import metrics
from fargate_engine.account_feed import AccountFeed
from fargate_engine.bell import Bell
from fargate_engine.channels import messages
from fargate_engine.channels.callers import Callers
from fargate_engine.channels.connection import EXPIRED, AccountPlace, Connection, account_key, market_key
from fargate_engine.channels.frames import json_frame
from fargate_engine.channels.messages import AccountChannel, Json, Ping, Subscribe, Unsubscribe
from fargate_engine.gateway.addresses import peer_address
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.updates import Topic

FLUSH_S = 0.01  # So long news of a market wait for each other at most.
PAUSE_S = 0.001  # At least, when telling took longer than that.
SLICE_S = 0.002  # Then orders have their turn between two connections.
HEARTBEAT_S = 15.0
LIFETIME_S = 3600.0
CONNECTIONS_MAX = 500
CONNECTIONS_OF_CALLER_MAX = 10
UNKNOWN_MAX = 200  # Not authenticated yet.
UNKNOWN_OF_ADDRESS_MAX = 10
SUBSCRIPTIONS_MAX = 100
ACCOUNTS_AT_ONCE_MAX = 20
MESSAGE_BYTES_MAX = 4 * 1024
MESSAGES_A_SECOND_MAX = 20
SNAPSHOT_ROWS_MAX = 200
LAG_EVENTS_MAX = 20_000  # Of an account: minutes of its events that the projections have not taken yet.
BEGINNING = "beginning of a channel"


class TooManyConnections(Rejection):
    status = 429
    code = "TOO_MANY_CONNECTIONS"


class ChannelServer:
    """`pool`, `feed` and `callers` are there once the engine has its database."""

    def __init__(self, hub: MarketHub) -> None:
        self.pool: EnginePool | None = None
        self.feed: AccountFeed | None = None
        self.callers: Callers | None = None
        self.address_of: Callable[[web.Request], str] = peer_address  # The gateway knows better behind a balancer.
        self._hub = hub
        self._due: Bell[Connection] = Bell()
        self._open: dict[Connection, None] = {}
        self._of_caller: Counter[tuple[uuid.UUID, str]] = Counter()
        self._unknown_of_address: Counter[str] = Counter()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_for_ever())
            tasks.create_task(self._part_with_changed())

    async def _tell_for_ever(self) -> None:
        """Tell every connection what is new for it, all at the same moments, so that they share the work."""
        loop = asyncio.get_running_loop()
        heartbeat_at = loop.time() + HEARTBEAT_S
        while True:
            await self._wait_until(heartbeat_at)
            now = loop.time()
            if now >= heartbeat_at:
                heartbeat_at = now + HEARTBEAT_S
                self._send_heartbeats()
            await self._tell(self._due.answer())
            await asyncio.sleep(max(FLUSH_S - (loop.time() - now), PAUSE_S))

    async def _tell(self, connections: list[Connection]) -> None:
        """All take at one moment, so that all get the same; then each is written to, with turns for orders between."""
        loop = asyncio.get_running_loop()
        for connection in connections:
            connection.collect()
        turn_began = loop.time()
        for connection in connections:
            connection.flush()
            if loop.time() - turn_began > SLICE_S:
                await asyncio.sleep(0)
                turn_began = loop.time()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Authorization as the HTTP API has it, or an access token in the query where a browser can send no header.

        An API key may not come that way: addresses are written into logs, and a key lives for long.
        """
        in_query = f"Bearer {request.query.get('token', '')}"
        address = self.address_of(request)
        who = await self._authenticate(request.headers.get("Authorization") or in_query, address)
        who.check_use(address or None, int(time.time()))
        who.require_second_factor()
        self._check_room(who)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES_MAX, compress=False)
        await socket.prepare(request)
        if request.transport is None:
            return socket  # It is gone already.
        async with self._opened(Connection(who, address, request.transport, self._due)) as connection:
            await self._listen(socket, connection)
        return socket

    async def _authenticate(self, authorization: str, address: str) -> Principal:
        """Whoever is not known yet is one of few: of an address, and of all."""
        if self.callers is None:
            raise EngineUnavailable("the engine is starting")
        if self._unknown_of_address.total() >= UNKNOWN_MAX:
            raise EngineUnavailable("too many callers are to be believed at once")
        if self._unknown_of_address[address] >= UNKNOWN_OF_ADDRESS_MAX:
            raise TooManyConnections(f"{UNKNOWN_OF_ADDRESS_MAX} callers of your address are being authenticated")
        self._unknown_of_address[address] += 1
        try:
            return await self.callers.authenticate(authorization)
        finally:
            self._unknown_of_address[address] -= 1
            if self._unknown_of_address[address] == 0:
                del self._unknown_of_address[address]

    @asynccontextmanager
    async def _opened(self, connection: Connection) -> AsyncIterator[Connection]:
        caller = (connection.who.tenant_id, connection.who.subject)
        self._open[connection] = None
        self._of_caller[caller] += 1
        metrics.CHANNEL_CONNECTIONS.set(len(self._open))
        try:
            yield connection
        finally:
            connection.leave()
            self._due.forget(connection)
            del self._open[connection]
            self._of_caller[caller] -= 1
            if self._of_caller[caller] == 0:
                del self._of_caller[caller]
            metrics.CHANNEL_CONNECTIONS.set(len(self._open))

    async def _listen(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        second, said = 0, 0
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text messages only")
                return
            now = int(time.monotonic())
            second, said = (second, said + 1) if second == now else (now, 1)
            if said > MESSAGES_A_SECOND_MAX:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many messages")
                return
            try:
                self._check_time(connection)
                await self._obey(connection, message.data)
            except NotAuthenticated as error:
                await socket.close(code=EXPIRED, message=error.message.encode())
                return
            except ValidationError as error:
                connection.send(messages.error("INVALID_REQUEST", _first_problem(error)))
            except BreakwaterError as error:
                connection.send(messages.error(error.code, error.message, **error.extensions))

    async def _obey(self, connection: Connection, text: str) -> None:
        match messages.REQUESTS.validate_json(text):
            case Ping():
                connection.send({"type": "pong"})
            case Subscribe(channel="markets") as wanted:
                self._subscribe_market(connection, wanted)
            case Subscribe(channel="orders" | "positions" as channel) as wanted:
                for account_id in await self._accounts(connection, channel, wanted.account_id):
                    await self._subscribe_account(connection, channel, account_id, wanted.since)
            case Unsubscribe() as unwanted:
                self._unsubscribe(connection, unwanted)

    def _subscribe_market(self, connection: Connection, wanted: Subscribe) -> None:
        key = market_key(*wanted.market)
        market = self._hub.get(*wanted.market)
        if market is None:
            raise NotFound(f"this engine has no market {wanted.symbol} of {wanted.market[0]}")
        self._make_room(connection, key)
        subscription = market.subscribe([Topic.BOOK, Topic.TRADES], connection)
        state = market.begin(subscription, messages.SNAPSHOT_LEVELS_MAX)
        connection.send_frame(state.wire(BEGINNING, lambda: json_frame(messages.market_snapshot(market, state))))
        connection.add_market(key, subscription)

    async def _accounts(
        self, connection: Connection, channel: AccountChannel, account_id: uuid.UUID | None
    ) -> list[uuid.UUID]:
        """NotPermitted without the channel's permission, NotFound for an account that is not the caller's to see."""
        connection.who.require(messages.PERMISSION_OF_CHANNEL[channel])
        async with pooled(self._ready_pool()) as database:
            accessible = await accessible_accounts(database, connection.who)
        if account_id is not None:
            if account_id not in accessible:
                raise NotFound("no such account")
            return [account_id]
        if not 0 < len(accessible) <= ACCOUNTS_AT_ONCE_MAX:
            raise InvalidRequest("name one account_id", field="account_id")
        return accessible

    async def _subscribe_account(
        self, connection: Connection, channel: AccountChannel, account_id: uuid.UUID, since: int | None
    ) -> None:
        if self.feed is None:
            raise EngineUnavailable("the engine is starting")
        key = account_key(channel, account_id)
        self._make_room(connection, key)
        # The place in the feed comes before the rows: an event between the two is told twice, and not missed.
        after = await self._applied(connection.who.tenant_id, account_id) if since is None else since
        subscription = await self.feed.subscribe(connection.who.tenant_id, account_id, after, connection)
        try:
            answer = await self._account_answer(channel, after, account_id, connection.who, since)
        except BaseException:
            subscription.close()
            raise
        connection.send(answer)
        connection.add_account(key, AccountPlace(channel, subscription, answer["sequence"]))

    async def _applied(self, tenant_id: uuid.UUID, account_id: uuid.UUID) -> int:
        """How far the rows are, which follow the feed: what they lack is told after them, however much that is."""
        async with pooled(self._ready_pool()) as database:
            sequence = await applied_sequence(database, tenant_id, account_id, LAG_EVENTS_MAX)
        if sequence is None:
            raise EngineUnavailable("orders and positions are far behind the events; resume from a sequence, or wait")
        return sequence

    async def _account_answer(
        self, channel: AccountChannel, sequence: int, account_id: uuid.UUID, who: Principal, since: int | None
    ) -> Json:
        if since is not None:
            return messages.account_message("resumed", channel, account_id, since)
        async with pooled(self._ready_pool()) as database:
            if channel == "orders":
                orders = await newest_orders(database, who.tenant_id, account_id, SNAPSHOT_ROWS_MAX)
                items = messages.shown_orders(account_id, orders)
            else:
                positions = await positions_of(database, who.tenant_id, account_id, SNAPSHOT_ROWS_MAX)
                items = messages.shown_positions(positions)
        return messages.account_message(
            "snapshot", channel, account_id, sequence, items=items, is_complete=len(items) < SNAPSHOT_ROWS_MAX
        )

    def _unsubscribe(self, connection: Connection, unwanted: Unsubscribe) -> None:
        if unwanted.channel == "markets":
            key = market_key(*unwanted.market)
        elif unwanted.account_id is None:
            raise InvalidRequest("name the account_id", field="account_id")
        else:
            key = account_key(unwanted.channel, unwanted.account_id)
        if not connection.remove(key):
            raise NotFound("there is no such subscription")
        connection.send({"type": "unsubscribed", **unwanted.model_dump(mode="json", exclude={"action"})})

    def _make_room(self, connection: Connection, key: tuple[str, str, str]) -> None:
        """A second subscription to the same begins anew in place of the first."""
        if not connection.remove(key) and len(connection) >= SUBSCRIPTIONS_MAX:
            raise InvalidRequest(f"a connection has at most {SUBSCRIPTIONS_MAX} subscriptions", field="channel")

    def _check_room(self, who: Principal) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            raise EngineUnavailable("this engine has as many connections as it can")
        if self._of_caller[who.tenant_id, who.subject] >= CONNECTIONS_OF_CALLER_MAX:
            raise TooManyConnections(f"you have {CONNECTIONS_OF_CALLER_MAX} connections already; close one first")

    def _check_time(self, connection: Connection) -> None:
        connection.who.check_use(connection.address or None, int(time.time()))
        if time.monotonic() - connection.since > LIFETIME_S:
            raise NotAuthenticated("a connection lives for an hour; connect again")

    def _send_heartbeats(self) -> None:
        """Also the moment at which those whose time is over are let go, whether they say something or not."""
        for connection in list(self._open):
            try:
                self._check_time(connection)
            except NotAuthenticated as error:
                connection.send(messages.error(error.code, error.message))
                connection.end()
            else:
                connection.send({"type": "heartbeat"})

    async def _part_with_changed(self) -> None:
        """For ever: let those go whose key, role or accounts are not what they were. They may connect again."""
        while True:
            await asyncio.sleep(PERMISSIONS_KNOWN_S)
            connections = list(self._open)
            if not connections:
                continue
            try:
                async with pooled(self._ready_pool()) as database:
                    stand = await those_who_stand(database, [connection.who for connection in connections])
            except Unavailable:
                continue  # Nobody can tell; nor is there anything new in the feeds.
            for connection, stands in zip(connections, stand, strict=True):
                if not stands:
                    connection.send(messages.error(NotAuthenticated.code, "your permissions have changed"))
                    connection.end()

    async def _wait_until(self, at: float) -> None:
        try:
            async with asyncio.timeout_at(at):
                await self._due.wait()
        except TimeoutError:
            return

    def _ready_pool(self) -> EnginePool:
        if self.pool is None:
            raise EngineUnavailable("the engine is starting")
        return self.pool


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}" if field else str(first["msg"])
