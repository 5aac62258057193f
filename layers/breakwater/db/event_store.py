"""The event store read again: a period in the order of each account's feed, and what the projections have taken."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row

from events.envelope import Envelope

_IN_PERIOD = """
SELECT event_id, topic, event.tenant_id, event.account_id, aggregate_id, correlation_id, occurred_at_ns, payload,
  feed.sequence AS number
FROM trading.account_feed feed JOIN trading.events event USING (event_id)
WHERE feed.tenant_id = %(tenant_id)s AND event.tenant_id = %(tenant_id)s
  AND (%(account_id)s::uuid IS NULL OR feed.account_id = %(account_id)s)
  AND (feed.account_id, feed.sequence) > (%(after_account)s, %(after_number)s)
  AND event.topic = ANY(%(topics)s) AND occurred_at_ns >= %(since_ns)s AND occurred_at_ns < %(until_ns)s
ORDER BY feed.account_id, feed.sequence LIMIT %(limit)s
"""
# What concerns the organisation has no place in any feed; the order in which it was written is the one there is.
_OF_NO_ACCOUNT = """
SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload,
  recorded_no AS number
FROM trading.events
WHERE tenant_id = %(tenant_id)s AND account_id IS NULL AND recorded_no > %(after_number)s
  AND topic = ANY(%(topics)s) AND occurred_at_ns >= %(since_ns)s AND occurred_at_ns < %(until_ns)s
ORDER BY recorded_no LIMIT %(limit)s
"""
# With `untaken`: topics that are applied where they are written, which no consumer notes.
_TAKEN = """
SELECT feed.sequence, event.topic, event.aggregate_id, event.payload
FROM trading.account_feed feed JOIN trading.events event USING (event_id)
WHERE feed.tenant_id = %(tenant_id)s AND feed.account_id = %(account_id)s AND feed.sequence > %(after)s
  AND feed.sequence <= %(up_to)s AND event.topic = ANY(%(topics)s)
  AND (event.topic = ANY(%(untaken)s) OR EXISTS (
    SELECT FROM trading.inbox taken WHERE taken.consumer = %(consumer)s AND taken.event_id = feed.event_id))
ORDER BY feed.sequence LIMIT %(limit)s
"""
_NEWEST_TAKEN = """
SELECT coalesce(max(feed.sequence), 0) FROM trading.account_feed feed JOIN trading.inbox taken USING (event_id)
WHERE feed.tenant_id = %s AND feed.account_id = %s AND taken.consumer = %s
"""
_TAKEN_COUNT = """
SELECT count(*) FROM trading.account_feed feed JOIN trading.inbox taken USING (event_id)
WHERE feed.tenant_id = %(tenant_id)s AND feed.account_id = %(account_id)s AND feed.sequence <= %(up_to)s
  AND taken.consumer = %(consumer)s
"""
FIRST_ACCOUNT = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """`number`: its place in the feed of its account, or among all events where it has none."""

    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID | None
    aggregate_id: uuid.UUID
    correlation_id: str
    occurred_at_ns: int
    payload: dict[str, Any]
    number: int

    def envelope(self) -> Envelope:
        return Envelope(**{name: getattr(self, name) for name in Envelope.model_fields})


@dataclass(frozen=True, slots=True)
class Period:
    """From `since_ns` up to, and without, `until_ns`; of one account, or None: of all and of the organisation."""

    since_ns: int
    until_ns: int
    topics: Sequence[str]
    account_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class TakenEvent:
    sequence: int
    topic: str
    aggregate_id: uuid.UUID
    payload: dict[str, Any]


class EventStoreRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def of_accounts(self, period: Period, after: tuple[uuid.UUID, int], limit: int) -> list[StoredEvent]:
        """Account by account, each in the order of its feed; those after `after` (account, sequence)."""
        return self._events(_IN_PERIOD, period, limit, after_account=after[0], after_number=after[1])

    def of_no_account(self, period: Period, after_number: int, limit: int) -> list[StoredEvent]:
        return self._events(_OF_NO_ACCOUNT, period, limit, after_number=after_number)

    def taken(
        self,
        account_id: uuid.UUID,
        consumer: str,
        *,
        topics: Sequence[str],
        untaken: Sequence[str],
        after: int,
        up_to: int,
        limit: int,
    ) -> list[TakenEvent]:
        """What the consumer has noted of the account's feed between two sequences, and all of the topics `untaken`."""
        with self._connection.cursor(row_factory=class_row(TakenEvent)) as cursor:
            return cursor.execute(
                _TAKEN,
                {
                    "tenant_id": self._tenant_id,
                    "account_id": account_id,
                    "consumer": consumer,
                    "topics": list(topics),
                    "untaken": list(untaken),
                    "after": after,
                    "up_to": up_to,
                    "limit": limit,
                },
            ).fetchall()

    def newest_taken(self, account_id: uuid.UUID, consumer: str) -> int:
        """How far the consumer is in the account's feed; but for dead letters it has taken all before."""
        row = self._connection.execute(_NEWEST_TAKEN, (self._tenant_id, account_id, consumer)).fetchone()
        return 0 if row is None else int(row[0])

    def taken_count(self, account_id: uuid.UUID, consumer: str, up_to: int) -> int:
        row = self._connection.execute(
            _TAKEN_COUNT,
            {"tenant_id": self._tenant_id, "account_id": account_id, "consumer": consumer, "up_to": up_to},
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _events(self, query: str, period: Period, limit: int, **after: Any) -> list[StoredEvent]:
        told = {
            "tenant_id": self._tenant_id,
            "account_id": period.account_id,
            "topics": list(period.topics),
            "since_ns": period.since_ns,
            "until_ns": period.until_ns,
            "limit": limit,
        }
        with self._connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
            return cursor.execute(query, told | after).fetchall()
