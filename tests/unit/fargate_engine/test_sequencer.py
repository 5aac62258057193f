"""The stages in their order: nobody hears of what the journal does not have."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Sequence
from typing import Any

import numpy as np
import pytest
from matching_core import EventKind

from breakwater.db.journal import GENESIS_DIGEST, JournalRow
from breakwater.domain.orders import OrdStatus
from breakwater.errors import DatabaseUnavailable, EngineUnavailable, NotFound, OrderForgotten
from events.envelope import EnvelopeDocument
from fargate_engine.inbox import FindOpenOrders, FindOrder, Inbox
from fargate_engine.messages import CancelOrder, VenueAccepted, VoidOrder
from fargate_engine.registry import REMEMBERED_NS
from fargate_engine.sequencer import Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.terms import WorkingTerms
from tests.support.engine_words import snapshot_in
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, submit
from tests.unit.fargate_engine.record_batches import BUY, limit_orders


class Journal:
    """A list, written when the test lets it."""

    def __init__(self) -> None:
        self.epoch = 4
        self.digest = GENESIS_DIGEST
        self.rows: list[JournalRow] = []
        self.failure: Exception | None = None
        self.may_write = asyncio.Event()
        self.may_write.set()

    async def append(
        self, row: JournalRow, events: Sequence[EnvelopeDocument], *, second: JournalRow | None = None
    ) -> None:
        await self.may_write.wait()
        if self.failure:
            raise self.failure
        self.rows += [row] if second is None else [row, second]
        self.digest = self.rows[-1].digest


class Venue:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def submit(self, terms: WorkingTerms) -> None:
        self.heard.append(terms.order_id)

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None:
        self.heard.append((order_id, symbol))

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None:
        self.heard.append(([*order_ids], symbol))


class Running:
    """A shard that serves, with its parts in sight."""

    def __init__(self, venue: Venue | None = None) -> None:
        self.state, self.inbox, self.journal, self.venue = ShardState(0), Inbox(), Journal(), venue or Venue()
        self.told = 0
        self.sequencer = Sequencer(self.state, self.inbox, self.journal, {"SIM": self.venue}, events_written=self._tell)
        self.inbox.open()

    def _tell(self) -> None:
        self.told += 1


@pytest.fixture
async def engine() -> Running:
    running = Running()
    await running.sequencer.list_instruments([ETH])
    return running


async def test_an_answer_waits_for_the_commit(engine: Running) -> None:
    engine.journal.may_write.clear()
    answer = engine.inbox.ask(submit(1))
    batch = asyncio.create_task(engine.sequencer.run_batch())
    await asyncio.sleep(0.01)
    assert not answer.done()
    assert engine.told == 0
    engine.journal.may_write.set()
    await batch
    assert snapshot_in(answer.result()).order_id == submit(1).order_id
    assert engine.told == 1


async def test_the_rows_of_a_journal_are_chained_and_replay_to_the_state(engine: Running) -> None:
    for number in range(5):
        engine.inbox.ask(submit(number))
        await engine.sequencer.run_batch()
    await engine.sequencer.list_instruments([ETH])  # Known: leaves no row.
    await engine.sequencer.checkpoint()
    last_seq, digest = 0, GENESIS_DIGEST
    for row in engine.journal.rows:
        row.check(last_seq, digest)
        assert row.epoch == 4
        last_seq, digest = row.last_seq, row.digest
    assert last_seq == engine.sequencer.last_seq
    assert replayed(engine.journal.rows).state_hash() == engine.state.state_hash()


async def test_after_a_failed_commit_the_outcome_is_not_known(engine: Running) -> None:
    engine.journal.failure = DatabaseUnavailable("gone")
    answers: list[Awaitable[object]] = [
        engine.inbox.ask(submit(1)),
        engine.inbox.submit_records(limit_orders([(1, BUY, 1)])),
    ]
    with pytest.raises(DatabaseUnavailable):
        await engine.sequencer.run_batch()
    for answer in answers:
        with pytest.raises(EngineUnavailable):
            await answer
    assert engine.venue.heard == []


async def test_a_venue_hears_of_an_order_after_its_commit_and_the_answer_waits_for_its_word(engine: Running) -> None:
    order = submit(1, venue="SIM")
    answer = engine.inbox.ask(order)
    await engine.sequencer.run_batch()
    assert engine.venue.heard == [order.order_id]
    assert not answer.done()
    engine.inbox.report(VenueAccepted(order_id=order.order_id))
    await engine.sequencer.run_batch()
    assert snapshot_in(answer.result()).status is OrdStatus.NEW


async def test_cancels_of_one_batch_go_to_their_venue_together_after_what_stood_before_them(engine: Running) -> None:
    orders = [submit(number, venue="SIM") for number in range(4)]
    for each in orders[:3]:
        engine.inbox.ask(each)
    await engine.sequencer.run_batch()
    engine.venue.heard.clear()
    ids = [each.order_id for each in orders]
    for order_id in ids[:2]:
        engine.inbox.ask(CancelOrder(order_id=order_id, tenant_id=TENANT))
    engine.inbox.ask(orders[3])
    engine.inbox.ask(CancelOrder(order_id=ids[2], tenant_id=TENANT))
    await engine.sequencer.run_batch()
    assert engine.venue.heard == [(ids[:2], ETH.symbol), ids[3], (ids[2], ETH.symbol)]


async def test_who_asks_a_silent_venue_again_and_again_leaves_nobody_behind(engine: Running) -> None:
    order = submit(1, venue="SIM")
    for _ in range(20):
        answer = engine.inbox.ask(order)
        await engine.sequencer.run_batch()
        answer.cancel()  # As if its five seconds were over.
    patient = [engine.inbox.ask(order), engine.inbox.ask(order)]
    await engine.sequencer.run_batch()
    assert engine.sequencer._waiting == {order.order_id: patient}
    engine.inbox.report(VenueAccepted(order_id=order.order_id))
    await engine.sequencer.run_batch()
    assert [snapshot_in(each.result()).status for each in patient] == [OrdStatus.NEW, OrdStatus.NEW]
    assert engine.sequencer._waiting == {}


async def test_a_question_is_answered_after_what_stood_before_it_and_leaves_no_row(engine: Running) -> None:
    rows = len(engine.journal.rows)
    unknown = engine.inbox.ask(FindOrder(submit(1).order_id, uuid.UUID(int=99)))
    engine.inbox.ask(submit(1))
    found = engine.inbox.ask(FindOrder(submit(1).order_id, TENANT))
    theirs = engine.inbox.ask(FindOpenOrders(TENANT, frozenset({ACCOUNT})))
    nobodys = engine.inbox.ask(FindOpenOrders(TENANT, frozenset({uuid.UUID(int=5)})))
    await engine.sequencer.run_batch()
    assert snapshot_in(found.result()).order_id == submit(1).order_id
    assert (unknown.result(), theirs.result(), nobodys.result()) == (None, [submit(1).order_id], [])
    assert len(engine.journal.rows) == rows + 1
    engine.inbox.ask(FindOrder(submit(1).order_id, TENANT))
    await engine.sequencer.run_batch()
    assert len(engine.journal.rows) == rows + 1


async def test_a_wrong_question_is_refused_and_does_not_disturb_its_batch(engine: Running) -> None:
    wrong = engine.inbox.ask(CancelOrder(order_id=uuid.UUID(int=1), tenant_id=TENANT))
    right = engine.inbox.ask(submit(1))
    await engine.sequencer.run_batch()
    with pytest.raises(NotFound):
        wrong.result()
    assert right.result() is not None


async def test_whoever_asks_about_a_forgotten_order_is_told_so_also_by_the_row_that_forgets_it(
    engine: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT)
    engine.inbox.ask(submit(1))
    engine.inbox.ask(cancel)
    await engine.sequencer.run_batch()
    later = engine.state.last_at_ns + REMEMBERED_NS
    monkeypatch.setattr(time, "time_ns", lambda: later)
    asked = [engine.inbox.ask(cancel), engine.inbox.ask(FindOrder(submit(1).order_id, TENANT))]
    other = engine.inbox.ask(submit(2))
    await engine.sequencer.run_batch()
    asked += [engine.inbox.ask(cancel), engine.inbox.ask(FindOrder(submit(1).order_id, TENANT))]
    await engine.sequencer.run_batch()
    for answer in asked:
        with pytest.raises(OrderForgotten):
            answer.result()
    assert snapshot_in(other.result()).status is OrdStatus.NEW


async def test_a_void_whose_answer_was_lost_is_answered_also_when_the_order_is_forgotten(
    engine: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else tells of it: a void makes no event, and what the order had reserved would be held for ever."""
    lost = VoidOrder(order_id=submit(1).order_id, tenant_id=TENANT, account_id=ACCOUNT)
    engine.inbox.ask(lost)
    engine.inbox.ask(submit(2))
    engine.inbox.ask(CancelOrder(order_id=submit(2).order_id, tenant_id=TENANT))
    await engine.sequencer.run_batch()
    later = engine.state.last_at_ns + REMEMBERED_NS
    monkeypatch.setattr(time, "time_ns", lambda: later)
    engine.inbox.ask(submit(3))
    await engine.sequencer.run_batch()
    rows = len(engine.journal.rows)
    again = engine.inbox.ask(lost)
    of_a_canceled_one = engine.inbox.ask(lost.model_copy(update={"order_id": submit(2).order_id}))
    await engine.sequencer.run_batch()
    said = snapshot_in(again.result())
    assert (said.order_id, said.status, said.reject_code) == (lost.order_id, OrdStatus.REJECTED, "VOIDED")
    assert (said.cum_qty, said.leaves_qty, said.engine_seq) == (0, 0, 1)
    with pytest.raises(OrderForgotten):
        of_a_canceled_one.result()
    assert len(engine.journal.rows) == rows


async def test_records_are_answered_by_their_events_after_the_commit(engine: Running) -> None:
    first = engine.inbox.submit_records(limit_orders([(1, BUY, 100), (2, BUY, 101)]))
    engine.inbox.ask(submit(1))
    second = engine.inbox.submit_records(limit_orders([(2, BUY, 100)]))
    await engine.sequencer.run_batch()
    assert list(first.result()["kind"]) == [EventKind.ACCEPTED, EventKind.ACCEPTED]
    assert list(second.result()["kind"]) == [EventKind.REJECTED]
    assert list(second.result()["command"]) == [0]
    (row,) = engine.journal.rows[1:]
    assert (row.seq, row.last_seq) == (2, 6)  # The account of the order is told of before it.
    assert isinstance(second.result(), np.ndarray)


async def test_time_is_never_stamped_backwards(engine: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    latest = engine.journal.rows[-1].recorded_at_ns
    monkeypatch.setattr(time, "time_ns", lambda: latest - 10**9)
    engine.inbox.ask(submit(1))
    await engine.sequencer.run_batch()
    assert engine.journal.rows[-1].recorded_at_ns == latest


async def test_waiting_for_input_may_be_cancelled_and_loses_nothing(engine: Running) -> None:
    waiting = asyncio.create_task(engine.sequencer.run_batch())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=1)
    answer = engine.inbox.ask(submit(1))
    await engine.sequencer.run_batch()
    assert answer.result() is not None


async def test_whoever_waits_for_a_venue_is_told_that_the_outcome_is_not_known(engine: Running) -> None:
    answer = engine.inbox.ask(submit(1, venue="SIM"))
    await engine.sequencer.run_batch()
    engine.sequencer.abandon_waiting()
    with pytest.raises(EngineUnavailable):
        await answer
