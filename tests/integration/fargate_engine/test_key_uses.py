"""When a key was last used at the endpoint for bots: noted from signed requests alone, and never waited for."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.engine_connection import engine_pool
from breakwater.db.identity import ApiKey
from breakwater.errors import Unavailable
from breakwater.services.api_keys import create_api_key, list_api_keys
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Client
from fargate_engine.binance.operations import Security
from fargate_engine.binance.parameters import Parameters
from fargate_engine.binance.requests import Requests
from fargate_engine.binance.signing import SigningKey, check_request
from fargate_engine.firm_exchange.key_uses import KeyUses
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, database, firm
from tests.integration.identity.test_api_keys import caller

__all__ = ["database", "firm"]  # Fixtures.

SECRET = b"secret"
FIRST, SECOND = "203.0.113.7", "2001:db8::1"


def key_of(database: Database, firm: Firm) -> str:
    with database.tenant_transaction(firm.tenant_id) as tx:
        key_id, _ = create_api_key(
            caller(firm, firm.trader),
            tx,
            name="bot",
            scopes=["trade"],
            ip_allow=[],
            expires_at=None,
            encrypt=lambda *_: b"",
            at=datetime.now(UTC),
        )
    return key_id


def shown(database: Database, firm: Firm) -> ApiKey:
    with database.tenant_transaction(firm.tenant_id) as tx:
        return list_api_keys(caller(firm, firm.trader), tx)[0]


async def test_a_use_is_written_once_a_minute_whichever_engine_tells_it(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    key_id = key_of(database, firm)
    async with engine_pool(database_urls.engine) as pool:
        uses, of_another_engine = KeyUses(pool), KeyUses(pool)
        uses.note(key_id, FIRST)
        assert shown(database, firm).last_used_at is None  # Nobody has waited for it.
        await uses.write()
        first = shown(database, firm)
        assert first.last_used_from == FIRST
        assert first.last_used_at is not None
        for each in (uses, of_another_engine):
            each.note(key_id, SECOND)
            await each.write()
        assert shown(database, firm) == first
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("UPDATE identity.api_keys SET last_used_at = last_used_at - interval '1 minute'")
        third = KeyUses(pool)
        third.note(key_id, SECOND)
        await third.write()
        assert shown(database, firm).last_used_from == SECOND


async def test_what_is_no_address_is_noted_without_one(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    key_id = key_of(database, firm)
    async with engine_pool(database_urls.engine) as pool:
        for address in ("", "unknown", "fe80::1%eth0"):
            uses = KeyUses(pool)
            uses.note(key_id, address)
            await uses.write()
    told = shown(database, firm)
    assert (told.last_used_at is not None, told.last_used_from) == (True, None)


async def test_a_key_that_somebody_holds_and_a_database_that_is_away_hold_nothing_up(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    key_id = key_of(database, firm)
    with psycopg.connect(database_urls.admin) as holder:
        holder.execute("SELECT FROM identity.api_keys FOR UPDATE")
        async with engine_pool(f"{database_urls.engine} options='-c lock_timeout=200'") as pool:
            uses = KeyUses(pool)
            uses.note(key_id, FIRST)
            await uses.write()
    assert shown(database, firm).last_used_at is None
    async with engine_pool("host=127.0.0.1 port=1 dbname=none") as pool:
        uses = KeyUses(pool)
        uses.note(key_id, FIRST)
        with pytest.raises(Unavailable):
            await uses.write()
        uses.note(key_id, SECOND)  # Goes on.


class Endpoint:
    """As much of an exchange as a signed request asks of it."""

    def __init__(self) -> None:
        self.used: list[tuple[str, str]] = []

    def now_ms(self) -> int:
        return 1_700_000_000_000

    async def client(self, key_id: str, address: str) -> Client:
        return Client(key_id, SigningKey(secret=SECRET), frozenset({"read"}), None)

    def note_use(self, client: Client, address: str) -> None:
        self.used.append((client.key_id, address))


async def test_only_who_has_signed_in_time_for_what_he_may_do_has_used_a_key() -> None:
    endpoint = Endpoint()
    requests = Requests(cast(Any, endpoint))

    async def ask(query: str, signature: str, security: Security = Security.READ) -> None:
        whole = f"{query}&signature={signature}"
        await requests.signed(
            Parameters.of_queries(whole),
            security,
            key_id="key",
            address=FIRST,
            check_signature=lambda key: check_request(key, whole, ""),
        )

    def signature_of(query: str) -> str:
        return hmac.digest(SECRET, query.encode(), hashlib.sha256).hex()

    now, late = f"timestamp={endpoint.now_ms()}", f"timestamp={endpoint.now_ms() - 5_001}"
    for query, signature, security in (
        (now, "0" * 64, Security.READ),
        (late, signature_of(late), Security.READ),
        (now, signature_of(now), Security.TRADE),
    ):
        with pytest.raises(BinanceError):
            await ask(query, signature, security)
    assert endpoint.used == []
    await ask(now, signature_of(now))
    assert endpoint.used == [("key", FIRST)]
