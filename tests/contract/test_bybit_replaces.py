"""An order at Bybit is amended: it keeps its ids, and its own terms say which it has."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from fargate_engine.venues import exchange, exchange_connection
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.reconciler import Reconciler
from tests.support.bybit_server import Bybit, bybit_server
from tests.support.exchange_scene import SECRET, VENUE, Journal, Shard, connected, new_terms, until
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import ETH, submit

ORDER = submit(1, venue=VENUE)  # A buy of 1 ETH at 2000.
CLIENT_ID = client_id_of(ORDER.order_id)
TERMS = ("1.5", "1990.5")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 0.5)
    monkeypatch.setattr(exchange, "LOOK_PAUSE_S", 0.05)
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
        assert replayed(shard.journal.rows).state_hash() == shard.state.state_hash()


async def test_an_order_is_amended_under_its_own_id_and_found_with_its_new_terms(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    await bybit.fill(CLIENT_ID, "0.3", "2000")
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED"))
    await shard.replaced(ORDER, TERMS)
    assert shard.terms(ORDER.order_id) == (*TERMS, 1)
    assert (bybit.orders[CLIENT_ID]["qty"], bybit.orders[CLIENT_ID]["price"]) == TERMS
    await shard.replaced(ORDER, ("0.5", "1990.5"), number=2)
    await bybit.fill(CLIENT_ID, "0.2", "1990.5")
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert shard.snapshot(ORDER.order_id).cum_qty == Decimal("0.5")
    assert len(bybit.orders) == 1


async def test_a_lost_answer_is_settled_by_the_orders_own_terms(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.loses_replies = True
    await shard.replaced(ORDER, TERMS)
    assert shard.terms(ORDER.order_id) == (*TERMS, 1)


@pytest.mark.parametrize("is_acknowledged", [True, False])
async def test_what_was_not_done_in_its_window_never_will_be(is_acknowledged: bool, scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    if is_acknowledged:
        bybit.takes_amendments_lost = True
    else:
        bybit.chance.switches = bybit.chance.switches.model_copy(update={"lost_request": 1})
    shard.replace(new_terms(ORDER, *TERMS))
    if not is_acknowledged:
        await until(lambda: bybit.chance.done["lost_request"] > 0)
        bybit.chance.switches = bybit.chance.switches.model_copy(update={"lost_request": 0})
    await until(shard.decided(ORDER.order_id))
    assert shard.snapshot(ORDER.order_id).replace_code == "VENUE_NEVER_ARRIVED"
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)


@pytest.mark.parametrize("is_refused", [True, False])
async def test_while_it_shows_terms_that_nobody_asked_for_nothing_is_decided(
    is_refused: bool, scene: tuple[Bybit, Shard]
) -> None:
    """What is reserved would be let go, of an order that may trade more than it was."""
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.takes_amendments_lost = True
    bybit.refuse = (170131, "Insufficient balance.") if is_refused else None
    bybit.orders[CLIENT_ID]["qty"] = "1.2"
    shard.replace(new_terms(ORDER, *TERMS))
    await asyncio.sleep(2 * exchange.ARRIVES_WITHIN_S)
    assert not shard.decided(ORDER.order_id)()
    shard.cancel(ORDER.order_id)
    await until(shard.has(ORDER.order_id, "CANCELED"))


async def test_what_it_refuses_leaves_the_order_as_it_was(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.refuse = (170131, "Insufficient balance.")
    asked_at = time.monotonic()
    await shard.replaced(ORDER, TERMS)
    assert time.monotonic() - asked_at > exchange.ARRIVES_WITHIN_S
    snapshot = shard.snapshot(ORDER.order_id)
    assert (snapshot.status, snapshot.replace_code) == ("NEW", "INSUFFICIENT_FUNDS")
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)


async def test_one_that_is_done_is_not_refused_because_a_copy_of_the_request_was(scene: tuple[Bybit, Shard]) -> None:
    """A hop sends it twice: the second is told "remains unchanged", and questions see the order of before."""
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.chance.switches = bybit.chance.switches.model_copy(update={"repeated_request": 1, "silent_streams": True})
    bybit.shows_of_before[CLIENT_ID] = dict(bybit.orders[CLIENT_ID])
    shard.replace(new_terms(ORDER, *TERMS))
    await until(lambda: bybit.chance.done["repeated_request"] > 0)
    bybit.chance.switches = bybit.chance.switches.model_copy(update={"repeated_request": 0})
    await asyncio.sleep(exchange.ARRIVES_WITHIN_S / 2)
    assert not shard.decided(ORDER.order_id)()
    bybit.shows_of_before.clear()
    await until(shard.decided(ORDER.order_id))
    assert shard.terms(ORDER.order_id) == (*TERMS, 1)


async def test_one_that_is_still_being_processed_is_found_out(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.answers_processing = bybit.takes_amendments_lost = True
    shard.replace(new_terms(ORDER, *TERMS))
    await asyncio.sleep(exchange.ARRIVES_WITHIN_S / 2)
    assert not shard.decided(ORDER.order_id)()
    bybit.orders[CLIENT_ID] |= {"qty": TERMS[0], "price": TERMS[1]}
    await until(shard.decided(ORDER.order_id))
    assert shard.terms(ORDER.order_id) == (*TERMS, 1)


async def refused(bybit: Bybit, shard: Shard, *, code: int = 170131) -> None:
    """A replace that the engine has told was not made."""
    await shard.rest(ORDER)
    bybit.refuse = (code, "no")
    await shard.replaced(ORDER, TERMS)
    assert shard.terms(ORDER.order_id) == ("1", "2000", 0)


@pytest.mark.parametrize("terms", [TERMS, ("0.4", "2000"), ("1", "2100")])
@pytest.mark.parametrize("is_told", [True, False])
async def test_one_that_is_made_after_all_leaves_nothing_there(
    is_told: bool, terms: tuple[str, str], scene: tuple[Bybit, Shard], caplog: pytest.LogCaptureFixture
) -> None:
    """Of which the engine has told that it was not made: nothing is reserved for these terms."""
    bybit, shard = scene
    await refused(bybit, shard)
    bybit.orders[CLIENT_ID] |= {"qty": terms[0], "price": terms[1]}
    if is_told:
        await bybit._tell("order", dict(bybit.orders[CLIENT_ID]))
    await until(shard.has(ORDER.order_id, "CANCELED"))
    assert bybit.orders[CLIENT_ID]["orderStatus"] == "Cancelled"
    assert shard.snapshot(ORDER.order_id).reject_code == "REPLACE_NOT_REFUSED"
    assert [record.levelname for record in caplog.records if f"is there as {terms[0]}" in record.message] == [
        "CRITICAL"
    ]


@pytest.mark.parametrize("terms", [TERMS, ("1", "2100")])
async def test_one_that_turns_up_while_the_next_one_is_pending_is_ended_where_nothing_is_held_for_it(
    terms: tuple[str, str], scene: tuple[Bybit, Shard]
) -> None:
    bybit, shard = scene
    await refused(bybit, shard)
    bybit.takes_amendments_lost = True
    shard.replace(new_terms(ORDER, "0.8", "2000", number=2))
    await asyncio.sleep(exchange.ARRIVES_WITHIN_S / 5)
    bybit.orders[CLIENT_ID] |= {"qty": terms[0], "price": terms[1]}
    await until(shard.has(ORDER.order_id, "CANCELED"))
    snapshot = shard.snapshot(ORDER.order_id)
    assert (snapshot.replace_code, snapshot.reject_code) == ("TOO_LATE", "REPLACE_NOT_REFUSED")


@pytest.mark.parametrize("is_told", [True, False])
async def test_one_that_was_made_smaller_after_all_and_is_filled_is_over(
    is_told: bool, scene: tuple[Bybit, Shard]
) -> None:
    bybit, shard = scene
    await refused(bybit, shard, code=170144)
    bybit.orders[CLIENT_ID] |= {"qty": "0.6"}
    await bybit.fill(CLIENT_ID, "0.6", "2000", told=is_told)
    await until(shard.has(ORDER.order_id, "CANCELED"))
    snapshot = shard.snapshot(ORDER.order_id)
    assert (snapshot.reject_code, snapshot.cum_qty) == ("REPLACE_NOT_REFUSED", Decimal("0.6"))


@pytest.mark.parametrize("is_told", [True, False])
async def test_one_that_was_made_larger_after_all_ends_though_not_every_fill_of_it_can_be_booked(
    is_told: bool, scene: tuple[Bybit, Shard], caplog: pytest.LogCaptureFixture
) -> None:
    bybit, shard = scene
    await refused(bybit, shard)
    await bybit.fill(CLIENT_ID, "0.7", "2000")
    bybit.orders[CLIENT_ID] |= {"qty": "1.5"}
    await bybit.fill(CLIENT_ID, "0.8", "2000", told=is_told)
    await until(shard.has(ORDER.order_id, "CANCELED"))
    assert shard.snapshot(ORDER.order_id).cum_qty == Decimal("0.7")
    assert "8000 lots are more than the 3000 that are left" in caplog.text


async def test_what_is_left_of_one_made_larger_after_all_is_cancelled_there_when_the_order_is_over_here(
    scene: tuple[Bybit, Shard],
) -> None:
    """Its fills came first, up to the quantity that it has here: nobody follows it any more."""
    bybit, shard = scene
    await refused(bybit, shard)
    bybit.orders[CLIENT_ID] |= {"qty": "1.5"}
    await bybit.fill(CLIENT_ID, "1", "2000")
    await until(shard.has(ORDER.order_id, "FILLED"))
    assert bybit.orders[CLIENT_ID]["orderStatus"] == "PartiallyFilled"
    await Reconciler(shard.connection, lambda: [shard.state], [ETH.symbol]).run_once()
    assert bybit.orders[CLIENT_ID]["orderStatus"] == "Cancelled"


async def test_a_late_word_of_terms_that_it_had_before_ends_nothing(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    before = dict(bybit.orders[CLIENT_ID])
    await shard.replaced(ORDER, TERMS)
    asked = bybit.pages["/v5/order/realtime"]
    await bybit._tell("order", before)
    await until(lambda: bybit.pages["/v5/order/realtime"] > asked + 2)
    assert shard.has(ORDER.order_id, "NEW")()
    assert shard.terms(ORDER.order_id) == (*TERMS, 1)


async def test_the_next_engine_finds_one_that_was_made_after_all() -> None:
    journal = Journal()
    async with bybit_server(SECRET) as (bybit, url), connected(url, exchange="bybit") as connection:
        async with Shard(connection, journal).served() as first:
            await refused(bybit, first)
        bybit.orders[CLIENT_ID] |= {"qty": TERMS[0], "price": TERMS[1]}
        async with Shard(connection, journal).served() as second:
            await until(second.has(ORDER.order_id, "CANCELED"))
            assert second.snapshot(ORDER.order_id).reject_code == "REPLACE_NOT_REFUSED"
    assert bybit.orders[CLIENT_ID]["orderStatus"] == "Cancelled"


@pytest.mark.parametrize(("terms", "filled"), [(TERMS, "1"), (TERMS, "1.5"), (("0.4", "2000"), "0.4")])
async def test_a_fill_to_either_quantity_waits_until_it_is_known_which_it_is(
    terms: tuple[str, str], filled: str, scene: tuple[Bybit, Shard]
) -> None:
    """Told before the answer: with the quantity that it had the order would be over, or could not take so much."""
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.chance.switches = bybit.chance.switches.model_copy(update={"slow_reply_ms": 500})
    shard.replace(new_terms(ORDER, *terms))
    await until(lambda: bybit.orders[CLIENT_ID]["qty"] == terms[0])
    await bybit.fill(CLIENT_ID, filled, terms[1])
    await until(shard.decided(ORDER.order_id))
    assert shard.terms(ORDER.order_id) == (*terms, 1)
    await until(shard.has(ORDER.order_id, "PARTIALLY_FILLED" if filled == "1" else "FILLED"))
    assert shard.snapshot(ORDER.order_id).cum_qty == Decimal(filled)


async def test_one_that_is_filled_before_it_is_amended_is_filled_as_it_was(scene: tuple[Bybit, Shard]) -> None:
    bybit, shard = scene
    await shard.rest(ORDER)
    bybit.takes_amendments_lost = True
    bybit.chance.switches = bybit.chance.switches.model_copy(update={"silent_streams": True})
    await bybit.fill(CLIENT_ID, "1", "2000")
    await shard.replaced(ORDER, TERMS)
    await until(shard.has(ORDER.order_id, "FILLED"))
    snapshot = shard.snapshot(ORDER.order_id)
    assert (snapshot.replace_code, str(snapshot.quantity)) == ("TOO_LATE", "1")


async def test_a_late_word_of_terms_that_it_had_once_is_not_taken_for_the_replace(scene: tuple[Bybit, Shard]) -> None:
    """From 2000 to 1990.5 and back: what the stream tells late shows 2000 and is of before."""
    bybit, shard = scene
    await shard.rest(ORDER)
    await shard.replaced(ORDER, ("1", "1990.5"))
    bybit.takes_amendments_lost = True
    shard.replace(new_terms(ORDER, "1", "2000", number=2))
    await bybit._tell("order", bybit.orders[CLIENT_ID] | {"price": "2000"})
    await until(shard.decided(ORDER.order_id, 2))
    assert shard.terms(ORDER.order_id) == ("1", "1990.5", 1)


@pytest.mark.parametrize("was_done", [True, False])
async def test_an_engine_that_was_killed_in_the_middle_asks_and_sends_nothing_again(was_done: bool) -> None:
    journal = Journal()
    async with bybit_server(SECRET) as (bybit, url), connected(url, exchange="bybit") as connection:
        async with Shard(connection, journal).served() as first:
            await first.rest(ORDER)
            fault = "lost_reply" if was_done else "lost_request"
            bybit.chance.switches = bybit.chance.switches.model_copy(update={fault: 1})
            first.replace(new_terms(ORDER, *TERMS))
            await until(lambda: bybit.chance.done[fault] > 0)
        bybit.chance.switches = bybit.chance.switches.model_copy(update={fault: 0})
        async with Shard(connection, journal).served() as second:
            await until(second.decided(ORDER.order_id))
            assert second.terms(ORDER.order_id) == ((*TERMS, 1) if was_done else ("1", "2000", 0))
            second.cancel(ORDER.order_id)
            await until(second.has(ORDER.order_id, "CANCELED"))
