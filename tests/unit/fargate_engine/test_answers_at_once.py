"""A venue of this process answers within the commit of what it was asked; one elsewhere is asked after it."""

import asyncio
import uuid
from decimal import Decimal

import pytest
from prometheus_client import REGISTRY

from breakwater.domain.orders import OrdStatus
from breakwater.errors import DatabaseUnavailable, EngineUnavailable
from fargate_engine.inbox import MESSAGES_AT_ONCE_MAX
from fargate_engine.messages import CancelOrder, VenueAccepted, VenueCanceled, VenueFilled, VenueReport
from fargate_engine.terms import WorkingTerms
from tests.support.engine_words import snapshot_in
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import ETH, TENANT, submit
from tests.unit.fargate_engine.test_sequencer import Running, Venue


class VenueAtOnce(Venue):
    """Of this process: what it says to every order."""

    def __init__(self, *answers: VenueReport) -> None:
        super().__init__()
        self.answers = list(answers)

    def submitted(self, terms: WorkingTerms) -> list[VenueReport]:
        return self.answers

    def canceled(self, order_id: uuid.UUID, symbol: str) -> list[VenueReport]:
        return [VenueCanceled(order_id=order_id)]


async def _with_venue_at_once(*answers: VenueReport) -> Running:
    running = Running(VenueAtOnce(*answers))
    await running.sequencer.list_instruments([ETH])
    return running


def _fills_refused() -> float:
    refused = REGISTRY.get_sample_value("engine_venue_fills_refused_total")
    assert refused is not None
    return refused


async def test_what_a_venue_answers_at_once_is_a_row_of_the_same_commit() -> None:
    order = submit(1, venue="SIM")
    engine = await _with_venue_at_once(VenueAccepted(order_id=order.order_id))
    engine.journal.may_write.clear()
    answer = engine.inbox.ask(order)
    batch = asyncio.create_task(engine.sequencer.run_batch())
    await asyncio.sleep(0.01)
    assert not answer.done()
    engine.journal.may_write.set()
    await batch
    assert snapshot_in(answer.result()).status is OrdStatus.NEW
    assert engine.venue.heard == []
    listing, asked, answered = engine.journal.rows
    asked.check(listing.last_seq, listing.digest)
    answered.check(asked.last_seq, asked.digest)
    assert replayed(engine.journal.rows).state_hash() == engine.state.state_hash()


async def test_while_older_reports_wait_a_venue_is_asked_after_the_commit() -> None:
    order = submit(1, venue="SIM")
    engine = await _with_venue_at_once(VenueAccepted(order_id=order.order_id))
    for _ in range(MESSAGES_AT_ONCE_MAX):  # One more than the batch of the order takes.
        engine.inbox.report(VenueAccepted(order_id=uuid.UUID(int=7)))
    answer = engine.inbox.ask(order)
    await engine.sequencer.run_batch()
    assert engine.venue.heard == [order.order_id]
    assert not answer.done()


async def test_answers_that_change_nothing_leave_no_row() -> None:
    order = submit(1, venue="SIM")
    engine = await _with_venue_at_once(VenueAccepted(order_id=uuid.UUID(int=7)))
    answer = engine.inbox.ask(order)
    await engine.sequencer.run_batch()
    assert not answer.done()
    assert len(engine.journal.rows) == 2  # The listing, and the order.
    engine.inbox.report(VenueAccepted(order_id=order.order_id))
    await engine.sequencer.run_batch()
    assert snapshot_in(answer.result()).status is OrdStatus.NEW


async def test_a_fill_that_cannot_be_is_told_to_people_also_where_it_is_answered_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    order = submit(1, venue="SIM")
    beyond = VenueFilled(
        order_id=order.order_id,
        quantity_lots=10_001,
        price_ticks=200_000,
        liquidity="TAKER",
        fee=Decimal(0),
        fee_currency="USDT",
    )
    engine = await _with_venue_at_once(VenueAccepted(order_id=order.order_id), beyond)
    refused_before = _fills_refused()
    engine.inbox.ask(order)
    await engine.sequencer.run_batch()
    assert _fills_refused() == refused_before + 1
    assert "a fill that cannot be is not booked" in caplog.text


async def test_a_cancel_is_answered_within_its_commit_too() -> None:
    order = submit(1, venue="SIM")
    engine = await _with_venue_at_once(VenueAccepted(order_id=order.order_id))
    engine.inbox.ask(order)
    await engine.sequencer.run_batch()
    canceled = engine.inbox.ask(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
    await engine.sequencer.run_batch()
    assert snapshot_in(canceled.result()).status is OrdStatus.CANCELED


async def test_fills_that_came_at_once_are_there_when_the_order_is_answered() -> None:
    order = submit(1, venue="SIM")
    fill = VenueFilled(
        order_id=order.order_id,
        quantity_lots=10_000,
        price_ticks=200_000,
        liquidity="TAKER",
        fee=Decimal(0),
        fee_currency="USDT",
    )
    engine = await _with_venue_at_once(VenueAccepted(order_id=order.order_id), fill)
    with engine.sequencer.watching_fills(order.order_id) as fills:
        answer = engine.inbox.ask(order)
        await engine.sequencer.run_batch()
    assert snapshot_in(answer.result()).status is OrdStatus.FILLED
    assert len(fills) == 1


async def test_nobody_hears_of_it_when_the_commit_fails() -> None:
    engine = await _with_venue_at_once(VenueAccepted(order_id=submit(1).order_id))
    engine.journal.failure = DatabaseUnavailable("gone")
    answer = engine.inbox.ask(submit(1, venue="SIM"))
    with pytest.raises(DatabaseUnavailable):
        await engine.sequencer.run_batch()
    assert isinstance(answer.exception(), EngineUnavailable)
    assert engine.told == 0
