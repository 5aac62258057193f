"""An exchange's key signs the orders of the accounts that it was given to, and the engine refuses all others."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest

from breakwater.db.engine_connection import engine_pool
from breakwater.domain.permissions import PERMISSIONS_KNOWN_S
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.key_accounts import KeyAccounts
from fargate_engine.venues.listings import Listings
from tests.conftest import DatabaseUrls
from tests.support.exchange_scene import (
    KEY,
    SECRET,
    VENUE,
    Shard,
    Simulated,
    background,
    connected,
    settings,
    simulated_exchange,
    until,
)
from tests.unit.fargate_engine.orders import ACCOUNT, submit

TENANT, OWN, OTHER, CREDENTIAL = (uuid.uuid4() for _ in range(4))
PROMISED_S = 5.0


@pytest.fixture
async def there() -> AsyncIterator[Simulated]:
    async with simulated_exchange() as simulated:
        yield simulated


@pytest.fixture
def kept(database_urls: DatabaseUrls) -> psycopg.Connection[tuple[object, ...]]:
    """A credential of one account, whose tenant has another one."""
    connection = psycopg.connect(database_urls.admin, autocommit=True)
    connection.execute("INSERT INTO identity.organisations (tenant_id, name) VALUES (%s, 'firm')", (TENANT,))
    for account in (OWN, OTHER):
        connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind, base_currency)"
            " VALUES (%s, %s, %s, 'LIVE', 'USDT')",
            (account, TENANT, str(account)),
        )
    connection.execute(
        "INSERT INTO identity.exchange_credentials (credential_id, version, tenant_id, account_id, venue, label,"
        " api_key_end, ciphertext, nonce, wrapped_key, master_key_id)"
        " VALUES (%s, 1, %s, %s, 'PAPER', 'main', 'wxyz', '', '123456789012', '', 'key')",
        (CREDENTIAL, TENANT, OWN),
    )
    return connection


STORED = VenueSettings(name="PAPER", exchange="binance", credentials=f"store:{CREDENTIAL}")


async def test_a_grant_and_its_end_are_known_within_five_seconds(
    database_urls: DatabaseUrls, kept: psycopg.Connection[tuple[object, ...]]
) -> None:
    async with engine_pool(database_urls.engine) as pool:
        accounts = KeyAccounts(pool, [STORED])
        known = accounts.of(STORED)
        assert known() is None
        async with background(accounts.run()):
            await until(lambda: known() == {OWN})
            for statement, expected in (
                (
                    "INSERT INTO identity.exchange_credential_grants (credential_id, account_id, tenant_id)"
                    f" VALUES ('{CREDENTIAL}', '{OTHER}', '{TENANT}')",
                    {OWN, OTHER},
                ),
                ("DELETE FROM identity.exchange_credential_grants", {OWN}),
                ("DELETE FROM identity.exchange_credentials", set()),
            ):
                kept.execute(statement)  # One of these.
                changed_at = time.monotonic()
                await until(lambda expected=expected: known() == expected)  # type: ignore[misc]  # Of this round.
                assert time.monotonic() - changed_at < PROMISED_S
    kept.close()


async def test_what_cannot_be_read_again_is_not_gone_by(
    database_urls: DatabaseUrls, kept: psycopg.Connection[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_pool(database_urls.engine) as pool:
        accounts = KeyAccounts(pool, [STORED])
        await accounts.read()
        connection = ExchangeConnection(STORED, Listings(), accounts=accounts.of(STORED))
        assert connection.refusal(OWN) is None
        refusal = connection.refusal(OTHER)
        assert refusal is not None
        assert refusal.code == "CREDENTIAL_NOT_GRANTED"
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + PERMISSIONS_KNOWN_S)
        unknown = connection.refusal(OWN)
        assert unknown is not None
        assert unknown.code == "VENUE_UNREACHABLE"
    kept.close()


async def test_an_account_that_the_key_was_not_given_to_is_refused_and_nothing_is_sent(there: Simulated) -> None:
    async with connected(there.base_url) as connection, Shard(connection).served() as shard:
        foreign = submit(1, venue=VENUE, account_id=OTHER)
        shard.submit(foreign)
        await until(shard.has(foreign.order_id, "REJECTED"))
        snapshot = shard.snapshot(foreign.order_id)
        assert snapshot.reject_code == "CREDENTIAL_NOT_GRANTED"
        assert snapshot.reject_reason == f"the key of {VENUE} was not given to this account"
        assert there.order(foreign.order_id) is None
        own = submit(2, venue=VENUE)
        shard.submit(own)
        await until(shard.has(own.order_id, "NEW"))


async def test_what_is_open_is_cancelled_also_once_the_key_is_taken_away(there: Simulated) -> None:
    given = {ACCOUNT}

    async def fetch(_: VenueSettings) -> Credentials:
        return Credentials(KEY, SECRET)

    connection = ExchangeConnection(settings(there.base_url), Listings(), fetch, lambda: given)
    async with background(connection.run()):
        await until(lambda: connection.is_ready)
        async with Shard(connection).served() as shard:
            resting = submit(1, venue=VENUE)
            shard.submit(resting)
            await until(shard.has(resting.order_id, "NEW"))
            given.clear()
            after = submit(2, venue=VENUE)
            shard.submit(after)
            await until(shard.has(after.order_id, "REJECTED"))
            shard.cancel(resting.order_id)
            await until(shard.has(resting.order_id, "CANCELED"))


async def test_a_version_that_the_venue_does_not_take_is_fallen_back_from_while_the_one_before_works(
    there: Simulated,
) -> None:
    used: list[str] = []

    def noted(name: str) -> object:
        async def note() -> None:
            used.append(name)

        return note

    older = Credentials(KEY, SECRET, note_use=noted("older"))  # type: ignore[arg-type]  # A coroutine function.
    newest = Credentials("0badcafe", "not there yet", older=(older,), note_use=noted("newest"))  # type: ignore[arg-type]

    async def fetch(_: VenueSettings) -> Credentials:
        return newest

    connection = ExchangeConnection(settings(there.base_url), Listings(), fetch)
    async with background(connection.run()), Shard(connection).served() as shard:
        await until(lambda: connection.is_ready)
        assert (connection.health()["key"], used) == ("OLDER", ["older"])
        assert connection.health()["key_refused"]  # The newest is, and somebody has to look.
        order = submit(1, venue=VENUE)
        shard.submit(order)
        await until(shard.has(order.order_id, "NEW"))


async def test_the_newest_is_used_where_the_venue_takes_it_and_without_a_version_that_works_nothing_is(
    there: Simulated,
) -> None:
    wrong = Credentials("0badcafe", "wrong")
    both = {"newest": Credentials(KEY, SECRET, older=(wrong,)), "none": Credentials("0badcafe", "x", older=(wrong,))}
    for name, key in both.items():

        async def fetch(_: VenueSettings, key: Credentials = key) -> Credentials:
            return key

        connection = ExchangeConnection(settings(there.base_url), Listings(), fetch)
        async with background(connection.run()):
            await until(lambda: connection.is_ready or connection.failure is not None)  # noqa: B023  # Of this round.
            if name == "newest":
                assert (connection.is_ready, connection.health()["key"]) == (True, "NEWEST")
                assert not connection.health()["key_refused"]
            else:
                await asyncio.sleep(0.5)
                assert connection.failure is not None
                assert (connection.is_ready, connection.failure.startswith("its key: ")) == (False, True)
                assert connection.health()["key_refused"]
