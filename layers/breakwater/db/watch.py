"""What the watch reads and notes: profit and loss below each watched node, silences, kills to carry out, overrides."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.db.limit_statements import SILENT_NODES

_KILLS_AT_ONCE_MAX = 100_000  # The longest waiting first: the others have their turn in the next round.

# Of all accounts below a node, and of the account that a strategy or key stands below.
_HOLDINGS = """
WITH watched AS (
  SELECT DISTINCT n.node_id, n.path FROM limits.limits l JOIN limits.nodes n USING (node_id)
  WHERE l.limit_type IN ('DAILY_LOSS', 'DRAWDOWN'))
SELECT w.node_id, p.symbol, sum(p.realised_pnl - p.fees) AS realised_pnl, sum(p.quantity) AS quantity,
       sum(p.quantity * p.average_price) AS cost
FROM watched w
JOIN limits.nodes a ON a.account_id IS NOT NULL AND (a.path @> ARRAY[w.node_id] OR a.node_id = ANY (w.path))
JOIN trading.positions p ON p.account_id = a.account_id
GROUP BY w.node_id, p.symbol ORDER BY w.node_id, p.symbol
"""
# Fees are kept in the quote currency with the position; of a trade they may be in the base one.
_CHANGES_ON = """
SELECT t.symbol,
  sum(t.realised_pnl - CASE WHEN t.fee_currency = i.base_asset THEN t.fee * t.last_px ELSE t.fee END) AS realised_pnl,
  sum(CASE t.side WHEN 'BUY' THEN t.last_qty ELSE -t.last_qty END) AS quantity
FROM limits.nodes n
JOIN limits.nodes a ON a.account_id IS NOT NULL AND (a.path @> ARRAY[n.node_id] OR a.node_id = ANY (n.path))
JOIN trading.trades t ON t.account_id = a.account_id
JOIN market.instruments i ON i.symbol = t.symbol
WHERE n.node_id = %(node_id)s AND limits.session_day(t.transact_time, n.time_zone, n.session_start) = %(day)s
  AND t.transact_time > %(since)s
GROUP BY t.symbol
"""
# A new session begins where the last observation of the one before left off.
_OBSERVE = """
INSERT INTO limits.standings AS s
  (node_id, tenant_id, pnl, pnl_open, pnl_peak, pnl_close_peak, session_date, observed_at)
VALUES (%(node_id)s, %(tenant_id)s, %(pnl)s, %(pnl_open)s, greatest(%(pnl)s, 0), 0, %(day)s, %(at)s)
ON CONFLICT (node_id) DO UPDATE SET
  pnl = excluded.pnl,
  pnl_open = CASE WHEN s.session_date IS NULL THEN excluded.pnl_open
                  WHEN s.session_date < excluded.session_date THEN coalesce(s.pnl, excluded.pnl)
                  ELSE s.pnl_open END,
  pnl_close_peak = CASE WHEN s.session_date < excluded.session_date THEN greatest(s.pnl_close_peak, s.pnl)
                        ELSE s.pnl_close_peak END,
  pnl_peak = greatest(s.pnl_peak, excluded.pnl),
  session_date = greatest(s.session_date, excluded.session_date),
  observed_at = excluded.observed_at
"""

_TOLD_LOSSES = """
SELECT l.limit_id, coalesce(t.pct, 0) AS pct, t.session_date, s.session_date AS observed_on
FROM limits.limits l LEFT JOIN limits.losses_told t USING (limit_id) LEFT JOIN limits.standings s USING (node_id)
WHERE l.limit_type IN ('DAILY_LOSS', 'DRAWDOWN')
"""
# Only where it still is as it was read: of two watches one tells. Of a limit that has gone nothing is noted.
_NOTE_TOLD = """
INSERT INTO limits.losses_told AS t (limit_id, tenant_id, pct, session_date)
SELECT l.limit_id, l.tenant_id, %(pct)s, %(day)s FROM limits.limits l WHERE l.limit_id = %(limit_id)s FOR KEY SHARE
ON CONFLICT (limit_id) DO UPDATE SET pct = excluded.pct, session_date = excluded.session_date
WHERE t.pct = %(pct_before)s AND t.session_date = %(day_before)s
"""


@dataclass(frozen=True, slots=True)
class ToldLoss:
    """How far the use of a limit was told, and in which session; `observed_on`: that of the node's profit and loss."""

    limit_id: uuid.UUID
    pct: int = 0
    session_date: date | None = None
    observed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What the accounts of a node hold together in a symbol; `cost`: quantity at average price, in quote currency."""

    node_id: uuid.UUID
    symbol: str
    realised_pnl: Decimal
    quantity: Decimal
    cost: Decimal


class WatchRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_node_if_free(self, node_id: uuid.UUID) -> bool:
        """Without a wait. False: somebody holds it, or it has gone."""
        statement = "SELECT FROM limits.nodes WHERE node_id = %s FOR NO KEY UPDATE SKIP LOCKED"
        return self._connection.execute(statement, (node_id,)).fetchone() is not None

    def holdings(self) -> list[Holding]:
        """Of every node with a limit on losses; a node that never traded has none."""
        with self._connection.cursor(row_factory=class_row(Holding)) as cursor:
            return cursor.execute(_HOLDINGS).fetchall()

    def changes_on(self, node_id: uuid.UUID, day: date, at: datetime) -> dict[str, tuple[Decimal, Decimal]]:
        """By symbol what the node's session day so far has realised, less fees, and how it has changed the position."""
        values = {"node_id": node_id, "day": day, "since": at - timedelta(days=2)}
        rows = self._connection.execute(_CHANGES_ON, values).fetchall()
        return {symbol: (realised, quantity) for symbol, realised, quantity in rows}

    def observe(self, node_id: uuid.UUID, pnl: Decimal, pnl_open: Decimal, *, day: date, at: datetime) -> None:
        """Note profit and loss. `pnl_open` is taken only where none was noted before; then the sessions lead on."""
        values = {"node_id": node_id, "tenant_id": self._tenant_id, "pnl": pnl, "pnl_open": pnl_open}
        self._connection.execute(_OBSERVE, {**values, "day": day, "at": at})

    def held_standings(self, node_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these nodes that somebody else holds; the others are locked from here on."""
        rows = self._connection.execute(
            """WITH free AS MATERIALIZED (
                 SELECT node_id FROM limits.standings WHERE node_id = ANY (%(ids)s) FOR NO KEY UPDATE SKIP LOCKED)
               SELECT node_id FROM limits.standings WHERE node_id = ANY (%(ids)s)
               EXCEPT SELECT node_id FROM free""",
            {"ids": list(node_ids)},
        ).fetchall()
        return {row[0] for row in rows}

    def told_losses(self) -> dict[uuid.UUID, ToldLoss]:
        """Of every limit on losses, by its id."""
        with self._connection.cursor(row_factory=class_row(ToldLoss)) as cursor:
            found = cursor.execute(_TOLD_LOSSES).fetchall()
        return {each.limit_id: each for each in found}

    def note_told(self, before: ToldLoss, pct: int, day: date) -> bool:
        """False: it is not any more as it was read, or the limit is gone."""
        values = {"limit_id": before.limit_id, "pct_before": before.pct, "day_before": before.session_date}
        return self._connection.execute(_NOTE_TOLD, {**values, "pct": pct, "day": day}).rowcount == 1

    def silent_nodes(self, at: datetime) -> list[uuid.UUID]:
        """Those whose dead man's switch is due and has not been acted on."""
        return [row[0] for row in self._connection.execute(SILENT_NODES, {"at": at}).fetchall()]

    def note_silence(self, node_id: uuid.UUID) -> datetime:
        """When it was last heard of. The node is locked."""
        statement = "UPDATE limits.standings SET silent_since = heartbeat_at WHERE node_id = %s RETURNING heartbeat_at"
        row = self._connection.execute(statement, (node_id,)).fetchone()
        if row is None or row[0] is None:
            raise RuntimeError(f"node {node_id} is silent and was never heard of")
        heard_at: datetime = row[0]
        return heard_at

    def request_cancels(self, node_id: uuid.UUID, at: datetime) -> None:
        self._connection.execute("UPDATE limits.nodes SET cancel_requested_at = %s WHERE node_id = %s", (at, node_id))

    def nodes_to_cancel(self) -> list[tuple[uuid.UUID, datetime]]:
        """(node_id, since when), the longest waiting first."""
        return self._connection.execute(
            """SELECT node_id, cancel_requested_at FROM limits.nodes WHERE cancel_requested_at IS NOT NULL
               ORDER BY cancel_requested_at, node_id LIMIT %s""",
            (_KILLS_AT_ONCE_MAX,),
        ).fetchall()

    def is_to_cancel(self, node_id: uuid.UUID) -> bool:
        """Whether cancels that were asked for at the node are outstanding."""
        statement = "SELECT cancel_requested_at IS NOT NULL FROM limits.nodes WHERE node_id = %s"
        row = self._connection.execute(statement, (node_id,)).fetchone()
        return row is not None and bool(row[0])

    def canceled(self, node_id: uuid.UUID, requested_at: datetime) -> None:
        """Done; a request that came meanwhile stays."""
        self._connection.execute(
            "UPDATE limits.nodes SET cancel_requested_at = NULL WHERE node_id = %s AND cancel_requested_at = %s",
            (node_id, requested_at),
        )

    def ended_overrides(self, at: datetime) -> list[uuid.UUID]:
        """Those whose time is over and whose end was not told."""
        rows = self._connection.execute(
            """SELECT override_id FROM limits.overrides WHERE ended_at IS NULL AND ends_at <= %s
               ORDER BY ends_at LIMIT 1000""",
            (at,),
        ).fetchall()
        return [row[0] for row in rows]


def tenants_to_watch(connection: psycopg.Connection[TupleRow], at: datetime) -> Sequence[uuid.UUID]:
    """All of them: one that was left out would lose what its limits on losses forbid."""
    rows = connection.execute("SELECT tenant_id FROM limits.tenants_to_watch(%s, NULL)", (at,)).fetchall()
    return [row[0] for row in rows]


def forget_activity(connection: psycopg.Connection[TupleRow], before: datetime, *, at_most: int) -> int:
    """How many rows of the windows went; call it again when it is as many as asked."""
    row = connection.execute("SELECT limits.forget_activity(%s, %s)", (before, at_most)).fetchone()
    return 0 if row is None else int(row[0])
