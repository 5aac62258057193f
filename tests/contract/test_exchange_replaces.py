"""An order at the simulated exchange gets other terms: amended in its place, or cancelled and placed anew at once.

Whatever is lost on the way, the order has at the engine the terms that it has at the exchange.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import OrdStatus
from fargate_engine.binance.user_documents import execution_report
from fargate_engine.messages import VenueFilled
from fargate_engine.simulated_exchange.accounts import PaperOrder
from fargate_engine.venues import exchange, exchange_client, exchange_connection, reconciler
from fargate_engine.venues.circuit_breaker import FAILURES_MAX
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.dialect import ChangedOrder
from fargate_engine.venues.failures import NotAtVenue
from fargate_engine.venues.protocol import OrderAtVenue
from fargate_engine.venues.reconciler import Reconciler
from tests.support.exchange_scene import (
    VENUE,
    Journal,
    Shard,
    Simulated,
    connected,
    new_terms,
    simulated_exchange,
    until,
)
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import ETH, submit

ORDER = submit(1, venue=VENUE)  # A buy of 1 ETH at 2000, far below the market.
LESS, OTHER = ("0.4", "2000"), ("1.5", "1990")
DONE_FAULTS = ("lost_reply", "unknown_reply", "garbled_reply", "repeated_request")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 0.5)
    monkeypatch.setattr(exchange, "LOOK_PAUSE_S", 0.05)
    monkeypatch.setattr(exchange_connection, "POLL_S", 0.5)


@pytest.fixture
async def there() -> AsyncIterator[Simulated]:
    async with simulated_exchange() as simulated:
        yield simulated


@pytest.fixture
async def shard(there: Simulated) -> AsyncIterator[Shard]:
    async with connected(there.base_url) as connection, Shard(connection).served() as served:
        yield served
        assert replayed(served.journal.rows).state_hash() == served.state.state_hash()


async def lose_request(there: Simulated, shard: Shard, terms: tuple[str, str]) -> None:
    """Both times: aiohttp sends a PUT again by itself where a connection that it had used before was cut."""
    there.switch(lost_request=1)
    shard.replace(new_terms(ORDER, *terms))
    await until(lambda: there.chance.done["lost_request"] > 0)
    await asyncio.sleep(0.1)


def first_replace(terms: tuple[str, str]) -> ChangedOrder:
    """The request of its first replace."""
    return ChangedOrder(
        client_id=client_id_of(ORDER.order_id),
        next_client_id=client_id_of(ORDER.order_id, 1),
        symbol=ETH.symbol,
        side=ORDER.side,
        post_only=False,
        filled=Decimal(0),
        quantity_before=Decimal(1),
        price_before=Decimal(2000),
        quantity=Decimal(terms[0]),
        price=Decimal(terms[1]),
    )


def legs(there: Simulated) -> list[PaperOrder]:
    """Every order that the exchange has had, oldest first."""
    return list(there.account.orders.values())


def fill_there(there: Simulated, lots: int) -> None:
    there.exchange.report(
        VenueFilled(
            order_id=uuid.UUID(int=legs(there)[-1].number),
            quantity_lots=lots,
            price_ticks=199_000,
            liquidity="MAKER",
            fee=Decimal(0),
            fee_currency="USDT",
        )
    )


async def test_less_at_the_same_price_is_amended_in_its_place(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    await shard.replaced(ORDER, LESS)
    assert shard.terms(ORDER.order_id) == (*LESS, 1)
    (order,) = legs(there)
    assert (order.quantity, order.asked.client_order_id) == (Decimal("0.4"), client_id_of(ORDER.order_id, 1))
    assert there.account.locked["USDT"] == 800
    await shard.replaced(ORDER, ("0.3", "2000"), number=2)
    assert [each.quantity for each in legs(there)] == [Decimal("0.3")]
    fill_there(there, 3_000)
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert there.account.locked["USDT"] == 0


async def test_anything_else_is_cancelled_and_placed_anew_as_the_same_order(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    await shard.replaced(ORDER, OTHER)
    assert shard.terms(ORDER.order_id) == (*OTHER, 1)
    before, after = legs(there)
    assert (before.status, after.status) == (OrdStatus.CANCELED, OrdStatus.NEW)
    assert (after.quantity, after.asked.price) == (Decimal("1.5"), Decimal(1990))
    fill_there(there, 5_000)
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    shard.cancel(ORDER.order_id)
    await until(shard.has(ORDER.order_id, "CANCELED"))
    assert after.status is OrdStatus.CANCELED
    assert shard.snapshot(ORDER.order_id).cum_qty == Decimal("0.5")
    assert shard.snapshot(ORDER.order_id).reject_code is None


@pytest.mark.parametrize("terms", [LESS, OTHER])
@pytest.mark.parametrize("fault", DONE_FAULTS)
async def test_one_that_was_done_is_found_out_whatever_became_of_the_answer(
    fault: str, terms: tuple[str, str], there: Simulated, shard: Shard
) -> None:
    await shard.rest(ORDER)
    there.switch(**{fault: 1})
    shard.replace(new_terms(ORDER, *terms))
    await until(lambda: there.chance.done[fault] > 0)
    there.switch()
    await until(shard.decided(ORDER.order_id))
    assert shard.terms(ORDER.order_id) == (*terms, 1)
    assert len(legs(there)) == (1 if terms == LESS else 2)


@pytest.mark.parametrize("terms", [LESS, OTHER])
async def test_one_that_never_arrived_is_given_up_when_none_can_arrive_any_more(
    terms: tuple[str, str], there: Simulated, shard: Shard
) -> None:
    await shard.rest(ORDER)
    asked_at = time.monotonic()
    await lose_request(there, shard, terms)
    there.switch()
    await until(shard.decided(ORDER.order_id))
    assert time.monotonic() - asked_at > exchange.ARRIVES_WITHIN_S
    assert shard.snapshot(ORDER.order_id).replace_code == "VENUE_NEVER_ARRIVED"
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)
    assert [each.status for each in legs(there)] == [OrdStatus.NEW]


async def test_what_the_venue_refuses_leaves_the_order_as_it_was(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    there.switch(reject=1)
    await shard.replaced(ORDER, LESS)
    snapshot = shard.snapshot(ORDER.order_id)
    assert (snapshot.status, snapshot.replace_code) == ("NEW", "VENUE_REFUSED")
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)


async def test_one_that_was_cancelled_and_not_placed_anew_is_over_and_says_so(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    there.switch(reject=1)
    await shard.replaced(ORDER, OTHER)
    await until(shard.has(ORDER.order_id, "CANCELED"))
    snapshot = shard.snapshot(ORDER.order_id)
    assert (snapshot.replace_code, snapshot.reject_code) == ("VENUE_REFUSED", "REPLACE_HALF_DONE")
    assert [each.status for each in legs(there)] == [OrdStatus.CANCELED]


async def test_the_stream_may_be_first_to_tell_that_it_was_not_placed_anew(there: Simulated, shard: Shard) -> None:
    """As Binance does: REJECTED, under the id that the new order was to have."""
    await shard.rest(ORDER)
    there.switch(reject=1, slow_reply_ms=300)
    shard.replace(new_terms(ORDER, *OTHER))
    await until(lambda: legs(there)[0].status is OrdStatus.CANCELED)
    refused = replace(
        legs(there)[0].shown(),
        order_number=99,
        client_order_id=client_id_of(ORDER.order_id, 1),
        status=OrdStatus.REJECTED,
        reject_reason="INSUFFICIENT_BALANCES",
    )
    there.account.tell(execution_report(refused, None, refused.updated_ms))
    await until(shard.has(ORDER.order_id, "CANCELED", "REJECTED"))
    assert shard.snapshot(ORDER.order_id).reject_code == "REPLACE_HALF_DONE"
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)


async def test_an_answer_to_its_old_id_may_tell_its_new_one(
    monkeypatch: pytest.MonkeyPatch, there: Simulated, shard: Shard
) -> None:
    """A copy of the request was refused, and what the first one did is shown by the new id a moment late."""
    await shard.rest(ORDER)
    client, renamed, first_id = shard.connection.client, client_id_of(ORDER.order_id, 1), client_id_of(ORDER.order_id)
    ask = client.order

    async def late(client_id: str, symbol: str) -> OrderAtVenue:
        if client_id == renamed:
            raise NotAtVenue("not yet")
        return await ask(renamed if client_id == first_id else client_id, symbol)

    monkeypatch.setattr(client, "order", late)
    there.switch(silent_streams=True, repeated_request=1)
    await shard.replaced(ORDER, LESS)
    assert shard.terms(ORDER.order_id) == (*LESS, 1)


@pytest.mark.parametrize("terms", [LESS, OTHER])
@pytest.mark.parametrize("is_told", [True, False])
async def test_one_that_is_made_after_all_leaves_nothing_there(
    is_told: bool, terms: tuple[str, str], there: Simulated, shard: Shard
) -> None:
    """Later than any can arrive, of which the engine has told that it was not made."""
    await shard.rest(ORDER)
    await lose_request(there, shard, terms)
    there.switch(silent_streams=not is_told)
    await until(shard.decided(ORDER.order_id))
    await shard.connection.client.replace(first_replace(terms), lambda: True)
    await until(shard.has(ORDER.order_id, "CANCELED"))
    await Reconciler(shard.connection, lambda: [shard.state], [ETH.symbol]).run_once()
    assert {each.status for each in legs(there)} == {OrdStatus.CANCELED}
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)


async def test_the_next_engine_finds_one_that_was_made_after_all(there: Simulated) -> None:
    journal = Journal()
    async with connected(there.base_url) as connection:
        async with Shard(connection, journal).served() as first:
            await first.rest(ORDER)
            await lose_request(there, first, LESS)
            there.switch(silent_streams=True)
            await until(first.decided(ORDER.order_id))
        await connection.client.replace(first_replace(LESS), lambda: True)
        async with Shard(connection, journal).served() as second:
            await until(second.has(ORDER.order_id, "CANCELED"))
    assert [each.status for each in legs(there)] == [OrdStatus.CANCELED]


async def test_an_engine_that_lost_its_shard_cancels_nothing_for_a_replace_of_the_next_one(
    there: Simulated, shard: Shard
) -> None:
    await shard.rest(ORDER)
    shard.may_send = False
    await shard.connection.client.replace(first_replace(LESS), lambda: True)
    await until(lambda: shard.connection._followed[ORDER.order_id].order.is_cancel_wanted)
    await asyncio.sleep(2 * exchange_connection.POLL_S)
    assert legs(there)[-1].status is OrdStatus.NEW


async def test_an_order_that_has_traded_in_part_can_only_be_made_smaller(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    fill_there(there, 3_000)
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    await shard.replaced(ORDER, OTHER)
    snapshot = shard.snapshot(ORDER.order_id)
    assert snapshot.replace_code == "REPLACE_UNSUPPORTED"
    assert "can only be made smaller there, at its price" in (snapshot.replace_reason or "")
    await shard.replaced(ORDER, ("0.3", "2000"), number=2)
    assert shard.snapshot(ORDER.order_id).replace_code == "TOO_LATE"
    await shard.replaced(ORDER, LESS, number=3)
    assert shard.terms(ORDER.order_id) == (*LESS, 3)
    fill_there(there, 1_000)
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert shard.snapshot(ORDER.order_id).cum_qty == Decimal("0.4")
    assert len(legs(there)) == 1


@pytest.mark.parametrize("terms", [OTHER, ("0.3", "2000")])
async def test_a_fill_that_nobody_has_told_of_yet_is_found_by_the_replace_that_it_prevents(
    terms: tuple[str, str], there: Simulated, shard: Shard
) -> None:
    await shard.rest(ORDER)
    there.switch(silent_streams=True)
    fill_there(there, 3_000)
    await shard.replaced(ORDER, terms)
    assert shard.snapshot(ORDER.order_id).replace_code == "VENUE_REFUSED"
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)
    assert [each.status for each in legs(there)] == [OrdStatus.PARTIALLY_FILLED]


@pytest.mark.parametrize("terms", [LESS, OTHER])
@pytest.mark.parametrize("is_silent", [True, False])
async def test_what_is_filled_before_the_answer_comes_counts_to_the_new_terms(
    is_silent: bool, terms: tuple[str, str], there: Simulated, shard: Shard
) -> None:
    await shard.rest(ORDER)
    there.switch(slow_reply_ms=400, silent_streams=is_silent)
    shard.replace(new_terms(ORDER, *terms))
    lots = ETH.quantity_lots(Decimal(terms[0]))
    await until(lambda: ETH.quantity_lots(legs(there)[-1].quantity) == lots)
    fill_there(there, lots)
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert shard.terms(ORDER.order_id) == (*terms, 1)
    assert shard.snapshot(ORDER.order_id).cum_qty == Decimal(terms[0])


@pytest.mark.parametrize("terms", [LESS, OTHER])
async def test_a_cancel_overtakes_a_replace_whose_answer_is_lost(
    terms: tuple[str, str], there: Simulated, shard: Shard
) -> None:
    await shard.rest(ORDER)
    there.switch(lost_reply=1)
    shard.replace(new_terms(ORDER, *terms))
    await until(lambda: there.chance.done["lost_reply"] > 0)
    there.switch()
    shard.cancel(ORDER.order_id)
    await until(shard.has(ORDER.order_id, "CANCELED"))
    assert {each.status for each in legs(there)} == {OrdStatus.CANCELED}
    assert shard.terms(ORDER.order_id) == (*terms, 1)


async def test_what_does_not_fit_the_venue_is_refused_before_it_is_sent(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    client = shard.connection.client
    coarse = replace(client.markets["ETH/USDT"], tick_size=Decimal("0.5"), lot_size=Decimal("0.1"))
    client.markets = {"ETH/USDT": coarse}
    refused = [("1", "1999.9"), ("0.45", "2000"), ("0.002", "1990")]
    for number, terms in enumerate(refused, 1):
        await shard.replaced(ORDER, terms, number=number)
        assert shard.snapshot(ORDER.order_id).replace_code in {"INVALID_PRICE", "INVALID_QUANTITY"}
    assert there.chance.done == {}
    assert legs(there)[0].asked.client_order_id == client_id_of(ORDER.order_id)


@pytest.mark.parametrize("kept_back_by", ["breaker", "orders", "weight"])
async def test_one_that_is_kept_back_is_refused_and_waits_for_nothing(
    kept_back_by: str, monkeypatch: pytest.MonkeyPatch, there: Simulated, shard: Shard
) -> None:
    monkeypatch.setattr(exchange_client, "ORDER_WAIT_S", 0.2)
    await shard.rest(ORDER)
    client, now = shard.connection.client, time.monotonic()
    if kept_back_by == "breaker":
        for _ in range(FAILURES_MAX):
            client.breaker.failed(now)
    elif kept_back_by == "orders":
        client.budget.orders.take(client.budget.orders.weight_max, now)
    else:
        client.budget.weight.take(client.budget.weight.weight_max, now)
    await shard.replaced(ORDER, OTHER)
    assert shard.snapshot(ORDER.order_id).replace_code == "VENUE_BUSY"
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)
    assert [each.asked.client_order_id for each in legs(there)] == [client_id_of(ORDER.order_id)]


@pytest.mark.parametrize("was_done", [True, False])
@pytest.mark.parametrize("terms", [LESS, OTHER])
async def test_an_engine_that_was_killed_in_the_middle_asks_and_sends_nothing_again(
    terms: tuple[str, str], was_done: bool, there: Simulated
) -> None:
    journal = Journal()
    async with connected(there.base_url) as connection:
        async with Shard(connection, journal).served() as first:
            await first.rest(ORDER)
            if was_done:
                there.switch(lost_reply=1)
                first.replace(new_terms(ORDER, *terms))
                await until(lambda: there.chance.done["lost_reply"] > 0)
            else:
                await lose_request(there, first, terms)
        there.switch()
        async with Shard(connection, journal).served() as second:
            await until(second.decided(ORDER.order_id))
            assert second.terms(ORDER.order_id) == ((*terms, 1) if was_done else ("1", "2000", 0))
            assert len(legs(there)) == (2 if was_done and terms == OTHER else 1)
        async with Shard(connection, journal).served() as third:  # It knows by which id the order goes.
            fill_there(there, 1)
            await until(third.has(ORDER.order_id, "PARTIALLY_FILLED"))
            third.cancel(ORDER.order_id)
            await until(third.has(ORDER.order_id, "CANCELED"))
            assert replayed(journal.rows).state_hash() == third.state.state_hash()


@pytest.mark.parametrize("terms", [LESS, OTHER])
async def test_one_that_was_being_cancelled_as_well_is_cancelled_by_the_next_engine(
    terms: tuple[str, str], there: Simulated
) -> None:
    journal = Journal()
    async with connected(there.base_url) as connection:
        async with Shard(connection, journal).served() as first:
            await first.rest(ORDER)
            there.switch(lost_reply=1)
            first.replace(new_terms(ORDER, *terms))
            await until(lambda: there.chance.done["lost_reply"] > 0)
            there.switch(lost_request=1)
            first.cancel(ORDER.order_id)
            await until(first.has(ORDER.order_id, "PENDING_CANCEL"))
        there.switch()
        async with Shard(connection, journal).served() as second:
            await until(second.has(ORDER.order_id, "CANCELED"))
            assert second.terms(ORDER.order_id) == (*terms, 1)
        assert {each.status for each in legs(there)} == {OrdStatus.CANCELED}


async def test_reconciliation_knows_a_replaced_order_by_each_of_its_ids(
    monkeypatch: pytest.MonkeyPatch, there: Simulated, shard: Shard
) -> None:
    monkeypatch.setattr(reconciler, "SHARDS", 1)
    runs = Reconciler(shard.connection, lambda: [shard.state], [ETH.symbol])
    await shard.rest(ORDER)
    assert (await runs.run_once()).counts == {}
    await shard.replaced(ORDER, OTHER)
    fill_there(there, 5_000)
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    report = await runs.run_once()
    assert (report.counts, report.orders) == ({}, 1)
    assert report.is_complete, report.failure


async def test_an_order_that_ends_there_while_its_replace_is_asked_for_is_over(there: Simulated, shard: Shard) -> None:
    """The cancel of it was somebody's there: less at its price cancels nothing."""
    await shard.rest(ORDER)
    await lose_request(there, shard, LESS)
    there.switch()
    there.exchange._venue.cancel(uuid.UUID(int=legs(there)[0].number), "ETH/USDT")
    await until(shard.has(ORDER.order_id, "CANCELED"))
    assert shard.snapshot(ORDER.order_id).reject_code == "VENUE_CANCELED"


async def test_replaces_follow_each_other_and_none_is_taken_for_another(there: Simulated, shard: Shard) -> None:
    await shard.rest(ORDER)
    asked: list[Any] = [("1", "1995"), ("1.2", "2000"), ("1", "2000"), ("1", "1995"), ("0.9", "1995")]
    for number, terms in enumerate(asked, 1):
        there.switch(late_event=1, late_event_ms=50, doubled_event=0.5)
        await shard.replaced(ORDER, terms, number=number)
        assert shard.terms(ORDER.order_id) == (*terms, number)
    await asyncio.sleep(0.1)
    newest = legs(there)[-1]
    assert (newest.quantity, newest.asked.price, newest.status) == (Decimal("0.9"), Decimal(1995), OrdStatus.NEW)
    assert [each.status for each in legs(there)[:-1]] == [OrdStatus.CANCELED] * (len(legs(there)) - 1)
