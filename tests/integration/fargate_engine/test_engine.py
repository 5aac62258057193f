"""The whole engine over HTTP: orders in, snapshots out, the same after a restart."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from breakwater.domain.shards import shard_of
from fargate_engine import registry
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import ACCOUNT, MARKET, TENANT, Client, StartEngine, order_body, ready

OTHER_ACCOUNT = "00000000-0000-0000-0000-0000000000aa"


def path_of(order: dict[str, Any], tenant: uuid.UUID = TENANT) -> str:
    return f"/internal/orders/{order['order_id']}?tenant_id={tenant}"


async def test_an_order_is_taken_traded_and_cancelled(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        resting = await engine.submit()
        assert (resting["status"], resting["leaves_qty"]) == ("NEW", "0.5")

        taken = await engine.submit(**MARKET)
        assert (taken["status"], taken["cum_qty"]) == ("FILLED", "0.5")

        status, cancelled = await engine.call("DELETE", path_of(resting))
        assert (status, cancelled["status"]) == (200, "CANCELED")
        assert cancelled["engine_seq"] > resting["engine_seq"]
        assert await engine.call("GET", path_of(resting)) == (200, cancelled)
        assert await engine.call("DELETE", path_of(resting)) == (200, cancelled)


async def test_a_restart_under_the_same_name_knows_every_order_and_takes_its_lease_at_once(
    start_engine: StartEngine,
) -> None:
    body = order_body()
    async with start_engine() as engine:
        resting = await engine.submit(**body)
        book_sell = await engine.submit(venue="BOOK", side="SELL", price="2500.00")
        traded = await engine.submit(**MARKET)
    async with start_engine() as engine:
        for order in (resting, book_sell, traded):
            assert await engine.call("GET", path_of(order)) == (200, order)
        assert await engine.submit(**body) == resting
        bought = await engine.submit(venue="BOOK", account_id=OTHER_ACCOUNT, price="2500.00")
        assert bought["status"] == "FILLED"
        assert (await engine.call("DELETE", path_of(resting)))[1]["status"] == "CANCELED"


async def test_orders_end_at_their_time_also_when_it_came_while_no_engine_ran(start_engine: StartEngine) -> None:
    def dated(in_s: float) -> dict[str, Any]:
        return {"time_in_force": "GTD", "expire_at_ns": time.time_ns() + int(in_s * 10**9)}

    async def ended(engine: Client, orders: list[dict[str, Any]]) -> None:
        async with asyncio.timeout(15):
            for order in orders:
                while (said := (await engine.call("GET", path_of(order)))[1])["status"] != "EXPIRED":
                    assert said["status"] in {"NEW", "PENDING_CANCEL"}
                    await asyncio.sleep(0.05)
                assert (said["leaves_qty"], said["reject_code"]) == ("0", None)

    async with start_engine() as engine:
        soon = [await engine.submit(venue=venue, **dated(1)) for venue in ("BOOK", "SIM")]
        execution = {"algorithm": "BEST", "venues": ["SIM"]}
        soon.append(await engine.submit(venue="SOR", execution=execution, **dated(1)))
        assert [order["status"] for order in soon] == ["NEW"] * 3
        await ended(engine, soon)
        later = [await engine.submit(venue=venue, **dated(2)) for venue in ("BOOK", "SIM")]
        stays = await engine.submit(venue="SIM", **dated(3600))
        await engine.kill()
    await asyncio.sleep(2)
    async with start_engine() as engine:
        await ended(engine, later)
        assert (await engine.call("GET", path_of(stays)))[1]["status"] == "NEW"


async def test_a_forgotten_order_is_refused_whatever_is_asked_also_after_a_restart(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "REMEMBERED_NS", 1)  # By the row after its end.
    body = order_body()
    path = path_of(body)
    about = {key: body[key] for key in ("tenant_id", "account_id", "symbol", "correlation_id")}
    async with start_engine() as engine:
        await engine.submit(**body)
        assert (await engine.call("DELETE", path))[1]["status"] == "CANCELED"
        await engine.submit()
    async with start_engine() as engine:
        for asked in (
            engine.call("GET", path),
            engine.call("DELETE", path),
            engine.call("POST", "/internal/orders", body),
            engine.call("POST", f"/internal/orders/{body['order_id']}/void", about),
        ):
            status, problem = await asked
            assert (status, problem["code"]) == (410, "ORDER_FORGOTTEN")


@contextmanager
def database_away(database_urls: DatabaseUrls) -> Iterator[None]:
    """Nobody is let in, and whoever was in is thrown out."""
    name = conninfo_to_dict(database_urls.admin)["dbname"]
    with psycopg.connect(database_urls.admin, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_after_a_lost_database_the_engine_replays_and_goes_on(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        order = await engine.submit()
        body = order_body()
        with database_away(database_urls):
            status, answer = await engine.call("POST", "/internal/orders", body)
            assert (status, answer["code"]) == (503, "ENGINE_UNAVAILABLE")
            assert (await engine.call("GET", "/health/ready"))[0] == 503
        await ready(engine)
        assert (await engine.submit(**body))["status"] == "NEW"
        assert await engine.call("GET", path_of(order)) == (200, order)


async def test_a_voided_order_is_refused_when_it_arrives_late(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        body = order_body()
        void = {
            "tenant_id": str(TENANT),
            "account_id": str(ACCOUNT),
            "symbol": "ETH/USDT",
            "correlation_id": "correlation-1",
        }
        status, voided = await engine.call("POST", f"/internal/orders/{body['order_id']}/void", void)
        assert (status, voided["status"], voided["reject_code"]) == (200, "REJECTED", "VOIDED")
        assert await engine.submit(**body) == voided


async def test_cancel_all_cancels_the_open_orders_of_the_accounts_and_no_others(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        ours = [await engine.submit(), await engine.submit(venue="BOOK")]
        other = await engine.submit(account_id=OTHER_ACCOUNT)
        request = {"tenant_id": str(TENANT), "account_ids": [str(ACCOUNT)], "correlation_id": "correlation-1"}
        status, answer = await engine.call("POST", "/internal/cancel-all", request)
        assert (status, answer["failed"]) == (200, [])
        assert {order["order_id"] for order in answer["canceled"]} == {order["order_id"] for order in ours}
        assert (await engine.call("GET", path_of(other)))[1]["status"] == "NEW"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "someone-else"},
        {"iss": "someone-else"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"iat": None},
        {"exp": 4_000_000_000},
    ],
)
async def test_a_token_that_is_not_in_order_is_refused(
    start_engine: StartEngine, service_token: Callable[..., str], claims: dict[str, Any]
) -> None:
    async with start_engine() as engine:
        headers = {"Authorization": f"Bearer {service_token(**claims)}"}
        status, problem = await engine.call("POST", "/internal/orders", order_body(), **headers)
        assert (status, problem["code"]) == (401, "NOT_AUTHENTICATED")


async def test_bad_input_is_a_problem_document_and_leaves_no_trace(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        for body, expected in (
            (order_body(quantity=0.5), 422),
            (order_body(surprise="1"), 422),
            (order_body(order_id="not-an-id"), 422),
            (order_body(quantity="1e9"), 422),
            ("x" * 70_000, 413),
            (None, 422),
        ):
            status, problem = await engine.call("POST", "/internal/orders", body)
            assert (status, problem["status"]) == (expected, expected), problem
        assert (await engine.call("GET", "/internal/orders/not-an-id?tenant_id=x"))[0] == 422
        assert (await engine.call("GET", path_of(order_body())))[0] == 404
        assert (await engine.call("GET", "/market/book?symbol=NO/PE"))[0] == 404
        assert (await engine.call("GET", "/market/book?symbol=ETH/USDT&depth=-1"))[0] == 422
        assert (await engine.call("GET", "/nowhere"))[0] == 404
    with psycopg.connect(database_urls.admin) as connection:
        rows = connection.execute("SELECT shard, seq, last_seq, details FROM trading.journal ORDER BY shard").fetchall()
    assert [row[:3] for row in rows] == [(shard_of("ETH/USDT"), 1, 1), (shard_of("BTC/USDT"), 1, 1)]
    assert all("ListInstrument" in details for *_, details in rows)


async def test_another_tenants_order_is_not_found(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        order = await engine.submit()
        foreign = path_of(order, uuid.UUID(int=77))
        assert (await engine.call("GET", foreign))[0] == 404
        assert (await engine.call("DELETE", foreign))[0] == 404
        assert (await engine.call("GET", path_of(order)))[1]["status"] == "NEW"


async def test_reference_prices_follow_the_market_by_the_databases_clock(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        await asyncio.sleep(2.5)
        _, book = await engine.call("GET", "/market/book?symbol=ETH/USDT&depth=5")
    with psycopg.connect(database_urls.admin) as connection:
        rows = connection.execute(
            "SELECT symbol, best_bid < price, price < best_ask, now() - observed_at < interval '2 s' "
            "FROM market.reference_prices ORDER BY symbol"
        ).fetchall()
    assert rows == [("BTC/USDT", True, True, True), ("ETH/USDT", True, True, True)]
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])


async def test_many_at_once_are_each_answered_once(start_engine: StartEngine, database_urls: DatabaseUrls) -> None:
    async with start_engine() as engine:
        answers = await asyncio.gather(*(engine.submit() for _ in range(200)))
        assert {answer["status"] for answer in answers} == {"NEW"}
        await _published(engine)
    with psycopg.connect(database_urls.admin) as connection:
        accepted = connection.execute("SELECT count(*) FROM trading.events WHERE topic LIKE 'orders.OrderAccepted%'")
        assert accepted.fetchone() == (200,)


async def _published(engine: Client) -> None:
    async with asyncio.timeout(20):
        while (await engine.call("GET", "/health"))[1]["dependencies"]["relay"]["backlog"]:
            await asyncio.sleep(0.2)
