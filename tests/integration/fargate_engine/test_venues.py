"""Outside venues of a whole engine: configured by one setting, named in the database, seen in its health."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from breakwater.db.market import MarketRows
from breakwater.errors import InvalidRequest
from fargate_engine import aws
from fargate_engine.venues.configuration import VenueSettings
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import Client, Cloud, StartEngine, order_body
from tests.support.exchange_scene import KEY, SECRET, VENUE, Simulated, settings, simulated_exchange


class Secrets:
    """Secrets Manager, as far as it is asked. A key that is not there is one that cannot be read."""

    def __init__(self) -> None:
        self.texts = {"x": json.dumps({"api_key": KEY, "secret": SECRET})}

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        if SecretId not in self.texts:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {"SecretString": self.texts[SecretId]}


@pytest.fixture
def secrets(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    secrets, before = Secrets(), aws.client
    monkeypatch.setattr(aws, "client", lambda name: secrets if name == "secretsmanager" else before(name))
    return secrets


@pytest.fixture
async def there() -> AsyncIterator[Simulated]:
    async with simulated_exchange() as simulated:
        yield simulated


async def venue_health(engine: Client, status: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            _, health = await engine.call("GET", "/health")
            told: dict[str, Any] = health["dependencies"][f"venue_{VENUE}"]
            if told["status"] == status:
                return told
            await asyncio.sleep(0.05)


def venues(database_urls: DatabaseUrls) -> list[str]:
    with psycopg.connect(database_urls.functions) as connection:
        return MarketRows(connection).venues()


async def test_an_order_goes_to_its_venue_and_the_answer_is_the_venues(
    start_engine: StartEngine, there: Simulated, secrets: Secrets
) -> None:
    async with start_engine(venues=(settings(there.base_url),)) as engine:
        await venue_health(engine, "UP")
        resting = await engine.submit(venue=VENUE)
        assert resting["status"] == "NEW"
        assert len(there.account.orders) == 1
        _, canceled = await engine.call(
            "DELETE", f"/internal/orders/{resting['order_id']}?tenant_id={order_body()['tenant_id']}"
        )
        assert canceled["status"] == "CANCELED"
        simulated = await engine.submit(order_id=str(uuid.uuid4()), venue="SIM")
        assert simulated["status"] == "NEW"
        async with engine.session.get("/metrics") as answer:
            metrics = await answer.text()
        assert f'engine_venue_weight_max{{venue="{VENUE}"}} 6000.0' in metrics
        assert f'engine_venue_breaker_open{{venue="{VENUE}"}} 0.0' in metrics


async def test_functions_know_what_the_engine_is_configured_with(
    start_engine: StartEngine, there: Simulated, secrets: Secrets, database_urls: DatabaseUrls
) -> None:
    assert venues(database_urls) == ["BOOK", "SIM", "SOR"]
    dear = VenueSettings.model_validate({**settings(there.base_url).model_dump(), "taker_fee": "0.0015"})
    for venue, fee in ((settings(there.base_url), "0.001"), (dear, "0.0015")):
        async with start_engine(venues=(venue,)):
            assert venues(database_urls) == ["BOOK", VENUE, "SIM", "SOR"]
        with psycopg.connect(database_urls.functions) as connection:
            told = connection.execute("SELECT taker_fee FROM market.venues WHERE name = %s", (VENUE,)).fetchone()
        assert told == (Decimal(fee),)
    async with start_engine():
        assert venues(database_urls) == ["BOOK", "SIM", "SOR"]
    with psycopg.connect(database_urls.functions) as connection:
        MarketRows(connection).require_venue("SIM")
        with pytest.raises(InvalidRequest, match="venue is one of BOOK, SIM, SOR"):
            MarketRows(connection).require_venue(VENUE)


async def test_functions_cannot_write_venues(database_urls: DatabaseUrls) -> None:
    with (
        psycopg.connect(database_urls.functions) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("UPDATE market.venues SET is_enabled = true")


async def test_a_key_that_cannot_be_had_keeps_only_its_venue_away(
    start_engine: StartEngine, there: Simulated, secrets: Secrets
) -> None:
    venue = VenueSettings.model_validate({**settings(there.base_url).model_dump(), "credentials": "y"})
    async with start_engine(venues=(venue,)) as engine:
        told = await venue_health(engine, "STARTING")
        assert told["failure"].startswith("its key: ")
        refused = await engine.submit(venue=VENUE)
        assert (refused["status"], refused["reject_code"]) == ("REJECTED", "VENUE_UNREACHABLE")
        simulated = await engine.submit(order_id=str(uuid.uuid4()), venue="SIM")
        assert simulated["status"] == "NEW"
        secrets.texts["y"] = secrets.texts["x"]
        await venue_health(engine, "UP")


async def test_an_order_of_a_venue_that_is_not_configured_any_more_stays_open_until_it_is_again(
    start_engine: StartEngine, there: Simulated, secrets: Secrets
) -> None:
    async with start_engine(venues=(settings(there.base_url),)) as engine:
        await venue_health(engine, "UP")
        resting = await engine.submit(venue=VENUE)
    tenant = f"tenant_id={order_body()['tenant_id']}"
    async with start_engine() as engine:
        refused = await engine.submit(order_id=str(uuid.uuid4()), venue=VENUE)
        assert refused["reject_code"] == "UNKNOWN_VENUE"
        _, found = await engine.call("GET", f"/internal/orders/{resting['order_id']}?{tenant}")
        assert found["status"] == "NEW"
    async with start_engine(venues=(settings(there.base_url),)) as engine:
        await venue_health(engine, "UP")
        _, canceled = await engine.call("DELETE", f"/internal/orders/{resting['order_id']}?{tenant}")
        assert canceled["status"] == "CANCELED"
