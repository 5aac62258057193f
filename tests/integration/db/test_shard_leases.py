"""The leases of the shards, in the interleavings that matter."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from breakwater.db import shard_leases
from breakwater.db.engine_connection import EnginePool, engine_connection, engine_pool, pooled
from breakwater.db.journal import Fenced
from breakwater.db.shard_leases import Lease
from breakwater.domain.shards import SHARDS
from breakwater.errors import DatabaseUnavailable
from tests.conftest import DatabaseUrls


@pytest.fixture
async def pool(database_urls: DatabaseUrls) -> AsyncIterator[EnginePool]:
    async with engine_pool(database_urls.engine) as pool:
        yield pool


async def take(pool: EnginePool, holder: str, *, shard: int = 3, own_epoch: int = 0) -> int | None:
    return await shard_leases.acquire(pool, shard, holder=holder, address=f"{holder}:8080", own_epoch=own_epoch)


async def lease_of(pool: EnginePool, shard: int = 3) -> Lease:
    async with pooled(pool) as connection:
        leases = await shard_leases.read_leases(connection)
    assert [lease.shard for lease in leases] == list(range(SHARDS))
    return leases[shard]


def expire(database_urls: DatabaseUrls, column: str = "expires_at") -> None:
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(f"UPDATE trading.shard_leases SET {column} = now() - interval '1 s'")


async def test_a_lease_is_anothers_until_it_runs_out(pool: EnginePool, database_urls: DatabaseUrls) -> None:
    assert await lease_of(pool) == Lease(3, 0, "", "", False, None, 0, 0)
    assert await take(pool, "a") == 1
    assert await take(pool, "b") is None
    assert await lease_of(pool) == Lease(3, 1, "a", "a:8080", True, None, 0, 0)
    expire(database_urls)
    assert not (await lease_of(pool)).is_held
    assert await take(pool, "b") == 2
    assert await lease_of(pool) == Lease(3, 2, "b", "b:8080", True, None, 0, 0)


async def test_of_two_that_want_a_free_shard_one_gets_it(pool: EnginePool) -> None:
    taken = await asyncio.gather(*(take(pool, holder) for holder in "abcdefgh"))
    assert sorted(epoch for epoch in taken if epoch is not None) == [1]


async def test_a_restart_takes_its_lease_back_by_name_but_not_one_that_fenced_it(pool: EnginePool) -> None:
    assert await take(pool, "a") == 1
    assert await take(pool, "a") == 2  # A new process, which never had it.
    assert await take(pool, "a", own_epoch=1) is None  # The old one.
    assert await take(pool, "a", own_epoch=2) == 3  # The new one, after a lost database.


async def test_one_heartbeat_keeps_all_and_tells_those_that_are_lost(
    pool: EnginePool, database_urls: DatabaseUrls
) -> None:
    for shard in (1, 2, 3):
        assert await take(pool, "a", shard=shard) == 1
    expire(database_urls)
    assert await take(pool, "b", shard=2) == 2
    async with engine_connection(database_urls.engine) as connection:
        assert await shard_leases.heartbeat(connection, {1: (1, 5), 2: (1, 6), 3: (1, 7)}) == {1, 3}
    assert [(await lease_of(pool, shard)).holder for shard in (1, 2, 3)] == ["a", "b", "a"]
    assert (await lease_of(pool, 1)).is_held
    assert await take(pool, "b", shard=1) is None


async def test_how_far_the_journal_went_only_rises_and_outlives_every_holder(
    pool: EnginePool, database_urls: DatabaseUrls
) -> None:
    async def beat(epoch: int, last_seq: int) -> None:
        async with engine_connection(database_urls.engine) as connection:
            await shard_leases.heartbeat(connection, {3: (epoch, last_seq)})

    assert await take(pool, "a") == 1
    await beat(1, 5)
    assert (await lease_of(pool)).last_seq == 5
    await beat(1, 4)
    assert (await lease_of(pool)).last_seq == 5
    expire(database_urls)
    assert await take(pool, "b") == 2
    await beat(1, 9)  # What one that was fenced believes does not count.
    assert (await lease_of(pool)).last_seq == 5
    await shard_leases.release(pool, 3, 2, last_seq=8)
    assert (await lease_of(pool)).last_seq == 8
    assert await take(pool, "c") == 3
    await shard_leases.release(pool, 3, 3, last_seq=7)
    assert (await lease_of(pool)).last_seq == 8


async def test_a_released_lease_is_free_at_once_and_cannot_be_released_again(pool: EnginePool) -> None:
    assert await take(pool, "a") == 1
    await shard_leases.release(pool, 3, 1, last_seq=0)
    assert await take(pool, "b") == 2
    with pytest.raises(Fenced):
        await shard_leases.release(pool, 3, 1, last_seq=0)


async def test_a_reserved_shard_waits_for_the_one_it_was_moved_to(
    pool: EnginePool, database_urls: DatabaseUrls
) -> None:
    assert await take(pool, "a") == 1
    await shard_leases.release(pool, 3, 1, last_seq=0, reserved_for="b")
    assert (await lease_of(pool)).reserved_for == "b"
    assert await take(pool, "a", own_epoch=1) is None
    assert await take(pool, "c") is None
    assert await take(pool, "b") == 2
    assert (await lease_of(pool)).reserved_for is None
    await shard_leases.release(pool, 3, 2, last_seq=0, reserved_for="gone")
    expire(database_urls, "reserved_until")
    assert (await lease_of(pool)).reserved_for is None
    assert await take(pool, "c") == 3


async def test_connections_that_the_server_closed_are_not_given_out(
    pool: EnginePool, database_urls: DatabaseUrls
) -> None:
    async def used() -> None:
        async with pooled(pool) as connection:
            await connection.execute("SELECT pg_sleep(0.05)")

    await asyncio.gather(*(used() for _ in range(8)))
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'breakwater_engine'")
    await asyncio.sleep(0.2)
    await asyncio.gather(*(used() for _ in range(8)))


async def test_a_pool_without_a_free_connection_is_unavailable_in_time(
    pool: EnginePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "timeout", 0.3)
    async with asyncio.timeout(10):
        held = [pooled(pool) for _ in range(pool.max_size)]
        for each in held:
            await each.__aenter__()
        with pytest.raises(DatabaseUnavailable):
            async with pooled(pool):
                raise AssertionError("there was none to give")
        for each in held:
            await each.__aexit__(None, None, None)
