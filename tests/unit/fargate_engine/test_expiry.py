"""Orders that end at a time: by the core on its own book, by a cancel at every other venue, and EXPIRED everywhere."""

import asyncio
import json
import time
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.executions import ROUTER_VENUE, Route
from breakwater.domain.orders import OrdStatus, Side, SubmitOrder, TimeInForce
from fargate_engine import registry, shard_state
from fargate_engine.inbox import Inbox
from fargate_engine.messages import CancelOrder, VenueAccepted, VenueCanceled, VenueFilled, VenueReplaced
from fargate_engine.outcomes import CancelAtVenue, SubmitToVenue, VenueRequest
from fargate_engine.shard_state import Applied, ShardState
from tests.support.engine_words import snapshot_in, snapshot_in_state
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, replace_of, submit
from tests.unit.fargate_engine.test_answers_at_once import VenueAtOnce
from tests.unit.fargate_engine.test_sequencer import Running

END_NS = 1_000


@pytest.fixture
def engine() -> Driven:
    return Driven()


def dated(number: int = 1, **changes: Any) -> SubmitOrder:
    return submit(number, **{"time_in_force": TimeInForce.GTD, "expire_at_ns": END_NS} | changes)


def topics(applied: Applied) -> list[str]:
    return [event["topic"] for event in applied.outcomes.envelopes]


def resting(engine: Driven, order: SubmitOrder) -> SubmitOrder:
    engine.apply(order)
    engine.apply(VenueAccepted(order_id=order.order_id))
    return order


def filled(order: SubmitOrder, lots: int) -> VenueFilled:
    return VenueFilled(
        order_id=order.order_id,
        quantity_lots=lots,
        price_ticks=200_000,
        liquidity="MAKER",
        fee=Decimal(0),
        fee_currency="USDT",
    )


@pytest.mark.parametrize("time_in_force", [TimeInForce.GTD, TimeInForce.DAY])
def test_on_the_book_the_core_ends_it_and_no_moment_sooner(engine: Driven, time_in_force: TimeInForce) -> None:
    order = dated(time_in_force=time_in_force)
    engine.apply(order)
    assert engine.state.next_end_ns == END_NS
    assert engine.end_orders(END_NS - 1).count == 0
    assert engine.snapshot(order.order_id).status is OrdStatus.NEW
    assert topics(engine.end_orders(END_NS)) == ["orders.OrderExpired.v1"]
    ended = engine.snapshot(order.order_id)
    assert (ended.status, ended.leaves_qty, ended.reject_code) == (OrdStatus.EXPIRED, Decimal(0), None)
    assert engine.state.next_end_ns is None
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()


def test_at_its_end_an_order_on_the_book_trades_no_more(engine: Driven) -> None:
    engine.apply(dated())
    engine.end_orders(END_NS, submit(2, side=Side.SELL, account_id=TENANT))
    assert engine.snapshot(dated().order_id).status is OrdStatus.EXPIRED
    assert engine.snapshot(submit(2).order_id).status is OrdStatus.NEW


def test_several_end_in_one_batch_and_those_without_an_end_stay(engine: Driven) -> None:
    engine.apply(dated(1, expire_at_ns=900), dated(2, venue="SIM"), dated(3, expire_at_ns=1_001), submit(4))
    applied = engine.end_orders(END_NS)
    assert topics(applied) == ["orders.OrderExpired.v1"]
    assert applied.outcomes.venue_requests == [CancelAtVenue("SIM", dated(2).order_id, "ETH/USDT")]
    assert engine.state.next_end_ns == 1_001
    assert [engine.snapshot(submit(number).order_id).status for number in (1, 2, 3, 4)] == [
        OrdStatus.EXPIRED,
        OrdStatus.PENDING_CANCEL,
        OrdStatus.NEW,
        OrdStatus.NEW,
    ]


def test_of_many_that_end_at_one_moment_each_batch_takes_so_many(
    engine: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_state, "ENDS_AT_ONCE_MAX", 2)
    for number in (1, 2, 3):
        resting(engine, dated(number, venue="SIM"))
    canceled: list[VenueRequest] = []
    for count in (2, 1, 0):
        requests = engine.end_orders(END_NS).outcomes.venue_requests
        assert len(requests) == count
        canceled += requests
    assert canceled == [CancelAtVenue("SIM", dated(number).order_id, "ETH/USDT") for number in (1, 2, 3)]
    assert engine.state.next_end_ns is None


def test_a_venue_is_told_of_no_end_and_asked_once_to_cancel_when_it_has_come(engine: Driven) -> None:
    order = dated(venue="SIM")
    (request,) = engine.apply(order).outcomes.venue_requests
    assert isinstance(request, SubmitToVenue)
    assert request.terms.time_in_force is TimeInForce.GTC
    engine.apply(VenueAccepted(order_id=order.order_id))
    assert engine.end_orders(END_NS).outcomes.venue_requests == [CancelAtVenue("SIM", order.order_id, "ETH/USDT")]
    assert engine.end_orders(END_NS + 1).count == 0
    assert topics(engine.apply(VenueCanceled(order_id=order.order_id))) == ["orders.OrderExpired.v1"]
    assert engine.snapshot(order.order_id).status is OrdStatus.EXPIRED
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()


def test_what_fills_before_the_venue_has_cancelled_counts(engine: Driven) -> None:
    part, whole = resting(engine, dated(1, venue="SIM")), resting(engine, dated(2, venue="SIM"))
    engine.end_orders(END_NS)
    engine.apply(filled(part, 4_000), filled(whole, 10_000), VenueCanceled(order_id=part.order_id))
    last = engine.snapshot(part.order_id)
    assert (last.status, last.cum_qty, last.leaves_qty) == (OrdStatus.EXPIRED, Decimal("0.4"), Decimal(0))
    assert engine.snapshot(whole.order_id).status is OrdStatus.FILLED


def test_one_that_somebody_cancels_before_its_end_is_cancelled(engine: Driven) -> None:
    order = resting(engine, dated(venue="SIM"))
    engine.apply(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
    assert engine.end_orders(END_NS).count == 0
    engine.apply(VenueCanceled(order_id=order.order_id))
    assert engine.snapshot(order.order_id).status is OrdStatus.CANCELED


def test_one_that_the_venue_cancels_for_a_reason_of_its_own_says_so(engine: Driven) -> None:
    order = resting(engine, dated(venue="SIM"))
    engine.end_orders(END_NS)
    engine.apply(VenueCanceled(order_id=order.order_id, code="VENUE_CANCELED", reason="the venue cancelled it"))
    last = engine.snapshot(order.order_id)
    assert (last.status, last.reject_code) == (OrdStatus.CANCELED, "VENUE_CANCELED")


def test_one_that_comes_after_its_end_is_refused(engine: Driven) -> None:
    for number, venue in ((1, "BOOK"), (2, "SIM")):
        engine.end_orders(END_NS, dated(number, venue=venue))
        last = engine.snapshot(dated(number).order_id)
        assert (last.status, last.reject_code) == (OrdStatus.REJECTED, "CAME_TOO_LATE")


@pytest.mark.parametrize(
    "changes",
    [
        {"time_in_force": TimeInForce.GTD, "expire_at_ns": None},
        {"time_in_force": TimeInForce.DAY, "expire_at_ns": None},
        {"time_in_force": TimeInForce.GTC, "expire_at_ns": END_NS},
        {"type": "MARKET", "price": None},
    ],
)
def test_an_end_without_its_time_in_force_and_the_other_way_round_is_refused(
    engine: Driven, changes: dict[str, Any]
) -> None:
    engine.apply(dated(**changes))
    assert engine.snapshot(dated().order_id).reject_code == "INVALID_TERMS"


@pytest.mark.parametrize("venue", ["BOOK", "SIM"])
def test_a_replaced_order_keeps_its_end(engine: Driven, venue: str) -> None:
    order = resting(engine, dated(venue=venue))
    engine.apply(replace_of(order.order_id, "2", "1999", number=1))
    if venue == "SIM":
        engine.apply(VenueReplaced(order_id=order.order_id, quantity_lots=20_000, price_ticks=199_900))
    assert engine.snapshot(order.order_id).replace_no == 1
    assert engine.end_orders(END_NS - 1).count == 0
    engine.end_orders(END_NS)
    expected = OrdStatus.EXPIRED if venue == "BOOK" else OrdStatus.PENDING_CANCEL
    assert engine.snapshot(order.order_id).status is expected


def test_an_order_at_the_router_ends_once_its_children_have(engine: Driven) -> None:
    parent = resting(engine, dated(venue=ROUTER_VENUE, execution=Route()))
    child = submit(2, venue="SIM", parent_id=parent.order_id)
    resting(engine, child)
    applied = engine.end_orders(END_NS)
    assert applied.outcomes.venue_requests == [CancelAtVenue(ROUTER_VENUE, parent.order_id, "ETH/USDT")]
    assert applied.outcomes.changed_parent_ids == {parent.order_id}
    engine.apply(CancelOrder(order_id=child.order_id, tenant_id=TENANT))
    engine.apply(VenueCanceled(order_id=child.order_id), VenueCanceled(order_id=parent.order_id))
    assert engine.snapshot(child.order_id).status is OrdStatus.CANCELED
    assert engine.snapshot(parent.order_id).status is OrdStatus.EXPIRED


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_state_from_a_snapshot_or_from_the_journal_ends_them_as_well(engine: Driven, has_begun: bool) -> None:
    order = resting(engine, dated(1, venue="SIM"))
    engine.apply(dated(2, expire_at_ns=END_NS + 5))
    if has_begun:
        engine.end_orders(END_NS)
    states = [engine.state, replayed(engine.rows), ShardState.restore(engine.state.snapshot(), shard=0)]
    for state in states:
        applied = state.apply([], END_NS + 10, ends_orders=True)
        wanted = [] if has_begun else [CancelAtVenue("SIM", order.order_id, "ETH/USDT")]
        assert applied.outcomes.venue_requests == wanted
        state.apply([VenueCanceled(order_id=order.order_id)], END_NS + 11)
        assert snapshot_in_state(state, order.order_id).status is OrdStatus.EXPIRED
        assert snapshot_in_state(state, dated(2).order_id).status is OrdStatus.EXPIRED
    assert len({state.state_hash() for state in states}) == 1


async def test_a_shard_that_is_idle_wakes_for_the_end_of_an_order() -> None:
    engine = Running(VenueAtOnce())
    await engine.sequencer.list_instruments([ETH])
    end_ns = time.time_ns() + 150_000_000
    orders = [dated(1, expire_at_ns=end_ns), dated(2, venue="SIM", expire_at_ns=end_ns)]
    answers = [engine.inbox.ask(order) for order in orders]
    await engine.sequencer.run_batch()
    assert snapshot_in(answers[0].result()).status is OrdStatus.NEW
    rows = len(engine.journal.rows)

    await asyncio.wait_for(engine.sequencer.run_batch(), 5)

    assert time.time_ns() >= end_ns
    assert [row.recorded_at_ns >= end_ns for row in engine.journal.rows[rows:]] == [
        True,
        True,
    ]  # The second: SIM's word.
    for order in orders:
        assert snapshot_in_state(engine.state, order.order_id).status is OrdStatus.EXPIRED


async def test_nothing_ends_before_the_shard_takes_orders() -> None:
    """Its open orders are not back at their venues: nobody there knows what to cancel."""
    inbox = Inbox()
    waits = asyncio.create_task(inbox.next_batch(time.time_ns() - 1))
    await asyncio.sleep(0.05)
    assert not waits.done()
    inbox.open()
    assert (await asyncio.wait_for(waits, 5)).inputs == []


async def test_whoever_waits_for_an_end_is_woken_by_what_comes_before_it() -> None:
    inbox = Inbox()
    inbox.open()
    waits = asyncio.create_task(inbox.next_batch(time.time_ns() + 3600 * 10**9))
    await asyncio.sleep(0.02)
    inbox.report(VenueAccepted(order_id=ACCOUNT))
    assert len((await asyncio.wait_for(waits, 5)).reports) == 1


def test_orders_that_are_over_long_before_their_end_are_not_kept_until_then(
    engine: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "ENDS_OVER_MAX", 3)
    far = 10**18
    for number in range(1, 40):
        order = dated(number, expire_at_ns=far + number)
        engine.apply(order)
        engine.apply(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
    engine.apply(dated(50, expire_at_ns=far))
    assert len(engine.state.registry._ends) <= 5
    assert engine.state.next_end_ns == far


def test_the_journal_says_of_an_order_without_an_end_what_it_said_before_there_were_ends(engine: Driven) -> None:
    engine.apply(submit(1), dated(2))
    plain, ends = [document for _, kind, document in json.loads(engine.rows[-1].details) if kind == "SubmitOrder"]
    assert "expire_at_ns" not in plain
    assert ends["expire_at_ns"] == END_NS
