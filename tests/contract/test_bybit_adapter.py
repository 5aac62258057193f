"""The adapter against Bybit's v5 spot API as its documentation shows it, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from fargate_engine.venues import exchange, exchange_connection
from fargate_engine.venues.client_ids import client_id_of
from tests.support.bybit_server import Bybit, bybit_server
from tests.support.exchange_scene import SECRET, VENUE, Shard, connected, until
from tests.unit.fargate_engine.orders import submit

ORDER = submit(1, venue=VENUE, price=Decimal("2000.50"))
CLIENT_ID = client_id_of(ORDER.order_id)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 0.5)
    monkeypatch.setattr(exchange_connection, "POLL_S", 0.5)


@pytest.fixture
async def scene() -> AsyncIterator[tuple[Bybit, Shard]]:
    async with (
        bybit_server(SECRET) as (bybit, url),
        connected(url, exchange="bybit") as connection,
        Shard(connection).served() as shard,
    ):
        await until(lambda: connection.client.is_streaming)
        yield bybit, shard


async def test_an_order_is_asked_about_after_it_was_taken_and_cancelled(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    sent = bybit.orders[CLIENT_ID]
    assert (sent["qty"], sent["price"], sent["side"], sent["timeInForce"]) == ("1", "2000.5", "Buy", "GTC")
    shard.cancel(ORDER.order_id)
    await until(shard.has(ORDER.order_id, "CANCELED"))


@pytest.mark.parametrize("told", [True, False])
async def test_fills_come_by_the_stream_or_by_the_poll(told: bool, scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    await bybit.fill(CLIENT_ID, "0.4", "2000.50", told=told)
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    await bybit.fill(CLIENT_ID, "0.6", "2000.49", told=told)
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert shard.snapshot(ORDER.order_id).cum_notional == Decimal("2000.494")
    trades = [each["payload"] for each in shard.journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert [(each["fee"], each["fee_currency"]) for each in trades] == [("0.00001", "ETH")] * 2


async def test_what_it_refuses_at_once_and_what_it_refuses_later_are_rejected(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    bybit.refuse = (170131, "Insufficient balance.")
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "REJECTED"))
    assert shard.snapshot(ORDER.order_id).reject_code == "INSUFFICIENT_FUNDS"
    crossing = submit(2, venue=VENUE, post_only=True)
    shard.submit(crossing)
    await until(shard.has(crossing.order_id, "NEW"))
    await bybit.end(client_id_of(crossing.order_id), "Cancelled", "EC_PostOnlyWillTakeLiquidity")
    await until(shard.has(crossing.order_id, "CANCELED"))
    assert shard.snapshot(crossing.order_id).reject_code == "POST_ONLY_WOULD_TAKE"


async def test_an_order_whose_answer_is_lost_is_found_by_its_id(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    bybit.loses_replies = True
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    assert len(bybit.orders) == 1


async def test_an_acknowledged_order_that_is_shown_late_stays_open_and_can_be_cancelled(
    scene: tuple[Bybit, Shard],
) -> None:
    bybit, shard = scene
    bybit.shows_late = True
    shard.submit(ORDER)
    await until(lambda: CLIENT_ID in bybit.orders)
    await asyncio.sleep(2 * exchange.ARRIVES_WITHIN_S)
    assert shard.has(ORDER.order_id, "PENDING_NEW")()
    shard.cancel(ORDER.order_id)
    await until(lambda: bybit.orders[CLIENT_ID]["orderStatus"] == "Cancelled")
    assert shard.has(ORDER.order_id, "PENDING_CANCEL")()
    bybit.shows_late = False
    await until(shard.has(ORDER.order_id, "CANCELED"))


async def test_questions_are_answered_exactly(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    shard.submit(ORDER)
    await until(shard.has(ORDER.order_id, "NEW"))
    (order,) = await shard.venue.open_orders()
    assert (order.client_id, order.quantity) == (CLIENT_ID, Decimal(1))
    await bybit.fill(CLIENT_ID, "1", "2000.50")
    (fill,) = await shard.venue.fills_since("ETH/USDT", 0)
    assert (await shard.connection.client.order_of(fill)).client_id == CLIENT_ID
    balances = await shard.venue.balances()
    assert set(balances) == {"USDT"}
    assert (balances["USDT"].free, balances["USDT"].locked) == (Decimal("980.5"), Decimal(20))
    at_venue = (await shard.venue.instruments())["ETH/USDT"]
    assert (at_venue.tick_size, at_venue.lot_size, at_venue.notional_min) == (
        Decimal("0.01"),
        Decimal("0.0001"),
        Decimal(5),
    )
