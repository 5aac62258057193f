"""Rows cut off the end of a journal, which its chain of digests cannot miss: the lease knows how far it went."""

import asyncio

import psycopg

from breakwater.domain.shards import SHARDS, shard_of
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import Client, StartEngine, order_body

ETH = shard_of("ETH/USDT")


def ends(database_urls: DatabaseUrls) -> tuple[int, int]:
    """The last command of the journal, and how far it went as the lease has it."""
    query = (
        "SELECT (SELECT max(last_seq) FROM trading.journal WHERE shard = %(shard)s), last_seq"
        " FROM trading.shard_leases WHERE shard = %(shard)s"
    )
    with psycopg.connect(database_urls.admin) as connection:
        row = connection.execute(query, {"shard": ETH}).fetchone()
    assert row is not None
    return row[0], row[1]


def cut_the_last_row(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "DELETE FROM trading.journal WHERE shard = %(shard)s"
            " AND seq = (SELECT max(seq) FROM trading.journal WHERE shard = %(shard)s)",
            {"shard": ETH},
        )


async def assert_only_eth_is_broken(engine: Client, *, end: int, written: int) -> None:
    shards = (await engine.call("GET", "/internal/shards"))[1]["shards"]
    assert shards[ETH]["failure"] == (
        f"journal of shard {ETH}, row {end + 1}: the journal ends with {end}, but {written} was written:"
        " rows at its end are missing"
    )
    expected = ["SERVING"] * SHARDS
    expected[ETH] = "BROKEN"
    assert [shard["status"] for shard in shards] == expected
    assert (await engine.call("POST", "/internal/orders", order_body()))[0] == 503


async def test_an_end_that_was_cut_off_after_a_release_is_missed(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        for _ in range(3):
            await engine.submit(venue="BOOK")
    written, known = ends(database_urls)
    assert known == written
    cut_the_last_row(database_urls)
    async with start_engine() as engine:
        await assert_only_eth_is_broken(engine, end=ends(database_urls)[0], written=written)


async def test_an_end_that_was_cut_off_after_a_heartbeat_is_missed(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        await engine.submit(venue="BOOK")
        async with asyncio.timeout(5):
            while len(set(ends(database_urls))) > 1:
                await asyncio.sleep(0.1)
        await engine.kill()
    written, _ = ends(database_urls)
    cut_the_last_row(database_urls)
    async with start_engine() as engine:
        await assert_only_eth_is_broken(engine, end=ends(database_urls)[0], written=written)


async def test_a_crash_between_two_heartbeats_is_no_lost_end(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        for _ in range(2):
            order = await engine.submit(venue="BOOK")
            if len(set(ends(database_urls))) > 1:  # Else a heartbeat came just now; the next is three seconds away.
                break
        await engine.kill()
    written, known = ends(database_urls)
    assert known < written
    async with start_engine() as engine:
        assert {shard["status"] for shard in (await engine.call("GET", "/internal/shards"))[1]["shards"]} == {"SERVING"}
        path = f"/internal/orders/{order['order_id']}?tenant_id={order_body()['tenant_id']}"
        assert await engine.call("GET", path) == (200, order)
