"""How the sagas of orders ended, as their orders' rows and their steps tell."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow, class_row

# The newest of these accounts' orders that a saga has placed. The row is the truth (decision 50); that a saga ended
# without an answer is known from its step alone, once the row has been settled.
_SEEN = """
SELECT o.order_id, o.account_id, o.symbol, o.client_order_id, o.status, o.created_at,
  CASE WHEN o.status = 'UNKNOWN' THEN 'UNRESOLVED'
    WHEN o.status = 'PENDING_NEW' AND o.engine_seq = 0 THEN 'UNDER_WAY'
    WHEN EXISTS (SELECT FROM trading.saga_steps s WHERE s.order_id = o.order_id AND s.step = 'mark_unknown')
      THEN 'RECOVERED'
    WHEN o.status = 'REJECTED' THEN 'REJECTED'
    ELSE 'CONFIRMED' END AS state
FROM trading.orders o
WHERE o.tenant_id = %(tenant_id)s AND o.account_id = ANY(%(account_ids)s) AND o.created_at >= %(since)s
  AND NOT o.is_leased AND NOT o.is_external
ORDER BY o.created_at DESC, o.order_id DESC LIMIT %(seen_max)s
"""
_COUNT = f"""
SELECT state, count(*), min(created_at) FROM ({_SEEN}) seen GROUP BY state
"""  # noqa: S608  # The interpolated text is the constant above.
_PAGE = f"""
SELECT saga.*, last.step, last.outcome, last.detail, last.finished_at FROM (
  SELECT * FROM ({_SEEN}) seen
  WHERE state = ANY(%(states)s)
    AND (%(before_at)s::timestamptz IS NULL OR (created_at, order_id) < (%(before_at)s, %(before_id)s::uuid))
  ORDER BY created_at DESC, order_id DESC LIMIT %(limit)s) saga
LEFT JOIN LATERAL (
  SELECT step, outcome, detail, finished_at FROM trading.saga_steps s
  WHERE s.order_id = saga.order_id AND s.tenant_id = %(tenant_id)s ORDER BY id DESC LIMIT 1) last ON true
ORDER BY saga.created_at DESC, saga.order_id DESC
"""  # noqa: S608  # The same.


@dataclass(frozen=True, slots=True)
class SagaRow:
    """`step` to `finished_at`: of the newest step that has ended, None before the first one has."""

    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    client_order_id: str
    status: str
    created_at: datetime
    state: str
    step: str | None
    outcome: str | None
    detail: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SagaCounts:
    """`oldest`: of those that were counted; None: there were none."""

    by_state: dict[str, int]
    oldest: datetime | None


class SagaRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def counts(self, account_ids: Sequence[uuid.UUID], *, since: datetime, seen_max: int) -> SagaCounts:
        """Of the newest `seen_max` that began since then."""
        asked = {"tenant_id": self._tenant_id, "account_ids": list(account_ids), "since": since, "seen_max": seen_max}
        rows = self._connection.execute(_COUNT, asked).fetchall()
        return SagaCounts({row[0]: row[1] for row in rows}, min((row[2] for row in rows), default=None))

    def page(
        self,
        account_ids: Sequence[uuid.UUID],
        states: Sequence[str],
        *,
        since: datetime,
        seen_max: int,
        before: tuple[datetime, uuid.UUID] | None,
        limit: int,
    ) -> list[SagaRow]:
        """The newest first, of the newest `seen_max` that began since then."""
        before_at, before_id = before or (None, None)
        asked = {
            "tenant_id": self._tenant_id,
            "account_ids": list(account_ids),
            "since": since,
            "seen_max": seen_max,
            "states": list(states),
            "before_at": before_at,
            "before_id": before_id,
            "limit": limit,
        }
        with self._connection.cursor(row_factory=class_row(SagaRow)) as cursor:
            return cursor.execute(_PAGE, asked).fetchall()
