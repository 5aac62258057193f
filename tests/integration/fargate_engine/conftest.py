"""A real engine in this process: real Postgres, real HTTP on loopback, moto at the seam of boto3."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import boto3
import jwt
import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from moto import mock_aws

from fargate_engine import aws
from fargate_engine.app import run_engine
from fargate_engine.settings import Settings
from tests.conftest import DatabaseUrls

TENANT = uuid.UUID(int=1)
ACCOUNT = uuid.UUID(int=2)
SNAPSHOT_BUCKET = "snapshots"


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The channels run as in the engine: uvloop's transports are of a kind of their own."""
    is_of_channels = item.path.stem.startswith("test_channels")
    return {"uvloop": uvloop.new_event_loop} if is_of_channels else {"asyncio": asyncio.new_event_loop}


@dataclass
class Client:
    """Speaks to the gateway as a function would."""

    session: aiohttp.ClientSession
    task: asyncio.Task[None]
    told_to_stop: asyncio.Event

    async def stop(self) -> None:
        """As SIGTERM does."""
        self.told_to_stop.set()
        await asyncio.wait_for(self.task, 20)

    async def kill(self) -> None:
        """Nothing is given back, nothing is finished."""
        self.task.cancel()
        await asyncio.wait([self.task], timeout=10)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def submit(self, **changes: Any) -> Any:
        status, answer = await self.call("POST", "/internal/orders", order_body(**changes))
        assert status == 200, answer
        return answer


def order_body(**changes: Any) -> dict[str, Any]:
    body = {
        "order_id": str(uuid.uuid4()),
        "tenant_id": str(TENANT),
        "account_id": str(ACCOUNT),
        "client_order_id": "client-1",
        "symbol": "ETH/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "post_only": False,
        "reduce_only": False,
        "quantity": "0.5",
        "price": "2000.00",
        "price_low": "1000",
        "price_high": "4000",
        "venue": "SIM",
        "correlation_id": "correlation-1",
    }
    return body | changes


MARKET = {"type": "MARKET", "time_in_force": "IOC", "price": None}


@pytest.fixture
def signing_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def service_token(signing_key: ec.EllipticCurvePrivateKey) -> Callable[..., str]:
    def make(**changes: Any) -> str:
        now = int(time.time())
        claims = {"aud": "breakwater-engine", "iss": "breakwater", "sub": "orders", "iat": now, "exp": now + 600}
        claims |= changes
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, signing_key, algorithm="ES256")

    return make


class KmsWithKey:
    """The one call of KMS the engine makes; moto cannot import a key of ours."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def get_public_key(self, KeyId: str) -> dict[str, bytes]:
        return {"PublicKey": self._public_key}


class Bus:
    """Keeps what was put on it, and refuses as often as it is told to."""

    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, int]:
        self.entries += Entries
        return {"FailedEntryCount": 0}


@dataclass
class Cloud:
    sqs: Any
    queue_url: str
    bus: Bus
    s3: Any

    def received(self) -> list[dict[str, Any]]:
        """Everything on the queue, as the envelopes that were sent; deletes it."""
        bodies: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, signing_key: ec.EllipticCurvePrivateKey) -> Iterator[Cloud]:
    """moto's FIFO queue; the bus and the key are the one call each that the engine makes of them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        sqs = boto3.client("sqs")
        queue_url = sqs.create_queue(QueueName="trade-events.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        s3 = boto3.client("s3")
        location = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket=SNAPSHOT_BUCKET, CreateBucketConfiguration=location)
        bus = Bus()
        clients = {"kms": KmsWithKey(signing_key), "events": bus, "sqs": sqs, "s3": s3}
        monkeypatch.setattr(aws, "client", clients.__getitem__)
        yield Cloud(sqs, queue_url, bus, s3)


StartEngine = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def start_engine(
    database_urls: DatabaseUrls, cloud: Cloud, service_token: Callable[..., str], unused_tcp_port_factory: Any
) -> StartEngine:
    @asynccontextmanager
    async def start(*, wait: bool = True, **changes: Any) -> AsyncIterator[Client]:
        settings = {
            "database_url": database_urls.engine,
            "database_secret_arn": "",
            "queue_url": cloud.queue_url,
            "event_bus": "breakwater",
            "snapshot_bucket": SNAPSHOT_BUCKET,
            "service_token_key_id": "key",
            "host": "127.0.0.1",
            "port": unused_tcp_port_factory(),
            "engine_id": "engine-a",
            "address": "",
            "market_recordings": (),
            "market_speed": 1.0,
        } | changes
        told_to_stop = asyncio.Event()
        task = asyncio.create_task(run_engine(Settings(**settings), told_to_stop))
        headers = {"Authorization": f"Bearer {service_token()}"}
        url = f"http://127.0.0.1:{settings['port']}"
        async with aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout(10)) as session:
            client = Client(session, task, told_to_stop)
            try:
                if wait:
                    await ready(client)
                yield client
            finally:
                told_to_stop.set()
                await asyncio.wait([task], timeout=10)
                task.cancel()

    return start


async def ready(client: Client, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not client.task.done():
            try:
                if (await client.call("GET", "/health/ready"))[0] == 200:
                    return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
    await client.task
