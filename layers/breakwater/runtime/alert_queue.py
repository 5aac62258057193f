"""What is to be sent goes to the queue `alert-deliveries`, with a delay until it is due."""

import json
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.alert_deliveries import Delivery
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings

DELAY_S_MAX = 900  # SQS waits no longer; who is due later is queued again.
BATCH_SIZE_MAX = 10


@dataclass(frozen=True, slots=True)
class DeliveryMessage:
    tenant_id: uuid.UUID
    delivery_id: uuid.UUID


def delivery_message_of(record: SQSRecord) -> DeliveryMessage:
    body = record.json_body
    return DeliveryMessage(uuid.UUID(body["tenant_id"]), uuid.UUID(body["delivery_id"]))


def queue_deliveries(tenant_id: uuid.UUID, deliveries: Sequence[Delivery], *, at: datetime) -> None:
    """After the commit that planned them. Unavailable unless the queue has them all; a second time does no harm."""
    _queue([(DeliveryMessage(tenant_id, each.delivery_id), each.due_at) for each in deliveries], at)


def queue_again(message: DeliveryMessage, *, due_at: datetime, at: datetime) -> None:
    _queue([(message, due_at)], at)


def _queue(messages: Sequence[tuple[DeliveryMessage, datetime]], at: datetime) -> None:
    for batch in batched(messages, BATCH_SIZE_MAX, strict=False):
        entries = [
            {
                "Id": str(place),
                "MessageBody": json.dumps(
                    {"tenant_id": str(message.tenant_id), "delivery_id": str(message.delivery_id)}
                ),
                "DelaySeconds": delay_s(due_at, at),
            }
            for place, (message, due_at) in enumerate(batch)
        ]
        try:
            answer = client("sqs").send_message_batch(QueueUrl=settings().alert_deliveries_queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("what is to be sent could not be queued") from error
        if answer.get("Failed"):
            raise Unavailable("not all that is to be sent could be queued")


def delay_s(due_at: datetime, at: datetime) -> int:
    """Never early: what comes before its time goes round once more."""
    return min(DELAY_S_MAX, max(0, math.ceil((due_at - at).total_seconds())))
