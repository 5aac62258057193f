"""Leases and their orders over HTTP: set by the ledger, used without it, the same after a restart."""

import asyncio
import uuid
from typing import Any

import psycopg

from breakwater.domain.lease_messages import LeaseWords
from breakwater.domain.orders import OrdStatus
from breakwater.domain.permissions import Principal
from fargate_engine.firm_exchange.trail import cancel_requested
from fargate_engine.messages import CancelOrder
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import Client, StartEngine
from tests.integration.fargate_engine.test_fencing import taking_over
from tests.support.engine_words import snapshot_in
from tests.unit.fargate_engine.leases import lease, place_order
from tests.unit.fargate_engine.orders import ETH, submit

OTHER_TENANT = uuid.UUID(int=99)


def lease_body(**changes: Any) -> dict[str, Any]:
    return lease(expires_at_ns=2**61 - 1).model_dump(mode="json") | changes


def order_body(client_order_id: str = "client-1", **terms: Any) -> dict[str, Any]:
    return place_order(client_order_id, **terms).model_dump(mode="json")


async def set_lease(engine: Client, **changes: Any) -> LeaseWords:
    status, answer = await engine.call("POST", "/internal/leases", lease_body(**changes))
    assert status == 200, answer
    return LeaseWords.model_validate(answer)


async def told(database_urls: DatabaseUrls, count: int) -> list[str]:
    """The topics of the account's feed, once the relay has written so many."""
    query = "SELECT topic FROM trading.account_feed JOIN trading.events USING (event_id) ORDER BY sequence"
    async with asyncio.timeout(10):
        while True:
            with psycopg.connect(database_urls.admin) as connection:
                topics = [topic for (topic,) in connection.execute(query)]
            if len(topics) >= count:
                return topics
            await asyncio.sleep(0.05)


async def test_an_order_within_its_lease_is_taken_without_the_ledger_and_lasts_through_a_restart(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        granted = await set_lease(engine)
        assert (granted.version, granted.buy_granted, granted.live_orders) == (1, 10, 0)
        status, order = await engine.call("POST", "/internal/leased-orders", order_body())
        assert (status, order["status"], order["leaves_qty"]) == (200, "NEW", "1")
        assert await engine.call("POST", "/internal/leased-orders", order_body()) == (200, order)
        late = await set_lease(engine)
        assert (late.version, late.buy_open, late.live_orders) == (1, 1, 1)
    async with start_engine() as engine:
        assert await set_lease(engine) == late
        assert await engine.call("POST", "/internal/leased-orders", order_body()) == (200, order)
        shrunk = await set_lease(engine, version=2, buy_granted="0")
        assert (shrunk.version, shrunk.buy_granted) == (2, 1)
        status, refused = await engine.call("POST", "/internal/leased-orders", order_body("client-2"))
        assert (status, refused["status"], refused["reject_code"]) == (200, "REJECTED", "LEASE_EXHAUSTED")
        assert await told(database_urls, 4) == [
            "orders.OrderLeased.v1",
            "orders.OrderAccepted.v1",
            "orders.OrderLeased.v1",
            "orders.OrderRejected.v1",
        ]


async def test_the_audit_trail_knows_whose_a_leased_order_is(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    order = order_body()
    async with start_engine() as engine:
        await set_lease(engine)
        await engine.call("POST", "/internal/leased-orders", order)
        await told(database_urls, 2)
    with psycopg.connect(database_urls.admin) as connection:
        actors: dict[str, str | None] = dict(connection.execute("SELECT topic, actor FROM trading.events").fetchall())
    # What the engine found out by itself is nobody's.
    assert actors == {"orders.OrderLeased.v1": order["placed_by"], "orders.OrderAccepted.v1": None}


async def test_the_audit_trail_knows_with_which_key_an_order_was_cancelled_at_the_endpoint(
    database_urls: DatabaseUrls,
) -> None:
    order, tenant_id = submit(1), uuid.UUID(int=7)
    bot = Principal(tenant_id, "subject", "trader1", "trader", frozenset({"trade"}), api_key_id="0123456789abcdef")
    async with taking_over(database_urls.engine) as writer:
        await writer.sequencer.list_instruments([ETH])
        writer.inbox.ask(order)
        await writer.sequencer.run_batch()
        cancel = CancelOrder(order_id=order.order_id, tenant_id=order.tenant_id)
        canceled = writer.inbox.ask(cancel, telling=cancel_requested(order, bot))
        await writer.sequencer.run_batch()
    assert snapshot_in(canceled.result()).status is OrdStatus.CANCELED
    with psycopg.connect(database_urls.admin) as connection:
        rows = connection.execute(
            "SELECT topic, actor, tenant_id, account_id, aggregate_id, payload->>'requested_by', payload->>'account_id'"
            " FROM trading.events JOIN trading.outbox USING (event_id) WHERE topic LIKE 'audit.%'"
        ).fetchall()
        transactions = connection.execute(
            "SELECT count(DISTINCT xmin::text) FROM trading.events"
            " WHERE topic IN ('audit.CancelRequested.v1', 'orders.OrderCanceled.v1')"
        ).fetchall()
    actor = "trader1/0123456789abcdef"
    assert rows == [
        ("audit.CancelRequested.v1", actor, order.tenant_id, None, order.order_id, actor, str(order.account_id))
    ]
    assert transactions == [(1,)]  # Neither is there without the other.


async def test_leased_orders_of_the_venue_wait_for_its_word_and_are_counted(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        await set_lease(engine, venue="SIM")
        order = order_body(venue="SIM", type="MARKET", price=None, quantity="0.5")
        status, taken = await engine.call("POST", "/internal/leased-orders", order)
        assert (status, taken["status"], taken["cum_qty"]) == (200, "FILLED", "0.5")
        used = await set_lease(engine, venue="SIM")
        assert (str(used.buy_filled), used.buy_open, used.live_orders) == ("0.5", 0, 0)
        assert str(used.buy_notional) == taken["cum_notional"]


async def test_what_cannot_be_right_is_a_problem_document_and_leaves_no_trace(
    start_engine: StartEngine, database_urls: DatabaseUrls
) -> None:
    async with start_engine() as engine:
        for changes, expected in (
            ({"version": 0}, 422),
            ({"buy_granted": "-1"}, 422),
            ({"buy_granted": 1.5}, 422),
            ({"buy_granted": "0.00001"}, 422),
            ({"sell_granted": "99999999999999999"}, 422),
            ({"price_high": "0"}, 422),
            ({"orders_max": 2**61}, 422),
            ({"symbol": "DOGE/USDT"}, 404),
            ({"self_trade": "LOOK_AWAY"}, 422),
            ({"account_id": "nobody"}, 422),
            ({"surprise": 1}, 422),
        ):
            status, problem = await engine.call("POST", "/internal/leases", lease_body(**changes))
            assert (status, problem["status"]) == (expected, expected), (changes, problem)
        status, problem = await engine.call("POST", "/internal/leased-orders", order_body())
        assert (status, problem["code"]) == (409, "CONFLICT")
        await set_lease(engine)
        for body in (
            order_body() | {"order_id": str(uuid.uuid4())},
            order_body() | {"tenant_id": str(OTHER_TENANT)},  # The id does not follow from it.
            order_body() | {"surprise": 1},
            order_body(reduce_only=True),
            order_body(located=True),
            {**order_body(), "terms": {"side": "BUY"}},
            lease_body(),
            None,
        ):
            status, problem = await engine.call("POST", "/internal/leased-orders", body)
            assert (status, problem["status"]) == (422, 422), (body, problem)
        status, problem = await engine.call(
            "POST", "/internal/leases", lease_body(tenant_id=str(OTHER_TENANT), version=9)
        )
        assert (status, problem["code"]) == (404, "NOT_FOUND")
        assert (await set_lease(engine)).version == 1
    with psycopg.connect(database_urls.admin) as connection:
        assert connection.execute("SELECT count(*) FROM trading.events").fetchone() == (0,)


async def test_both_routes_ask_for_a_service_token(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        for path, body in (("/internal/leases", lease_body()), ("/internal/leased-orders", order_body())):
            status, problem = await engine.call("POST", path, body, Authorization="Bearer nonsense")
            assert (status, problem["code"]) == (401, "NOT_AUTHENTICATED")
