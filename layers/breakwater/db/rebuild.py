"""An account's read models, read under lock and corrected to what its events say."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.db.portfolio import TradeRow
from breakwater.domain.orders import OrderSnapshot
from breakwater.domain.portfolio import Position

ROWS_MAX = 10_000
CORRECTED_AT_ONCE = 200
_TRADE_COLUMNS = ", ".join(TradeRow.__slots__)

_CORRECT_TRADE = """
INSERT INTO trading.trades AS trade (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty, last_px,
  liquidity, fee, fee_currency, realised_pnl, venue, engine_seq, transact_time)
VALUES (%(trade_id)s, %(tenant_id)s, %(account_id)s, %(order_id)s, %(symbol)s, %(side)s, %(last_qty)s, %(last_px)s,
  %(liquidity)s, %(fee)s, %(fee_currency)s, %(realised_pnl)s, %(venue)s, %(engine_seq)s, %(transact_time)s)
ON CONFLICT (trade_id) DO UPDATE SET order_id = excluded.order_id, symbol = excluded.symbol, side = excluded.side,
  last_qty = excluded.last_qty, last_px = excluded.last_px, liquidity = excluded.liquidity, fee = excluded.fee,
  fee_currency = excluded.fee_currency, realised_pnl = excluded.realised_pnl, venue = excluded.venue,
  engine_seq = excluded.engine_seq, transact_time = excluded.transact_time
WHERE trade.account_id = excluded.account_id
"""
_CORRECT_POSITION = """
INSERT INTO trading.positions (account_id, symbol, tenant_id, quantity, average_price, realised_pnl, fees, flat_pnl,
  updated_at)
VALUES (%(account_id)s, %(symbol)s, %(tenant_id)s, %(quantity)s, %(average_price)s, %(realised_pnl)s, %(fees)s,
  %(flat_pnl)s, now())
ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = excluded.quantity, average_price = excluded.average_price,
  realised_pnl = excluded.realised_pnl, fees = excluded.fees, flat_pnl = excluded.flat_pnl, updated_at = now()
"""
_CORRECT_BALANCE = """
INSERT INTO trading.balances (account_id, asset, tenant_id, total) VALUES (%s, %s, %s, %s)
ON CONFLICT (account_id, asset) DO UPDATE SET total = excluded.total
"""
# One that has heard more than its events say, by an answer whose event is still under way, keeps what it has.
_OTHER_THAN_TOLD = """
unnest(%(order_ids)s::uuid[], %(statuses)s::text[], %(cum_qtys)s::numeric[], %(leaves_qtys)s::numeric[],
  %(cum_notionals)s::numeric[], %(reject_codes)s::text[], %(reject_reasons)s::text[], %(engine_seqs)s::bigint[])
  AS told (order_id, status, cum_qty, leaves_qty, cum_notional, reject_code, reject_reason, engine_seq)
WHERE o.order_id = told.order_id AND o.account_id = %(account_id)s AND o.tenant_id = %(tenant_id)s
  AND o.engine_seq <= told.engine_seq
  AND (o.status, o.cum_qty, o.leaves_qty, o.cum_notional, o.reject_code, o.reject_reason, o.engine_seq)
    IS DISTINCT FROM (told.status, told.cum_qty, told.leaves_qty, told.cum_notional, told.reject_code,
      told.reject_reason, told.engine_seq)
"""
_OTHER_ORDERS = f"SELECT o.order_id FROM trading.orders o, {_OTHER_THAN_TOLD}"  # noqa: S608  # The constant above.
_CORRECT_ORDERS = f"""
UPDATE trading.orders o SET status = told.status, cum_qty = told.cum_qty, leaves_qty = told.leaves_qty,
  cum_notional = told.cum_notional, reject_code = told.reject_code, reject_reason = told.reject_reason,
  engine_seq = told.engine_seq, updated_at = now()
FROM {_OTHER_THAN_TOLD} RETURNING o.order_id
"""  # noqa: S608  # As above.


@dataclass(frozen=True, slots=True)
class BookedTrade(TradeRow):
    """As the read model has it."""

    engine_seq: int
    is_external: bool

    def told(self) -> TradeRow:
        """Without what only this row has."""
        return TradeRow(**{name: getattr(self, name) for name in TradeRow.__slots__})


class RebuildRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def account_ids(self, limit: int) -> list[uuid.UUID]:
        rows = self._connection.execute(
            "SELECT account_id FROM identity.accounts WHERE tenant_id = %s ORDER BY account_id LIMIT %s",
            (self._tenant_id, limit),
        ).fetchall()
        return [row[0] for row in rows]

    def trades(self, account_id: uuid.UUID, after: uuid.UUID, limit: int) -> list[BookedTrade]:
        """By id, those after one."""
        with self._connection.cursor(row_factory=class_row(BookedTrade)) as cursor:
            return cursor.execute(
                f"""SELECT {_TRADE_COLUMNS}, engine_seq, is_external FROM trading.trades
                    WHERE account_id = %s AND tenant_id = %s AND trade_id > %s ORDER BY trade_id LIMIT %s""",  # noqa: S608  # Names of columns.
                (account_id, self._tenant_id, after, limit),
            ).fetchall()

    def trades_of(self, account_id: uuid.UUID, trade_ids: Sequence[uuid.UUID]) -> list[BookedTrade]:
        """Those of them that are there."""
        with self._connection.cursor(row_factory=class_row(BookedTrade)) as cursor:
            return cursor.execute(
                f"""SELECT {_TRADE_COLUMNS}, engine_seq, is_external FROM trading.trades
                    WHERE account_id = %s AND tenant_id = %s AND trade_id = ANY(%s)""",  # noqa: S608  # As above.
                (account_id, self._tenant_id, list(trade_ids)),
            ).fetchall()

    def external_trades(self, account_id: uuid.UUID) -> list[BookedTrade]:
        """In the order of their execution. They are written where they are told of, and are no projection."""
        with self._connection.cursor(row_factory=class_row(BookedTrade)) as cursor:
            return cursor.execute(
                f"""SELECT {_TRADE_COLUMNS}, engine_seq, is_external FROM trading.trades
                    WHERE account_id = %s AND tenant_id = %s AND is_external
                    ORDER BY transact_time, trade_id LIMIT %s""",  # noqa: S608  # As above.
                (account_id, self._tenant_id, ROWS_MAX),
            ).fetchall()

    def lock_positions(self, account_id: uuid.UUID) -> dict[str, Position]:
        """By symbol, in the order that fills take them one by one; a fill of the account waits from here on."""
        rows = self._connection.execute(
            """SELECT symbol, quantity, average_price, realised_pnl, fees, flat_pnl FROM trading.positions
               WHERE account_id = %s AND tenant_id = %s ORDER BY symbol LIMIT %s FOR UPDATE""",
            (account_id, self._tenant_id, ROWS_MAX),
        ).fetchall()
        return {row[0]: Position(*row[1:]) for row in rows}

    def lock_balances(self, account_id: uuid.UUID) -> dict[str, Decimal]:
        rows = self._connection.execute(
            """SELECT asset, total FROM trading.balances WHERE account_id = %s AND tenant_id = %s
               ORDER BY asset LIMIT %s FOR UPDATE""",
            (account_id, self._tenant_id, ROWS_MAX),
        ).fetchall()
        return {row[0]: row[1] for row in rows}

    def opening_balances(self, account_id: uuid.UUID) -> dict[str, Decimal]:
        rows = self._connection.execute(
            """SELECT asset, total FROM trading.opening_balances WHERE account_id = %s AND tenant_id = %s LIMIT %s""",
            (account_id, self._tenant_id, ROWS_MAX),
        ).fetchall()
        return {row[0]: row[1] for row in rows}

    def correct_trades(self, trades: Sequence[tuple[TradeRow, int]]) -> None:
        """Each with its engine_seq."""
        with self._connection.cursor() as cursor:
            # So many that the answer to all of them comes within the time of one (db/connection.py).
            for some in batched(trades, CORRECTED_AT_ONCE, strict=False):
                cursor.executemany(
                    _CORRECT_TRADE,
                    [
                        {name: getattr(trade, name) for name in TradeRow.__slots__}
                        | {"tenant_id": self._tenant_id, "engine_seq": engine_seq}
                        for trade, engine_seq in some
                    ],
                )

    def correct_position(self, account_id: uuid.UUID, symbol: str, position: Position) -> None:
        told = {name: getattr(position, name) for name in Position.__slots__}
        self._connection.execute(
            _CORRECT_POSITION, told | {"account_id": account_id, "symbol": symbol, "tenant_id": self._tenant_id}
        )

    def correct_balances(self, account_id: uuid.UUID, totals: Mapping[str, Decimal]) -> None:
        for asset in sorted(totals):
            self._connection.execute(_CORRECT_BALANCE, (account_id, asset, self._tenant_id, totals[asset]))

    def other_orders(self, account_id: uuid.UUID, told: Collection[OrderSnapshot]) -> list[uuid.UUID]:
        """Those that are other than their newest event says."""
        return self._of_orders(_OTHER_ORDERS, account_id, told)

    def correct_orders(self, account_id: uuid.UUID, told: Collection[OrderSnapshot]) -> list[uuid.UUID]:
        """Those that were other than their newest event says."""
        return self._of_orders(_CORRECT_ORDERS, account_id, told)

    def _of_orders(self, query: str, account_id: uuid.UUID, told: Collection[OrderSnapshot]) -> list[uuid.UUID]:
        rows = self._connection.execute(
            query,
            {
                "order_ids": [each.order_id for each in told],
                "statuses": [str(each.status) for each in told],
                "cum_qtys": [each.cum_qty for each in told],
                "leaves_qtys": [each.leaves_qty for each in told],
                "cum_notionals": [each.cum_notional for each in told],
                "reject_codes": [each.reject_code for each in told],
                "reject_reasons": [each.reject_reason for each in told],
                "engine_seqs": [each.engine_seq for each in told],
                "account_id": account_id,
                "tenant_id": self._tenant_id,
            },
        ).fetchall()
        return [row[0] for row in rows]
