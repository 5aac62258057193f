"""How full the queues are, as SQS counts, and the way to the alerts' queue past the relay."""

import json
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.conditions import QueueDepth
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings
from events.envelope import Envelope

WAITING = "ApproximateNumberOfMessages"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"


def queue_depths() -> Mapping[str, QueueDepth]:
    """Of every queue that the watch was told of; Unavailable where SQS does not answer."""
    found = {}
    for name, urls in json.loads(settings().watched_queues).items():
        waiting, in_flight = _counts(urls["url"])
        dead, _ = _counts(urls["dead_letters_url"])
        found[name] = QueueDepth(waiting, in_flight, dead)
    return found


def send_alert_event(envelope: Envelope) -> None:
    """As the relay's event would arrive there. Unavailable where SQS does not answer: it is in the outbox as well."""
    try:
        client("sqs").send_message(QueueUrl=settings().alerts_queue_url, MessageBody=envelope.model_dump_json())
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the alerts' queue does not answer") from error


def _counts(url: str) -> tuple[int, int]:
    try:
        answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING, IN_FLIGHT])
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("a queue does not say how full it is") from error
    return int(answer["Attributes"][WAITING]), int(answer["Attributes"][IN_FLIGHT])
