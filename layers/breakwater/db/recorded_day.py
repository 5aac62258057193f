"""A day as it was recorded: orders, their fills, and what the accounts held when it began."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow, dict_row

from breakwater.domain.times import nanoseconds

# Those placed within the day, and those open when it began.
_ORDERS = """
SELECT o.order_id, o.account_id, o.client_order_id, o.symbol, o.side, o.type, o.time_in_force, o.post_only,
  o.reduce_only, o.quantity, o.price, o.venue, o.strategy_id, o.located, o.execution, o.status, o.created_at,
  o.updated_at, r.node_ids, r.is_automated, CASE o.time_in_force WHEN 'GTD' THEN o.expire_time END AS expire_time
FROM trading.orders o LEFT JOIN limits.reservations r USING (order_id)
WHERE o.account_id = ANY (%(account_ids)s) AND o.created_at < %(end)s
  AND (o.created_at >= %(begin)s OR (o.status NOT IN ('REJECTED') AND o.updated_at >= %(begin)s))
ORDER BY o.created_at, o.order_id LIMIT %(rows)s
"""
_FILLS = """
SELECT order_id, account_id, symbol, side, last_qty, last_px, fee, fee_currency, transact_time FROM trading.trades
WHERE tenant_id = %(tenant_id)s AND transact_time >= %(begin)s AND transact_time < %(end)s
ORDER BY transact_time, trade_id LIMIT %(rows)s
"""
# What was held when the day began: all that was traded before.
_OPENING = """
SELECT account_id, symbol, sum(CASE side WHEN 'BUY' THEN last_qty ELSE -last_qty END) AS quantity,
  (array_agg(last_px ORDER BY transact_time DESC, trade_id DESC))[1] AS last_px
FROM trading.trades WHERE account_id = ANY (%(account_ids)s) AND transact_time < %(begin)s
GROUP BY account_id, symbol
"""


# What the firm said of instruments, each time the whole of it: last before the day, and on it. A margin or a sector is
# never too old.
_SAID = """
SELECT occurred_at_ns, event_id, payload FROM trading.events
WHERE tenant_id = %(tenant_id)s AND topic = 'limits.RiskTermsChanged.v1'
"""
_RISK_TERMS = f"""
WITH before AS (
  SELECT DISTINCT ON (payload ->> 'symbol') * FROM ({_SAID} AND occurred_at_ns < %(begin_ns)s) said
  ORDER BY payload ->> 'symbol', occurred_at_ns DESC, event_id DESC)
SELECT occurred_at_ns, payload FROM (
  TABLE before UNION ALL
  {_SAID} AND occurred_at_ns >= %(begin_ns)s AND occurred_at_ns < %(end_ns)s) said
ORDER BY occurred_at_ns, event_id
"""  # noqa: S608  # Constants of this module; every value is a parameter.
_OPENED = "SELECT account_id, created_at FROM identity.accounts WHERE account_id = ANY (%(account_ids)s)"
# Of each hour the first, which is kept: a day looks the same a year later. What moved since, the trades tell.
_WORTH = """
SELECT account_id, at, currency, equity FROM trading.equity_samples
WHERE tenant_id = %(tenant_id)s AND account_id = ANY (%(account_ids)s) AND is_hourly
  AND at >= %(since)s AND at < %(end)s
ORDER BY at, account_id LIMIT %(rows)s
"""


class RecordedDayRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def orders(
        self, account_ids: Sequence[uuid.UUID], begin: datetime, end: datetime, *, most: int
    ) -> list[dict[str, Any]]:
        """One more than `most` where there are more."""
        return self._rows(_ORDERS, account_ids=list(account_ids), begin=begin, end=end, rows=most + 1)

    def fills(self, begin: datetime, end: datetime, *, most: int) -> list[dict[str, Any]]:
        """All of the organisation: prices are taken from them as well. One more than `most` where there are more."""
        return self._rows(_FILLS, begin=begin, end=end, rows=most + 1)

    def opening(self, account_ids: Sequence[uuid.UUID], begin: datetime) -> list[dict[str, Any]]:
        """Quantity and last price of each account and symbol."""
        return self._rows(_OPENING, account_ids=list(account_ids), begin=begin)

    def risk_terms(self, begin: datetime, end: datetime) -> list[dict[str, Any]]:
        """Each RiskTermsChanged of the day and the last before it: its payload and `occurred_at_ns`."""
        return self._rows(_RISK_TERMS, begin_ns=nanoseconds(begin), end_ns=nanoseconds(end))

    def worth(
        self, account_ids: Sequence[uuid.UUID], since: datetime, end: datetime, *, most: int
    ) -> list[dict[str, Any]]:
        """What was noted of the accounts, oldest first. One more than `most` where there is more."""
        return self._rows(_WORTH, account_ids=list(account_ids), since=since, end=end, rows=most + 1)

    def opened(self, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, datetime]:
        """When each of the accounts came to be."""
        return {row["account_id"]: row["created_at"] for row in self._rows(_OPENED, account_ids=list(account_ids))}

    def _rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, {**values, "tenant_id": self._tenant_id}).fetchall()
