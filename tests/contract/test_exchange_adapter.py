"""The adapter for exchanges against the simulated one, over real sockets."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine.binance.exchange import Span
from fargate_engine.messages import VenueFilled
from fargate_engine.venues import binance_spot, exchange, exchange_client, exchange_connection, listings
from fargate_engine.venues.circuit_breaker import FAILURES_MAX, OPEN_S, BreakerState
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.dialect import NewOrder
from fargate_engine.venues.failures import ListTooLong, NotSent, OutcomeUnknown
from fargate_engine.venues.listings import Listings
from fargate_engine.venues.protocol import OrderAtVenue
from tests.support.exchange_scene import KEY, VENUE, Shard, Simulated, background, connected, simulated_exchange, until
from tests.unit.fargate_engine.orders import submit

FAR_BELOW = Decimal("2000.00")


@pytest.fixture
async def there() -> AsyncIterator[Simulated]:
    async with simulated_exchange() as simulated:
        yield simulated


@pytest.fixture
async def shard(there: Simulated) -> AsyncIterator[Shard]:
    async with connected(there.base_url) as connection, Shard(connection).served() as served:
        yield served


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that did not arrive is given up soon: no clocks differ here."""
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 0.5)


def order(number: int, **changes: Any) -> Any:
    """A buy of 1 ETH far below the market, unless it is said otherwise."""
    return submit(number, **{"venue": VENUE, "price": FAR_BELOW} | changes)


def fill_there(there: Simulated, order_id: uuid.UUID, count: int, *, at_ms: int | None = None) -> None:
    """So many fills of one lot each, whatever its market says."""
    found = there.order(order_id)
    assert found is not None
    now_ms = there.exchange.now_ms
    if at_ms is not None:
        there.exchange.now_ms = lambda: at_ms  # type: ignore[method-assign]
    for _ in range(count):
        there.exchange.report(
            VenueFilled(
                order_id=uuid.UUID(int=found.number),
                quantity_lots=1,
                price_ticks=200_000,
                liquidity="MAKER",
                fee=Decimal(0),
                fee_currency="USDT",
            )
        )
    there.exchange.now_ms = now_ms  # type: ignore[method-assign]


def market(number: int, **changes: Any) -> Any:
    terms = {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price": None}
    return order(number, **terms | changes)


async def test_an_order_rests_there_under_our_id_until_it_is_cancelled(there: Simulated, shard: Shard) -> None:
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    found = there.order(resting.order_id)
    assert found is not None
    assert found.asked.client_order_id == client_id_of(resting.order_id)
    assert (found.quantity, found.asked.price) == (Decimal(1), FAR_BELOW)
    shard.cancel(resting.order_id)
    await until(shard.has(resting.order_id, "CANCELED"))
    assert found.status is OrdStatus.CANCELED
    assert shard.snapshot(resting.order_id).reject_code is None


def dated(number: int, in_s: float) -> Any:
    return order(number, time_in_force=TimeInForce.GTD, expire_at_ns=time.time_ns() + int(in_s * 10**9))


async def test_an_order_whose_time_has_come_is_cancelled_there_and_expired_here(there: Simulated, shard: Shard) -> None:
    resting = dated(1, in_s=1)
    await shard.rest(resting)
    found = there.order(resting.order_id)
    assert found is not None
    assert (found.asked.time_in_force, found.status) == (TimeInForce.GTC, OrdStatus.NEW)
    await until(shard.has(resting.order_id, "EXPIRED"))
    assert time.time_ns() >= resting.expire_at_ns
    assert found.status is OrdStatus.CANCELED


async def test_a_fill_that_comes_before_the_cancel_of_an_order_whose_time_has_come_is_booked(
    there: Simulated, shard: Shard
) -> None:
    resting = dated(1, in_s=1)
    await shard.rest(resting)
    there.switch(silent_streams=True)
    fill_there(there, resting.order_id, 3)
    await until(shard.has(resting.order_id, "EXPIRED"))
    assert shard.snapshot(resting.order_id).cum_qty == Decimal("0.0003")


async def test_an_order_whose_time_came_while_nobody_ran_is_ended_after_the_restart(there: Simulated) -> None:
    async with connected(there.base_url) as connection:
        first, resting = Shard(connection), dated(1, in_s=1)
        async with first.served():
            await first.rest(resting)
        await asyncio.sleep(1)
        second = Shard(connection, first.journal)
        assert second.has(resting.order_id, "NEW")()
        async with second.served():
            await until(second.has(resting.order_id, "EXPIRED"))
    found = there.order(resting.order_id)
    assert found is not None
    assert found.status is OrdStatus.CANCELED


async def test_a_market_order_is_filled_with_the_venues_prices_and_fees(there: Simulated, shard: Shard) -> None:
    taking = market(1, quantity=Decimal("0.5"))
    shard.submit(taking)
    await until(shard.has(taking.order_id, "FILLED"))
    found = there.order(taking.order_id)
    assert found is not None
    assert found.asked.price == Decimal(4000)  # The band's edge: never beyond it.
    snapshot = shard.snapshot(taking.order_id)
    assert (snapshot.cum_qty, snapshot.cum_notional) == (found.cum_qty, found.cum_notional)
    trades = [each["payload"] for each in shard.journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert [Decimal(each["fee"]) for each in trades] == [each.fill.fee for each in found.trades]
    assert {each["fee_currency"] for each in trades} == {"USDT"}


async def test_a_resting_order_is_filled_as_the_private_stream_tells(there: Simulated, shard: Shard) -> None:
    near = there.exchange.market("ETH/USDT")
    best = near.instrument.price(near.book.best_ticks(Side.BUY) or 0)
    making = order(1, price=best, quantity=Decimal("0.01"), post_only=True)
    shard.submit(making)
    await until(lambda: shard.state.knows(making.order_id) and shard.snapshot(making.order_id).status != "PENDING_NEW")
    await until(shard.has(making.order_id, "FILLED", "REJECTED"))
    found = there.order(making.order_id)
    if found is None:  # The market moved on to it meanwhile.
        assert shard.snapshot(making.order_id).reject_code == "POST_ONLY_WOULD_TAKE"
    else:
        assert shard.snapshot(making.order_id).cum_notional == found.cum_notional


async def test_what_is_left_of_an_ioc_order_is_cancelled_in_our_words(there: Simulated, shard: Shard) -> None:
    ioc, fok = order(1, time_in_force=TimeInForce.IOC), order(2, time_in_force=TimeInForce.FOK)
    shard.submit(ioc)
    shard.submit(fok)
    await until(shard.has(ioc.order_id, "CANCELED"))
    await until(shard.has(fok.order_id, "CANCELED"))
    assert shard.snapshot(ioc.order_id).reject_code == "NO_LIQUIDITY"
    assert shard.snapshot(fok.order_id).reject_code == "FOK_NOT_FILLABLE"


async def test_what_the_venue_refuses_is_rejected_with_a_code_of_ours(there: Simulated, shard: Shard) -> None:
    dear, crossing = order(1, quantity=Decimal(1_000)), order(2, price=Decimal(3900), post_only=True)
    shard.submit(dear)
    shard.submit(crossing)
    await until(shard.has(dear.order_id, "REJECTED"))
    await until(shard.has(crossing.order_id, "REJECTED"))
    assert shard.snapshot(dear.order_id).reject_code == "INSUFFICIENT_FUNDS"
    assert shard.snapshot(crossing.order_id).reject_code == "POST_ONLY_WOULD_TAKE"


async def test_what_does_not_fit_is_refused_before_it_is_sent(there: Simulated, shard: Shard) -> None:
    small = order(1, quantity=Decimal("0.0001"))
    shard.submit(small)
    await until(shard.has(small.order_id, "REJECTED"))
    assert shard.snapshot(small.order_id).reject_code == "INVALID_QUANTITY"
    assert there.order(small.order_id) is None


@pytest.mark.parametrize("fault", ["lost_reply", "unknown_reply", "garbled_reply", "repeated_request"])
async def test_an_order_whose_answer_is_lost_is_found_by_its_id(fault: str, there: Simulated, shard: Shard) -> None:
    """The stream is silent: nobody else tells of it."""
    there.switch(**{fault: 1.0, "silent_streams": True})
    lost = order(1)
    shard.submit(lost)
    await until(lambda: there.order(lost.order_id) is not None)
    if fault != "repeated_request":  # Of that the question has an answer at once.
        assert shard.has(lost.order_id, "PENDING_NEW")()
    there.switch(silent_streams=True)
    await until(shard.has(lost.order_id, "NEW"))
    assert len(there.account.orders) == 1


@pytest.mark.usefixtures("short_window")
async def test_an_order_that_never_arrived_is_rejected_only_when_it_cannot_arrive_any_more(
    there: Simulated, shard: Shard
) -> None:
    there.switch(lost_request=1.0)
    lost = order(1)
    shard.submit(lost)
    await until(lambda: there.chance.done["lost_request"] > 0)
    there.switch()
    await until(shard.has(lost.order_id, "REJECTED"))
    assert shard.snapshot(lost.order_id).reject_code == "VENUE_NEVER_ARRIVED"
    assert there.order(lost.order_id) is None


@pytest.mark.parametrize("fault", ["lost_reply", "unknown_reply", "garbled_reply", "repeated_request", "lost_request"])
async def test_a_cancel_whose_answer_is_lost_is_followed_up(fault: str, there: Simulated, shard: Shard) -> None:
    """aiohttp repeats a DELETE by itself: the second one finds nothing to cancel."""
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    there.switch(**{fault: 1.0, "silent_streams": True})
    shard.cancel(resting.order_id)
    await until(lambda: there.chance.done[fault] > 0)
    there.switch(silent_streams=True)
    await until(shard.has(resting.order_id, "CANCELED"))


async def test_doubled_and_late_events_are_counted_once(there: Simulated, shard: Shard) -> None:
    there.switch(doubled_event=1.0, late_event=0.5, late_event_ms=200)
    orders = [market(number, quantity=Decimal("0.2")) for number in range(5)]
    for each in orders:
        shard.submit(each)
    for each in orders:
        await until(shard.has(each.order_id, "FILLED", "CANCELED"))
        found = there.order(each.order_id)
        assert found is not None
        snapshot = shard.snapshot(each.order_id)
        assert (snapshot.cum_qty, snapshot.cum_notional) == (found.cum_qty, found.cum_notional)


async def test_what_a_dead_stream_has_not_told_is_found_by_the_poll(there: Simulated, shard: Shard) -> None:
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    there.switch(silent_streams=True)
    client = await there.exchange.client(KEY, "")
    await there.exchange.cancel_all(client, there.exchange.instruments()[0])
    await until(shard.has(resting.order_id, "CANCELED"))
    assert shard.snapshot(resting.order_id).reject_code == "VENUE_CANCELED"


async def test_a_restart_asks_for_every_order_and_sends_none_again(there: Simulated) -> None:
    there.switch(silent_streams=True)
    async with connected(there.base_url) as connection:
        first = Shard(connection)
        resting, unanswered = order(1), order(2)
        async with first.served():
            first.submit(resting)
            await until(first.has(resting.order_id, "NEW"))
            there.switch(unknown_reply=1.0, silent_streams=True)
            first.submit(unanswered)
            await until(lambda: there.order(unanswered.order_id) is not None)
        there.switch(silent_streams=True)
        client = await there.exchange.client(KEY, "")
        await there.exchange.cancel_all(client, there.exchange.instruments()[0])
        second = Shard(connection, first.journal)
        assert second.has(unanswered.order_id, "PENDING_NEW")()
        async with second.served():
            for each in (resting, unanswered):
                await until(second.has(each.order_id, "CANCELED"))
    assert len(there.account.orders) == 2


async def test_an_order_that_the_venue_has_lost_stays_open_and_is_asked_about_ever_more_rarely(
    there: Simulated, shard: Shard
) -> None:
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    found = there.order(resting.order_id)
    assert found is not None
    there.exchange._forget(found)
    shard.cancel(resting.order_id)
    used = shard.connection.health()["weight_used"]
    await asyncio.sleep(2)
    assert shard.has(resting.order_id, "PENDING_CANCEL")()
    assert 0 < shard.connection.health()["weight_used"] - used < 60


async def test_a_shard_that_was_lost_sends_nothing_more(there: Simulated, shard: Shard) -> None:
    shard.may_send = False
    late = order(1)
    shard.submit(late)
    await until(lambda: shard.state.knows(late.order_id))
    await asyncio.sleep(0.2)
    assert shard.has(late.order_id, "PENDING_NEW")()
    assert there.order(late.order_id) is None


@pytest.mark.parametrize(("is_cancelled", "status"), [(False, "REJECTED"), (True, "CANCELED")])
async def test_an_order_that_was_not_sent_while_the_lease_was_out_for_a_moment_is_ended_when_it_is_back(
    is_cancelled: bool, status: str, there: Simulated, shard: Shard
) -> None:
    shard.may_send = False
    unsent = order(1)
    shard.submit(unsent)
    if is_cancelled:
        shard.cancel(unsent.order_id)
    await asyncio.sleep(3 * exchange.LEASE_LOOK_S)
    assert shard.has(unsent.order_id, "PENDING_CANCEL" if is_cancelled else "PENDING_NEW")()
    shard.may_send = True
    await until(shard.has(unsent.order_id, status))
    assert there.order(unsent.order_id) is None


async def test_429_is_waited_for_and_cancels_wait_as_well(there: Simulated, shard: Shard) -> None:
    there.switch(rate_limit=1.0, retry_after_s=1)
    refused = order(1)
    shard.submit(refused)
    await until(shard.has(refused.order_id, "REJECTED"))
    assert shard.snapshot(refused.order_id).reject_code == "VENUE_BUSY"
    assert there.order(refused.order_id) is None
    there.switch()
    assert shard.connection.health()["blocked_s"] > 0
    after = order(2)
    shard.submit(after)
    await until(shard.has(after.order_id, "NEW"))
    assert there.chance.done["rate_limit"] == 1


async def test_a_venue_that_is_down_opens_the_breaker_and_cancels_are_still_tried(
    there: Simulated, shard: Shard
) -> None:
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    there.switch(unknown_reply=1.0, silent_streams=True)
    for number in range(2, 8):
        shard.submit(order(number))
    await until(lambda: shard.connection.health()["breaker"] == "OPEN")
    kept_back = order(20)
    shard.submit(kept_back)
    await until(shard.has(kept_back.order_id, "REJECTED"))
    assert there.order(kept_back.order_id) is None
    shard.cancel(resting.order_id)
    found = there.order(resting.order_id)
    assert found is not None
    await until(lambda: found.status is OrdStatus.CANCELED)
    there.switch()
    shard.cancel(order(2).order_id)  # Any answer shows that the venue is back.
    await until(shard.has(resting.order_id, "CANCELED"), timeout_s=10)


async def test_a_probe_that_ends_unsent_lets_the_next_request_try_at_once(
    there: Simulated, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shard was lost at the last moment, or whoever asked went away: that says nothing of the venue."""
    client = shard.connection.client
    for _ in range(FAILURES_MAX):
        client.breaker.failed(time.monotonic() - OPEN_S)
    new = NewOrder("bw1", "ETH/USDT", Side.BUY, Decimal(1), FAR_BELOW, TimeInForce.GTC, post_only=False)
    with pytest.raises(NotSent, match="another engine's"):
        await client.place(new, lambda: False)
    with monkeypatch.context() as during:
        during.setattr(client._dialect, "balances", lambda _: asyncio.Event().wait())
        asking = asyncio.create_task(client.balances())
        await asyncio.sleep(0.05)
        with pytest.raises(NotSent, match="has not answered"):
            await client.open_orders()  # One probe at a time.
        asking.cancel()
        await asyncio.wait([asking])
    assert client.breaker.state(time.monotonic()) is BreakerState.HALF_OPEN
    assert await client.open_orders() == []
    assert client.breaker.state(time.monotonic()) is BreakerState.CLOSED
    assert not there.account.orders


async def test_questions_that_wait_for_room_do_not_keep_cancels_back(
    there: Simulated, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    monkeypatch.setattr(exchange_client, "WAITING_MAX", 1)
    client = shard.connection.client
    weight = client.budget.weight
    weight.learn(weight.weight_max - weight.kept_for_cancels, time.monotonic())
    async with background(client.open_orders()):
        await asyncio.sleep(0)
        with pytest.raises(NotSent, match="1 requests wait"):
            await client.open_orders()
        shard.cancel(resting.order_id)
        await until(shard.has(resting.order_id, "CANCELED"))


async def test_a_cancel_does_not_wait_behind_the_question_that_its_order_asks(there: Simulated, shard: Shard) -> None:
    """After a stream was lost every order is asked about, and the questions wait for room."""
    orders = [order(number, quantity=Decimal("0.01")) for number in range(20)]
    for each in orders:
        shard.submit(each)
    for each in orders:
        await until(shard.has(each.order_id, "NEW"))
    there.switch(silent_streams=True)
    client = shard.connection.client
    weight = client.budget.weight
    weight.learn(weight.weight_max - weight.kept_for_cancels, time.monotonic())
    for each in orders:
        assert shard.connection.ask_about(client_id_of(each.order_id))
    await until(lambda: client._others.waiting == len(orders))
    for each in orders:
        shard.cancel(each.order_id)
    for each in orders:
        await until(shard.has(each.order_id, "CANCELED"), timeout_s=5)


async def test_a_cancel_waits_no_longer_than_until_anybody_tells_that_its_order_is_there(
    there: Simulated, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply to the order was lost, and the question about it waits for room."""
    client, lost = shard.connection.client, order(1)
    place, weight = client.place, client.budget.weight

    async def without_a_reply(*asked: Any) -> Any:
        await place(*asked)
        weight.learn(weight.weight_max - weight.kept_for_cancels, time.monotonic())
        raise OutcomeUnknown("the reply was lost")

    there.switch(silent_streams=True)
    monkeypatch.setattr(client, "place", without_a_reply)
    shard.submit(lost)
    followed = shard.venue._followed
    await until(lambda: lost.order_id in followed and followed[lost.order_id].is_asking)
    shard.cancel(lost.order_id)
    await until(lambda: followed[lost.order_id].order.is_cancel_wanted)
    assert not followed[lost.order_id].may_cancel
    one = followed[lost.order_id]
    word = OrderAtVenue(one.order.client_id, "1", "ETH/USDT", Side.BUY, OrdStatus.NEW, Decimal(1), Decimal(0))
    one.take(one.order.learn(word))  # As the stream does.
    await until(shard.has(lost.order_id, "CANCELED"), timeout_s=5)


async def test_a_request_is_paid_for_when_it_is_sent_and_not_while_it_waits_for_a_place(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue counts it later than one that paid early: its minute would hold more than ours."""
    client = shard.connection.client
    answered = asyncio.Event()
    monkeypatch.setattr(client._dialect, "balances", lambda _: answered.wait())
    used = client.health()["weight_used"]
    asking = [asyncio.create_task(client.balances()) for _ in range(2 * exchange_client.AT_ONCE_MAX)]
    await asyncio.sleep(0.1)
    paid = client.health()["weight_used"] - used
    answered.set()
    await asyncio.gather(*asking)
    cost = client._dialect.weights.balances
    assert paid == exchange_client.AT_ONCE_MAX * cost
    assert client.health()["weight_used"] - used == 2 * paid


async def test_a_request_that_is_not_sent_says_whether_places_or_the_rate_limit_are_used_up(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = shard.connection.client
    answered = asyncio.Event()
    ask = client._dialect.balances
    monkeypatch.setattr(client._dialect, "balances", lambda _: answered.wait())
    asking = [asyncio.create_task(client.balances()) for _ in range(exchange_client.AT_ONCE_MAX)]
    await until(client._others.places.locked)
    monkeypatch.setattr(exchange_client, "QUESTION_WAIT_S", 0.1)
    with pytest.raises(NotSent, match=f"{exchange_client.AT_ONCE_MAX} requests to {VENUE} are under way"):
        await client.balances()
    answered.set()
    await asyncio.gather(*asking)
    monkeypatch.setattr(client._dialect, "balances", ask)
    weight = client.budget.weight
    weight.learn(weight.weight_max - weight.kept_for_cancels, time.monotonic())
    with pytest.raises(NotSent, match=f"the rate limit of {VENUE} is used up"):
        await client.balances()


async def test_before_the_venue_is_reached_its_orders_are_refused_and_the_shard_serves(there: Simulated) -> None:
    there.switch(maintenance=True)
    async with connected(there.base_url, wait=False) as connection, Shard(connection).served() as shard:
        refused, own = order(1), submit(2)
        shard.submit(refused)
        shard.submit(own)
        await until(shard.has(refused.order_id, "REJECTED"))
        await until(shard.has(own.order_id, "NEW"))
        assert shard.snapshot(refused.order_id).reject_code == "VENUE_UNREACHABLE"
        assert connection.health()["status"] == "STARTING"
        there.switch()
        await until(lambda: connection.is_ready)


async def test_what_an_exchange_lists_is_read_once_for_all_of_its_accounts_and_anew_when_it_is_old(
    there: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it cannot be read by the first the others are not kept from it."""
    there.switch(maintenance=True)
    shared = Listings()
    async with (
        connected(there.base_url, wait=False, listings=shared) as first,
        connected(there.base_url, wait=False, listings=shared, name="OTHER") as second,
    ):
        await until(lambda: first.failure is not None and second.failure is not None)
        there.switch()
        await until(lambda: first.is_ready and second.is_ready)
        assert first.client._exchange.markets is second.client._exchange.markets
        assert first.client.markets is second.client.markets
        assert set(second.client.markets) == {"ETH/USDT"}
        async with Shard(second).served() as shard:
            own = shard.venue.listed("ETH/USDT")
            assert own is not None
            assert await second.client.balances()  # Signed with a time: its clock was set, too.
        before = second.client.markets
        monkeypatch.setattr(listings, "FRESH_S", 0.0)
        await second.client.load()
        assert second.client.markets == before
        assert second.client.markets is not before


@pytest.mark.usefixtures("short_window")
async def test_a_clock_that_went_wrong_is_set_again(there: Simulated, shard: Shard) -> None:
    """The order is asked about all the same: a hop may have sent it twice, and only the second came too late."""
    there.switch(latency_ms=1)
    shard.connection.client._exchange.options["timeDifference"] = 5_000
    late = order(1)
    shard.submit(late)
    await until(shard.has(late.order_id, "REJECTED"))
    assert shard.snapshot(late.order_id).reject_code == "VENUE_NEVER_ARRIVED"
    await until(lambda: not shard.connection.client.is_clock_off)
    after = order(2)
    shard.submit(after)
    await until(shard.has(after.order_id, "NEW"))


async def test_a_wrong_key_is_a_refusal_and_not_an_unknown_outcome(there: Simulated) -> None:
    async with connected(there.base_url, secret="wrong") as connection, Shard(connection).served() as shard:
        refused = order(1)
        shard.submit(refused)
        await until(shard.has(refused.order_id, "REJECTED"))
        assert shard.snapshot(refused.order_id).reject_code == "VENUE_NOT_PERMITTED"


async def test_what_a_venue_is_asked_it_answers_exactly(there: Simulated, shard: Shard) -> None:
    taking = market(1, quantity=Decimal("0.3"))
    resting = order(2)
    shard.submit(taking)
    shard.submit(resting)
    await until(shard.has(taking.order_id, "FILLED"))
    await until(shard.has(resting.order_id, "NEW"))
    (open_order,) = await shard.venue.open_orders()
    assert (open_order.client_id, open_order.quantity) == (client_id_of(resting.order_id), Decimal(1))
    read = await shard.venue.fills_since("ETH/USDT", there.exchange.now_ms() - 60_000)
    assert read.until_ms is None
    assert sum(fill.quantity for fill in read.fills) == Decimal("0.3")
    balances = await shard.venue.balances()
    assert balances["ETH"].total == Decimal("1000.3")
    assert balances["USDT"].locked == Decimal(2000)
    at_venue = (await shard.venue.instruments())["ETH/USDT"]
    assert (at_venue.tick_size, at_venue.lot_size, at_venue.notional_min) == (
        Decimal("0.01"),
        Decimal("0.0001"),
        Decimal(5),
    )


async def test_an_order_of_more_fills_than_an_answer_holds_is_booked_to_its_last(
    there: Simulated, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest thousand come first: those before them are read by their numbers."""
    monkeypatch.setattr(exchange_connection, "POLL_S", 0.3)
    resting = order(1, quantity=Decimal("0.15"))
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    there.switch(silent_streams=True)
    fill_there(there, resting.order_id, 1_500)
    shard.connection._poll_now.set()
    await until(shard.has(resting.order_id, "FILLED"))
    trades = [each for each in shard.journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert len(trades) == 1_500


async def test_fills_of_one_millisecond_and_of_other_days_are_all_told(
    there: Simulated, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that says only when it begins may be answered for the 24 hours after it."""
    monkeypatch.setattr(binance_spot, "_FILLS_MAX", 5)
    of_a_day_at_most(there, monkeypatch)
    since_ms = there.exchange.now_ms() - 4 * binance_spot._DAY_MS
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    there.switch(silent_streams=True)
    times_ms = [since_ms + binance_spot._DAY_MS + 7] * 12 + [since_ms + 3 * binance_spot._DAY_MS] * 2
    for at_ms in times_ms:
        fill_there(there, resting.order_id, 1, at_ms=at_ms)
    fill_there(there, resting.order_id, 1)
    read = await shard.venue.fills_since("ETH/USDT", since_ms)
    assert read.until_ms is None
    assert [fill.at_ms for fill in read.fills[:-1]] == times_ms
    assert len({fill.trade_id for fill in read.fills}) == 15


async def test_a_list_that_is_cut_says_so(there: Simulated, shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_spot, "_FILLS_MAX", 5)
    monkeypatch.setattr(exchange_client, "PAGES_MAX", 2)
    resting = order(1)
    shard.submit(resting)
    await until(shard.has(resting.order_id, "NEW"))
    there.switch(silent_streams=True)
    since_ms = there.exchange.now_ms() - 1_000
    fill_there(there, resting.order_id, 9, at_ms=since_ms + 100)
    fill_there(there, resting.order_id, 11, at_ms=since_ms + 200)
    read = await shard.venue.fills_since("ETH/USDT", since_ms)
    assert (len(read.fills), read.until_ms) == (10, since_ms + 200)
    with pytest.raises(ListTooLong, match="more than 2 pages of fills"):
        await shard.venue.fills_since("ETH/USDT", since_ms + 200)  # There is no going on within a millisecond.


def of_a_day_at_most(there: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated exchange is more generous than the documentation of the real one."""
    told = there.exchange.trades

    async def trades(client: Any, instrument: Any, span: Span, order_number: int | None) -> Any:
        if span.start_ms is not None:
            end_ms = min(span.end_ms or (1 << 60), span.start_ms + binance_spot._DAY_MS)
            span = replace(span, end_ms=end_ms)
        return await told(client, instrument, span, order_number)

    monkeypatch.setattr(there.exchange, "trades", trades)
