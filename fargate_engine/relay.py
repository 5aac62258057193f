"""The relay: outbox → account feed → SQS FIFO and EventBridge → forgotten. At least once, in order within an account.

One worker a bucket, under a lock of the database, so two engines never interleave an account's events. Workers wake
when this engine wrote, and by a poll for what functions wrote: NOTIFY would serialise every commit that sends one.
"""

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import batched
from typing import Any

from breakwater.db.engine_connection import EngineConnection, engine_connection
from breakwater.db.relay import DueEvent, backlog, buckets_due, forget, lock_bucket, take_due
from breakwater.domain.ids import OUTBOX_BUCKETS
from breakwater.errors import Unavailable
from fargate_engine import aws, metrics

_LOG = logging.getLogger(__name__)

BATCH_SIZE_MAX = 100
CALL_ENTRIES_MAX = 10  # Of SendMessageBatch and PutEvents.
POLL_S = 0.05
BACKLOG_POLL_S = 1.0
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # The last is repeated: events wait in the outbox, nothing is lost.
LOCK_RETRY_S = 2.0
REFUSED_RETRY_S = (0.05, 0.2, 0.5)
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
        await asyncio.gather(self._send_to_queue(due), self._put_on_bus(due))
        self.publish_latency_s = time.monotonic() - started

    async def _send_to_queue(self, due: Sequence[DueEvent]) -> None:
        """At most one event of an account in each call.

        SQS may take the second entry of a batch and refuse the first, and then the account's events would be out of
        order. What is refused is sent again before the next call; if that does not help, the whole batch is sent again
        later, and the queue drops what it has by its deduplication id.
        """
        for entries in _rounds(due):
            left = entries
            for pause_s in REFUSED_RETRY_S:
                answer = await aws.call(self._sqs.send_message_batch, QueueUrl=self._queue_url, Entries=left)
                refused = {failure["Id"] for failure in answer.get("Failed", [])}
                left = [entry for entry in left if entry["Id"] in refused]
                if not left:
                    break
                await asyncio.sleep(pause_s)
            else:
                raise aws.AwsUnavailable(f"the queue refused {len(left)} events several times")

    async def _put_on_bus(self, due: Sequence[DueEvent]) -> None:
        for events in batched(due, CALL_ENTRIES_MAX, strict=False):
            entries = [
                {
                    "EventBusName": self._event_bus,
                    "Source": EVENT_SOURCE,
                    "DetailType": event.topic,
                    "Detail": event.envelope().model_dump_json(),
                }
                for event in events
            ]
            answer = await aws.call(self._eventbridge.put_events, Entries=entries)
            if answer.get("FailedEntryCount", 0):
                raise aws.AwsUnavailable(f"the event bus refused {answer['FailedEntryCount']} events")


def _rounds(due: Sequence[DueEvent]) -> list[list[dict[str, str]]]:
    """Queue entries in calls: the first event of each account, then the second of each, and so on."""
    rounds: list[list[dict[str, str]]] = []
    seen: Counter[uuid.UUID] = Counter()
    for event in due:
        if event.account_id is None:
            continue
        turn = seen[event.account_id]
        seen[event.account_id] += 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(
            {
                "Id": str(len(rounds[turn])),
                "MessageBody": event.envelope().model_dump_json(),
                "MessageGroupId": str(event.account_id),
                "MessageDeduplicationId": str(event.event_id),
            }
        )
    return [list(call) for entries in rounds for call in batched(entries, CALL_ENTRIES_MAX, strict=False)]
