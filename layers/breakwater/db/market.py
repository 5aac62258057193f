"""Instruments and reference prices: the same for every tenant."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import BUILT_IN_VENUES
from breakwater.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class ReferencePrice:
    """The middle of the best bid and ask; `observed_at` is when the engine saw it."""

    symbol: str
    price: Decimal
    best_bid: Decimal
    best_ask: Decimal
    observed_at: datetime


class MarketRows:
    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def instrument(self, symbol: str) -> Instrument:
        """InvalidRequest when the symbol is not listed."""
        with self._connection.cursor(row_factory=class_row(Instrument)) as cursor:
            row = cursor.execute("SELECT * FROM market.instruments WHERE symbol = %s", (symbol,)).fetchone()
        if row is None:
            raise InvalidRequest(f"unknown symbol {symbol}", field="symbol")
        return row

    def venues(self) -> list[str]:
        """Those that orders can be sent to: the engine's own, and what it is configured with (market.venues)."""
        rows = self._connection.execute("SELECT name FROM market.venues WHERE is_enabled ORDER BY name LIMIT 1000")
        return [name for (name,) in rows]

    def require_venue(self, venue: str) -> None:
        """InvalidRequest when no order can be sent there. The built-in ones need no look."""
        if venue in BUILT_IN_VENUES:
            return
        known = self.venues()
        if venue not in known:
            raise InvalidRequest(f"venue is one of {', '.join(known)}", field="venue")

    def instruments(self) -> list[Instrument]:
        with self._connection.cursor(row_factory=class_row(Instrument)) as cursor:
            return cursor.execute("SELECT * FROM market.instruments ORDER BY symbol LIMIT 10000").fetchall()

    def reference_prices(self) -> dict[str, ReferencePrice]:
        with self._connection.cursor(row_factory=class_row(ReferencePrice)) as cursor:
            rows = cursor.execute("SELECT * FROM market.reference_prices LIMIT 10000").fetchall()
        return {row.symbol: row for row in rows}
