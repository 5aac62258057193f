"""Many cancels of one symbol at an exchange: in one request where nothing else ends with it, else one by one."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import SubmitOrder
from fargate_engine.binance.exchange import NewOrder
from fargate_engine.venues import exchange, exchange_cancel_all
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.exchange_cancel_all import ORDERS_MIN
from tests.support.bybit_server import Bybit, bybit_server
from tests.support.exchange_scene import (
    KEY,
    SECRET,
    VENUE,
    Shard,
    Simulated,
    connected,
    simulated_exchange,
    until,
)
from tests.unit.fargate_engine.orders import ACCOUNT, submit

ORDERS = ORDERS_MIN + 2
FAR_BELOW = Decimal("2000.00")


def orders(count: int = ORDERS) -> list[SubmitOrder]:
    return [submit(number, venue=VENUE, price=FAR_BELOW, quantity=Decimal("0.1")) for number in range(count)]


async def rested(shard: Shard, some: Sequence[SubmitOrder]) -> Sequence[SubmitOrder]:
    for each in some:
        shard.submit(each)
    await until(lambda: all(shard.has(each.order_id, "NEW")() for each in some))
    return some


def cancel(shard: Shard, some: Sequence[SubmitOrder]) -> None:
    for each in some:
        shard.cancel(each.order_id)


async def until_canceled(shard: Shard, some: Sequence[SubmitOrder]) -> None:
    await until(lambda: all(shard.has(each.order_id, "CANCELED")() for each in some))


class There:
    """The simulated exchange, with the cancels that it was asked for counted."""

    def __init__(self, simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulated = simulated
        self.asked: Counter[str] = Counter()
        self.late_s = 0.0  # What cancels all does so after so long.
        self.lists_after_s = 0.0
        self._cancel_all = simulated.exchange.cancel_all
        self._open_orders = simulated.exchange.open_orders
        one = simulated.exchange.cancel

        async def cancel_one(*told: Any) -> Any:
            self.asked["one"] += 1
            return await one(*told)

        monkeypatch.setattr(simulated.exchange, "cancel", cancel_one)
        monkeypatch.setattr(simulated.exchange, "cancel_all", self.cancel_all)
        monkeypatch.setattr(simulated.exchange, "open_orders", self.open_orders)

    async def cancel_all(self, *told: Any) -> Any:
        self.asked["all"] += 1
        await asyncio.sleep(self.late_s)
        self.asked["all done"] += 1
        return await self._cancel_all(*told)

    async def open_orders(self, *told: Any) -> Any:
        await asyncio.sleep(self.lists_after_s)
        return await self._open_orders(*told)

    async def by_hand(self) -> str:
        """An order that nobody here knows; its id."""
        exchange = self.simulated.exchange
        client, eth = await exchange.client(KEY, ""), exchange.instruments()[0]
        terms = submit(99, price=FAR_BELOW)
        asked = NewOrder(
            instrument=eth,
            side=terms.side,
            type=terms.type,
            quantity=terms.quantity,
            quote_quantity=None,
            price=terms.price,
            time_in_force=terms.time_in_force,
            post_only=False,
            client_order_id="by-hand",
            valid_until_ms=exchange.now_ms() + 60_000,
        )
        await exchange.place(client, asked)
        return asked.client_order_id

    def status(self, client_id: str) -> str:
        return str(self.simulated.account.by_client_id[client_id].status)


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[There]:
    async with simulated_exchange() as simulated:
        yield There(simulated, monkeypatch)


@pytest.fixture
async def shard(there: There) -> AsyncIterator[Shard]:
    async with connected(there.simulated.base_url) as connection, Shard(connection).served() as served:
        yield served


async def test_all_that_is_open_ends_in_one_request(there: There, shard: Shard) -> None:
    some = await rested(shard, orders())
    cancel(shard, some)
    await until_canceled(shard, some)
    assert there.asked == {"all": 1, "all done": 1}
    assert not shard.venue._followed


async def test_bybit_ends_all_in_one_request_and_its_stream_tells_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        bybit_server(SECRET) as (bybit, url),
        connected(url, exchange="bybit") as connection,
        Shard(connection).served() as shard,
    ):
        await until(lambda: connection.client.is_streaming)
        some = orders(60)  # More than a page.
        for each in some:
            await shard.rest(each)  # As fast as its limits allow.
        cancel(shard, some)
        await until_canceled(shard, some)
        assert (bybit.pages["/v5/order/cancel-all"], bybit.pages["/v5/order/cancel"]) == (1, 0)
        await the_next_order_is_taken_at_once(shard, bybit)


async def the_next_order_is_taken_at_once(shard: Shard, bybit: Bybit) -> None:
    """What was asked for is done: nothing can end it any more."""
    began = time.monotonic()
    after = submit(100, venue=VENUE, price=FAR_BELOW)
    await shard.rest(after)
    assert time.monotonic() - began < 1.0
    assert bybit.orders[client_id_of(after.order_id)]["orderStatus"] == "New"


async def test_where_an_order_of_somebody_else_is_open_each_ends_by_itself(there: There, shard: Shard) -> None:
    other = submit(50, venue=VENUE, price=FAR_BELOW, account_id=uuid.UUID(int=1))
    shard.connection._accounts = lambda: {other.account_id, ACCOUNT}
    some = await rested(shard, orders())
    await shard.rest(other)
    cancel(shard, some)
    await until_canceled(shard, some)
    assert (there.asked["all"], there.asked["one"]) == (0, ORDERS)
    assert shard.has(other.order_id, "NEW")()


async def test_where_an_order_was_placed_by_hand_each_ends_by_itself(there: There, shard: Shard) -> None:
    some = await rested(shard, orders())
    by_hand = await there.by_hand()
    cancel(shard, some)
    await until_canceled(shard, some)
    assert (there.asked["all"], there.asked["one"]) == (0, ORDERS)
    assert there.status(by_hand) == "NEW"


async def test_an_order_that_comes_while_the_exchange_is_asked_what_is_open_stays(there: There, shard: Shard) -> None:
    some = await rested(shard, orders())
    there.lists_after_s = 0.2
    cancel(shard, some)
    await asyncio.sleep(0.1)
    after = submit(50, venue=VENUE, price=FAR_BELOW)
    shard.submit(after)
    await until_canceled(shard, some)
    assert (there.asked["all"], there.asked["one"]) == (0, ORDERS)
    await until(shard.has(after.order_id, "NEW"))


async def test_a_few_end_one_by_one(there: There, shard: Shard) -> None:
    some = await rested(shard, orders(ORDERS_MIN - 1))
    cancel(shard, some)
    await until_canceled(shard, some)
    assert (there.asked["all"], there.asked["one"]) == (0, ORDERS_MIN - 1)


async def test_what_is_not_listed_in_time_ends_one_by_one(
    there: There, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_cancel_all, "DONE_WITHIN_S", 0.3)
    some = await rested(shard, orders())
    there.lists_after_s = 5.0
    began = time.monotonic()
    cancel(shard, some)
    await until_canceled(shard, some)
    assert time.monotonic() - began < 3.0
    assert (there.asked["all"], there.asked["one"]) == (0, ORDERS)


async def test_it_is_paid_for_with_what_is_kept_for_cancels(there: There, shard: Shard) -> None:
    some = await rested(shard, orders())
    weight = shard.connection.client.budget.weight
    weight.take(weight.weight_max - weight.kept_for_cancels - weight.used(time.monotonic()), time.monotonic())
    cancel(shard, some)
    await until_canceled(shard, some)
    assert there.asked == {"all": 1, "all done": 1}


async def test_a_request_that_arrives_late_ends_no_order_that_was_placed_after_it(
    there: There, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_cancel_all, "DONE_WITHIN_S", 0.3)
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 1.5)
    some = await rested(shard, orders())
    there.late_s = 1.2
    cancel(shard, some)
    await until_canceled(shard, some)  # One by one: there was no answer.
    after = submit(50, venue=VENUE, price=FAR_BELOW)
    assert there.asked["all done"] == 0
    shard.submit(after)
    await until(shard.has(after.order_id, "NEW"))
    assert there.asked["all done"] == 1
    await asyncio.sleep(0.3)
    assert there.status(client_id_of(after.order_id)) == "NEW"


async def test_an_order_that_would_have_to_wait_for_long_is_refused(
    there: There, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_cancel_all, "DONE_WITHIN_S", 0.2)
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 60.0)
    monkeypatch.setattr(exchange, "HELD_BACK_S", 0.2)
    some = await rested(shard, orders())
    there.late_s = 60.0
    cancel(shard, some)
    await until_canceled(shard, some)
    after = submit(50, venue=VENUE, price=FAR_BELOW)
    shard.submit(after)
    await until(shard.has(after.order_id, "REJECTED"))
    assert shard.snapshot(after.order_id).reject_code == "VENUE_BUSY"
    assert there.simulated.order(after.order_id) is None


async def test_a_shard_that_was_lost_ends_nothing_of_the_next_one(there: There, shard: Shard) -> None:
    some = await rested(shard, orders())
    shard.may_send = False
    cancel(shard, some)
    await until(lambda: there.asked["one"] >= ORDERS)
    assert there.asked["all"] == 0
