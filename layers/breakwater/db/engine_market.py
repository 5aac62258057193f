"""What the engine reads and writes of the market: instruments at its start, reference prices all the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from breakwater.db.engine_connection import EngineConnection, EnginePool, answered, pooled
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.errors import DatabaseUnavailable

# The database's clock stamps the price: a new engine's clock must not make an old price look fresh.
_UPSERT = """
INSERT INTO market.reference_prices (symbol, price, best_bid, best_ask, observed_at)
SELECT quote.symbol, quote.price, quote.bid, quote.ask, now()
FROM unnest(%s::text[], %s::numeric[], %s::numeric[], %s::numeric[]) AS quote (symbol, price, bid, ask)
ORDER BY quote.symbol
ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, best_bid = excluded.best_bid,
  best_ask = excluded.best_ask, observed_at = excluded.observed_at
"""


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask of a symbol; the reference price is their middle."""

    symbol: str
    best_bid: Decimal
    best_ask: Decimal

    @property
    def price(self) -> Decimal:
        return EXACT.divide(EXACT.add(self.best_bid, self.best_ask), Decimal(2))


async def read_instruments(pool: EnginePool) -> list[Instrument]:
    """DatabaseUnavailable also while the database is not migrated."""
    async with pooled(pool) as connection:
        try:
            cursor = await connection.cursor(row_factory=class_row(Instrument)).execute(
                "SELECT * FROM market.instruments ORDER BY symbol LIMIT 10000"
            )
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise DatabaseUnavailable("the database is not migrated yet") from error
        return await cursor.fetchall()


async def write_reference_prices(connection: EngineConnection, quotes: Sequence[Quote]) -> None:
    async with answered():
        await connection.execute(
            _UPSERT,
            (
                [quote.symbol for quote in quotes],
                [quote.price for quote in quotes],
                [quote.best_bid for quote in quotes],
                [quote.best_ask for quote in quotes],
            ),
        )
