"""Reconciliation against the simulated exchange: orders by hand, orders that live on, late fills, moved money."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine.binance.exchange import NewOrder
from fargate_engine.messages import VenueRejected
from fargate_engine.registry import REMEMBERED_NS
from fargate_engine.shard_state import ShardState
from fargate_engine.venues import binance_spot, exchange_client, reconciler
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.protocol import Balance
from fargate_engine.venues.reconciler import Reconciler
from tests.support.exchange_scene import KEY, Shard, Simulated, connected, simulated_exchange, until
from tests.unit.fargate_engine.orders import ETH, submit


class Scene:
    def __init__(self, there: Simulated, shard: Shard) -> None:
        self.there = there
        self.shard = shard
        self.reconciler = Reconciler(shard.connection, lambda: [shard.state], [ETH.symbol])

    async def found(self) -> dict[str, int]:
        return (await self.reconciler.run_once()).counts

    def forget(self) -> None:
        """As an hour later."""
        self.shard.state.registry.forget(self.shard.state.last_at_ns + REMEMBERED_NS, at_most=100)
        assert len(self.shard.state.registry.forgotten) > 0

    async def by_hand(self, **changes: Any) -> None:
        """As somebody in the exchange's own app."""
        client = await self.there.exchange.client(KEY, "")
        terms: dict[str, Any] = {
            "instrument": self.there.exchange.instruments()[0],
            "side": Side.BUY,
            "type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "post_only": False,
            "quantity": Decimal(1),
            "quote_quantity": None,
            "price": Decimal(2000),
            "client_order_id": "web_1",
            "valid_until_ms": self.there.exchange.now_ms() + 1000,
        }
        await self.there.exchange.place(client, NewOrder(**terms | changes))


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(reconciler, "SHARDS", 1)  # This one is all there is.
    async with (
        simulated_exchange() as there,
        connected(there.base_url) as connection,
        Shard(connection).served() as shard,
    ):
        yield Scene(there, shard)


async def test_where_all_agrees_nothing_is_found(scene: Scene) -> None:
    await scene.found()
    resting, taking = submit(1, venue="PAPER"), submit(2, venue="PAPER", price=Decimal(3500), quantity=Decimal("0.1"))
    scene.shard.submit(resting)
    scene.shard.submit(taking)
    await until(scene.shard.has(resting.order_id, "NEW"))
    await until(scene.shard.has(taking.order_id, "FILLED"))
    report = await scene.reconciler.run_once()
    assert report.is_complete, report.failure
    assert (report.counts, report.orders, report.fills > 0, report.balances) == ({}, 1, True, 2)
    assert scene.shard.connection.health()["reconciliation"]["counts"] == {}


async def test_an_order_by_hand_and_its_fills_are_told(scene: Scene) -> None:
    await scene.found()
    await scene.by_hand()
    assert await scene.found() == {"EXTERNAL_ORDER": 1}
    await scene.by_hand(client_order_id="web_2", type=OrderType.MARKET, time_in_force=TimeInForce.IOC, price=None)
    found = await scene.found()
    assert found["EXTERNAL_ORDER"] == 1
    assert found["EXTERNAL_FILL"] >= 1
    assert "BALANCE_DRIFT" not in found  # The fill explains it, whoever's it was.


async def test_money_that_is_taken_out_is_told_once(scene: Scene) -> None:
    await scene.found()
    scene.there.account.add("USDT", Decimal(-1_000))
    assert await scene.found() == {"BALANCE_DRIFT": 1}
    assert await scene.found() == {}


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_an_order_that_ended_here_and_lives_there_is_cancelled_there(scene: Scene, is_forgotten: bool) -> None:
    """As after an order that was given up and had arrived nevertheless."""
    order = submit(1, venue="PAPER")
    scene.shard.submit(order)
    await until(scene.shard.has(order.order_id, "NEW"))
    scene.shard.inbox.report(VenueRejected(order_id=order.order_id, code="VENUE_NEVER_ARRIVED", reason="given up"))
    await until(scene.shard.has(order.order_id, "REJECTED"))
    if is_forgotten:
        scene.forget()
    report = await scene.reconciler.run_once()
    assert (report.counts, report.repaired) == ({"ENDED_ORDER": 1}, 1)
    found = scene.there.order(order.order_id)
    assert found is not None
    assert found.status is OrdStatus.CANCELED


async def test_an_order_that_lives_here_is_not_over_for_an_id_alike_in_another_shard(scene: Scene) -> None:
    order, other = submit(1, venue="PAPER"), ShardState(1)
    other.registry.forgotten.add(order.order_id, was_rejected=False)
    scene.shard.submit(order)
    await until(scene.shard.has(order.order_id, "NEW"))
    states = [other, scene.shard.state, other]
    report = await Reconciler(scene.shard.connection, lambda: states, [ETH.symbol]).run_once()
    assert (report.counts, report.repaired) == ({}, 0)


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_what_was_filled_after_its_order_had_ended_here_is_told(scene: Scene, is_forgotten: bool) -> None:
    await scene.found()
    order = submit(1, venue="PAPER", price=Decimal(3500))
    scene.there.switch(unknown_reply=1.0, silent_streams=True)
    scene.shard.submit(order)
    await until(lambda: (it := scene.there.order(order.order_id)) is not None and it.cum_qty > 0)
    scene.shard.inbox.report(VenueRejected(order_id=order.order_id, code="VENUE_NEVER_ARRIVED", reason="given up"))
    await until(scene.shard.has(order.order_id, "REJECTED"))
    if is_forgotten:
        scene.forget()
    scene.there.switch(silent_streams=True)
    assert (await scene.found())["LATE_FILL"] == 1


async def test_an_id_of_ours_that_no_shard_knows_is_told(scene: Scene) -> None:
    await scene.by_hand(client_order_id=client_id_of(submit(77).order_id))
    assert await scene.found() == {"UNKNOWN_ORDER": 1}


async def test_a_venue_that_does_not_answer_is_in_the_report(scene: Scene) -> None:
    scene.there.switch(maintenance=True)
    report = await scene.reconciler.run_once()
    assert not report.is_complete
    assert report.failure is not None
    assert scene.shard.connection.health()["reconciliation"]["failure"] == report.failure


async def test_more_fills_than_are_read_at_once_are_in_the_report_and_the_next_run_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binance_spot, "_FILLS_MAX", 2)
    monkeypatch.setattr(exchange_client, "PAGES_MAX", 1)
    await scene.found()
    for number in range(10):
        terms: dict[str, Any] = {
            "type": OrderType.MARKET,
            "time_in_force": TimeInForce.IOC,
            "price": None,
            "quantity": Decimal("0.01"),
        }
        await scene.by_hand(client_order_id=f"web_{number}", **terms)
        await asyncio.sleep(0.002)
    done = sum(len(each.trades) for each in scene.there.account.orders.values())
    report = await scene.reconciler.run_once()
    assert not report.is_complete
    assert "more fills than are read at once" in (report.failure or "")
    seen = report.counts["EXTERNAL_FILL"]
    while seen < done:
        report = await scene.reconciler.run_once()
        assert report.fills > 0
        seen += report.counts["EXTERNAL_FILL"]
    assert seen == done
    await scene.reconciler.run_once()  # The balances anew: what came between the two was read in parts.
    assert (await scene.reconciler.run_once()).is_complete


async def test_a_fill_that_is_shown_late_is_told_although_a_newer_one_was_seen(scene: Scene) -> None:
    terms = {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price": None, "quantity": Decimal("0.01")}
    there = scene.there.exchange
    earlier_ms = there.now_ms()
    await scene.found()
    await asyncio.sleep(0.05)
    await scene.by_hand(**terms)
    seen = (await scene.found())["EXTERNAL_FILL"]
    assert seen >= 1
    assert "EXTERNAL_FILL" not in await scene.found()
    with pytest.MonkeyPatch.context() as during:
        during.setattr(there, "now_ms", lambda: earlier_ms)
        await scene.by_hand(client_order_id="web_2", **terms)
    assert (await scene.found())["EXTERNAL_FILL"] >= 1
    assert "EXTERNAL_FILL" not in await scene.found()


async def test_what_a_run_could_not_check_to_the_end_is_told_by_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.found()
    await scene.by_hand(type=OrderType.MARKET, time_in_force=TimeInForce.IOC, price=None)
    client = scene.shard.connection.client
    ask = client.balances

    async def of_a_venue_that_goes_down() -> dict[str, Balance]:
        scene.there.switch(maintenance=True)
        return await ask()

    with monkeypatch.context() as during:
        during.setattr(client, "balances", of_a_venue_that_goes_down)
        assert not (await scene.reconciler.run_once()).is_complete
    scene.there.switch()
    found = await scene.found()
    assert found["EXTERNAL_FILL"] >= 1
    assert "BALANCE_DRIFT" not in found
