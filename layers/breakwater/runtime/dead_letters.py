"""A message that is given up, put aside with the reason, by the consumer itself.

SQS would move it as well, and knows no reason. It does where a consumer was killed each time and could not.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from breakwater.domain.delivery import FIFO_SUFFIX, dead_letters_of
from breakwater.domain.times import format_time
from breakwater.runtime.aws import client

FAILURE_ATTRIBUTE = "failure"
ERROR_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """The last one. `error_type` is the exception's class; `error` what it says, which may tell of a tenant's data."""

    error_type: str
    error: str
    receives: int
    failed_at: str
    message_id: str = ""  # Of the message in the queue where it failed.
    group_id: str = ""
    deduplication_id: str = ""

    @classmethod
    def of(cls, error: Exception, receives: int, at: datetime) -> "Failure":
        said = " ".join(str(error).split())[:ERROR_LENGTH_MAX]
        return cls(type(error).__name__, said, receives, format_time(at))


def bury(record: SQSRecord, failure: Failure, queue_url: Callable[[str], str]) -> None:
    """Send it to the dead-letter queue of its queue; an error of boto3 when that is not to be had.

    In a group of its own, so that all dead letters of an account can be seen at once; its own group and deduplication
    id stand in the attribute. Twice within five minutes it is there once.
    """
    prefix, _, name = record.event_source_arn.rpartition(":")
    told = asdict(failure) | {
        "message_id": record.message_id,
        "group_id": record.attributes.message_group_id or "",
        "deduplication_id": record.attributes.message_deduplication_id or "",
    }
    fifo: dict[str, str] = {}
    if name.endswith(FIFO_SUFFIX):
        fifo = {"MessageGroupId": record.message_id, "MessageDeduplicationId": record.message_id}
    attributes: dict[str, Any] = {
        each: {"DataType": value.data_type, "StringValue": value.string_value}
        for each, value in record.message_attributes.items()
        if value.data_type == "String"
    }
    attributes[FAILURE_ATTRIBUTE] = {"DataType": "String", "StringValue": json.dumps(told)}
    client("sqs").send_message(
        QueueUrl=queue_url(f"{prefix}:{dead_letters_of(name)}"),
        MessageBody=record.body,
        MessageAttributes=attributes,
        **fifo,
    )
