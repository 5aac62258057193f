"""What an engine says of itself, and of the orders that come to it: whoever serves their shards."""

import asyncio
from typing import Any

import aiohttp
import psycopg
import pytest

from breakwater.domain.shards import shard_of
from fargate_engine.gateway import state
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import Client, StartEngine, order_body
from tests.integration.fargate_engine.test_engine import database_away
from tests.integration.fargate_engine.test_shards import two_engines

ETH = shard_of("ETH/USDT")
OF_A_TERM = ("lease", "journal", "venue")


async def health_of(engine: Client) -> dict[str, Any]:
    status, answer = await engine.call("GET", "/health")
    assert status == 200
    health: dict[str, Any] = answer
    return health


async def until(engine: Client, status: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            try:
                health = await health_of(engine)
            except aiohttp.ClientConnectionError:
                health = {"status": "not there yet"}
            if health["status"] == status:
                return health
            await asyncio.sleep(0.05)


def states(health: dict[str, Any]) -> list[str]:
    return [health["dependencies"][name]["status"] for name in OF_A_TERM]


async def test_an_engine_that_serves_every_shard_is_ready(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        health = await health_of(engine)
    assert (health["status"], health["unserved"], health["waiting_for"]) == ("READY", [], None)
    assert states(health) == ["UP", "UP", "UP"]


async def test_a_follower_is_ready_while_every_order_passes_and_its_dependencies_follow(
    start_engine: StartEngine,
) -> None:
    async with two_engines(start_engine) as (_, follower):
        health = await until(follower, "READY")
        assert (health["unserved"], health["waiting_for"]) == ([], None)
        assert states(health) == ["FOLLOWING", "FOLLOWING", "FOLLOWING"]
        assert (await follower.call("POST", "/internal/orders", order_body()))[0] == 200
        assert (await follower.call("GET", "/health/ready"))[0] == 503


async def test_a_broken_shard_degrades_the_engine_that_serves_the_others_and_its_follower(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine(snapshot_bucket="") as engine:
        await engine.submit(venue="BOOK")
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "UPDATE trading.journal SET commands = set_byte(commands, 40, get_byte(commands, 40) # 1)"
            " WHERE shard = %s AND seq = (SELECT max(seq) FROM trading.journal WHERE shard = %s)",
            (ETH, ETH),
        )
    async with (
        start_engine(snapshot_bucket="") as engine,
        start_engine(snapshot_bucket="", engine_id="engine-b", wait=False) as follower,
    ):
        for each, of_a_term in ((engine, ["UP", "DOWN", "UP"]), (follower, ["FOLLOWING", "DOWN", "FOLLOWING"])):
            health = await until(each, "DEGRADED")
            while health["shards"][ETH]["status"] != "BROKEN" or health["unserved"] != [ETH]:
                await asyncio.sleep(0.05)
                health = await health_of(each)
            assert health["waiting_for"] == f"shards that nobody serves: {ETH} (BROKEN)"
            assert states(health) == of_a_term
        assert (await engine.call("GET", "/health/ready"))[0] == 200


async def test_a_shard_that_is_kept_for_an_engine_that_is_not_there_degrades(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        assert (await engine.call("POST", f"/internal/shards/{ETH}/move", {"to": "nobody"}))[0] == 200
        health = await health_of(engine)
        assert (health["status"], health["unserved"]) == ("DEGRADED", [ETH])
        assert states(health) == ["UP", "UP", "UP"]


async def test_a_follower_without_its_database_does_not_know_who_serves_and_waits(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with two_engines(start_engine) as (_, follower):
        with database_away(database_urls):
            health = await until(follower, "WAITING")
            assert (len(health["unserved"]), health["waiting_for"]) == (16, "its database")
            assert states(health) == ["DOWN", "DOWN", "DOWN"]
        await until(follower, "READY")


async def test_the_age_of_each_market_is_told_and_a_silent_one_is_called_so(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_engine() as engine:
        told = (await health_of(engine))["dependencies"]["market_data"]
        assert told["status"] == "UP"
        assert told["age_ms"].keys() == {"SIM BTC/USDT", "SIM ETH/USDT"}
        assert all(age_ms < 5_000 for age_ms in told["age_ms"].values())
        async with engine.session.get("/metrics") as response:
            assert 'engine_market_age_seconds{symbol="ETH/USDT",venue="SIM"}' in await response.text()
        monkeypatch.setattr(state, "MARKET_SILENT_S", -1.0)
        assert (await health_of(engine))["dependencies"]["market_data"]["status"] == "SILENT"


async def test_another_tick_is_not_taken_while_orders_rest_in_the_old(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        assert (await health_of(engine))["dependencies"]["instruments"] == {"status": "UP", "failure": None}
        _, resting = await engine.call("POST", "/internal/orders", order_body(venue="BOOK"))
        assert resting["status"] == "NEW"
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE market.instruments SET tick_size = tick_size * 10 WHERE symbol = 'ETH/USDT'")
    async with start_engine() as engine:
        told = (await health_of(engine))["dependencies"]["instruments"]
        assert told["status"] == "LATE"
        assert told["failure"].endswith(": ETH/USDT")
        finer = order_body(venue="BOOK", price="1999.99")
        assert (await engine.call("POST", "/internal/orders", finer))[1]["status"] == "NEW"
