"""How far each consumer is: what it says of itself, and what was seen of its queue. Asked and told by no tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.db.outbox import BACKLOG_COUNTED_MAX, OUTBOX_BACKLOG
from breakwater.domain.delivery import SAMPLE_MAX_AGE_S, Progress

CONSUMERS_MAX = 100
_UNSEEN = timedelta(seconds=SAMPLE_MAX_AGE_S)

# Several environments of a function tell at once: the newest that is done wins, and the oldest that fails.
_NOTE = """
INSERT INTO trading.consumers AS known (queue, taken_to, failing_since, failing_until)
VALUES (%(queue)s, %(taken_to)s, %(failing_since)s, %(failing_until)s)
ON CONFLICT (queue) DO UPDATE SET
  taken_to = greatest(known.taken_to, excluded.taken_to),
  failing_since = CASE WHEN excluded.failing_since IS NULL THEN known.failing_since
    WHEN known.failing_until > now() THEN least(known.failing_since, excluded.failing_since)
    ELSE excluded.failing_since END,
  failing_until = CASE WHEN excluded.failing_since IS NULL THEN known.failing_until
    ELSE greatest(known.failing_until, excluded.failing_until) END
"""
_ENDED = """
UPDATE trading.consumers SET failing_since = NULL, failing_until = NULL
WHERE queue = %s AND failing_since IS NOT NULL AND failing_since >= %s
"""
_SAMPLE = """
INSERT INTO trading.consumers AS known (queue, visible, in_flight, delayed, dead_letters, lag_s, sampled_at, empty_at)
VALUES (%(queue)s, %(visible)s, %(in_flight)s, %(delayed)s, %(dead_letters)s, %(lag_s)s, %(sampled_at)s, %(sampled_at)s)
ON CONFLICT (queue) DO UPDATE SET visible = excluded.visible, in_flight = excluded.in_flight,
  empty_at = CASE WHEN excluded.visible > 0 AND known.sampled_at > excluded.sampled_at - %(unseen)s
    THEN known.empty_at ELSE excluded.empty_at END,
  delayed = excluded.delayed, dead_letters = excluded.dead_letters, lag_s = excluded.lag_s,
  sampled_at = excluded.sampled_at
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A queue as it was looked at. `in_flight`: being worked on, or waiting for its next try."""

    queue: str
    visible: int
    in_flight: int
    delayed: int
    dead_letters: int
    lag_s: float
    sampled_at: datetime


def note_progress(connection: psycopg.Connection[TupleRow], queue: str, progress: Progress) -> None:
    connection.execute(
        _NOTE,
        {
            "queue": queue,
            "taken_to": progress.taken_to,
            "failing_since": progress.failing_since,
            "failing_until": progress.failing_until,
        },
    )


def note_recovery(connection: psycopg.Connection[TupleRow], queue: str, sent_at: datetime) -> None:
    """A message of that time has failed before and is done: what fails, if anything, is not older than it."""
    connection.execute(_ENDED, (queue, sent_at))


def progress_of(connection: psycopg.Connection[TupleRow], queues: Sequence[str]) -> dict[str, Progress]:
    """Where nobody looked for a while it is not known since when a queue was not empty: then since now."""
    rows = connection.execute(
        """SELECT queue, taken_to, failing_since, failing_until,
             CASE WHEN sampled_at > now() - %s THEN empty_at ELSE now() END
           FROM trading.consumers WHERE queue = ANY(%s) LIMIT %s""",
        (_UNSEEN, list(queues), CONSUMERS_MAX),
    ).fetchall()
    return {row[0]: Progress(*row[1:]) for row in rows}


def note_sample(connection: psycopg.Connection[TupleRow], sample: Sample) -> None:
    connection.execute(_SAMPLE, {name: getattr(sample, name) for name in Sample.__slots__} | {"unseen": _UNSEEN})


def samples(connection: psycopg.Connection[TupleRow]) -> list[Sample]:
    """The last look at each queue, by name; none of one that was never looked at."""
    with connection.cursor(row_factory=class_row(Sample)) as cursor:
        return cursor.execute(
            """SELECT queue, visible, in_flight, delayed, dead_letters, lag_s, sampled_at FROM trading.consumers
               WHERE sampled_at IS NOT NULL ORDER BY queue LIMIT %s""",
            (CONSUMERS_MAX,),
        ).fetchall()


def outbox_backlog(connection: psycopg.Connection[TupleRow]) -> tuple[int, float]:
    """(events that the relay has still to publish, BACKLOG_COUNTED_MAX at most, age of the oldest in seconds)."""
    row = connection.execute(OUTBOX_BACKLOG, (BACKLOG_COUNTED_MAX,)).fetchone()
    return (0, 0.0) if row is None else (int(row[0]), float(row[1]))
