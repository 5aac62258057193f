"""A WebSocket of the dialect: one writer with a bounded queue, so that nobody waits for a client that does not read."""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

_LOG = logging.getLogger(__name__)

WAITING_MAX = 4_096  # Messages to one client that wait to be sent,
WAITING_CHARACTERS_MAX = 4 * 1024 * 1024  # and their characters: an answer may have some 150,000 of them.
SEND_TIMEOUT_S = 10.0
HEARTBEAT_S = 20.0
MESSAGE_BYTES_MAX = 16 * 1024
MESSAGES_A_SECOND_MAX = 100
CONNECTIONS_OF_ADDRESS_MAX = 300
CONNECTIONS_MAX = 2_000


class TooManyConnections(Exception):
    """Of this address, or in all."""


class Connections:
    """How many are open, and of whom."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, address: str) -> Iterator[None]:
        if self._open[address] >= CONNECTIONS_OF_ADDRESS_MAX or self._open.total() >= CONNECTIONS_MAX:
            raise TooManyConnections
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if self._open[address] == 0:
                del self._open[address]


class Connection:
    """What is sent waits in order, and not for ever."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._waiting: deque[str] = deque()
        self._characters = 0  # Of these.
        self._arrived = asyncio.Event()
        self._is_dropped = False

    def send(self, text: str) -> None:
        """Drops the client when too much waits for it already. One message alone may be of any length."""
        if len(self._waiting) >= WAITING_MAX or self._characters >= WAITING_CHARACTERS_MAX:
            self.drop()
        elif not self._is_dropped:
            self._waiting.append(text)
            self._characters += len(text)
            self._arrived.set()

    def send_document(self, document: Any) -> None:
        self.send(orjson.dumps(document).decode())

    def drop(self) -> None:
        self._is_dropped = True
        self._waiting.clear()
        self._characters = 0
        self._arrived.set()

    async def messages(self) -> AsyncIterator[Any]:
        """What the client says, as JSON; None for what is none. Ends with the connection, or when it talks too much."""
        loop = asyncio.get_running_loop()
        second, said = 0, 0
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text messages only")
                return
            second, said = (second, said + 1) if second == int(loop.time()) else (int(loop.time()), 1)
            if said > MESSAGES_A_SECOND_MAX:
                await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                return
            try:
                yield orjson.loads(message.data)
            except orjson.JSONDecodeError:
                yield None

    async def write(self) -> None:
        """Until the connection ends. TimeoutError when the client does not take what it is sent."""
        while not self._socket.closed:
            await self._arrived.wait()
            if self._is_dropped:
                raise TimeoutError("the client does not read")
            if not self._waiting:
                self._arrived.clear()
                continue
            text = self._waiting.popleft()
            self._characters -= len(text)
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._socket.send_str(text)


@asynccontextmanager
async def connected(request: web.Request) -> AsyncIterator[tuple[web.WebSocketResponse, Connection]]:
    """A connection with its writer. Closed, and its client cut off, when it ends."""
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES_MAX, compress=False)
    await socket.prepare(request)
    connection = Connection(socket)
    writing = asyncio.create_task(_write_or_cut(connection, request))
    try:
        yield socket, connection
    except Exception:  # noqa: BLE001 - the edge: the client is cut off, and no HTTP answer goes into its stream
        _LOG.exception("a connection failed in a way nobody foresaw")
        _cut(request)
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing


async def _write_or_cut(connection: Connection, request: web.Request) -> None:
    try:
        await connection.write()
    except TimeoutError:
        _cut(request)
    except ConnectionError:
        return  # It is over, or is being closed: cut now, the client would lose the reason.


def _cut(request: web.Request) -> None:
    """Not closed politely: that would wait for the client as well."""
    if request.transport is not None:
        request.transport.abort()
