"""The relay: outbox → account feed → SQS FIFO and EventBridge → forgotten. At least once, in order within an account.

One worker a bucket, under a lock of the database, so two engines never interleave an account's events. Workers wake
when this engine wrote, and by a poll for what functions wrote: NOTIFY would serialise every commit that sends one.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from breakwater.db.engine_connection import EngineConnection, engine_connection
from breakwater.db.relay import DueEvent, backlog, buckets_due, forget, lock_bucket, take_due
from breakwater.domain.ids import OUTBOX_BUCKETS
from breakwater.errors import Unavailable
from fargate_engine import aws, metrics
from fargate_engine.packing import Entry, Packer

_LOG = logging.getLogger(__name__)

BATCH_SIZE_MAX = 500
# Calls under way at a time: of the six threads that asyncio has on two cores one is left for other calls to AWS.
QUEUE_CALLS_MAX, BUS_CALLS_MAX = 3, 2
POLL_S = 0.05
BACKLOG_POLL_S = 1.0
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # The last is repeated: events wait in the outbox, nothing is lost.
LOCK_RETRY_S = 2.0
FAILURES_FORGOTTEN_S = 30.0
EVENT_SOURCE = "breakwater"


class Relay:
    def __init__(
        self,
        conninfo: str,
        *,
        queue_url: str,
        event_bus: str,
        sqs: Any,
        eventbridge: Any,
        events_numbered: Callable[[], None] = lambda: None,
    ) -> None:
        self._conninfo = conninfo
        self._queue_url = queue_url
        self._queue = Packer(self._send_to_queue, "queue", calls_max=QUEUE_CALLS_MAX)
        self._bus = Packer(self._put_on_bus, "event bus", calls_max=BUS_CALLS_MAX)
        self._event_bus = event_bus
        self._sqs = sqs
        self._eventbridge = eventbridge
        self._events_numbered = events_numbered
        self._due = [asyncio.Event() for _ in range(OUTBOX_BUCKETS)]
        self.backlog_count = 0
        self.backlog_age_s = 0.0
        self.publish_latency_s = 0.0
        self.failure: str | None = None

    def wake(self) -> None:
        for due in self._due:
            due.set()

    async def run(self) -> None:
        """For ever. Nothing here stops the engine: what cannot be published waits in the outbox."""
        async with asyncio.TaskGroup() as workers:
            workers.create_task(self._repeat("poll", self._poll))
            for bucket in range(OUTBOX_BUCKETS):
                workers.create_task(self._repeat(f"bucket {bucket}", partial(self._work, bucket)))

    async def _repeat(self, name: str, work: Callable[[EngineConnection], Awaitable[None]]) -> None:
        """Work on a fresh connection, and on another after each failure, with a pause that grows."""
        failures = 0
        while True:
            started = time.monotonic()
            try:
                async with engine_connection(self._conninfo) as connection:
                    await work(connection)
            except Unavailable as error:
                failures = 1 if time.monotonic() - started > FAILURES_FORGOTTEN_S else failures + 1
                self.failure = f"{name}: {error.message}"
                _LOG.warning("relay, %s: %s", name, error.message)
                await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1])

    async def _poll(self, connection: EngineConnection) -> None:
        counted_at = 0.0
        while True:
            for bucket in await buckets_due(connection):
                self._due[bucket].set()
            if time.monotonic() - counted_at > BACKLOG_POLL_S:
                self.backlog_count, self.backlog_age_s = await backlog(connection)
                metrics.OUTBOX_BACKLOG.set(self.backlog_count)
                metrics.OUTBOX_AGE_SECONDS.set(self.backlog_age_s)
                if self.backlog_count == 0:
                    self.failure = None
                counted_at = time.monotonic()
            await asyncio.sleep(POLL_S)

    async def _work(self, bucket: int, connection: EngineConnection) -> None:
        while not await lock_bucket(connection, bucket):
            await asyncio.sleep(LOCK_RETRY_S)  # Another engine publishes this bucket.
        while True:
            await self._due[bucket].wait()
            self._due[bucket].clear()  # Before reading: what is written meanwhile wakes this worker again.
            while due := await take_due(connection, bucket, BATCH_SIZE_MAX):
                self._events_numbered()
                await self.publish(due)
                await forget(connection, [event.outbox_id for event in due])
                metrics.PUBLISHED.inc(len(due))
                self.failure = None

    async def publish(self, due: Sequence[DueEvent]) -> None:
        """Send all of them, or raise Unavailable and have them sent again from the first: consumers know duplicates."""
        started = time.monotonic()
        texts = [event.envelope().model_dump_json() for event in due]
        try:
            async with asyncio.TaskGroup() as sending:  # The other one ends with whichever fails.
                sending.create_task(self._queue.send(_by_account(due, texts)))
                sending.create_task(self._bus.send(self._for_bus(due, texts)))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        self.publish_latency_s = time.monotonic() - started

    def _for_bus(self, due: Sequence[DueEvent], texts: Sequence[str]) -> list[list[Entry]]:
        """Each by itself: the bus keeps no order."""
        return [
            [{"EventBusName": self._event_bus, "Source": EVENT_SOURCE, "DetailType": event.topic, "Detail": text}]
            for event, text in zip(due, texts, strict=True)
        ]

    async def _send_to_queue(self, entries: Sequence[Entry]) -> list[int]:
        """At most one event of an account is among them.

        SQS may take the second entry of a call and refuse the first, and then the account's events would be out of
        order. When it takes some and does not answer, they are sent again, and it drops what it has by its
        deduplication id.
        """
        numbered = [{**entry, "Id": str(number)} for number, entry in enumerate(entries)]
        answer = await aws.call(self._sqs.send_message_batch, QueueUrl=self._queue_url, Entries=numbered)
        return [int(failure["Id"]) for failure in answer.get("Failed", [])]

    async def _put_on_bus(self, entries: Sequence[Entry]) -> list[int]:
        answer = await aws.call(self._eventbridge.put_events, Entries=list(entries))
        if not answer.get("FailedEntryCount", 0):
            return []
        return [number for number, each in enumerate(answer["Entries"]) if "ErrorCode" in each]


def _by_account(due: Sequence[DueEvent], texts: Sequence[str]) -> list[list[Entry]]:
    """A lane for each account, its events in their order. Those of no account are for the bus only."""
    lanes: dict[uuid.UUID, list[Entry]] = {}
    for event, text in zip(due, texts, strict=True):
        if event.account_id is not None:
            lanes.setdefault(event.account_id, []).append(
                {
                    "MessageBody": text,
                    "MessageGroupId": str(event.account_id),
                    "MessageDeduplicationId": str(event.event_id),
                }
            )
    return list(lanes.values())
