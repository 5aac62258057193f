"""Read models: trades, positions, balances, and the feed of an account's events."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row

from breakwater.db.orders import WORKED_AT_VENUE_ALONE
from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.portfolio import Position

# All of a fill or nothing of it: a trade that stands here already moves neither position nor balance.
_BOOK_TRADE = """
WITH trade AS (
  INSERT INTO trading.trades (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty, last_px, liquidity,
    fee, fee_currency, realised_pnl, venue, engine_seq, transact_time)
  VALUES (%(trade_id)s, %(tenant_id)s, %(account_id)s, %(order_id)s, %(symbol)s, %(side)s, %(last_qty)s, %(last_px)s,
    %(liquidity)s, %(fee)s, %(fee_currency)s, %(realised_pnl)s, %(venue)s, %(engine_seq)s, %(transact_time)s)
  ON CONFLICT DO NOTHING RETURNING trade_id),
position AS (
  UPDATE trading.positions SET quantity = %(quantity)s, average_price = %(average_price)s,
    realised_pnl = %(position_realised_pnl)s, fees = %(position_fees)s, flat_pnl = %(flat_pnl)s, updated_at = now()
  WHERE account_id = %(account_id)s AND symbol = %(symbol)s AND EXISTS (SELECT FROM trade))
INSERT INTO trading.balances AS balance (account_id, asset, tenant_id, total)
SELECT %(account_id)s, change.asset, %(tenant_id)s, change.amount
FROM unnest(%(assets)s::text[], %(amounts)s::numeric[]) AS change (asset, amount) WHERE EXISTS (SELECT FROM trade)
ON CONFLICT (account_id, asset) DO UPDATE SET total = balance.total + excluded.total
"""

_LOCK_POSITION = """
INSERT INTO trading.positions AS position (account_id, symbol, tenant_id, updated_at)
VALUES (%(account_id)s, %(symbol)s, %(tenant_id)s, now())
ON CONFLICT (account_id, symbol) DO UPDATE SET updated_at = position.updated_at
RETURNING quantity, average_price, realised_pnl, fees, flat_pnl
"""

_TRADES_PAGE = f"""
SELECT trade_id, order_id, account_id, symbol, side, last_qty, last_px, liquidity, fee, fee_currency, realised_pnl,
  venue, transact_time
FROM trading.trades
WHERE account_id = ANY(%(account_ids)s) AND tenant_id = %(tenant_id)s
  AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND (%(order_id)s::uuid IS NULL OR order_id = %(order_id)s)
  -- A value and not EXISTS: that would be planned as a scan of all orders.
  AND (%(venue)s::text IS NULL OR venue = %(venue)s OR (venue = '{ROUTER_VENUE}' AND (
    SELECT {WORKED_AT_VENUE_ALONE} FROM trading.orders o WHERE o.order_id = trades.order_id)))
  AND (%(before_at)s::timestamptz IS NULL OR (transact_time, trade_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY transact_time DESC, trade_id DESC LIMIT %(limit)s
"""  # noqa: S608  # The interpolated text is a constant.

_FEED_PAGE = """
SELECT feed.sequence, event.event_id, event.topic, event.tenant_id, event.account_id, event.aggregate_id,
  event.correlation_id, event.occurred_at_ns, event.payload
FROM trading.account_feed feed JOIN trading.events event USING (event_id)
WHERE feed.account_id = %s AND feed.tenant_id = %s AND feed.sequence > %s ORDER BY feed.sequence LIMIT %s
"""

# Its own, those of the orders that the router made of it, and what limits said of it.
_ORDER_FEED_PAGE = """
WITH told AS (
  SELECT event_id FROM trading.events
  WHERE tenant_id = %(tenant_id)s AND aggregate_id IN (
    SELECT %(order_id)s::uuid
    UNION ALL SELECT order_id FROM trading.child_orders
    WHERE parent_order_id = %(order_id)s AND tenant_id = %(tenant_id)s)
  UNION SELECT trading.breaches_of_order(%(order_id)s))
SELECT feed.sequence, event.event_id, event.topic, event.tenant_id, event.account_id, event.aggregate_id,
  event.correlation_id, event.occurred_at_ns, event.payload
FROM told JOIN trading.account_feed feed USING (event_id) JOIN trading.events event USING (event_id)
WHERE feed.account_id = %(account_id)s AND feed.tenant_id = %(tenant_id)s AND feed.sequence > %(since)s
ORDER BY feed.sequence LIMIT %(limit)s
"""

ROWS_MAX = 10000


@dataclass(frozen=True, slots=True)
class TradeRow:
    trade_id: uuid.UUID
    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    side: str
    last_qty: Decimal
    last_px: Decimal
    liquidity: str
    fee: Decimal
    fee_currency: str
    realised_pnl: Decimal
    venue: str
    transact_time: datetime


@dataclass(frozen=True, slots=True)
class PositionRow:
    account_id: uuid.UUID
    symbol: str
    position: Position
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class BalanceRow:
    account_id: uuid.UUID
    asset: str
    total: Decimal


class PortfolioRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_position(self, account_id: uuid.UUID, symbol: str) -> Position:
        """The position, flat if there was none, held until the transaction ends: fills of an account come in turn."""
        with self._connection.cursor(row_factory=class_row(Position)) as cursor:
            return cursor.execute(
                _LOCK_POSITION, {"account_id": account_id, "symbol": symbol, "tenant_id": self._tenant_id}
            ).fetchall()[0]

    def book(
        self, trade: TradeRow, *, engine_seq: int, position: Position, balance_changes: Mapping[str, Decimal]
    ) -> None:
        """Write the trade, the position after it and what it moved between assets; nothing if it was booked before."""
        assets = sorted(balance_changes)  # In one order, so that two fills of an account never deadlock.
        self._connection.execute(
            _BOOK_TRADE,
            {
                **{name: getattr(trade, name) for name in TradeRow.__slots__},
                "tenant_id": self._tenant_id,
                "engine_seq": engine_seq,
                "quantity": position.quantity,
                "average_price": position.average_price,
                "position_realised_pnl": position.realised_pnl,
                "position_fees": position.fees,
                "flat_pnl": position.flat_pnl,
                "assets": assets,
                "amounts": [balance_changes[asset] for asset in assets],
            },
        )

    def traded_notional(self, order_id: uuid.UUID) -> Decimal:
        """What its booked trades come to."""
        row = self._connection.execute(
            "SELECT coalesce(sum(last_qty * last_px), 0) FROM trading.trades WHERE order_id = %s", (order_id,)
        ).fetchone()
        return Decimal(0) if row is None else Decimal(row[0])

    def fees_of(self, order_id: uuid.UUID) -> dict[str, Decimal]:
        """What its booked trades were charged, by currency."""
        rows = self._connection.execute(
            """SELECT fee_currency, sum(fee) FROM trading.trades WHERE order_id = %s AND tenant_id = %s
               GROUP BY fee_currency ORDER BY fee_currency LIMIT %s""",
            (order_id, self._tenant_id, ROWS_MAX),
        ).fetchall()
        return {str(currency): Decimal(fee) for currency, fee in rows}

    def mark_external(self, trade_id: uuid.UUID) -> None:
        self._connection.execute("UPDATE trading.trades SET is_external = true WHERE trade_id = %s", (trade_id,))

    def trades(
        self,
        account_ids: Sequence[uuid.UUID],
        *,
        symbol: str | None,
        order_id: uuid.UUID | None,
        venue: str | None,
        before: tuple[datetime, uuid.UUID] | None,
        limit: int,
    ) -> list[TradeRow]:
        """The newest first, those older than `before` (transact_time, trade_id). `venue`: as of OrderFilter."""
        before_at, before_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(TradeRow)) as cursor:
            return cursor.execute(
                _TRADES_PAGE,
                {
                    "account_ids": list(account_ids),
                    "tenant_id": self._tenant_id,
                    "symbol": symbol,
                    "order_id": order_id,
                    "venue": venue,
                    "before_at": before_at,
                    "before_id": before_id,
                    "limit": limit,
                },
            ).fetchall()

    def positions(self, account_ids: Sequence[uuid.UUID]) -> list[PositionRow]:
        rows = self._connection.execute(
            """SELECT account_id, symbol, quantity, average_price, realised_pnl, fees, updated_at FROM trading.positions
               WHERE account_id = ANY(%s) AND tenant_id = %s ORDER BY account_id, symbol LIMIT %s""",
            (list(account_ids), self._tenant_id, ROWS_MAX),
        ).fetchall()
        return [PositionRow(row[0], row[1], Position(*row[2:6]), row[6]) for row in rows]

    def balances(self, account_ids: Sequence[uuid.UUID]) -> list[BalanceRow]:
        with self._connection.cursor(row_factory=class_row(BalanceRow)) as cursor:
            return cursor.execute(
                """SELECT account_id, asset, total FROM trading.balances
                   WHERE account_id = ANY(%s) AND tenant_id = %s ORDER BY account_id, asset LIMIT %s""",
                (list(account_ids), self._tenant_id, ROWS_MAX),
            ).fetchall()

    def feed(self, account_id: uuid.UUID, *, since: int, limit: int) -> list[dict[str, Any]]:
        """The account's events after `since` in feed order: `sequence` and the fields of events.Envelope."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_FEED_PAGE, (account_id, self._tenant_id, since, limit)).fetchall()

    def feed_of_order(
        self, account_id: uuid.UUID, order_id: uuid.UUID, *, since: int, limit: int
    ) -> list[dict[str, Any]]:
        """What of its account's `feed` is about the order, or about an order that the router made of it."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                _ORDER_FEED_PAGE,
                {
                    "account_id": account_id,
                    "tenant_id": self._tenant_id,
                    "order_id": order_id,
                    "since": since,
                    "limit": limit,
                },
            ).fetchall()

    def first_time(self, consumer: str, event_id: uuid.UUID) -> bool:
        """Note in this transaction that the consumer took the event; False when it had taken it before."""
        cursor = self._connection.execute(
            "INSERT INTO trading.inbox (consumer, event_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (consumer, event_id),
        )
        return cursor.rowcount == 1
