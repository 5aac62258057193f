"""The relay: a stream of events published as they come, and what an outage of the queue has heaped up.

Its Postgres and its emulator are the benchmark's own: no function listens, so that the figures are those of the relay
and not of whoever hears it. Queue, bus and rule are as the template makes them, and both cores are shared by writer,
database, relay and emulator.
"""

import asyncio
import json
import multiprocessing
import socket
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import uvloop
from botocore.exceptions import EndpointConnectionError
from psycopg.types.json import Jsonb

from breakwater.domain.ids import outbox_bucket
from events.orders import OrderAccepted, OrderState
from fargate_engine import aws
from fargate_engine.relay import EVENT_SOURCE, Relay
from local_cloud.emulator_process import LocalEmulator
from local_cloud.platform import HOST, Platform
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import Database, own_postgres

ACCOUNTS = 100
HOT_SHARE = 10  # Every tenth event is of the first account: one of them is always busier than the others.
RATE_GOAL, STREAM_S = 1_000, 10
QUEUED, DRAIN_GOAL_S = 10_000, 15
OFFERED = 1_100  # A second: what is offered has to be more than what is asked of it.
WRITTEN_EVERY_S = 0.01
TIMEOUT_S = 120
BUS, REGION = "breakwater", "eu-central-1"
TENANT = uuid.UUID(int=1)

_APPEND = """
WITH event AS (
  INSERT INTO trading.events
    (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload)
  SELECT * FROM unnest(%(event_ids)s::uuid[], %(topics)s::text[], %(tenant_ids)s::uuid[], %(account_ids)s::uuid[],
                       %(event_ids)s::uuid[], %(numbers)s::text[], %(times)s::bigint[], %(payloads)s::jsonb[])
  RETURNING event_id, account_id)
INSERT INTO trading.outbox (event_id, bucket)
SELECT event_id, bucket FROM unnest(%(event_ids)s::uuid[], %(buckets)s::int[]) WITH ORDINALITY due (event_id, bucket, n)
JOIN event USING (event_id) ORDER BY n
"""


@dataclass(frozen=True)
class Cloud:
    sqs: Any
    bus: Any
    queue_url: str
    told_url: str  # Where the rule of the bus leads.


class Outage:
    """The queue's client, which reaches nothing until it `is_over`; it notes when each event was taken."""

    def __init__(self, sqs: Any, *, is_over: bool) -> None:
        self._sqs = sqs
        self.is_over = is_over
        self.taken_at: dict[str, float] = {}

    def send_message_batch(self, **request: Any) -> Any:
        if not self.is_over:
            raise EndpointConnectionError(endpoint_url=request["QueueUrl"])
        answer = self._sqs.send_message_batch(**request)
        now = time.time()
        refused = {each["Id"] for each in answer.get("Failed", [])}
        for entry in request["Entries"]:
            if entry["Id"] not in refused:
                self.taken_at.setdefault(entry["MessageDeduplicationId"], now)
        return answer


def run() -> list[Figure]:
    with own_postgres() as postgres, _cloud() as cloud:
        stream = _stream(postgres.create_database("stream"), cloud)
        return [stream, _drain(postgres.create_database("drain"), cloud)]


def _stream(database: Database, cloud: Cloud) -> Figure:
    queue = Outage(cloud.sqs, is_over=True)
    count = OFFERED * STREAM_S
    writer = multiprocessing.get_context("spawn").Process(target=_write_at_rate, args=(database.admin, count))
    writer.start()
    uvloop.run(_until_published(database, cloud, queue, count))
    writer.join(TIMEOUT_S)
    written = _written(database)
    lags_ms = sorted((queue.taken_at[event_id] - at) * 1000 for event_id, at in _written_at(database).items())
    taken = sorted(queue.taken_at.values())
    rate = len(taken) / (taken[-1] - taken[0])
    verdict = _verdict(written, cloud)
    return Figure(
        f"relay: {OFFERED:,} events/s of {ACCOUNTS} accounts, from their commit to the queue",
        f">= {RATE_GOAL:,} events/s in order",
        percentile(lags_ms, 0.5),
        percentile(lags_ms, 0.99),
        f"{rate:,.0f} events/s for {STREAM_S} s, one in {HOT_SHARE} of one account; {verdict}",
        rate >= RATE_GOAL and verdict == _ALL_THERE,
    )


def _drain(database: Database, cloud: Cloud) -> Figure:
    queue = Outage(cloud.sqs, is_over=False)
    _write(database.admin, 0, QUEUED)
    drained_s = uvloop.run(_until_published(database, cloud, queue, QUEUED))
    verdict = _verdict(_written(database), cloud)
    return Figure(
        f"relay: {QUEUED:,} events that waited for an outage of the queue to end, all published",
        f"< {DRAIN_GOAL_S} s, none lost, in order",
        None,
        None,
        f"{drained_s:.1f} s from the end of the outage, {QUEUED / drained_s:,.0f} events/s; {verdict}",
        drained_s < DRAIN_GOAL_S and verdict == _ALL_THERE,
    )


async def _until_published(database: Database, cloud: Cloud, queue: Outage, count: int) -> float:
    """Seconds from the end of the outage until the outbox had nothing left of `count` events."""
    relay = Relay(database.engine, queue_url=cloud.queue_url, event_bus=BUS, sqs=queue, eventbridge=cloud.bus)
    running = asyncio.create_task(relay.run())
    if not queue.is_over:
        async with asyncio.timeout(TIMEOUT_S):
            while relay.failure is None:  # It has met the outage.
                await asyncio.sleep(0.01)
        queue.is_over = True
    began_at = time.perf_counter()
    async with asyncio.timeout(TIMEOUT_S):
        while len(queue.taken_at) < count or await asyncio.to_thread(_outbox_waits, database):
            await asyncio.sleep(0.05)
    taken_s = time.perf_counter() - began_at
    running.cancel()
    await asyncio.wait([running], timeout=10)
    return taken_s


def _write_at_rate(conninfo: str, count: int) -> None:
    """As many as are due by the clock, in one transaction each time."""
    began_at, written = time.perf_counter(), 0
    with psycopg.connect(conninfo) as connection:
        while written < count:
            due = min(count, int((time.perf_counter() - began_at) * OFFERED))
            if due > written:
                _append(connection, written, due)
                written = due
            time.sleep(WRITTEN_EVERY_S)


def _write(conninfo: str, first: int, end: int) -> None:
    with psycopg.connect(conninfo) as connection:
        _append(connection, first, end)


def _append(connection: psycopg.Connection, first: int, end: int) -> None:
    numbers = range(first, end)
    accounts = [_account(number) for number in numbers]
    event_ids = [uuid.uuid4() for _ in numbers]
    connection.execute(
        _APPEND,
        {
            "event_ids": event_ids,
            "topics": [OrderAccepted.topic] * len(numbers),
            "tenant_ids": [TENANT] * len(numbers),
            "account_ids": accounts,
            "numbers": [f"{number:08}" for number in numbers],
            "times": [time.time_ns()] * len(numbers),
            "payloads": [Jsonb(_accepted(account, number)) for account, number in zip(accounts, numbers, strict=True)],
            "buckets": [outbox_bucket(account) for account in accounts],
        },
    )
    connection.commit()


def _account(number: int) -> uuid.UUID:
    return uuid.UUID(int=1 if number % HOT_SHARE == 0 else number % ACCOUNTS + 1)


def _accepted(account: uuid.UUID, number: int) -> dict[str, Any]:
    """What the engine says of an order, as long as it is there."""
    order = OrderState(
        order_id=uuid.UUID(int=number),
        client_order_id=f"bench-{number}",
        account_id=account,
        symbol="ETH/USDT",
        side="BUY",
        type="LIMIT",
        time_in_force="GTC",
        venue="BOOK",
        status="NEW",
        quantity="0.5",
        price="2600.00",
        cum_qty="0",
        leaves_qty="0.5",
        cum_notional="0",
        reject_code=None,
        reject_reason=None,
        engine_seq=1,
        transact_time_ns=time.time_ns(),
    )
    return OrderAccepted(order=order).model_dump(mode="json")


def _outbox_waits(database: Database) -> bool:
    with psycopg.connect(database.admin) as connection:
        return connection.execute("SELECT 1 FROM trading.outbox LIMIT 1").fetchone() is not None


def _written(database: Database) -> dict[str, list[str]]:
    """The events of each account in the order of its feed."""
    by_account: dict[str, list[str]] = defaultdict(list)
    with psycopg.connect(database.admin) as connection:
        rows = connection.execute("SELECT account_id, event_id FROM trading.account_feed ORDER BY account_id, sequence")
        for account_id, event_id in rows:
            by_account[str(account_id)].append(str(event_id))
    return by_account


def _written_at(database: Database) -> dict[str, float]:
    """Just before their commit."""
    with psycopg.connect(database.admin) as connection:
        rows = connection.execute("SELECT event_id, occurred_at_ns FROM trading.events").fetchall()
    return {str(event_id): at_ns / 1e9 for event_id, at_ns in rows}


_ALL_THERE = "none lost, none twice, all in order; the bus has them, too"


def _verdict(written: dict[str, list[str]], cloud: Cloud) -> str:
    """The queue is emptied, and each account's messages are held against its feed."""
    received: dict[str, list[str]] = defaultdict(list)
    for envelope in _emptied(cloud.sqs, cloud.queue_url):
        received[envelope["account_id"]].append(envelope["event_id"])
    told = [message["detail"]["event_id"] for message in _emptied(cloud.sqs, cloud.told_url)]
    wrong = [account for account in written if received[account] != written[account]]
    if wrong:
        return f"{len(wrong)} ACCOUNTS LACK EVENTS, OR HAVE THEM IN ANOTHER ORDER"
    if set(told) != {event_id for event_ids in written.values() for event_id in event_ids}:
        return "THE BUS LACKS EVENTS"
    return _ALL_THERE


def _emptied(sqs: Any, url: str) -> Iterator[Any]:
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        yield from (json.loads(each["Body"]) for each in messages)


@contextmanager
def _cloud() -> Iterator[Cloud]:
    with tempfile.TemporaryDirectory(prefix="breakwater-bench-") as folder:
        platform = Platform(folder=Path(folder) / "local", port_base=_free_port())
        emulator = LocalEmulator(platform)
        emulator.start()
        try:
            yield _made(platform)
        finally:
            emulator.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _made(platform: Platform) -> Cloud:
    """What the relay speaks to, by clients of its own kind, and a queue that hears all of the bus."""
    options = {"endpoint_url": platform.aws_url, "region_name": REGION}
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sqs, bus = (boto3.client(service, config=aws.config(), **options, **keys) for service in ("sqs", "events"))
    fifo = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    queue_url = sqs.create_queue(QueueName="trade-events.fifo", Attributes=fifo)["QueueUrl"]
    told_url = sqs.create_queue(QueueName="told")["QueueUrl"]
    told_arn = sqs.get_queue_attributes(QueueUrl=told_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus.create_event_bus(Name=BUS)
    bus.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps({"source": [EVENT_SOURCE]}))
    bus.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "told", "Arn": told_arn}])
    return Cloud(sqs, bus, queue_url, told_url)
