"""Two engines on one database: whoever dies, goes or lets a shard go, nothing acknowledged is lost."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import psycopg
import pytest

from breakwater.db.shard_leases import LEASE_S
from breakwater.domain.shards import SHARDS, shard_of
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import ACCOUNT, TENANT, Client, StartEngine, order_body, ready

ETH, BTC = shard_of("ETH/USDT"), shard_of("BTC/USDT")
BTC_ORDER = {"symbol": "BTC/USDT", "price": "20000.00", "price_low": "10000", "price_high": "40000"}
# What is handed over is had sooner than what nobody keeps any more. How soon is measured by `make bench`.
HANDED_OVER_S = LEASE_S - 2
CANCEL_ALL = {"tenant_id": str(TENANT), "account_ids": [str(ACCOUNT)], "correlation_id": "correlation-1"}


def path_of(order_id: str) -> str:
    return f"/internal/orders/{order_id}?tenant_id={TENANT}"


async def shards_of(engine: Client) -> list[dict[str, Any]]:
    status, answer = await engine.call("GET", "/internal/shards")
    assert status == 200
    shards: list[dict[str, Any]] = answer["shards"]
    return shards


async def served_by(engine: Client) -> set[int]:
    return {shard["shard"] for shard in await shards_of(engine) if shard["status"] == "SERVING"}


async def until_served(engine: Client, shards: set[int], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not shards <= await served_by(engine):
            await asyncio.sleep(0.05)


async def until_known(engine: Client, shard: int, holder: str) -> None:
    """Until the engine has seen who holds the shard: then it passes requests on."""
    async with asyncio.timeout(3):
        while (await shards_of(engine))[shard]["holder"] != holder:
            await asyncio.sleep(0.05)


async def until_following(engine: Client, timeout_s: float = 10) -> None:
    """As far as the journals were at the last look."""
    async with asyncio.timeout(timeout_s):
        while True:
            _, answer = await engine.call("GET", "/health")
            if {shard["status"] for shard in answer["shards"]} == {"FOLLOWING"}:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def two_engines(start_engine: StartEngine) -> AsyncIterator[tuple[Client, Client]]:
    """The first serves every shard, the second follows."""
    async with start_engine() as first, start_engine(engine_id="engine-b", wait=False) as second:
        while True:
            try:
                await until_following(second)
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
        yield first, second


def expire_leases(database_urls: DatabaseUrls) -> None:
    """As if ten seconds had passed since the last heartbeat."""
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE trading.shard_leases SET expires_at = now() - interval '1 s'")


@contextmanager
def lease_row_locked(database_urls: DatabaseUrls, shard: int) -> Iterator[None]:
    """No batch of the shard can be committed, and nobody can let it go."""
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("SELECT FROM trading.shard_leases WHERE shard = %s FOR UPDATE", (shard,))
        yield


class Orders:
    """Sends orders without end, each again and again until it is answered; the answers are what must not be lost."""

    def __init__(self, engines: list[Client], **changes: Any) -> None:
        self._engines = engines
        self._changes = changes
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.longest_wait_s = 0.0
        self._is_over = False

    @asynccontextmanager
    async def flowing(self, senders: int = 4) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(senders):
                tasks.create_task(self._send())
            yield
            self._is_over = True

    async def enough(self, more: int = 20) -> None:
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(20):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.01)

    async def _send(self) -> None:
        while not self._is_over:
            body = order_body(**self._changes)
            began_at = time.monotonic()
            self.acknowledged[body["order_id"]] = await self._until_answered(body)
            self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began_at)

    async def _until_answered(self, body: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                for engine in self._engines:
                    try:
                        status, answer = await engine.call("POST", "/internal/orders", body)
                    except aiohttp.ClientConnectionError:
                        continue
                    if status == 200:
                        told: dict[str, Any] = answer
                        return told
                    assert status == 503, answer
                await asyncio.sleep(0.02)

    async def assert_nothing_is_lost(self, engine: Client, database_urls: DatabaseUrls) -> None:
        assert self.acknowledged
        for order_id, said in self.acknowledged.items():
            assert await engine.call("GET", path_of(order_id)) == (200, said)
        with psycopg.connect(database_urls.admin) as connection:
            accepted = connection.execute(
                "SELECT aggregate_id, count(*) FROM trading.events WHERE topic = 'orders.OrderAccepted.v1' GROUP BY 1"
            ).fetchall()
            rows = connection.execute("SELECT seq, last_seq FROM trading.journal WHERE shard = %s ORDER BY seq", (ETH,))
            spans = rows.fetchall()
        assert {str(order_id): count for order_id, count in accepted} == dict.fromkeys(self.acknowledged, 1)
        assert [seq for seq, _ in spans] == [1] + [last_seq + 1 for _, last_seq in spans[:-1]]


async def test_a_killed_engines_shards_are_taken_over_with_every_order_that_was_acknowledged(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with two_engines(start_engine) as (first, second):
        orders = Orders([first, second], venue="BOOK")
        async with orders.flowing():
            await orders.enough()
            await first.kill()
            expire_leases(database_urls)
            await until_served(second, set(range(SHARDS)), timeout_s=3)
            await orders.enough()
        await orders.assert_nothing_is_lost(second, database_urls)


async def test_nobody_takes_a_killed_engines_shards_before_its_leases_have_run_out(start_engine: StartEngine) -> None:
    async with two_engines(start_engine) as (first, second):
        await first.kill()
        await asyncio.sleep(1.5)
        assert await served_by(second) == set()
        assert (await second.call("GET", "/health/ready"))[0] == 503
        assert (await second.call("POST", "/internal/orders", order_body()))[0] == 503


async def test_an_engine_that_is_told_to_stop_hands_its_shards_over_while_orders_flow(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with two_engines(start_engine) as (first, second):
        orders = Orders([first, second], venue="BOOK")
        async with orders.flowing():
            await orders.enough()
            await first.stop()
            await until_served(second, set(range(SHARDS)), timeout_s=HANDED_OVER_S)
            await orders.enough()
        assert orders.longest_wait_s < HANDED_OVER_S
        await orders.assert_nothing_is_lost(second, database_urls)


async def test_one_shard_moves_while_orders_flow_and_the_others_stay(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with two_engines(start_engine) as (first, second):
        orders = Orders([first], venue="BOOK")
        async with orders.flowing():
            await orders.enough()
            moved = await second.call("POST", f"/internal/shards/{ETH}/move", {"to": "engine-b"})
            assert moved == (200, {"shard": ETH, "from": "engine-a", "to": "engine-b"})
            await until_served(second, {ETH}, timeout_s=HANDED_OVER_S)
            await orders.enough()
        assert orders.longest_wait_s < HANDED_OVER_S
        assert await served_by(second) == {ETH}
        await until_served(first, set(range(SHARDS)) - {ETH}, timeout_s=1)
        await until_known(first, ETH, "engine-b")
        await ready(first, timeout_s=1)
        await ready(second, timeout_s=1)
        await orders.assert_nothing_is_lost(first, database_urls)
        await orders.assert_nothing_is_lost(second, database_urls)

        assert (await first.call("POST", f"/internal/shards/{ETH}/move", {"to": "engine-a"}))[0] == 200
        await until_known(second, ETH, "engine-a")
        await until_served(first, {ETH}, timeout_s=3)
        await orders.assert_nothing_is_lost(second, database_urls)


async def test_an_engine_that_is_told_to_stop_in_the_middle_of_a_move_finishes_it(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        with lease_row_locked(database_urls, ETH):
            moving = asyncio.create_task(engine.call("POST", f"/internal/shards/{ETH}/move", {"to": "engine-b"}))
            async with asyncio.timeout(3):
                while (await shards_of(engine))[ETH]["status"] != "DRAINING":
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # It has nothing left to answer, and waits for the lease's row.
            engine.told_to_stop.set()
            await asyncio.sleep(0.2)
        assert (await moving)[0] == 200
        await engine.stop()
    query = "SELECT expires_at > now(), reserved_for FROM trading.shard_leases WHERE shard = %s"
    with psycopg.connect(database_urls.admin) as connection:
        assert connection.execute(query, (ETH,)).fetchone() == (False, "engine-b")


async def test_a_shard_moved_to_an_engine_that_does_not_come_is_anybodys_after_a_while(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        assert (await engine.call("POST", f"/internal/shards/{ETH}/move", {"to": "nobody"}))[0] == 200
        await asyncio.sleep(1)
        assert ETH not in await served_by(engine)
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("UPDATE trading.shard_leases SET reserved_until = now() WHERE reserved_for IS NOT NULL")
        await until_served(engine, {ETH}, timeout_s=3)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (f"/internal/shards/{ETH}/move", {"to": "engine-a"}, 422),
        (f"/internal/shards/{ETH}/move", {"to": ""}, 422),
        (f"/internal/shards/{ETH}/move", {"to": "b", "more": 1}, 422),
        ("/internal/shards/16/move", {"to": "engine-b"}, 404),
        ("/internal/shards/-1/move", {"to": "engine-b"}, 404),
    ],
)
async def test_a_move_that_makes_no_sense_changes_nothing(
    start_engine: StartEngine, path: str, body: dict[str, Any], expected: int
) -> None:
    async with start_engine() as engine:
        assert (await engine.call("POST", path, body))[0] == expected
        assert await served_by(engine) == set(range(SHARDS))


async def test_either_of_two_engines_answers_for_the_shards_of_both(start_engine: StartEngine) -> None:
    async with two_engines(start_engine) as (first, second):
        assert (await first.call("POST", f"/internal/shards/{BTC}/move", {"to": "engine-b"}))[0] == 200
        await until_served(second, {BTC})
        await until_known(first, BTC, "engine-b")
        for engine in (first, second):
            eth, btc = await engine.submit(), await engine.submit(**BTC_ORDER)
            for asked in (first, second):
                assert await asked.call("GET", path_of(eth["order_id"])) == (200, eth)
                assert await asked.call("GET", path_of(btc["order_id"])) == (200, btc)
                assert (await asked.call("GET", path_of(str(uuid.uuid4()))))[0] == 404
                for symbol in ("ETH/USDT", "BTC/USDT"):
                    status, book = await asked.call("GET", f"/market/book?symbol={symbol}&depth=3")
                    assert (status, len(book["bids"])) == (200, 3)
            status, cancelled = await engine.call("DELETE", path_of(btc["order_id"]))
            assert (status, cancelled["status"]) == (200, "CANCELED")
            other = await engine.submit(**BTC_ORDER)
            status, answer = await engine.call("POST", "/internal/cancel-all", CANCEL_ALL)
            assert (status, answer["failed"]) == (200, [])
            assert {each["order_id"] for each in answer["canceled"]} == {eth["order_id"], other["order_id"]}


async def test_a_shard_that_nobody_serves_is_503_and_never_a_false_no(start_engine: StartEngine) -> None:
    async with two_engines(start_engine) as (first, second):
        assert (await first.call("POST", f"/internal/shards/{BTC}/move", {"to": "engine-b"}))[0] == 200
        await until_served(second, {BTC})
        await until_known(first, BTC, "engine-b")
        btc, eth = await first.submit(**BTC_ORDER), await first.submit()
        await second.kill()
        for order in (btc, order_body()):
            status, answer = await first.call("GET", path_of(order["order_id"]))
            assert (status, answer["code"]) == (503, "ENGINE_UNAVAILABLE")
        assert (await first.call("POST", "/internal/orders", order_body(**BTC_ORDER)))[0] == 503
        assert (await first.call("POST", "/internal/cancel-all", CANCEL_ALL))[0] == 503
        assert (await first.call("GET", path_of(eth["order_id"])))[1]["status"] == "CANCELED"  # What could be, was.
        assert (await first.submit())["status"] == "NEW"


async def test_a_shard_here_that_hangs_does_not_keep_an_order_elsewhere_from_being_cancelled(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with two_engines(start_engine) as (first, second):
        assert (await first.call("POST", f"/internal/shards/{BTC}/move", {"to": "engine-b"}))[0] == 200
        await until_served(second, {BTC})
        await until_known(first, BTC, "engine-b")
        btc = await first.submit(**BTC_ORDER)
        with lease_row_locked(database_urls, ETH):
            hanging = asyncio.create_task(first.call("POST", "/internal/orders", order_body()))
            await asyncio.sleep(0.1)
            status, cancelled = await asyncio.wait_for(first.call("DELETE", path_of(btc["order_id"])), 2)
            assert (status, cancelled["status"]) == (200, "CANCELED")
        await hanging


async def test_of_two_engines_that_stop_at_once_neither_takes_what_the_other_lets_go(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with two_engines(start_engine) as (first, second):
        assert (await first.call("POST", "/internal/shards/0/move", {"to": "engine-b"}))[0] == 200
        await until_served(second, {0})
        with lease_row_locked(database_urls, 0):
            second.told_to_stop.set()
            await asyncio.sleep(0.1)
            await first.stop()
            await asyncio.sleep(0.6)  # Two looks.
        await second.stop()
    with psycopg.connect(database_urls.admin) as connection:
        epochs = connection.execute("SELECT epoch FROM trading.shard_leases ORDER BY shard").fetchall()
    assert epochs == [(2,), *[(1,)] * (SHARDS - 1)]


async def test_what_was_passed_on_is_not_passed_on_again(start_engine: StartEngine) -> None:
    async with two_engines(start_engine) as (_, second):
        asked_for_eth = {"X-Breakwater-Shards": str(ETH)}
        assert (await second.call("POST", "/internal/orders", order_body(), **asked_for_eth))[0] == 503
        assert (await second.call("GET", path_of(str(uuid.uuid4())), **asked_for_eth))[0] == 503
        nonsense = {"X-Breakwater-Shards": "16"}
        assert (await second.call("POST", "/internal/orders", order_body(), **nonsense))[0] == 422


async def test_the_older_of_two_writers_of_one_name_is_fenced_and_follows(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as old:
        order = await old.submit()
        async with start_engine() as new:
            body = order_body()
            # Before its next heartbeat the old one still believes; its journal tells it better.
            status, _ = await old.call("POST", "/internal/orders", body)
            assert status in {200, 503}
            await until_following(old)
            assert await new.call("GET", path_of(order["order_id"])) == (200, order)
            assert (await new.submit(**body))["status"] == "NEW"
            await asyncio.sleep(1.5)
            assert await served_by(new) == set(range(SHARDS))  # It is not taken back by name.
    with psycopg.connect(database_urls.admin) as connection:
        accepted = connection.execute(
            "SELECT count(*) FROM trading.events WHERE topic = 'orders.OrderAccepted.v1'"
        ).fetchone()
    assert accepted == (2,)


async def test_a_writer_that_wakes_after_its_shard_was_taken_writes_nothing(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as stale:
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute(
                "UPDATE trading.shard_leases SET epoch = epoch + 1, holder = 'other', address = '127.0.0.1:9',"
                " expires_at = now() + interval '1 minute'"
            )
            before = connection.execute("SELECT count(*) FROM trading.journal").fetchone()
        body = order_body()
        assert (await stale.call("POST", "/internal/orders", body))[0] == 503
        await until_following(stale)
        with psycopg.connect(database_urls.admin) as connection:
            assert connection.execute("SELECT count(*) FROM trading.journal").fetchone() == before
            assert connection.execute("SELECT count(*) FROM trading.events").fetchone() == (0,)
        expire_leases(database_urls)
        await ready(stale)
        assert (await stale.submit(**body))["status"] == "NEW"


async def test_a_damaged_row_keeps_its_shard_from_being_served_and_no_other(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine(snapshot_bucket="") as engine:
        for _ in range(3):
            await engine.submit(venue="BOOK")
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "UPDATE trading.journal SET commands = set_byte(commands, 40, get_byte(commands, 40) # 1)"
            " WHERE shard = %s AND seq = 4",
            (ETH,),
        )
    async with start_engine(snapshot_bucket="") as engine:
        broken = (await shards_of(engine))[ETH]
        assert broken["status"] == "BROKEN"
        assert f"journal of shard {ETH}, row 4" in broken["failure"]
        assert (await engine.call("GET", "/health"))[1]["dependencies"]["journal"]["status"] == "DOWN"
        assert (await engine.submit(**BTC_ORDER))["status"] == "NEW"
        assert (await engine.call("POST", "/internal/orders", order_body()))[0] == 503
