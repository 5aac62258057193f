"""The WebSocket channels: what happens to clients that talk too much, come too often or do not listen."""

import asyncio
import itertools
import socket

import pytest

from fargate_engine.channels import connection as channel_connection
from fargate_engine.channels import server as channel_server
from fargate_engine.market_data import synthetic
from tests.integration.fargate_engine.channel_scene import (
    MARKET,
    Channels,
    bearer,
    channels,
)
from tests.integration.identity.conftest import Firm, database, firm
from tests.support.exchange_scene import until
from tests.unit.fargate_engine.orders import ETH

__all__ = ["channels", "database", "firm"]  # Fixtures.


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
    await until(lambda: not channels.server._open)
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
