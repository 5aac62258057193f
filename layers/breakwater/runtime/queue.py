"""A queue's consumer: each message succeeds or fails by itself, waits longer each time, and in the end is put aside.

docs/delivery.md has the whole of it, and decision 111 the reasons.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSMessageAttributes, SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.dead_letters import FAILURE_ATTRIBUTE, REPLAY_ATTRIBUTE, Failure
from breakwater.domain.delivery import FIFO_SUFFIX, Progress, RetrySchedule, dead_letters_of, queue_url
from breakwater.errors import BreakwaterError, Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.consumer_progress import note
from breakwater.runtime.observability import NAMESPACE, logger, observed
from breakwater.runtime.settings import settings
from events.envelope import Envelope

# What one event may take that finds a dependency hanging. With less time left none is begun: who is killed halfway
# fails his whole batch without a word, and with it messages that nobody looked at.
EVENT_S_MAX = 8.0
FAILING_GRACE = timedelta(seconds=60)  # A message is late with its next failure by this much at most.


class NotAnEvent(ValueError):
    """The body is no message of its queue, today or ever."""


class OutOfTime(Unavailable):
    """The messages before it took all the time that there was."""


def envelope_of(record: SQSRecord) -> Envelope:
    """From the relay the body is the envelope itself; by way of EventBridge it is the event's `detail`."""
    body = record.json_body
    envelope = Envelope.model_validate(body["detail"] if "detail-type" in body else body)
    logger().set_correlation_id(envelope.correlation_id)
    return envelope


def queue_handler(
    process: Callable[[Envelope], None], *, replay: Callable[[Envelope], None] | None = None
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of a queue of events: `process` is told of each, at least once.

    `replay` is told of events that are told again, and may change nothing outside of the platform. A consumer without
    it does nothing with them.
    """
    return message_handler(envelope_of, process, replay=replay)


def message_handler[Message](
    read: Callable[[SQSRecord], Message],
    process: Callable[[Message], None],
    *,
    replay: Callable[[Message], None] | None = None,
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of an SQS trigger with partial batch responses, of messages as `read` makes them.

    What `read` raises on will never be read: it is a dead letter at once. What `process` raises on comes again after
    the times of domain/delivery.py, and is a dead letter after the last. On a FIFO queue the later messages of its
    group wait with it, so that the order of an account survives; other groups go on. Behind a dead letter its group
    goes on too.
    """

    def process_record(record: SQSRecord) -> None:
        try:
            message = read(record)
        except (ValueError, TypeError, KeyError) as error:  # No JSON, no object, no such message.
            raise NotAnEvent("the message is none of this queue's") from error
        if REPLAY_ATTRIBUTE not in (record.get("messageAttributes") or {}):
            process(message)
        elif replay is not None:
            replay(message)

    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        time_left_s = context.get_remaining_time_in_millis() / 1000
        batch = _Batch(
            schedule=RetrySchedule.parse(settings().retry_after_s),
            last_start=time.monotonic() + time_left_s - EVENT_S_MAX,
            process=process_record,
        )
        records = [SQSRecord(record) for record in event["Records"]]
        for record in records:
            batch.take(record)
        queue_arn = records[0].event_source_arn
        _put_off(queue_arn, batch.failed)
        _count(queue_arn, batch)
        if time.monotonic() <= batch.last_start:  # Else it may be the database that took the time.
            _tell(queue_arn, batch)
        return {"batchItemFailures": [{"itemIdentifier": each.record.message_id} for each in batch.failed]}

    return handler


@dataclass(frozen=True, slots=True)
class _Failed:
    record: SQSRecord
    wait_s: int


@dataclass(slots=True)
class _Batch:
    """One invocation's messages. `last_start`: no event is begun after it, in seconds of the monotonic clock."""

    schedule: RetrySchedule
    last_start: float
    process: Callable[[SQSRecord], None]
    failed: list[_Failed] = field(default_factory=list)
    recovered_at: datetime | None = None  # When the oldest message was sent that had failed before and is done with.
    taken_to: datetime | None = None
    dead: int = 0
    _parked: dict[str, int] = field(default_factory=dict)  # So many seconds each group waits.

    def take(self, record: SQSRecord) -> None:
        group = record.attributes.message_group_id if record.event_source_arn.endswith(FIFO_SUFFIX) else None
        if group is not None and group in self._parked:
            self.failed.append(_Failed(record, self._parked[group]))
            return
        try:
            self._process(record)
        except Exception as error:  # noqa: BLE001  # Whatever it is, the other messages go on; it is told below.
            wait_s = self._wait_s(record, error)
            if wait_s is not None:
                self.failed.append(_Failed(record, wait_s))
                if group is not None:
                    self._parked[group] = wait_s
                return
        self._is_done(record)

    def _process(self, record: SQSRecord) -> None:
        if time.monotonic() > self.last_start:
            raise OutOfTime("there was no time left for it")
        self.process(record)

    def _wait_s(self, record: SQSRecord, error: Exception) -> int | None:
        """How long it waits for its next try; None when it was its last, and it lies among the dead letters now."""
        receives = _receives(record)
        logger().exception("message failed", message_id=record.message_id, receives=receives)
        wait_s = None if isinstance(error, NotAnEvent) else self.schedule.wait_s(receives)
        if wait_s is not None:
            return wait_s
        try:
            _bury(record, Failure.of(error, receives, datetime.now(UTC)))
        except (BotoCoreError, ClientError):
            # It stays, and SQS itself puts it aside, without a reason, when it is received once more.
            logger().exception("a dead letter was not put aside", message_id=record.message_id)
            return self.schedule.after_s[-1]
        self.dead += 1
        return None

    def _is_done(self, record: SQSRecord) -> None:
        sent_at = _sent_at(record)
        self.taken_to = max(self.taken_to or sent_at, sent_at)
        if _receives(record) > 1:
            self.recovered_at = min(self.recovered_at or sent_at, sent_at)


def _bury(record: SQSRecord, failure: Failure) -> None:
    """Send it to the dead-letter queue of its queue; an error of boto3 when that is not to be had.

    SQS would move it as well, and knows no reason. On a FIFO queue it goes in a group of its own, so that all dead
    letters of an account can be seen at once. Twice within five minutes it is there once.
    """
    prefix, _, name = record.event_source_arn.rpartition(":")
    sent_with = record.attributes
    told = failure.of_message(record.message_id, sent_with.message_group_id, sent_with.message_deduplication_id)
    attributes = {
        each: {"DataType": value.data_type, "StringValue": value.string_value}
        for each, value in SQSMessageAttributes(record.get("messageAttributes") or {}).items()
        if value.data_type == "String"
    } | {FAILURE_ATTRIBUTE: {"DataType": "String", "StringValue": told.text()}}
    fifo: dict[str, str] = {}
    if name.endswith(FIFO_SUFFIX):
        fifo = {"MessageGroupId": record.message_id, "MessageDeduplicationId": record.message_id}
    client("sqs").send_message(
        QueueUrl=queue_url(f"{prefix}:{dead_letters_of(name)}"),
        MessageBody=record.body,
        MessageAttributes=attributes,
        **fifo,
    )


def _put_off(queue_arn: str, failed: list[_Failed]) -> None:
    """Those of one group become visible together, and a group is let through only when none of it is in flight."""
    if not failed:
        return
    entries = [
        {"Id": str(n), "ReceiptHandle": each.record.receipt_handle, "VisibilityTimeout": each.wait_s}
        for n, each in enumerate(failed)
    ]
    try:
        answer = client("sqs").change_message_visibility_batch(QueueUrl=queue_url(queue_arn), Entries=entries)
    except (BotoCoreError, ClientError):
        # They come again all the same, when the queue's own visibility time-out is over.
        logger().exception("failed messages were not put off", messages=len(entries))
        return
    for refused in answer.get("Failed", []):
        logger().error("a failed message was not put off", reason=refused["Code"])


def _count(queue_arn: str, batch: _Batch) -> None:
    for name, count in {"MessagesFailed": len(batch.failed), "MessagesDead": batch.dead}.items():
        if count:
            with single_metric(name=name, unit=MetricUnit.Count, value=count, namespace=NAMESPACE) as metric:
                metric.add_dimension(name="queue", value=queue_arn.rpartition(":")[2])


def _tell(queue_arn: str, batch: _Batch) -> None:
    """How far the consumer is. Nothing hangs on it but the figure of its lag."""
    failing_since = min((_sent_at(each.record) for each in batch.failed), default=None)
    waits = max((each.wait_s for each in batch.failed), default=0)
    failing_until = datetime.now(UTC) + timedelta(seconds=waits) + FAILING_GRACE if batch.failed else None
    progress = Progress(batch.taken_to, failing_since, failing_until)
    try:
        note(queue_arn.rpartition(":")[2], progress, batch.recovered_at)
    except BreakwaterError as error:
        logger().warning("progress was not noted", reason=error.message)


def _receives(record: SQSRecord) -> int:
    return int(record.attributes.get("ApproximateReceiveCount") or 1)


def _sent_at(record: SQSRecord) -> datetime:
    """Now for one that does not say."""
    told = record.attributes.get("SentTimestamp")
    return datetime.now(UTC) if told is None else datetime.fromtimestamp(int(told) / 1000, UTC)
