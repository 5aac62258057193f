"""What the engine reads and writes of the market: instruments at its start, reference prices all the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from breakwater.db.engine_connection import EngineConnection, EnginePool, answered, pooled
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import BUILT_IN_VENUES
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

# One statement: no moment at which a venue that stays is not there.
_UPSERT_VENUES = """
WITH configured AS (
  INSERT INTO market.venues (name, exchange, taker_fee, is_enabled)
  SELECT told.*, true FROM unnest(%s::text[], %s::text[], %s::numeric[]) AS told (name, exchange, taker_fee)
  ON CONFLICT (name) DO UPDATE SET exchange = excluded.exchange, taker_fee = excluded.taker_fee, is_enabled = true,
    changed_at = now()
)
UPDATE market.venues SET is_enabled = false, changed_at = now() WHERE is_enabled AND name <> ALL (%s::text[])
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


@dataclass(frozen=True, slots=True)
class ConfiguredVenue:
    """`taker_fee` is of the notional."""

    name: str
    exchange: str
    taker_fee: Decimal


async def write_venues(pool: EnginePool, venues: Sequence[ConfiguredVenue]) -> None:
    """What this engine is configured with beside its own venues. All others are disabled.

    So the engine that started last decides, which in a deployment is the newest. DatabaseUnavailable also while the
    database is not migrated.
    """
    async with pooled(pool) as connection:
        try:
            names = [venue.name for venue in venues]
            told = (names, [venue.exchange for venue in venues], [venue.taker_fee for venue in venues])
            await connection.execute(_UPSERT_VENUES, (*told, [*names, *BUILT_IN_VENUES]))
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise DatabaseUnavailable("the database is not migrated yet") from error
