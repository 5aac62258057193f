"""The relay against real Postgres and moto's FIFO queue: every event, in order, at least once."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from breakwater.db import relay as relay_queries
from breakwater.db.engine_connection import engine_connection
from breakwater.db.outbox import APPEND_EVENT
from breakwater.db.relay import backlog
from breakwater.domain.ids import outbox_bucket
from fargate_engine.relay import Relay
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import Cloud

ACCOUNTS = [uuid.UUID(int=number) for number in range(1, 6)]


def write_events(conninfo: str, count: int, account_ids: list[uuid.UUID | None]) -> list[str]:
    """Events in the outbox as functions write them, each account's in the order of their correlation ids."""
    event_ids = []
    with psycopg.connect(conninfo) as connection:
        for number in range(count):
            account_id = account_ids[number % len(account_ids)]
            event_id = uuid.uuid4()
            event_ids.append(str(event_id))
            parameters = {
                "event_id": event_id,
                "topic": "orders.OrderAccepted.v1",
                "tenant_id": uuid.UUID(int=9),
                "account_id": account_id,
                "aggregate_id": uuid.uuid4(),
                "correlation_id": f"{number:06}",
                "occurred_at_ns": number,
                "payload": Jsonb({"number": number}),
                "bucket": outbox_bucket(account_id),
            }
            connection.execute(APPEND_EVENT, parameters)
    return event_ids


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)


async def outbox_empties(conninfo: str) -> None:
    async with asyncio.timeout(20):
        while True:
            with psycopg.connect(conninfo) as connection:
                if connection.execute("SELECT count(*) FROM trading.outbox").fetchone() == (0,):
                    return
            await asyncio.sleep(0.05)


def make_relay(urls: DatabaseUrls, cloud: Cloud, sqs: Any = None, **options: Any) -> Relay:
    return Relay(
        urls.engine,
        queue_url=cloud.queue_url,
        event_bus="breakwater",
        sqs=sqs or cloud.sqs,
        eventbridge=cloud.bus,
        **options,
    )


def in_order_by_account(received: list[dict[str, Any]]) -> bool:
    for account_id in ACCOUNTS:
        numbers = [event["correlation_id"] for event in received if event["account_id"] == str(account_id)]
        if numbers != sorted(numbers):
            return False
    return True


async def test_every_event_reaches_the_bus_and_those_of_accounts_the_queue_in_order(
    database_urls: DatabaseUrls, cloud: Cloud
) -> None:
    event_ids = write_events(database_urls.admin, 60, [*ACCOUNTS, None])
    async with running(make_relay(database_urls, cloud)):
        await outbox_empties(database_urls.admin)
    received = cloud.received()
    assert len(received) == 50
    assert in_order_by_account(received)
    assert len(cloud.bus.entries) == len(event_ids)
    assert {entry["Source"] for entry in cloud.bus.entries} == {"breakwater"}
    assert {entry["DetailType"] for entry in cloud.bus.entries} == {"orders.OrderAccepted.v1"}


async def test_each_accounts_feed_counts_from_one_without_a_gap(database_urls: DatabaseUrls, cloud: Cloud) -> None:
    async with running(make_relay(database_urls, cloud)):
        for _ in range(3):
            write_events(database_urls.admin, 20, list(ACCOUNTS))
            await outbox_empties(database_urls.admin)
    with psycopg.connect(database_urls.admin) as connection:
        feed = connection.execute(
            "SELECT account_id, array_agg(sequence ORDER BY sequence) FROM trading.account_feed GROUP BY account_id"
        ).fetchall()
    assert {account_id for account_id, _ in feed} == set(ACCOUNTS)
    assert all(sequences == list(range(1, 13)) for _, sequences in feed)


class RefusingQueue:
    """Refuses the first entry of every third call, and takes the others of that call: what SQS may do."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.calls = 0

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.calls += 1
        if self.calls % 3 == 0:
            refused, *Entries = Entries
            failed = [{"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}]
        else:
            failed = []
        if Entries:
            self._cloud.sqs.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": failed}


async def test_what_the_queue_refuses_is_sent_again_and_never_overtaken(
    database_urls: DatabaseUrls, cloud: Cloud
) -> None:
    event_ids = write_events(database_urls.admin, 30, list(ACCOUNTS))
    queue = RefusingQueue(cloud)
    async with running(make_relay(database_urls, cloud, queue)):
        await outbox_empties(database_urls.admin)
    received = cloud.received()
    assert {event["event_id"] for event in received} == set(event_ids)
    assert len(received) == len(event_ids)  # The queue drops what it has seen.
    assert in_order_by_account(received)


async def test_what_waits_is_counted_up_to_a_bound_and_the_oldest_says_how_long(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_connection(database_urls.engine) as connection:
        assert await backlog(connection) == (0, 0.0)
        write_events(database_urls.admin, 8, [*ACCOUNTS, None])
        with psycopg.connect(database_urls.admin) as admin:
            admin.execute("UPDATE trading.outbox SET created_at = now() - interval '90 s' WHERE id = 1")
        count, age_s = await backlog(connection)
        assert (count, 90 <= age_s < 120) == (8, True)
        monkeypatch.setattr(relay_queries, "BACKLOG_COUNTED_MAX", 5)
        assert (await backlog(connection))[0] == 5


async def test_what_the_bus_refuses_is_put_there_again_alone(database_urls: DatabaseUrls, cloud: Cloud) -> None:
    event_ids = write_events(database_urls.admin, 30, [*ACCOUNTS, None])
    put = cloud.bus.put_events
    refused: list[str] = []

    def refuse_some(Entries: list[dict[str, str]]) -> dict[str, Any]:
        answers: list[dict[str, str]] = []
        for number, entry in enumerate(Entries):
            event_id = json.loads(entry["Detail"])["event_id"]
            if number % 3 == 0 and event_id not in refused:
                refused.append(event_id)
                answers.append({"ErrorCode": "InternalFailure"})
            else:
                put([entry])
                answers.append({"EventId": event_id})
        return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}

    cloud.bus.put_events = refuse_some  # type: ignore[method-assign]
    async with running(make_relay(database_urls, cloud)):
        await outbox_empties(database_urls.admin)
    assert refused
    assert sorted(json.loads(entry["Detail"])["event_id"] for entry in cloud.bus.entries) == sorted(event_ids)


async def test_two_engines_do_not_interleave_a_bucket(database_urls: DatabaseUrls, cloud: Cloud) -> None:
    first, second = make_relay(database_urls, cloud), make_relay(database_urls, cloud)
    async with running(first), running(second):
        await asyncio.sleep(0.5)
        event_ids = write_events(database_urls.admin, 50, list(ACCOUNTS))
        await outbox_empties(database_urls.admin)
    assert len(cloud.bus.entries) == len(event_ids)
    assert in_order_by_account(cloud.received())
