"""Who is told of an alert, by which way, and what became of it."""
# ruff: noqa: S608 - only constants of this module are put together here; every value is a parameter.

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.alerting import Channel
from breakwater.domain.times import Timestamp

DeliveryState = Literal["DUE", "SENT", "FAILED", "SUPPRESSED"]
DELIVERIES_OF_ONE_ALERT_MAX = 1_000

_ADD = """
INSERT INTO alerts.deliveries
  (delivery_id, tenant_id, alert_id, stage, channel, user_id, destination, state, reason, due_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (alert_id, stage, channel, destination) DO NOTHING
"""
_COLUMNS = "delivery_id, alert_id, stage, channel, user_id, destination, state, reason, attempts, due_at, sent_at"
_OF_ALERT = f"""
SELECT {_COLUMNS} FROM alerts.deliveries WHERE tenant_id = %s AND alert_id = %s
ORDER BY stage, due_at, channel, destination LIMIT %s
"""
# The stages of an escalation; what was told at once is news even to those who read it late.
_SUPPRESS_STAGES = """
UPDATE alerts.deliveries SET state = 'SUPPRESSED', reason = %s
WHERE tenant_id = %s AND state = 'DUE' AND stage > 0 AND alert_id = ANY(%s)
"""
# Of the alert, stage and channel, or of the person: what is claimed with it. Hours may lie behind the planning.
_SUPPRESS_DISABLED = """
UPDATE alerts.deliveries d SET state = 'SUPPRESSED', reason = %(suppressed)s
FROM identity.users u
WHERE d.delivery_id IN (
  SELECT delivery_id FROM alerts.deliveries
  WHERE tenant_id = %(tenant_id)s AND state = 'DUE' AND channel = %(channel)s
    AND (destination = %(destination)s OR (alert_id = %(alert_id)s AND stage = %(stage)s))
    AND (claimed_until IS NULL OR claimed_until <= %(at)s)
  FOR UPDATE SKIP LOCKED)
  AND u.tenant_id = d.tenant_id AND u.user_id = d.user_id AND u.disabled_at IS NOT NULL
"""
# What another sender has claimed is left to him.
_CLAIM = f"""
UPDATE alerts.deliveries SET claimed_until = %(until)s, attempts = attempts + 1
WHERE delivery_id IN (
  SELECT delivery_id FROM alerts.deliveries
  WHERE tenant_id = %(tenant_id)s AND state = 'DUE' AND due_at <= %(at)s
    AND (claimed_until IS NULL OR claimed_until <= %(at)s) AND channel = %(channel)s AND {{condition}}
  ORDER BY due_at, delivery_id LIMIT {DELIVERIES_OF_ONE_ALERT_MAX} FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""
_CLAIM_ITSELF = _CLAIM.format(condition="delivery_id = %(delivery_id)s")
_CLAIM_OF_PERSON = _CLAIM.format(condition="destination = %(destination)s AND reason = %(reason)s")


@dataclass(frozen=True, slots=True)
class Delivery:
    """`stage`: minutes after the alert at which an escalation told them, 0 for those told at once.

    `user_id` None: a channel of the organisation. `reason`: why it failed or was suppressed.
    """

    delivery_id: uuid.UUID
    alert_id: uuid.UUID
    stage: int
    channel: Channel
    user_id: uuid.UUID | None
    destination: str
    state: DeliveryState
    reason: str | None
    attempts: int
    due_at: Timestamp
    sent_at: Timestamp | None


@dataclass(frozen=True, slots=True)
class Claim:
    """`claimed_until`: until then somebody else is sending it."""

    delivery: Delivery
    claimed_until: datetime | None


class AlertDeliveryRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """What is there already, by alert, stage, channel and destination, stays as it is."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                _ADD,
                [
                    (
                        *(each.delivery_id, self._tenant_id, each.alert_id, each.stage, each.channel, each.user_id),
                        *(each.destination, each.state, each.reason, each.due_at),
                    )
                    for each in deliveries
                ],
            )

    def of_alert(self, alert_id: uuid.UUID) -> list[Delivery]:
        with self._connection.cursor(row_factory=class_row(Delivery)) as cursor:
            return cursor.execute(_OF_ALERT, (self._tenant_id, alert_id, DELIVERIES_OF_ONE_ALERT_MAX)).fetchall()

    def suppress_stages(self, alert_ids: Sequence[uuid.UUID], reason: str) -> None:
        """What escalations of these alerts have planned and nobody has sent yet."""
        self._connection.execute(_SUPPRESS_STAGES, (reason, self._tenant_id, list(alert_ids)))

    def suppress_disabled(self, like: Delivery, *, at: datetime, reason: str) -> None:
        """Of what may go in one message with it: that of people who have been disabled since it was planned."""
        self._connection.execute(
            _SUPPRESS_DISABLED,
            {
                "tenant_id": self._tenant_id,
                "channel": like.channel,
                "destination": like.destination,
                "alert_id": like.alert_id,
                "stage": like.stage,
                "at": at,
                "suppressed": reason,
            },
        )

    def was_meant_for(self, alert_id: uuid.UUID, subject: str) -> bool:
        """Whether this person was to be told of it, by whatever way."""
        row = self._connection.execute(
            "SELECT 1 FROM alerts.deliveries d JOIN identity.users u USING (tenant_id, user_id)"
            " WHERE d.tenant_id = %s AND d.alert_id = %s AND u.subject = %s LIMIT 1",
            (self._tenant_id, alert_id, subject),
        ).fetchone()
        return row is not None

    def lock(self, delivery_id: uuid.UUID) -> Claim | None:
        """To be sent by this transaction, or by nobody until it ends. None for one that there is not."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS}, claimed_until FROM alerts.deliveries"
            " WHERE tenant_id = %s AND delivery_id = %s FOR UPDATE",
            (self._tenant_id, delivery_id),
        ).fetchone()
        return None if row is None else Claim(Delivery(*row[:-1]), row[-1])

    def claim(self, wanted: Delivery, *, at: datetime, until: datetime) -> list[Delivery]:
        """Itself alone."""
        return self._claim(_CLAIM_ITSELF, wanted, at, until)

    def claim_of_person(self, like: Delivery, *, at: datetime, until: datetime) -> list[Delivery]:
        """All that are due of its channel, destination and reason, of whatever alert."""
        return self._claim(_CLAIM_OF_PERSON, like, at, until)

    def mark(
        self,
        delivery_ids: Sequence[uuid.UUID],
        state: DeliveryState,
        *,
        reason: str | None = None,
        due_at: datetime | None = None,
        sent_at: datetime | None = None,
    ) -> None:
        """What became of it. None: reason and time stay as they were. Whoever had claimed it is done."""
        self._connection.execute(
            "UPDATE alerts.deliveries SET state = %s, reason = coalesce(%s, reason), due_at = coalesce(%s, due_at),"
            " sent_at = %s, claimed_until = NULL WHERE tenant_id = %s AND delivery_id = ANY(%s)",
            (state, reason, due_at, sent_at, self._tenant_id, list(delivery_ids)),
        )

    def _claim(self, statement: str, like: Delivery, at: datetime, until: datetime) -> list[Delivery]:
        with self._connection.cursor(row_factory=class_row(Delivery)) as cursor:
            return cursor.execute(
                statement,
                {
                    "tenant_id": self._tenant_id,
                    "at": at,
                    "until": until,
                    "channel": like.channel,
                    "delivery_id": like.delivery_id,
                    "destination": like.destination,
                    "reason": like.reason,
                },
            ).fetchall()
