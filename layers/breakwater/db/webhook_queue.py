"""What is still to be delivered: lanes, the deliveries that wait in them, and who works on which."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.webhooks import PING_LANE

_TARGETS = """
SELECT e.endpoint_id, e.name, e.url, e.topics, e.account_ids, e.missed_since, e.created_at,
  coalesce((SELECT sum(l.waiting) FROM webhooks.lanes l
            WHERE l.endpoint_id = e.endpoint_id AND l.tenant_id = e.tenant_id), 0)::integer AS waiting
FROM webhooks.endpoints e WHERE e.tenant_id = %s ORDER BY e.endpoint_id
"""
_FEED_AFTER = """
SELECT event.event_id, event.topic, feed.account_id, feed.sequence, event.occurred_at_ns
FROM trading.account_feed feed JOIN trading.events event USING (event_id)
WHERE feed.tenant_id = %s AND feed.account_id = %s AND feed.sequence > %s ORDER BY feed.sequence LIMIT %s
"""
# In the period, of all accounts or of some. Between events of one account the feed has the order.
_HAPPENED = """
SELECT event.event_id, event.topic, event.account_id, feed.sequence, event.occurred_at_ns
FROM trading.events event LEFT JOIN trading.account_feed feed
  ON feed.event_id = event.event_id AND feed.tenant_id = event.tenant_id
WHERE event.tenant_id = %(tenant)s AND event.occurred_at_ns >= %(since)s AND event.occurred_at_ns < %(until)s
  AND event.topic LIKE ANY (%(topics)s)
  AND (%(accounts)s::uuid[] IS NULL OR event.account_id = ANY (%(accounts)s))
ORDER BY event.occurred_at_ns, feed.sequence, event.event_id LIMIT %(at_most)s
"""
_ADD_DELIVERIES = """
INSERT INTO webhooks.deliveries (delivery_id, tenant_id, endpoint_id, lane, kind, event_id, topic, account_id, sequence)
SELECT delivery_id, %(tenant)s, endpoint_id, lane, %(kind)s, event_id, topic, account_id, sequence
FROM ROWS FROM (unnest(%(ids)s::uuid[]), unnest(%(endpoints)s::uuid[]), unnest(%(lanes)s::uuid[]),
  unnest(%(events)s::uuid[]), unnest(%(topics)s::text[]), unnest(%(accounts)s::uuid[]), unnest(%(sequences)s::bigint[]))
  WITH ORDINALITY AS each (delivery_id, endpoint_id, lane, event_id, topic, account_id, sequence, place)
ORDER BY place ON CONFLICT DO NOTHING RETURNING delivery_id, endpoint_id, lane
"""
# Locks the lanes, always in this order, until the transaction ends: a sender that finds its lane empty locks it too.
_ADD_TO_LANES = """
INSERT INTO webhooks.lanes (endpoint_id, lane, tenant_id, waiting)
SELECT endpoint_id, lane, %(tenant)s, waiting
FROM ROWS FROM (unnest(%(endpoints)s::uuid[]), unnest(%(lanes)s::uuid[]), unnest(%(waiting)s::integer[]))
  AS each (endpoint_id, lane, waiting)
ORDER BY endpoint_id, lane
ON CONFLICT (endpoint_id, lane) DO UPDATE SET waiting = lanes.waiting + excluded.waiting,
  due_at = CASE WHEN lanes.waiting = 0 THEN now() ELSE lanes.due_at END
"""
_IS_FREE = "l.waiting > 0 AND l.due_at <= now() AND (l.claimed_until IS NULL OR l.claimed_until <= now())"
_CLAIM = f"""
UPDATE webhooks.lanes lane SET claim_id = %(claim)s, claimed_until = now() + %(for)s
WHERE lane.tenant_id = %(tenant)s AND (lane.endpoint_id, lane.lane) IN (
  SELECT l.endpoint_id, l.lane
  FROM ROWS FROM (unnest(%(endpoints)s::uuid[]), unnest(%(lanes)s::uuid[])) AS wanted (endpoint_id, lane)
  JOIN webhooks.lanes l ON l.endpoint_id = wanted.endpoint_id AND l.lane = wanted.lane
  JOIN webhooks.endpoints e ON e.endpoint_id = l.endpoint_id
  WHERE l.tenant_id = %(tenant)s AND e.tenant_id = %(tenant)s AND {_IS_FREE}
    AND (l.lane = %(ping)s OR (e.state = 'ACTIVE' AND e.retry_at IS NULL))
  ORDER BY l.endpoint_id, l.lane FOR UPDATE OF l SKIP LOCKED)
RETURNING lane.endpoint_id, lane.lane
"""  # noqa: S608  # A constant of this module.
_CLAIM_PROBES = """
UPDATE webhooks.endpoints SET probe_until = now() + %(for)s WHERE tenant_id = %(tenant)s AND endpoint_id IN (
  SELECT endpoint_id FROM webhooks.endpoints
  WHERE tenant_id = %(tenant)s AND endpoint_id = ANY (%(endpoints)s) AND state = 'ACTIVE' AND retry_at <= now()
    AND (probe_until IS NULL OR probe_until <= now())
  ORDER BY endpoint_id FOR UPDATE SKIP LOCKED)
RETURNING endpoint_id
"""
# Whichever of its lanes waits longest: the one that failed last is not the only one that may find it well again.
_CLAIM_PROBING_LANES = f"""
UPDATE webhooks.lanes lane SET claim_id = %(claim)s, claimed_until = now() + %(for)s
WHERE lane.tenant_id = %(tenant)s AND (lane.endpoint_id, lane.lane) IN (
  SELECT first.endpoint_id, first.lane FROM unnest(%(endpoints)s::uuid[]) AS probed (endpoint_id)
  CROSS JOIN LATERAL (
    SELECT l.endpoint_id, l.lane FROM webhooks.lanes l
    WHERE l.tenant_id = %(tenant)s AND l.endpoint_id = probed.endpoint_id AND l.lane <> %(ping)s AND {_IS_FREE}
    ORDER BY l.due_at LIMIT 1 FOR UPDATE SKIP LOCKED) first)
RETURNING lane.endpoint_id, lane.lane
"""  # noqa: S608  # A constant of this module.
_HEADS = """
SELECT d.delivery_id, d.endpoint_id, d.lane, d.kind, d.event_id, d.topic, d.account_id, d.sequence, d.attempts,
  d.queued_at, d.first_attempt_at, e.name, e.url, e.state = 'ACTIVE' AS is_active, e.is_careful, e.failures,
  e.failing_since, e.retry_at IS NOT NULL AS is_failing, e.last_delivered_at,
  event.aggregate_id, event.correlation_id, event.occurred_at_ns, event.payload
FROM ROWS FROM (unnest(%(endpoints)s::uuid[]), unnest(%(lanes)s::uuid[])) AS claimed (endpoint_id, lane)
JOIN webhooks.endpoints e ON e.endpoint_id = claimed.endpoint_id AND e.tenant_id = %(tenant)s
JOIN webhooks.lanes l ON l.endpoint_id = claimed.endpoint_id AND l.lane = claimed.lane AND l.due_at <= now()
CROSS JOIN LATERAL (
  SELECT * FROM webhooks.deliveries each
  WHERE each.tenant_id = %(tenant)s AND each.endpoint_id = claimed.endpoint_id AND each.lane = claimed.lane
    AND each.state = 'WAITING' ORDER BY each.delivery_no LIMIT 1) d
LEFT JOIN trading.events event ON event.event_id = d.event_id AND event.tenant_id = %(tenant)s
"""

# A lane is an endpoint's, and an account's or one of the two of `domain/webhooks`.
type Lane = tuple[uuid.UUID, uuid.UUID]


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint, as far as it matters to whom an event goes."""

    endpoint_id: uuid.UUID
    name: str
    url: str
    topics: list[str]
    account_ids: list[uuid.UUID] | None
    missed_since: datetime | None
    created_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True)
class Happened:
    """An event's place. `sequence` is that of its account's feed; None for what is the organisation's own."""

    event_id: uuid.UUID
    topic: str
    account_id: uuid.UUID | None
    sequence: int | None
    occurred_at_ns: int


@dataclass(frozen=True, slots=True)
class Queued:
    endpoint_id: uuid.UUID
    lane: uuid.UUID
    event: Happened


@dataclass(frozen=True, slots=True)
class Head:
    """The first of a lane, with what is sent of it and what is known of its endpoint.

    The event's own fields are None for a ping, and for an event that is gone.
    """

    delivery_id: uuid.UUID
    endpoint_id: uuid.UUID
    lane: uuid.UUID
    kind: str
    event_id: uuid.UUID
    topic: str
    account_id: uuid.UUID | None
    sequence: int | None
    attempts: int
    queued_at: datetime
    first_attempt_at: datetime | None
    name: str
    url: str
    is_active: bool
    is_careful: bool
    failures: int
    failing_since: datetime | None
    is_failing: bool
    last_delivered_at: datetime | None
    aggregate_id: uuid.UUID | None
    correlation_id: str | None
    occurred_at_ns: int | None
    payload: dict[str, Any] | None

    @property
    def is_ping(self) -> bool:
        return self.kind == "PING"


class WebhookQueueRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    # what happens becomes deliveries ------------------------------------------------------------------------------

    def targets(self) -> list[Target]:
        """Every endpoint, paused or not."""
        with self._connection.cursor(row_factory=class_row(Target)) as cursor:
            return cursor.execute(_TARGETS, (self._tenant_id,)).fetchall()

    def lock_position(self, account_id: uuid.UUID) -> int:
        """Up to where the account's feed has become deliveries, until the transaction ends nobody else's to move."""
        row = self._connection.execute(
            "INSERT INTO webhooks.feed_positions (account_id, tenant_id, sequence) VALUES (%s, %s, 0)"
            " ON CONFLICT (account_id) DO UPDATE SET sequence = feed_positions.sequence RETURNING sequence",
            (account_id, self._tenant_id),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def move_position(self, account_id: uuid.UUID, sequence: int) -> None:
        self._connection.execute(
            "UPDATE webhooks.feed_positions SET sequence = %s WHERE tenant_id = %s AND account_id = %s",
            (sequence, self._tenant_id, account_id),
        )

    def feed_after(self, account_id: uuid.UUID, sequence: int, at_most: int) -> list[Happened]:
        with self._connection.cursor(row_factory=class_row(Happened)) as cursor:
            return cursor.execute(_FEED_AFTER, (self._tenant_id, account_id, sequence, at_most)).fetchall()

    def happened(
        self,
        since_ns: int,
        until_ns: int,
        *,
        topics: Sequence[str],
        account_ids: Sequence[uuid.UUID] | None,
        at_most: int,
    ) -> list[Happened]:
        """The oldest first. `topics`: as endpoints name them, which are patterns of LIKE with `%` in place of `*`."""
        with self._connection.cursor(row_factory=class_row(Happened)) as cursor:
            return cursor.execute(
                _HAPPENED,
                {
                    "tenant": self._tenant_id,
                    "since": since_ns,
                    "until": until_ns,
                    "topics": [topic.replace("*", "%") for topic in topics],
                    "accounts": None if account_ids is None else list(account_ids),
                    "at_most": at_most,
                },
            ).fetchall()

    def add(self, queued: Sequence[Queued], kind: str = "EVENT") -> dict[Lane, list[uuid.UUID]]:
        """The ids of those that were added, by lane. An event is added to an endpoint once; a redelivery each time."""
        added = self._connection.execute(
            _ADD_DELIVERIES,
            {
                "tenant": self._tenant_id,
                "kind": kind,
                "ids": [uuid.uuid4() for _ in queued],
                "endpoints": [each.endpoint_id for each in queued],
                "lanes": [each.lane for each in queued],
                "events": [each.event.event_id for each in queued],
                "topics": [each.event.topic for each in queued],
                "accounts": [each.event.account_id for each in queued],
                "sequences": [each.event.sequence for each in queued],
            },
        ).fetchall()
        ids: dict[Lane, list[uuid.UUID]] = {}
        for delivery_id, endpoint_id, lane in added:
            ids.setdefault((endpoint_id, lane), []).append(delivery_id)
        self._add_to_lanes(Counter({lane: len(of_lane) for lane, of_lane in ids.items()}))
        return ids

    def add_ping(self, endpoint_id: uuid.UUID, topic: str) -> uuid.UUID:
        """Its event is nobody else's, so it has the delivery's id."""
        delivery_id = uuid.uuid4()
        self._connection.execute(
            "INSERT INTO webhooks.deliveries (delivery_id, tenant_id, endpoint_id, lane, kind, event_id, topic)"
            " VALUES (%s, %s, %s, %s, 'PING', %s, %s)",
            (delivery_id, self._tenant_id, endpoint_id, PING_LANE, delivery_id, topic),
        )
        self._add_to_lanes(Counter({(endpoint_id, PING_LANE): 1}))
        return delivery_id

    def _add_to_lanes(self, counts: Counter[Lane]) -> None:
        if not counts:
            return
        lanes = sorted(counts)
        self._connection.execute(
            _ADD_TO_LANES,
            {
                "tenant": self._tenant_id,
                "endpoints": [endpoint_id for endpoint_id, _ in lanes],
                "lanes": [lane for _, lane in lanes],
                "waiting": [counts[lane] for lane in lanes],
            },
        )

    def miss(self, endpoint_id: uuid.UUID, count: int, at: datetime) -> None:
        self._connection.execute(
            "UPDATE webhooks.endpoints SET missed = missed + %s, missed_since = coalesce(missed_since, %s)"
            " WHERE tenant_id = %s AND endpoint_id = %s",
            (count, at, self._tenant_id, endpoint_id),
        )

    # who may work on what -----------------------------------------------------------------------------------------

    def careful_of_awake(self, endpoint_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bool]:
        """Those that are sent to now, and whether that is done apart. The others are woken by what they wait for."""
        rows = self._connection.execute(
            "SELECT endpoint_id, is_careful FROM webhooks.endpoints"
            " WHERE tenant_id = %s AND endpoint_id = ANY (%s) AND state = 'ACTIVE'"
            " AND (retry_at IS NULL OR retry_at <= now())",
            (self._tenant_id, list(endpoint_ids)),
        ).fetchall()
        return dict(rows)

    def waiting_lanes(self, endpoint_id: uuid.UUID, at_most: int) -> list[Lane]:
        """Those that are due, the longest first."""
        rows = self._connection.execute(
            "SELECT endpoint_id, lane FROM webhooks.lanes"
            " WHERE tenant_id = %s AND endpoint_id = %s AND waiting > 0 AND due_at <= now() ORDER BY due_at LIMIT %s",
            (self._tenant_id, endpoint_id, at_most),
        ).fetchall()
        return [(found, lane) for found, lane in rows]

    def claim(
        self, wanted: Sequence[Lane], claim_id: uuid.UUID, claimed_for: timedelta
    ) -> tuple[list[Lane], list[Lane]]:
        """(lanes of endpoints that are well, lanes that find out whether theirs is well again), for this sender alone.

        What is not due, or somebody else's, or waits for another lane's probe, is in neither.
        """
        told = {
            "tenant": self._tenant_id,
            "claim": claim_id,
            "for": claimed_for,
            "endpoints": [endpoint_id for endpoint_id, _ in wanted],
            "lanes": [lane for _, lane in wanted],
            "ping": PING_LANE,
        }
        well = [(endpoint_id, lane) for endpoint_id, lane in self._connection.execute(_CLAIM, told).fetchall()]
        probed = [endpoint_id for (endpoint_id,) in self._connection.execute(_CLAIM_PROBES, told).fetchall()]
        if not probed:
            return well, []
        rows = self._connection.execute(_CLAIM_PROBING_LANES, told | {"endpoints": probed}).fetchall()
        probing = [(endpoint_id, lane) for endpoint_id, lane in rows]
        if idle := set(probed) - {endpoint_id for endpoint_id, _ in probing}:
            self._connection.execute(
                "UPDATE webhooks.endpoints SET probe_until = NULL WHERE tenant_id = %s AND endpoint_id = ANY (%s)",
                (self._tenant_id, list(idle)),
            )
        return well, probing

    def heads(self, lanes: Sequence[Lane]) -> list[Head]:
        """The first of each that has one, and is due."""
        with self._connection.cursor(row_factory=class_row(Head)) as cursor:
            return cursor.execute(
                _HEADS,
                {
                    "tenant": self._tenant_id,
                    "endpoints": [endpoint_id for endpoint_id, _ in lanes],
                    "lanes": [lane for _, lane in lanes],
                },
            ).fetchall()

    def release(self, lanes: Sequence[Lane], claim_id: uuid.UUID) -> None:
        """In the transaction that has found that there is no more, or gives them to another sender."""
        self._connection.execute(
            "UPDATE webhooks.lanes l SET claim_id = NULL, claimed_until = NULL"
            " FROM ROWS FROM (unnest(%s::uuid[]), unnest(%s::uuid[])) AS mine (endpoint_id, lane)"
            " WHERE l.tenant_id = %s AND l.endpoint_id = mine.endpoint_id AND l.lane = mine.lane AND l.claim_id = %s",
            (
                *([endpoint_id for endpoint_id, _ in lanes], [lane for _, lane in lanes]),
                *(self._tenant_id, claim_id),
            ),
        )

    # what came of it ----------------------------------------------------------------------------------------------

    def settle_lane(
        self, head: Head, claim_id: uuid.UUID, *, is_done: bool, due_at: datetime | None, claimed_for: timedelta
    ) -> bool:
        """False when the lane is this sender's no more: somebody else has taken it up, and will tell what came of it.

        `is_done`: the delivery waits no longer. `due_at`: when the lane's first is due; None: at once.
        """
        cursor = self._connection.execute(
            "UPDATE webhooks.lanes SET waiting = greatest(waiting - %s, 0), due_at = coalesce(%s, now()),"
            " claimed_until = now() + %s"
            " WHERE tenant_id = %s AND endpoint_id = %s AND lane = %s AND claim_id = %s",
            (int(is_done), due_at, claimed_for, self._tenant_id, head.endpoint_id, head.lane, claim_id),
        )
        return cursor.rowcount == 1

    def end_probe(self, endpoint_id: uuid.UUID) -> None:
        self._connection.execute(
            "UPDATE webhooks.endpoints SET probe_until = NULL WHERE tenant_id = %s AND endpoint_id = %s",
            (self._tenant_id, endpoint_id),
        )

    def note_well(self, endpoint_id: uuid.UUID, *, is_careful: bool) -> None:
        """It took a call. Written only where that is news, for every lane of it would wait for this row."""
        self._connection.execute(
            "UPDATE webhooks.endpoints SET failures = 0, failing_since = NULL, retry_at = NULL, probe_until = NULL,"
            " is_careful = %s, last_delivered_at = now() WHERE tenant_id = %s AND endpoint_id = %s"
            " AND (retry_at IS NOT NULL OR is_careful <> %s OR last_delivered_at IS NULL"
            "   OR last_delivered_at < now() - interval '10 s')",
            (is_careful, self._tenant_id, endpoint_id, is_careful),
        )

    def note_careful(self, endpoint_id: uuid.UUID) -> None:
        self._connection.execute(
            "UPDATE webhooks.endpoints SET is_careful = true WHERE tenant_id = %s AND endpoint_id = %s",
            (self._tenant_id, endpoint_id),
        )

    def note_failure(self, endpoint_id: uuid.UUID, *, is_probe: bool, at: datetime, retry_at: datetime) -> None:
        """Once for all calls that were under way: only the first, and then whoever probes, counts."""
        self._connection.execute(
            "UPDATE webhooks.endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, %s),"
            " retry_at = %s, probe_until = NULL, is_careful = true"
            " WHERE tenant_id = %s AND endpoint_id = %s AND (retry_at IS NULL OR %s)",
            (at, retry_at, self._tenant_id, endpoint_id, is_probe),
        )
