"""A queue's consumer: each message succeeds or fails by itself, and only those that failed come again."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from breakwater.runtime.observability import logger, observed
from events.envelope import Envelope


def queue_handler(process: Callable[[Envelope], None]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of a queue of events: `process` is told of each, at least once."""
    return message_handler(envelope_of, process)


def message_handler[Message](
    read: Callable[[SQSRecord], Message], process: Callable[[Message], None]
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of an SQS trigger with partial batch responses, of messages as `read` makes them.

    On a FIFO queue a failure fails the later messages of its group in the same batch, so that the order of an account
    survives, and the other groups go on. A message that can never be processed reaches the dead-letter queue by the
    queue's maxReceiveCount.
    """

    def process_record(record: SQSRecord) -> None:
        try:
            process(read(record))
        except Exception:
            # The processor keeps the failure for its answer and says nothing of it.
            logger().exception("message failed", message_id=record.message_id)
            raise

    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        records = event["Records"]
        processor: BatchProcessor = (
            SqsFifoPartialProcessor(skip_group_on_error=True)
            if records[0]["eventSourceARN"].endswith(".fifo")
            else BatchProcessor(event_type=EventType.SQS)
        )
        processor.raise_on_entire_batch_failure = False
        with processor(records, process_record, lambda_context=context):
            processor.process()
        answer: dict[str, Any] = processor.response()  # type: ignore[assignment]  # A TypedDict of the same shape.
        return answer

    return handler


def envelope_of(record: SQSRecord) -> Envelope:
    """From the relay the body is the envelope itself; by way of EventBridge it is the event's `detail`."""
    body = record.json_body
    envelope = Envelope.model_validate(body["detail"] if "detail-type" in body else body)
    logger().set_correlation_id(envelope.correlation_id)
    return envelope
