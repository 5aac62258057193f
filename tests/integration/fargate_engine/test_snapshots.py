"""Snapshots: made when a shard is let go and as it runs, used by a restart, never believed when not true."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from breakwater.db.engine_connection import EnginePool, engine_pool
from breakwater.db.journal import DamagedJournal
from breakwater.domain.shards import shard_of
from fargate_engine import snapshots
from fargate_engine.recovery import recover
from fargate_engine.shard_state import ShardState
from fargate_engine.snapshots import SnapshotStore
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import SNAPSHOT_BUCKET, TENANT, Client, Cloud, StartEngine

ETH = shard_of("ETH/USDT")
FOLDER = f"shards/{ETH:02}/"


@pytest.fixture
async def pool(database_urls: DatabaseUrls) -> AsyncIterator[EnginePool]:
    async with engine_pool(database_urls.engine) as pool:
        yield pool


@pytest.fixture
def store(cloud: Cloud) -> SnapshotStore:
    return SnapshotStore(cloud.s3, SNAPSHOT_BUCKET)


def keys(cloud: Cloud) -> list[str]:
    """Oldest first."""
    listed = cloud.s3.list_objects_v2(Bucket=SNAPSHOT_BUCKET, Prefix=FOLDER).get("Contents", [])
    return sorted(each["Key"] for each in listed)


def read(cloud: Cloud, key: str) -> bytes:
    content: bytes = cloud.s3.get_object(Bucket=SNAPSHOT_BUCKET, Key=key)["Body"].read()
    return content


async def two_snapshots(start_engine: StartEngine, cloud: Cloud) -> list[str]:
    """Of a shard with orders, taken at two stops."""
    for _ in range(2):
        async with start_engine() as engine:
            for _ in range(3):
                await engine.submit(venue="BOOK")
            await engine.stop()
    found = keys(cloud)
    assert len(found) == 2
    return found


def spoil_the_beginning(database_urls: DatabaseUrls) -> None:
    """So that only who starts from a snapshot can read the journal."""
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE trading.journal SET details = details || ' ' WHERE shard = %s AND seq = 1", (ETH,))


async def hash_of(pool: EnginePool, store: SnapshotStore | None) -> int:
    state, journal = await recover(ETH, pool, store)
    assert journal.last_seq == state.last_seq
    return state.state_hash()


async def test_a_restart_goes_on_from_the_snapshot_that_the_stop_left(
    start_engine: StartEngine, cloud: Cloud, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        resting = await engine.submit(venue="BOOK")
        await engine.stop()
    assert len(keys(cloud)) == 1
    spoil_the_beginning(database_urls)
    async with start_engine() as engine:
        path = f"/internal/orders/{resting['order_id']}?tenant_id={TENANT}"
        assert await engine.call("GET", path) == (200, resting)
        assert (await engine.call("DELETE", path))[1]["status"] == "CANCELED"
    async with start_engine(snapshot_bucket="") as engine:
        _, answer = await engine.call("GET", "/internal/shards")
        assert answer["shards"][ETH]["status"] == "BROKEN"  # Without snapshots the damage is met.


async def test_a_stop_with_nothing_new_leaves_no_second_snapshot(start_engine: StartEngine, cloud: Cloud) -> None:
    for _ in range(2):
        async with start_engine() as engine:
            await engine.stop()
    assert len(keys(cloud)) == 1


async def test_snapshot_and_whole_journal_lead_to_the_same_state(
    start_engine: StartEngine, cloud: Cloud, pool: EnginePool, store: SnapshotStore
) -> None:
    await two_snapshots(start_engine, cloud)
    assert await hash_of(pool, store) == await hash_of(pool, None)


def flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize(
    "spoiled",
    [
        flipped,
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content[:32],
        lambda content: b"",
        lambda content: content + b"x",
        lambda content: bytes(32) + content[32:],  # Of another journal: its digest is none of ours.
    ],
    ids=["a bit flipped", "the last byte lost", "half", "nothing but the digest", "empty", "longer", "another chain"],
)
async def test_one_that_is_damaged_is_named_and_the_one_before_it_is_used(
    *,
    start_engine: StartEngine,
    cloud: Cloud,
    pool: EnginePool,
    store: SnapshotStore,
    database_urls: DatabaseUrls,
    caplog: pytest.LogCaptureFixture,
    spoiled: Any,
) -> None:
    _, newest = await two_snapshots(start_engine, cloud)
    true_hash = await hash_of(pool, None)
    cloud.s3.put_object(Bucket=SNAPSHOT_BUCKET, Key=newest, Body=spoiled(read(cloud, newest)))
    spoil_the_beginning(database_urls)
    with caplog.at_level(logging.ERROR):
        assert await hash_of(pool, store) == true_hash
    assert newest in caplog.text


async def test_one_of_another_shard_or_of_another_time_is_refused(
    start_engine: StartEngine, cloud: Cloud, pool: EnginePool, store: SnapshotStore, database_urls: DatabaseUrls
) -> None:
    older, newest = await two_snapshots(start_engine, cloud)
    foreign = cloud.s3.list_objects_v2(Bucket=SNAPSHOT_BUCKET, Prefix=f"shards/{shard_of('BTC/USDT'):02}/")
    key = f"{FOLDER}{9:020}.snapshot"
    cloud.s3.put_object(Bucket=SNAPSHOT_BUCKET, Key=key, Body=read(cloud, foreign["Contents"][0]["Key"]))
    # The database came back from a backup: the journal ends before the newest snapshot.
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("DELETE FROM trading.journal WHERE shard = %s AND last_seq > %s", (ETH, int(older[-29:-9])))
    true_hash = await hash_of(pool, None)
    spoil_the_beginning(database_urls)
    assert await hash_of(pool, store) == true_hash
    assert newest in keys(cloud)


async def test_when_no_snapshot_is_true_the_whole_journal_is_read(
    start_engine: StartEngine, cloud: Cloud, pool: EnginePool, store: SnapshotStore, database_urls: DatabaseUrls
) -> None:
    for key in await two_snapshots(start_engine, cloud):
        cloud.s3.put_object(Bucket=SNAPSHOT_BUCKET, Key=key, Body=b"nonsense")
    assert await hash_of(pool, store) == await hash_of(pool, None)
    spoil_the_beginning(database_urls)
    with pytest.raises(DamagedJournal, match=f"journal of shard {ETH}, row 1"):
        await recover(ETH, pool, store)


async def test_a_shard_in_flow_is_snapshotted_again_and_again(
    start_engine: StartEngine, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "SNAPSHOT_COMMANDS", 5)
    monkeypatch.setattr(snapshots, "SNAPSHOT_PAUSE_S", 0.0)
    async with start_engine() as engine:
        async with asyncio.timeout(10):
            while len(keys(cloud)) < 3:
                await engine.submit(venue="BOOK")
        await engine.kill()
    async with start_engine() as engine:
        assert (await engine.submit(venue="BOOK"))["status"] == "NEW"


async def test_while_one_shard_is_serialised_the_others_trade(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, serialise = threading.Event(), threading.Event(), ShardState.snapshot

    def slowly(state: ShardState) -> bytes:
        began.set()
        assert go_on.wait(5)
        return serialise(state)

    monkeypatch.setattr(snapshots, "SNAPSHOT_COMMANDS", 2)
    monkeypatch.setattr(ShardState, "snapshot", slowly)
    async with start_engine() as engine:
        await engine.submit(venue="BOOK")
        assert await asyncio.to_thread(began.wait, 5)
        async with asyncio.timeout(2):
            await engine.submit(venue="BOOK", symbol="BTC/USDT")
        go_on.set()
        await engine.submit(venue="BOOK")


async def test_without_the_bucket_orders_go_on_and_health_says_so(
    start_engine: StartEngine, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "503", "Message": "slow down"}}, "PutObject")

    monkeypatch.setattr(snapshots, "SNAPSHOT_COMMANDS", 2)
    monkeypatch.setattr(cloud.s3, "put_object", refuse)
    monkeypatch.setattr(cloud.s3, "list_objects_v2", refuse)
    async with start_engine() as engine:
        for _ in range(3):
            await engine.submit(venue="BOOK")
        assert await snapshots_health(engine) == "DOWN"
        await engine.stop()
    async with start_engine() as engine:
        assert (await engine.submit(venue="BOOK"))["status"] == "NEW"


async def test_a_snapshot_that_could_not_be_stored_is_not_taken_again_before_the_pause(
    start_engine: StartEngine, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def refuse(**parameters: Any) -> None:
        tried.append(parameters["Key"])
        raise ClientError({"Error": {"Code": "403", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(snapshots, "SNAPSHOT_COMMANDS", 2)
    monkeypatch.setattr(cloud.s3, "put_object", refuse)
    async with start_engine() as engine:
        async with asyncio.timeout(10):
            while not tried:
                await engine.submit(venue="BOOK")
        for _ in range(5):
            await engine.submit(venue="BOOK")
        assert len(tried) == 1
        await engine.kill()


async def snapshots_health(engine: Client) -> str:
    _, health = await engine.call("GET", "/health")
    status: str = health["dependencies"]["snapshots"]["status"]
    return status
