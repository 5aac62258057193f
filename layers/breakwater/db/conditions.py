"""What an organisation was told of the platform's condition, and what of its own orders and people went wrong."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.conditions import Condition, ConditionState

TENANTS_MAX = 10_000
_FAILURES_MAX = 200
_SOURCES_MAX = 5

_FAILED_ORDERS = """
SELECT * FROM (
SELECT order_id, account_id, symbol, correlation_id,
       CASE status WHEN 'PENDING_NEW' THEN 'SAGA' ELSE 'UNRESOLVED' END AS stage
FROM trading.orders
WHERE (status = 'PENDING_NEW' AND engine_seq = 0 AND updated_at < %(placed_before)s)
   OR (status = 'UNKNOWN' AND updated_at < %(unknown_before)s)
UNION ALL
SELECT order_id, account_id, symbol, correlation_id, 'CANCEL' FROM trading.orders
WHERE status = 'PENDING_CANCEL' AND updated_at < %(cancel_before)s
) AS failed
WHERE NOT EXISTS (SELECT FROM alerts.told t WHERE t.tenant_id = %(tenant_id)s
                  AND t.what = format('order/%%s/%%s', failed.order_id, failed.stage) AND t.told_at >= %(told_after)s)
LIMIT %(at_most)s
"""
_TELL = """
INSERT INTO alerts.told AS t (tenant_id, what, told_at) VALUES (%(tenant_id)s, %(what)s, %(at)s)
ON CONFLICT (tenant_id, what) DO UPDATE SET told_at = excluded.told_at WHERE t.told_at < %(before)s
"""
_COUNT_FAILURE = """
INSERT INTO alerts.sign_in_failures AS f (tenant_id, subject, began_at, failures, source_ips)
VALUES (%(tenant_id)s, %(subject)s, %(at)s, 1, %(source_ips)s)
ON CONFLICT (tenant_id, subject) DO UPDATE SET
  began_at = CASE WHEN f.began_at < %(before)s THEN excluded.began_at ELSE f.began_at END,
  failures = CASE WHEN f.began_at < %(before)s THEN 1 ELSE f.failures + 1 END,
  source_ips = CASE WHEN f.began_at < %(before)s THEN excluded.source_ips
    ELSE (excluded.source_ips || array_remove(f.source_ips, %(source_ip)s::text))[1:%(sources)s] END
RETURNING failures, source_ips
"""
_SAVE = """
INSERT INTO alerts.component_health AS c (tenant_id, component, state, detail, since)
VALUES (%(tenant_id)s, %(component)s, %(state)s, %(detail)s, %(since)s)
ON CONFLICT (tenant_id, component)
  DO UPDATE SET state = excluded.state, detail = excluded.detail, since = excluded.since
"""


@dataclass(frozen=True, slots=True)
class FailedOrder:
    """`stage` as trades.TradeFailed has it."""

    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    correlation_id: str
    stage: Literal["SAGA", "UNRESOLVED", "CANCEL"]


class ConditionRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def not_well(self, *, lock: bool = False) -> dict[str, ConditionState]:
        """What was told of components that are not UP. With `lock` whoever else tells of them waits."""
        if lock:
            self._connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('conditions/' || %s::text, 0))", (self._tenant_id,)
            )
        rows = self._connection.execute(
            "SELECT component, state FROM alerts.component_health WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchall()
        return dict(rows)

    def save(self, condition: Condition, since: datetime) -> None:
        about = {"tenant_id": self._tenant_id, "component": condition.component}
        if condition.state == "UP":
            self._connection.execute(
                "DELETE FROM alerts.component_health WHERE tenant_id = %(tenant_id)s AND component = %(component)s",
                about,
            )
        else:
            self._connection.execute(
                _SAVE, {**about, "state": condition.state, "detail": condition.detail, "since": since}
            )

    def tell(self, what: str, at: datetime, *, again_after: datetime) -> bool:
        """Whether it is to be told now: it was not, or only before `again_after`. Then it counts as told."""
        told = {"tenant_id": self._tenant_id, "what": what, "at": at, "before": again_after}
        return self._connection.execute(_TELL, told).rowcount == 1

    def count_failure(
        self, subject: str, source_ip: str | None, at: datetime, *, window_from: datetime
    ) -> tuple[int, list[str]]:
        """How many there are with this one since `window_from`, and where they came from, the newest first."""
        row = self._connection.execute(
            _COUNT_FAILURE,
            {
                "tenant_id": self._tenant_id,
                "subject": subject,
                "at": at,
                "before": window_from,
                "source_ip": source_ip,
                "source_ips": [] if source_ip is None else [source_ip],
                "sources": _SOURCES_MAX,
            },
        ).fetchone()
        if row is None:
            raise RuntimeError("a failure was counted, and no row is there")
        return row[0], row[1]

    def failed_orders(
        self, *, placed_before: datetime, unknown_before: datetime, cancel_before: datetime, told_after: datetime
    ) -> list[FailedOrder]:
        """Those that have been as they are for too long; not what was told since `told_after`: others would wait."""
        with self._connection.cursor(row_factory=class_row(FailedOrder)) as cursor:
            return cursor.execute(
                _FAILED_ORDERS,
                {
                    "placed_before": placed_before,
                    "unknown_before": unknown_before,
                    "cancel_before": cancel_before,
                    "tenant_id": self._tenant_id,
                    "told_after": told_after,
                    "at_most": _FAILURES_MAX,
                },
            ).fetchall()


def organisations(connection: psycopg.Connection[TupleRow]) -> list[uuid.UUID]:
    rows = connection.execute("SELECT tenant_id FROM alerts.organisations(%s)", (TENANTS_MAX,)).fetchall()
    return [row[0] for row in rows]


def concerned_by_venue(connection: psycopg.Connection[TupleRow], venue: str) -> Sequence[uuid.UUID]:
    rows = connection.execute("SELECT tenant_id FROM alerts.concerned_by_venue(%s)", (venue,)).fetchall()
    return [row[0] for row in rows]


def audit_behind(connection: psycopg.Connection[TupleRow], at: datetime) -> Mapping[uuid.UUID, float]:
    """By organisation, for how many seconds something has waited to be sealed, signed or stored; 0 for nothing."""
    rows = connection.execute("SELECT tenant_id, behind_s FROM alerts.audit_behind(%s)", (at,)).fetchall()
    return {tenant_id: behind_s or 0.0 for tenant_id, behind_s in rows}


def forget_told(connection: psycopg.Connection[TupleRow], before: datetime, *, at_most: int) -> None:
    connection.execute("SELECT alerts.forget_told(%s, %s)", (before, at_most))
