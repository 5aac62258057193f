"""The delivery log: what was sent where, when, and what was answered."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.times import Timestamp
from breakwater.domain.webhooks import Answer
from breakwater.errors import NotFound

type DeliveryState = Literal["WAITING", "DELIVERED", "DEAD"]

_DELIVERY = """
SELECT delivery_id, delivery_no, endpoint_id, kind, event_id, topic, account_id, sequence, state, attempts, queued_at,
  first_attempt_at, last_attempt_at, last_outcome, last_status, last_latency_ms
FROM webhooks.deliveries WHERE tenant_id = %(tenant)s AND endpoint_id = %(endpoint)s
"""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """`state` DEAD: given up. `sequence`: in the account's feed. `last_…`: of its last attempt."""

    delivery_id: uuid.UUID
    delivery_no: int
    endpoint_id: uuid.UUID
    kind: Literal["EVENT", "REDELIVERY", "PING"]
    event_id: uuid.UUID
    topic: str
    account_id: uuid.UUID | None
    sequence: int | None
    state: DeliveryState
    attempts: int
    queued_at: Timestamp
    first_attempt_at: Timestamp | None
    last_attempt_at: Timestamp | None
    last_outcome: str | None
    last_status: int | None
    last_latency_ms: int | None


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """`answer`: what could be read of the first 1 KiB of it."""

    attempt: int
    at: Timestamp
    outcome: str
    status: int | None
    latency_ms: int
    answer: str
    detail: str


class WebhookLogRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def note(self, delivery_id: uuid.UUID, attempt: int, answer: Answer, state: DeliveryState) -> None:
        """What came of an attempt. NUL, which a database's text cannot have, is shown as what it is not."""
        self._connection.execute(
            "UPDATE webhooks.deliveries SET state = %s, attempts = %s, first_attempt_at = coalesce(first_attempt_at,"
            " now()), last_attempt_at = now(), last_outcome = %s, last_status = %s, last_latency_ms = %s"
            " WHERE tenant_id = %s AND delivery_id = %s",
            (state, attempt, answer.outcome, answer.status, answer.latency_ms, self._tenant_id, delivery_id),
        )
        text = answer.body_start.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        self._connection.execute(
            "INSERT INTO webhooks.attempts (delivery_id, attempt, tenant_id, at, outcome, status, latency_ms, answer,"
            " detail) VALUES (%s, %s, %s, now(), %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                *(delivery_id, attempt, self._tenant_id, answer.outcome, answer.status, answer.latency_ms),
                *(text, answer.detail),
            ),
        )

    def page(
        self, endpoint_id: uuid.UUID, *, states: Sequence[str] | None, before: int | None, limit: int
    ) -> list[WebhookDelivery]:
        """The newest first; those with a lower `delivery_no` than `before`."""
        with self._connection.cursor(row_factory=class_row(WebhookDelivery)) as cursor:
            return cursor.execute(
                _DELIVERY + " AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))"
                " AND (%(before)s::bigint IS NULL OR delivery_no < %(before)s)"
                " ORDER BY delivery_no DESC LIMIT %(limit)s",
                {
                    "tenant": self._tenant_id,
                    "endpoint": endpoint_id,
                    "states": None if states is None else list(states),
                    "before": before,
                    "limit": limit,
                },
            ).fetchall()

    def delivery(self, endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> WebhookDelivery:
        """NotFound also for one of another endpoint or tenant."""
        with self._connection.cursor(row_factory=class_row(WebhookDelivery)) as cursor:
            row = cursor.execute(
                _DELIVERY + " AND delivery_id = %(delivery)s",
                {"tenant": self._tenant_id, "endpoint": endpoint_id, "delivery": delivery_id},
            ).fetchone()
        if row is None:
            raise NotFound("no such delivery")
        return row

    def attempts(self, delivery_id: uuid.UUID) -> list[WebhookAttempt]:
        """The first one first; a day has room for a few."""
        with self._connection.cursor(row_factory=class_row(WebhookAttempt)) as cursor:
            return cursor.execute(
                "SELECT attempt, at, outcome, status, latency_ms, answer, detail FROM webhooks.attempts"
                " WHERE tenant_id = %s AND delivery_id = %s ORDER BY attempt LIMIT 100",
                (self._tenant_id, delivery_id),
            ).fetchall()
