"""Book updates through normalisation to WebSocket subscribers: from a raw message to the bytes at the client.

The exchange's recorded depth messages (else the synthetic market's, written as Binance would) are read, joined and
applied as a venue's socket does it, at a fixed pace; 100 clients listen to all 20 markets over loopback, in a process
of their own, and one more never reads. An update is a new quantity of one price level. Every update counts, also one
that was merged with later ones: its time is that of the message which told of it.

    python -m tests.benchmarks.market_data serve PORT     (what `run` starts beside the clients)
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import orjson
import psutil
import uvloop
from aiohttp import web

from breakwater.db.engine_connection import EngineConnection, EnginePool
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import format_amount
from breakwater.domain.permissions import Principal
from fargate_engine.channels import server as channel_server
from fargate_engine.channels.callers import Callers
from fargate_engine.channels.server import ChannelServer
from fargate_engine.market_data import recording, synthetic
from fargate_engine.market_data.depth_synchroniser import BinanceDepth
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, Levels
from tests.benchmarks.figures import Figure, percentile

SYMBOLS = 20
SUBSCRIBERS = 100
READERS = 3  # Of them: whose messages are looked into.
UPDATES_A_SECOND = 50_000
SECONDS = 8.0
WARM_UP_S = 2.0
TURN_S = 0.002
START_TIMEOUT_S = 60
GOAL_MS = 20.0
LOG = "binance_ws/spot_ethusdt_20240808.gz"
_HEADER_BYTES_MAX = 10


def run() -> list[Figure]:
    port = _free_port()
    command = [sys.executable, "-m", "tests.benchmarks.market_data", "serve", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            readers, received_bytes = uvloop.run(_listen(port, server))
            output, _ = server.communicate(timeout=START_TIMEOUT_S)
        finally:
            server.kill()
    told = json.loads(output)
    latencies_ms = sorted(_latencies_ms(readers, told["times_ns"], told["measured_from_ns"]))
    p50_ms, p99_ms = percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99)
    return [
        Figure(
            f"{told['updates_a_second']:,.0f} book updates/s to {SUBSCRIBERS} WebSockets of {SYMBOLS} markets each",
            f"p99 < {GOAL_MS:.0f} ms at {UPDATES_A_SECOND:,}/s",
            p50_ms,
            p99_ms,
            f"from the raw message to the socket, {len(latencies_ms):,} of them in {told['messages_a_second']:,.0f} "
            f"messages/s of {told['source']}; {received_bytes / SECONDS / 1e6:,.0f} MB/s to the clients; "
            f"server {told['cpu_percent']:.0f} % of a core",
            p99_ms < GOAL_MS and told["updates_a_second"] > 0.95 * UPDATES_A_SECOND,
        ),
        Figure(
            "memory of that server, one more subscriber never reads",
            "bounded",
            None,
            None,
            f"{told['rss_mib']:.0f} MiB, {told['grown_mib']:+.1f} MiB in {SECONDS:.0f} s; at most "
            f"{told['waiting_kib_max']:,.0f} KiB waited for the one that never reads",
            told["grown_mib"] < 64,
        ),
    ]


# The server ----------------------------------------------------------------------------------------------------------


class _Everybody(Callers):
    """Who the token says it is: callers cost a database, and are not what is measured."""

    async def authenticate(self, authorization: str) -> Principal:
        return Principal(uuid.UUID(int=1), authorization, authorization, "trader", frozenset({"session"}))


class _Server:
    def __init__(self) -> None:
        self.hub = MarketHub()
        self.channels = ChannelServer(self.hub)
        self.channels.pool = EnginePool("", connection_class=EngineConnection, open=False)
        self.channels.callers = _Everybody(None, self.channels.pool)
        self.source, snapshot, self.diffs = _messages()
        self.markets = []
        for number in range(SYMBOLS):
            market = self.hub.open("SIM", _instrument(number))
            synchroniser = BinanceDepth(market.instrument)
            for event in synchroniser.snapshot(snapshot):
                market.apply(event, time.time_ns())
            self.markets.append((market, synchroniser))
        self.times_ns: list[dict[int, int]] = [{} for _ in self.markets]  # Of each update id.
        self.updates = self.messages = 0
        self.waiting_bytes_max = 0

    async def feed(self, seconds: float) -> None:
        """At the pace, in small turns, each message with the time at which it was due."""
        loop = asyncio.get_running_loop()
        began = turn_began = loop.time()
        first = self.updates
        for raw, levels in self.diffs:
            for number, (market, synchroniser) in enumerate(self.markets):
                ahead_s = (self.updates - first) / UPDATES_A_SECOND - (loop.time() - began)
                if ahead_s > 0 or loop.time() - turn_began > TURN_S:
                    await asyncio.sleep(max(ahead_s, 0))  # As a socket would: others have their turn between.
                    turn_began = loop.time()
                arrived_ns = time.monotonic_ns()
                for event in synchroniser.diff(orjson.loads(raw)):
                    market.apply(event, time.time_ns())
                self.times_ns[number][market.update_id] = arrived_ns
                self.updates += levels
                self.messages += 1
            waiting = [each._transport.get_write_buffer_size() for each in self.channels._open]
            self.waiting_bytes_max = max(self.waiting_bytes_max, *waiting, 0)
            if loop.time() - began > seconds:
                return


async def _serve(port: int) -> None:
    server = _Server()
    app = web.Application()
    app.add_routes([web.get("/channels", server.channels.handle)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    telling = asyncio.create_task(server.channels.run())
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # When all clients have come.
    async with asyncio.timeout(START_TIMEOUT_S):
        while sum(map(len, server.channels._open)) < (SUBSCRIBERS + 1) * SYMBOLS:
            await asyncio.sleep(0.05)
    print("subscribed", flush=True)
    process = psutil.Process()
    await server.feed(WARM_UP_S)
    rss, cpu_s, began = process.memory_info().rss, sum(process.cpu_times()[:2]), time.monotonic()
    updates, messages, measured_from_ns = server.updates, server.messages, time.monotonic_ns()
    await server.feed(SECONDS)
    took_s = time.monotonic() - began
    grown = process.memory_info().rss - rss
    told = {
        "source": server.source,
        "updates_a_second": (server.updates - updates) / took_s,
        "messages_a_second": (server.messages - messages) / took_s,
        "cpu_percent": (sum(process.cpu_times()[:2]) - cpu_s) / took_s * 100,
        "rss_mib": process.memory_info().rss / 2**20,
        "grown_mib": grown / 2**20,
        "waiting_kib_max": server.waiting_bytes_max / 1024,
        "measured_from_ns": measured_from_ns,
        "times_ns": [{str(each): at_ns for each, at_ns in of_one.items()} for of_one in server.times_ns],
    }
    await asyncio.sleep(0.2)
    if telling.done():
        telling.result()  # It ends only when something is wrong.
    telling.cancel()
    await runner.cleanup()
    print(json.dumps(told), flush=True)


def _messages() -> tuple[str, dict[str, Any], Iterator[tuple[bytes, int]]]:
    """Where they are from, a snapshot, and the diffs that continue it with the number of their levels."""
    folder = Path(os.environ.get("BREAKWATER_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (folder / LOG).is_file():
        snapshot, diffs = _synthetic_messages()
        return "the synthetic market", snapshot, diffs
    lines = [message for _, message in recording.read_lines(folder / LOG)]
    snapshot = next(line for line in lines if "lastUpdateId" in line)
    depths = [line["data"] for line in lines if line.get("data", {}).get("e") == "depthUpdate"]
    later = [depth for depth in depths if depth["u"] > snapshot["lastUpdateId"]]
    return "a recorded log", snapshot, ((orjson.dumps(each), len(each["b"]) + len(each["a"])) for each in later)


def _synthetic_messages() -> tuple[dict[str, Any], Iterator[tuple[bytes, int]]]:
    instrument = _instrument(0)
    events = (timed.event for timed in synthetic.events(instrument, 1))
    first = next(events)
    assert isinstance(first, DepthSnapshot)

    def rows(levels: Levels) -> list[list[str]]:
        return [[format_amount(instrument.price(p)), format_amount(instrument.quantity(q))] for p, q in levels]

    def diffs() -> Iterator[tuple[bytes, int]]:
        for number, diff in enumerate((event for event in events if isinstance(event, DepthDiff)), start=1):
            message = {"e": "depthUpdate", "U": number, "u": number, "b": rows(diff.bids), "a": rows(diff.asks)}
            yield orjson.dumps(message), len(diff.bids) + len(diff.asks)

    return {"lastUpdateId": 0, "bids": rows(first.bids), "asks": rows(first.asks)}, diffs()


def _instrument(number: int) -> Instrument:
    return Instrument(f"C{number}/USDT", f"C{number}", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))


# The clients ---------------------------------------------------------------------------------------------------------


class _Client(asyncio.Protocol):
    """Counts what it gets; a reader keeps it, with the time at which it came."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.received = 0
        self.chunks: list[tuple[int, bytes]] | None = [] if number < READERS else None
        self.has_snapshots = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        subscriptions = b"".join(_subscription(number) for number in range(SYMBOLS))
        cast(asyncio.Transport, transport).write(_handshake(self.number) + subscriptions)

    def data_received(self, data: bytes) -> None:
        at_ns = time.monotonic_ns()
        self.received += len(data)
        if self.chunks is not None:
            self.chunks.append((at_ns, data))


async def _listen(port: int, server: subprocess.Popen[bytes]) -> tuple[list[_Client], int]:
    """The readers, and the bytes that all clients got while it was measured."""
    assert server.stdin is not None
    assert server.stdout is not None
    async with asyncio.timeout(START_TIMEOUT_S):
        await asyncio.to_thread(server.stdout.readline)
    loop = asyncio.get_running_loop()
    clients = [_Client(number) for number in range(SUBSCRIBERS)]
    async with _never_reading(port):
        transports = []
        for client in clients:
            transport, _ = await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]  # Bound now.
            transports.append(transport)
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        server.stdin.write(b"go\n")
        server.stdin.flush()
        async with asyncio.timeout(START_TIMEOUT_S):
            await asyncio.to_thread(server.stdout.readline)
        await asyncio.sleep(WARM_UP_S)
        before = sum(client.received for client in clients)
        await asyncio.sleep(SECONDS)
        received = sum(client.received for client in clients) - before
        await asyncio.sleep(0.5)
        for transport in transports:
            transport.abort()
    return clients[:READERS], received


@contextlib.asynccontextmanager
async def _never_reading(port: int) -> AsyncIterator[None]:
    with socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.sendall(_handshake(SUBSCRIBERS) + b"".join(_subscription(number) for number in range(SYMBOLS)))
        yield


def _latencies_ms(readers: list[_Client], times_ns: list[dict[str, int]], from_ns: int) -> Iterator[float]:
    """Of each message of the exchange that a reader heard of, by itself or merged with others."""
    numbers = {_instrument(number).symbol: number for number in range(SYMBOLS)}
    for reader in readers:
        heard = 0
        for at_ns, message in _texts(reader.chunks or []):
            if message["type"] != "update":
                continue
            arrived = times_ns[numbers[message["symbol"]]]
            for update_id in range(message["previous_sequence"] + 1, message["sequence"] + 1):
                arrived_ns = arrived.get(str(update_id))
                if arrived_ns is not None and arrived_ns >= from_ns:
                    heard += 1
                    yield (at_ns - arrived_ns) / 1e6
        assert heard > 0, "a client heard nothing"


def _texts(chunks: list[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The messages with the time at which their last byte came. The first bytes are the answer to the handshake."""
    waiting = bytearray()
    is_open = False
    for at_ns, data in chunks:
        waiting += data
        if not is_open:
            head, separator, rest = bytes(waiting).partition(b"\r\n\r\n")
            if not separator:
                continue
            assert b" 101 " in head, head
            is_open, waiting = True, bytearray(rest)
        while (frame := _frame(waiting)) is not None:
            opcode, begin, end = frame
            if opcode == 1:
                yield at_ns, orjson.loads(waiting[begin:end])
            del waiting[:end]


def _frame(data: bytearray) -> tuple[int, int, int] | None:
    """Opcode, and where the payload begins and ends; None while it is not whole."""
    if len(data) < 2:
        return None
    length, begin = data[1] & 0x7F, 2
    if length >= 126:
        begin = 4 if length == 126 else 10
        if len(data) < begin:
            return None
        length = int.from_bytes(data[2:begin])
    return (data[0] & 0x0F, begin, begin + length) if len(data) >= begin + length else None


def _handshake(number: int) -> bytes:
    return (
        "GET /channels HTTP/1.1\r\nHost: benchmark\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Bearer client-{number}\r\n\r\n"
    ).encode()


def _subscription(number: int) -> bytes:
    """A masked frame, as clients send them; the mask is zero."""
    text = json.dumps({"action": "subscribe", "channel": "markets", "symbol": _instrument(number).symbol}).encode()
    assert len(text) < 126
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        channel_server.MESSAGES_A_SECOND_MAX = 2 * SYMBOLS  # They all subscribe at once.
        uvloop.run(_serve(int(sys.argv[2])))  # As the engine runs.
    else:
        for figure in run():
            print(figure)
