"""What accounts were worth, minute by minute."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import psycopg
from psycopg.rows import TupleRow, class_row

ACCOUNTS_MAX = 10_000

# The first sample of an hour is kept for longer than the others, whichever minute it is of.
_ADD = """
INSERT INTO trading.equity_samples
  (account_id, at, tenant_id, is_hourly, currency, equity, realised_pnl, unrealised_pnl, fees, is_stale)
SELECT s.account_id, %(at)s, %(tenant_id)s,
  NOT EXISTS (SELECT FROM trading.equity_samples e WHERE e.account_id = s.account_id AND e.at <= %(at)s
              AND e.at >= date_bin('1 hour', %(at)s::timestamptz, 'epoch'::timestamptz)),
  s.currency, s.equity, s.realised_pnl, s.unrealised_pnl, s.fees, s.is_stale
FROM unnest(%(account_ids)s::uuid[], %(currencies)s::text[], %(equities)s::numeric[], %(realised)s::numeric[],
    %(unrealised)s::numeric[], %(fees)s::numeric[], %(stale)s::boolean[])
  AS s (account_id, currency, equity, realised_pnl, unrealised_pnl, fees, is_stale)
ON CONFLICT DO NOTHING
"""
_LAST_OF_EACH = """
SELECT DISTINCT ON (date_bin(%(step)s, at, 'epoch'::timestamptz))
  at, currency, equity, realised_pnl, unrealised_pnl, fees, is_stale
FROM trading.equity_samples
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s AND at >= %(since)s AND at < %(until)s
ORDER BY date_bin(%(step)s, at, 'epoch'::timestamptz), at DESC LIMIT %(limit)s
"""
_FORGET = """
WITH old AS (
  SELECT account_id, at FROM trading.equity_samples
  WHERE tenant_id = %(tenant_id)s AND at < %(before)s AND is_hourly = %(is_hourly)s LIMIT %(at_most)s)
DELETE FROM trading.equity_samples e USING old WHERE e.account_id = old.account_id AND e.at = old.at
"""


@dataclass(frozen=True, slots=True)
class EquitySample:
    at: datetime
    currency: str
    equity: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    fees: Decimal
    is_stale: bool


class EquityRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def account_ids(self) -> list[uuid.UUID]:
        """Every account of the tenant."""
        rows = self._connection.execute(
            "SELECT account_id FROM identity.accounts WHERE tenant_id = %s ORDER BY account_id LIMIT %s",
            (self._tenant_id, ACCOUNTS_MAX),
        )
        return [row[0] for row in rows]

    def add(self, samples: Sequence[tuple[uuid.UUID, EquitySample]], *, at: datetime) -> None:
        """All of one minute. Of two watches that write the same minute the first one's stands."""
        self._connection.execute(
            _ADD,
            {
                "at": at,
                "tenant_id": self._tenant_id,
                "account_ids": [account_id for account_id, _ in samples],
                "currencies": [each.currency for _, each in samples],
                "equities": [each.equity for _, each in samples],
                "realised": [each.realised_pnl for _, each in samples],
                "unrealised": [each.unrealised_pnl for _, each in samples],
                "fees": [each.fees for _, each in samples],
                "stale": [each.is_stale for _, each in samples],
            },
        )

    def last_of_each(
        self, account_id: uuid.UUID, *, since: datetime, until: datetime, step: timedelta, limit: int
    ) -> list[EquitySample]:
        """Of each step from `since` up to, and without, `until` the last sample, oldest first."""
        with self._connection.cursor(row_factory=class_row(EquitySample)) as cursor:
            values = {"account_id": account_id, "tenant_id": self._tenant_id, "since": since, "until": until}
            return cursor.execute(_LAST_OF_EACH, {**values, "step": step, "limit": limit}).fetchall()

    def forget(self, *, minutes_before: datetime, hours_before: datetime, at_most: int) -> int:
        """How many went, of each kind at most so many."""
        gone = 0
        for before, is_hourly in ((minutes_before, False), (hours_before, True)):
            values = {"tenant_id": self._tenant_id, "before": before, "is_hourly": is_hourly, "at_most": at_most}
            gone += self._connection.execute(_FORGET, values).rowcount
        return gone
