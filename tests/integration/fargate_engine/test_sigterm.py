"""An engine's process is told to stop while orders come as fast as it answers: it drains, and forgets nothing."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import TENANT, order_body
from tests.support.key_service import kms, token

REPOSITORY = Path(__file__).parents[3]
UP_WITHIN_S = 40
STOPPED_WITHIN_S = 25  # What it gives its shards, its connections and its last snapshots; ECS kills after 30.
CLIENTS = 16
ACKNOWLEDGED_BEFORE = 200
SYMBOLS = ("ETH/USDT", "BTC/USDT")  # Of two shards.
PRICES = {"ETH/USDT": ("2000.00", "1000", "4000"), "BTC/USDT": ("40000.00", "20000", "80000")}


@dataclass
class Load:
    """What the clients have heard. `broken`: when each request was sent that had no answer at all."""

    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)
    broken_sent_s: list[float] = field(default_factory=list)
    last_acknowledged_s: float = 0.0

    async def send(self, session: aiohttp.ClientSession, client: int) -> None:
        """One order after the other, until the engine takes no more."""
        for number in itertools.count():
            symbol = SYMBOLS[(client + number) % len(SYMBOLS)]
            price, low, high = PRICES[symbol]
            body = order_body(symbol=symbol, price=price, price_low=low, price_high=high, quantity="0.01")
            body |= {"client_order_id": f"{client}-{number}", "venue": ("SIM", "BOOK")[number % 2]}
            sent_s = time.monotonic()
            try:
                async with session.post("/internal/orders", json=body) as response:
                    answer = await response.json()
            except aiohttp.ClientError:
                self.broken_sent_s.append(sent_s)
                return
            if response.status != 200:
                self.refused.append((response.status, answer["code"]))
                return
            self.acknowledged[answer["order_id"]] = answer
            self.last_acknowledged_s = time.monotonic()


@asynccontextmanager
async def engine(
    urls: DatabaseUrls, kms_url: str, port: int, log: Path
) -> AsyncIterator[tuple[subprocess.Popen[bytes], aiohttp.ClientSession]]:
    """Its process, which serves every shard."""
    environment = {
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'layers'}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": kms_url,
        "DATABASE_URL": urls.engine,
        "SERVICE_TOKEN_KEY_ID": "key",
        "ENGINE_PORT": str(port),
        "ENGINE_ID": "engine-a",
    }
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "fargate_engine"], env=os.environ | environment, stderr=stderr
        )
    headers = {"Authorization": f"Bearer {token()}"}
    try:
        timeout = aiohttp.ClientTimeout(STOPPED_WITHIN_S)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, timeout=timeout) as session:
            deadline_s = time.monotonic() + UP_WITHIN_S
            while not await _is_ready(session):
                assert time.monotonic() < deadline_s, log.read_text()[-3000:]
                assert process.poll() is None, log.read_text()[-3000:]
                await asyncio.sleep(0.1)
            yield process, session
    finally:
        process.kill()
        process.wait(STOPPED_WITHIN_S)


async def _is_ready(session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get("/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:  # Not yet listening.
        return False


async def test_told_to_stop_under_load_it_answers_what_it_has_taken_and_loses_nothing_it_said(
    database_urls: DatabaseUrls, unused_tcp_port: int, tmp_path: Path
) -> None:
    load, log = Load(), tmp_path / "stderr.log"
    with kms() as url:
        async with engine(database_urls, url, unused_tcp_port, log) as (process, session):
            clients = [asyncio.create_task(load.send(session, number)) for number in range(CLIENTS)]
            while len(load.acknowledged) < ACKNOWLEDGED_BEFORE:
                assert not any(client.done() for client in clients), load.refused
                await asyncio.sleep(0.01)
            told_s = time.monotonic()
            process.send_signal(signal.SIGTERM)
            exit_code = await asyncio.to_thread(process.wait, STOPPED_WITHIN_S)
            took_s = time.monotonic() - told_s
            await asyncio.gather(*clients)

        assert exit_code == 0, log.read_text()[-3000:]
        assert took_s < STOPPED_WITHIN_S
        assert "Traceback" not in log.read_text()
        # It was at work when it was told: it answered what it had taken, and then said that it takes no more.
        assert load.last_acknowledged_s > told_s
        assert set(load.refused) <= {(503, "ENGINE_UNAVAILABLE")}
        assert all(sent_s > told_s for sent_s in load.broken_sent_s)
        assert len(load.refused) + len(load.broken_sent_s) == CLIENTS
        assert leases_held(database_urls) == 0  # The next engine waits for none to run out.

        async with engine(database_urls, url, unused_tcp_port, log) as (_, session):
            for order_id, answer in load.acknowledged.items():
                assert await found(session, order_id) == answer


async def found(session: aiohttp.ClientSession, order_id: str) -> Any:
    async with session.get(f"/internal/orders/{uuid.UUID(order_id)}", params={"tenant_id": str(TENANT)}) as answer:
        return await answer.json()


def leases_held(urls: DatabaseUrls) -> int:
    with psycopg.connect(urls.admin) as connection:
        row = connection.execute("SELECT count(*) FROM trading.shard_leases WHERE expires_at > now()").fetchone()
    assert row is not None
    return int(row[0])
