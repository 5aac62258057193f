"""How far each consumer is behind: looked at every minute, kept for GET /health, and told as metrics."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from psycopg.rows import TupleRow

from breakwater.db.consumers import Sample, note_sample, outbox_backlog, progress_of, samples
from breakwater.domain.delivery import LAG_MAX_S, RELAY, SAMPLE_MAX_AGE_S, dead_letters_of, lag_s, queue_url
from breakwater.domain.times import TimeText, format_time
from breakwater.errors import Unavailable

type Connection = psycopg.Connection[TupleRow]

_VISIBLE, _IN_FLIGHT, _DELAYED = (f"ApproximateNumberOfMessages{suffix}" for suffix in ("", "NotVisible", "Delayed"))


class Consumer(TypedDict):
    """A queue's: so many messages wait, are worked on or wait for their next try, are not due, are dead letters.

    `lag_s`: about how old the oldest is that is not done with. The queue `outbox` is what the engine's relay has still
    to publish.
    """

    queue: str
    state: Literal["OK", "LATE"]
    lag_s: float
    visible: int
    in_flight: int
    delayed: int
    dead_letters: int
    sampled_at: TimeText


class ConsumerList(TypedDict):
    items: list[Consumer]


def look(sqs: Any, arns: Sequence[str], connection: Connection, at: datetime) -> list[Sample]:
    """At every queue and the outbox, and keep what was seen. Unavailable when the queues do not answer."""
    queues = {arn.rpartition(":")[2]: arn for arn in arns}
    known = progress_of(connection, list(queues))
    seen = [_relay(connection, at)]
    for queue, arn in queues.items():
        counts = _counts(sqs, arn)
        dead = _counts(sqs, f"{arn.rpartition(':')[0]}:{dead_letters_of(queue)}")
        told = known.get(queue)
        seen.append(
            Sample(
                queue=queue,
                visible=counts[_VISIBLE],
                in_flight=counts[_IN_FLIGHT],
                delayed=counts[_DELAYED],
                dead_letters=sum(dead.values()),
                lag_s=0.0 if told is None else lag_s(told, is_any_waiting=counts[_VISIBLE] > 0, at=at),
                sampled_at=at,
            )
        )
    for sample in seen:
        note_sample(connection, sample)
    return sorted(seen, key=lambda sample: sample.queue)


def told(seen: Sequence[Sample]) -> ConsumerList:
    items: list[Consumer] = [
        {
            "queue": sample.queue,
            "state": "LATE" if sample.lag_s > LAG_MAX_S else "OK",
            "lag_s": round(sample.lag_s, 3),
            "visible": sample.visible,
            "in_flight": sample.in_flight,
            "delayed": sample.delayed,
            "dead_letters": sample.dead_letters,
            "sampled_at": format_time(sample.sampled_at),
        }
        for sample in seen
    ]
    return {"items": items}


def late(connection: Connection, at: datetime) -> list[str]:
    """The queues whose consumer was late when it was last looked at, in the last minutes."""
    return [
        sample.queue
        for sample in samples(connection)
        if sample.lag_s > LAG_MAX_S and (at - sample.sampled_at).total_seconds() < SAMPLE_MAX_AGE_S
    ]


def _relay(connection: Connection, at: datetime) -> Sample:
    waiting, age_s = outbox_backlog(connection)
    return Sample(RELAY, visible=waiting, in_flight=0, delayed=0, dead_letters=0, lag_s=age_s, sampled_at=at)


def _counts(sqs: Any, arn: str) -> dict[str, int]:
    names = [_VISIBLE, _IN_FLIGHT, _DELAYED]
    try:
        told = sqs.get_queue_attributes(QueueUrl=queue_url(arn), AttributeNames=names)["Attributes"]
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the queues did not answer") from error
    return {name: int(told[name]) for name in names}
