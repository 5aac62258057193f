"""The WebSockets of the exchange dialect: bounded, and a client that does not read costs nobody anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from fargate_engine.binance import connection
from fargate_engine.binance.connection import WAITING_CHARACTERS_MAX, Connections, TooManyConnections, connected

PIECE = "x" * 65_536
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@asynccontextmanager
async def serving(port: int, pieces: int) -> AsyncIterator[asyncio.Event]:
    """A server that says so many pieces to whoever comes, all at once; the event tells that somebody was let go."""
    let_go = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        async with connected(request) as (socket, client):
            for _ in range(pieces):
                client.send(PIECE)
            async for _ in client.messages():
                pass
        let_go.set()
        return socket

    app = web.Application()
    app.add_routes([web.get("/", handle)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield let_go
    finally:
        await runner.cleanup()


async def test_a_client_that_reads_gets_all_that_may_wait_for_it(unused_tcp_port: int) -> None:
    pieces = WAITING_CHARACTERS_MAX // len(PIECE)
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    async with serving(unused_tcp_port, pieces), aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert [await socket.receive_str(timeout=10) for _ in range(pieces)] == [PIECE] * pieces


async def test_a_client_for_which_too_much_waits_is_cut_off_at_once(unused_tcp_port: int) -> None:
    """Not only when it has taken nothing for as long as a message may take."""
    async with serving(unused_tcp_port, WAITING_CHARACTERS_MAX // len(PIECE) + 1) as let_go:
        _, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port, limit=1)
        writer.write(HANDSHAKE)
        await asyncio.wait_for(let_go.wait(), connection.SEND_TIMEOUT_S / 2)
        writer.close()


@pytest.mark.parametrize(
    ("bounds", "addresses"),
    [({"CONNECTIONS_OF_ADDRESS_MAX": 1}, ("a", "a")), ({"CONNECTIONS_MAX": 1}, ("a", "b"))],
)
def test_connections_are_bounded_by_address_and_in_all_and_free_again(
    monkeypatch: pytest.MonkeyPatch, bounds: dict[str, int], addresses: tuple[str, str]
) -> None:
    for name, number in bounds.items():
        monkeypatch.setattr(connection, name, number)
    connections = Connections()
    first, second = addresses
    with connections.one_more(first), pytest.raises(TooManyConnections), connections.one_more(second):
        pass
    with connections.one_more(second):
        pass
