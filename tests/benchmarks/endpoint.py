"""A bot at the exchange-compatible endpoint: signed orders over kept-alive connections, within a lease of its key."""

import asyncio
import hashlib
import hmac
import json
import socket
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import uvloop

from breakwater.domain.lease_messages import SetLease
from breakwater.domain.orders import SIMULATED_VENUE
from tests.benchmarks.engine_client import HOST, RunningEngine, running_engine
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import Database, OwnPostgres

TENANT_ID, USER_ID, ACCOUNT_ID = (uuid.UUID(int=number) for number in (1, 2, 3))
KEY_ID, SECRET = "0123456789abcdef", b"bw_0123456789abcdef_secret"
PAIR, SYMBOL = "ETHUSDT", "ETH/USDT"
WARM_UP = 200
ORDERS_ONE_CONNECTION = 1_000
CONNECTIONS = 8
RUNS = 7  # With all connections; the median counts.
ORDERS_OF_EACH = 100  # In each run.
P50_GOAL_MS, P99_GOAL_MS, RATE_GOAL = 3.0, 10.0, 2_000
# No order here leaves its lease, so that neither function is ever asked; a client of AWS is not made without a region.
ENVIRONMENT = {
    "API_KEY_ENCRYPTION_KEY_ID": "benchmark",
    "ORDERS_FUNCTION": "none",
    "QUERIES_FUNCTION": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
_READ_BYTES = 65_536


class _Many(NamedTuple):
    """One run with all connections."""

    latencies_ms: list[float]
    rate: float


def run(postgres: OwnPostgres) -> list[Figure]:
    database = postgres.create_database("endpoint")
    _add_key(database)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_engine(database, Path(folder), environment=ENVIRONMENT) as engine,
    ):
        _open_lease(engine)
        return uvloop.run(_measure(engine))


async def _measure(engine: RunningEngine) -> list[Figure]:
    async with _connected(engine.port) as bot:
        await _place_and_cancel(bot, "warm", WARM_UP)
        one = await _place_and_cancel(bot, "one", ORDERS_ONE_CONNECTION)
    runs = [await _run_of_all(engine.port, f"many{run}") for run in range(RUNS)]
    figures = []
    for what, single_ms, of_runs in zip(("order", "cancel"), one, zip(*runs, strict=True), strict=True):
        figures += [_one_figure(what, single_ms), _many_figure(what, of_runs)]
    return figures


async def _run_of_all(port: int, name: str) -> tuple[_Many, _Many]:
    """All connections place their orders, and then cancel them."""
    return (
        await _at_once([_place_on_one(port, f"{name}-{number}") for number in range(CONNECTIONS)]),
        await _at_once([_cancel_on_one(port, f"{name}-{number}") for number in range(CONNECTIONS)]),
    )


async def _at_once(bots: list[Coroutine[Any, Any, list[float]]]) -> _Many:
    began_at = time.perf_counter()
    latencies_ms = [each for told in await asyncio.gather(*bots) for each in told]
    return _Many(latencies_ms, len(latencies_ms) / (time.perf_counter() - began_at))


def _one_figure(what: str, latencies_ms: list[float]) -> Figure:
    p50, p99 = (percentile(sorted(latencies_ms), share) for share in (0.5, 0.99))
    return Figure(
        f"{what} at the exchange-compatible endpoint, one connection, limits checked, journal committed",
        f"p50 < {P50_GOAL_MS:.0f} ms, p99 < {P99_GOAL_MS:.0f} ms",
        p50,
        p99,
        f"{len(latencies_ms):,} signed requests by HTTP on loopback, of orders that rest at the simulated venue",
        p50 < P50_GOAL_MS and p99 < P99_GOAL_MS,
    )


def _many_figure(what: str, runs: Sequence[_Many]) -> Figure:
    latencies_ms = sorted(each for run in runs for each in run.latencies_ms)
    rates = sorted(run.rate for run in runs)
    rate = statistics.median(rates)
    return Figure(
        f"the same with {CONNECTIONS} connections: {what}s",
        f">= {RATE_GOAL:,}/s",
        percentile(latencies_ms, 0.5),
        percentile(latencies_ms, 0.99),
        f"{rate:,.0f}/s ({rates[0]:,.0f} to {rates[-1]:,.0f} in {RUNS} runs of {CONNECTIONS * ORDERS_OF_EACH:,}); "
        "client, engine and Postgres on the same cores",
        rate >= RATE_GOAL,
    )


class _Bot:
    """HTTP as thin as it can be, so that what is measured is the endpoint's."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def request(self, method: str, query: str) -> float:
        """Milliseconds until the whole answer was there; it must say 200."""
        loop = asyncio.get_running_loop()
        query = f"{query}&recvWindow=5000&timestamp={time.time_ns() // 1_000_000}"
        signature = hmac.digest(SECRET, query.encode(), hashlib.sha256).hex()
        path = f"/api/v3/order?{query}&signature={signature}"
        request = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nX-MBX-APIKEY: {KEY_ID}\r\nContent-Length: 0\r\n\r\n"
        began_at = time.perf_counter()
        await loop.sock_sendall(self._socket, request.encode())
        answer = b""
        while not _is_whole(answer):
            answer += await loop.sock_recv(self._socket, _READ_BYTES)
        took_ms = (time.perf_counter() - began_at) * 1000
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return took_ms

    async def place(self, client_order_id: str) -> float:
        terms = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=2500.00"
        return await self.request("POST", f"symbol={PAIR}&{terms}&newClientOrderId={client_order_id}")

    async def cancel(self, client_order_id: str) -> float:
        return await self.request("DELETE", f"symbol={PAIR}&origClientOrderId={client_order_id}")


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    return len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[_Bot]:
    with socket.create_connection((HOST, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        yield _Bot(connection)


async def _place_and_cancel(bot: _Bot, name: str, count: int) -> tuple[list[float], list[float]]:
    placed_ms, canceled_ms = [], []
    for number in range(count):
        placed_ms.append(await bot.place(f"{name}-{number}"))
        canceled_ms.append(await bot.cancel(f"{name}-{number}"))
    return placed_ms, canceled_ms


async def _place_on_one(port: int, name: str) -> list[float]:
    async with _connected(port) as bot:
        return [await bot.place(f"{name}-{number}") for number in range(ORDERS_OF_EACH)]


async def _cancel_on_one(port: int, name: str) -> list[float]:
    async with _connected(port) as bot:
        return [await bot.cancel(f"{name}-{number}") for number in range(ORDERS_OF_EACH)]


def _add_key(database: Database) -> None:
    with psycopg.connect(database.admin) as connection:
        connection.execute("INSERT INTO identity.organisations (tenant_id, name) VALUES (%s, 'firm')", (TENANT_ID,))
        connection.execute(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role)"
            " VALUES (%s, %s, 'bot', 'bot', 'bot@firm.example', 'trader')",
            (USER_ID, TENANT_ID),
        )
        connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind) VALUES (%s, %s, 'bot', 'PAPER')",
            (ACCOUNT_ID, TENANT_ID),
        )
        connection.execute(
            "INSERT INTO identity.account_access (user_id, account_id, tenant_id) VALUES (%s, %s, %s)",
            (USER_ID, ACCOUNT_ID, TENANT_ID),
        )
        connection.execute(
            "INSERT INTO identity.api_keys"
            " (key_id, tenant_id, user_id, name, salt, secret_hash, secret_ciphertext, scopes)"
            " VALUES (%s, %s, %s, 'bot', '', '', %s, '{read,trade}')",
            (KEY_ID, TENANT_ID, USER_ID, SECRET),
        )


def _open_lease(engine: RunningEngine) -> None:
    lease = SetLease(
        tenant_id=TENANT_ID,
        account_id=ACCOUNT_ID,
        symbol=SYMBOL,
        venue=SIMULATED_VENUE,
        strategy_id=None,
        api_key_id=KEY_ID,
        version=1,
        buy_granted=Decimal(1_000_000),
        sell_granted=Decimal(1_000_000),
        price_low=Decimal(1000),
        price_high=Decimal(4000),
        orders_max=1_000_000,
        order_qty_max=Decimal(1000),
        self_trade=None,
        expires_at_ns=int((datetime.now().astimezone() + timedelta(hours=1)).timestamp()) * 10**9,
        correlation_id="bench",
    )
    with engine.connection() as connection:
        status, answer = connection.request("POST", "/internal/leases", lease.model_dump_json().encode())
    assert status == 200, answer
    assert json.loads(answer)["version"] == 1
