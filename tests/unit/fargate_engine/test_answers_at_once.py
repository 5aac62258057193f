"""A venue of this process answers within the commit of what it was asked; one elsewhere is asked after it."""

import asyncio
import uuid
from typing import Any

import pytest

from breakwater.db.journal import GENESIS_DIGEST
from breakwater.domain.orders import OrdStatus
from breakwater.errors import DatabaseUnavailable
from fargate_engine.messages import CancelOrder, VenueAccepted, VenueCanceled, VenueReport
from fargate_engine.sequencer import Sequencer
from fargate_engine.terms import WorkingTerms
from tests.support.engine_words import snapshot_in
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import ETH, TENANT, submit
from tests.unit.fargate_engine.test_sequencer import Running


class Local:
    """Accepts all, at once."""

    def __init__(self) -> None:
        self.asked: list[uuid.UUID] = []
        self.told_later: list[Any] = []

    def submit(self, terms: WorkingTerms) -> None:
        self.told_later.append(terms.order_id)

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None:
        self.told_later.append(order_id)

    def submitted(self, terms: WorkingTerms) -> list[VenueReport]:
        self.asked.append(terms.order_id)
        return [VenueAccepted(order_id=terms.order_id)]

    def canceled(self, order_id: uuid.UUID, symbol: str) -> list[VenueReport]:
        self.asked.append(order_id)
        return [VenueCanceled(order_id=order_id)]


@pytest.fixture
async def engine() -> Running:
    running = Running()
    running.local = Local()  # type: ignore[attr-defined]
    venues = {"SIM": running.local}  # type: ignore[attr-defined]
    running.sequencer = Sequencer(running.state, running.inbox, running.journal, venues, events_written=running._tell)
    await running.sequencer.list_instruments([ETH])
    return running


async def test_an_order_and_its_acceptance_are_two_rows_of_one_commit(engine: Any) -> None:
    answer = engine.inbox.ask(submit(1, venue="SIM"))
    await engine.sequencer.run_batch()
    assert snapshot_in(answer.result()).status is OrdStatus.NEW
    assert engine.local.asked == [submit(1).order_id]
    last_seq, digest = 0, GENESIS_DIGEST
    for row in engine.journal.rows:
        row.check(last_seq, digest)
        last_seq, digest = row.last_seq, row.digest
    assert replayed(engine.journal.rows).state_hash() == engine.state.state_hash()
    canceled = engine.inbox.ask(CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT))
    await engine.sequencer.run_batch()
    assert snapshot_in(canceled.result()).status is OrdStatus.CANCELED


async def test_nobody_hears_of_it_before_the_commit_and_nobody_when_that_fails(engine: Any) -> None:
    engine.journal.may_write.clear()
    answer = engine.inbox.ask(submit(1, venue="SIM"))
    batch = asyncio.create_task(engine.sequencer.run_batch())
    await asyncio.sleep(0.01)
    assert not answer.done()
    engine.journal.failure = DatabaseUnavailable("gone")
    engine.journal.may_write.set()
    with pytest.raises(DatabaseUnavailable):
        await batch
    assert answer.exception() is not None


async def test_while_older_reports_wait_it_is_asked_after_the_commit_so_that_they_come_first(engine: Any) -> None:
    engine.inbox.ask(submit(1, venue="SIM"))
    await engine.sequencer.run_batch()
    engine.inbox.ask(CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT))
    taken = await engine.inbox.next_batch()
    engine.inbox.report(VenueAccepted(order_id=submit(1).order_id))  # Came while the batch was taken.
    assert engine.sequencer._answered_at_once(engine.state.apply(taken.inputs, engine.state.last_at_ns)) is None
    assert engine.local.asked == [submit(1).order_id]
