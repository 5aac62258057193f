"""What the engine's WebSocket channels ask of the database, by functions of its own: the tables are closed to it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from breakwater.db.engine_connection import EngineConnection, answered
from breakwater.db.identity import FIND_API_KEY, FIND_SIGNED_IN, FIND_STANDINGS, as_they_stand, standings_of
from breakwater.db.oauth_clients import FIND_BY_HASH
from breakwater.domain.access_tokens import FoundUser, Told
from breakwater.domain.api_keys import FoundApiKey
from breakwater.domain.oauth import FoundToken
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Principal

ACCOUNTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class ShownOrder:
    order_id: uuid.UUID
    client_order_id: str
    symbol: str
    side: str
    type: str
    status: str
    quantity: Decimal
    price: Decimal | None
    cum_qty: Decimal
    leaves_qty: Decimal
    cum_notional: Decimal
    time_in_force: str
    venue: str
    is_leased: bool
    created_at: datetime
    updated_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class ShownPosition:
    symbol: str
    quantity: Decimal
    average_price: Decimal
    realised_pnl: Decimal
    updated_at: datetime


async def find_api_key(connection: EngineConnection, key_id: str) -> FoundApiKey | None:
    """A key that is neither revoked nor expired, of a user who is not disabled, whichever tenant it belongs to."""
    async with answered(), connection.cursor(row_factory=class_row(FoundApiKey)) as cursor:
        await cursor.execute(FIND_API_KEY, (key_id,))
        return await cursor.fetchone()


async def find_signed_in(connection: EngineConnection, told: Told) -> FoundUser | None:
    """A user of the tenant who is not disabled, and what is known of his session."""
    async with answered(), connection.cursor(row_factory=class_row(FoundUser)) as cursor:
        await cursor.execute(FIND_SIGNED_IN, (told.tenant_id, told.subject, told.session_id))
        return await cursor.fetchone()


async def find_token(connection: EngineConnection, token_hash: bytes) -> FoundToken | None:
    """An OAuth client's that is live, of whatever tenant."""
    async with answered(), connection.cursor(row_factory=class_row(FoundToken)) as cursor:
        await cursor.execute(FIND_BY_HASH, (token_hash,))
        return await cursor.fetchone()


async def those_who_stand(connection: EngineConnection, principals: Sequence[Principal]) -> list[bool]:
    """Of each whether he may still do what he might when he was asked who he is."""
    async with answered():
        cursor = await connection.execute(FIND_STANDINGS, standings_of(principals))
        return as_they_stand(principals, dict(await cursor.fetchall()))


async def accessible_accounts(connection: EngineConnection, who: Principal) -> list[uuid.UUID]:
    """By name: every account of the tenant for the roles that oversee it, for others those that they reach."""
    told = (who.tenant_id, who.subject, who.role in ROLES_WITH_ALL_ACCOUNTS, ACCOUNTS_MAX)
    async with answered():
        cursor = await connection.execute("SELECT account_id FROM identity.accessible_accounts(%s, %s, %s, %s)", told)
        return [row[0] for row in await cursor.fetchall()]


async def applied_sequence(
    connection: EngineConnection, tenant_id: uuid.UUID, account_id: uuid.UUID, lag_events_max: int
) -> int | None:
    """Of the account's feed: all up to it is in its orders and positions. None: they lag by more events than that."""
    async with answered():
        told = (tenant_id, account_id, lag_events_max)
        row = await (await connection.execute("SELECT trading.applied_sequence(%s, %s, %s)", told)).fetchone()
    return None if row is None else row[0]


async def newest_orders(
    connection: EngineConnection, tenant_id: uuid.UUID, account_id: uuid.UUID, orders_max: int
) -> list[ShownOrder]:
    async with answered(), connection.cursor(row_factory=class_row(ShownOrder)) as cursor:
        await cursor.execute("SELECT * FROM trading.newest_orders(%s, %s, %s)", (tenant_id, account_id, orders_max))
        return await cursor.fetchall()


async def positions_of(
    connection: EngineConnection, tenant_id: uuid.UUID, account_id: uuid.UUID, positions_max: int
) -> list[ShownPosition]:
    async with answered(), connection.cursor(row_factory=class_row(ShownPosition)) as cursor:
        await cursor.execute("SELECT * FROM trading.positions_of(%s, %s, %s)", (tenant_id, account_id, positions_max))
        return await cursor.fetchall()
