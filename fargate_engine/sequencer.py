"""The engine's stages in their order. The only birthplace of sequence numbers and time."""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from breakwater.db.journal import JournalRow
from breakwater.domain.instruments import Instrument
from events.envelope import Envelope
from fargate_engine import metrics
from fargate_engine.core import CancelAtVenue, Core, Outcome, SubmitToVenue, VenueRequest
from fargate_engine.inbox import Answer, Asked, FindOpenOrders, FindOrder, Inbox, abandon
from fargate_engine.messages import Command, CoreInput, ListInstrument, kind_of
from fargate_engine.orders import AWAITING_VENUE
from fargate_engine.terms import WorkingTerms


class BatchJournal(Protocol):
    async def append(self, rows: Sequence[JournalRow], events: Sequence[Envelope]) -> None: ...


class Venue(Protocol):
    """Its reports come back through the inbox. A request is never refused by raising: that too is a report."""

    def submit(self, terms: WorkingTerms) -> None: ...

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None: ...


class Sequencer:
    def __init__(
        self,
        core: Core,
        inbox: Inbox,
        journal: BatchJournal,
        venue: Venue,
        *,
        events_written: Callable[[], None],
        last_seq: int,
        last_at_ns: int,
    ) -> None:
        self._core = core
        self._inbox = inbox
        self._journal = journal
        self._venue = venue
        self._events_written = events_written
        self.last_seq = last_seq
        self.commit_latency_s = 0.0
        self._last_at_ns = last_at_ns
        self._waiting: defaultdict[uuid.UUID, list[asyncio.Future[Answer]]] = defaultdict(list)

    async def run(self) -> None:
        """Until something breaks. Then the core may be ahead of the journal and is thrown away: only replay is true."""
        try:
            while True:
                await self.run_batch()
        finally:
            self._inbox.close()
            self.abandon_waiting()

    async def run_batch(self) -> None:
        reports, asked = await self._inbox.next_batch()
        rows: list[JournalRow] = []
        outcomes = [self._apply(report, rows) for report in reports]
        answers = [(each, self._apply_or_find(each, rows, outcomes)) for each in asked]
        try:
            await self._commit(rows, outcomes)  # Durable before anyone hears of it.
        except BaseException:
            for each in asked:
                abandon(each.answer)
            raise
        self._answer(answers, outcomes)
        self._send([request for outcome in outcomes for request in outcome.venue_requests])

    async def list_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Tell the core of what is traded. What it knows already leaves no row."""
        rows: list[JournalRow] = []
        outcomes = [self._apply(ListInstrument.of(instrument), rows) for instrument in instruments]
        await self._commit(rows, outcomes)

    def abandon_waiting(self) -> None:
        for answers in self._waiting.values():
            for answer in answers:
                abandon(answer)
        self._waiting.clear()

    def _apply(self, message: CoreInput, rows: list[JournalRow]) -> Outcome:
        at_ns = max(time.time_ns(), self._last_at_ns + 1)
        outcome = self._core.apply(message, at_ns)
        if outcome.changed:
            self.last_seq += 1
            self._last_at_ns = at_ns
            rows.append(JournalRow(self.last_seq, at_ns, kind_of(message), message.model_dump_json()))
        return outcome

    def _apply_or_find(self, asked: Asked, rows: list[JournalRow], outcomes: list[Outcome]) -> Outcome | None:
        if isinstance(asked.message, FindOrder | FindOpenOrders):
            return None
        outcome = self._apply(asked.message, rows)
        outcomes.append(outcome)
        return outcome

    async def _commit(self, rows: list[JournalRow], outcomes: list[Outcome]) -> None:
        if not rows:
            return
        events = [event for outcome in outcomes for event in outcome.events]
        started = time.perf_counter()
        await self._journal.append(rows, events)
        self.commit_latency_s = time.perf_counter() - started
        metrics.COMMIT_SECONDS.observe(self.commit_latency_s)
        metrics.BATCH_ROWS.observe(len(rows))
        if events:
            self._events_written()

    def _answer(self, answers: list[tuple[Asked, Outcome | None]], outcomes: list[Outcome]) -> None:
        for asked, outcome in answers:
            if asked.answer.done():
                continue  # Whoever asked has given up waiting.
            if outcome is not None and outcome.refused is not None:
                asked.answer.set_exception(outcome.refused)
            elif isinstance(asked.message, FindOpenOrders):
                asked.answer.set_result(self._open_order_ids(asked.message))
            else:
                self._answer_with_snapshot(asked.message, asked.answer)
        for outcome in outcomes:
            for order_id in outcome.changed_order_ids:
                self._answer_waiting(order_id)

    def _answer_with_snapshot(self, message: Command | FindOrder, answer: asyncio.Future[Answer]) -> None:
        order = self._core.find(message.order_id, message.tenant_id)
        if order is not None and order.status in AWAITING_VENUE and not isinstance(message, FindOrder):
            self._waiting[message.order_id].append(answer)
        else:
            answer.set_result(None if order is None else order.snapshot())

    def _answer_waiting(self, order_id: uuid.UUID) -> None:
        answers = self._waiting.get(order_id)
        if not answers:
            return
        order = self._core.order(order_id)
        if order.status not in AWAITING_VENUE:
            snapshot = order.snapshot()
            for answer in self._waiting.pop(order_id):
                if not answer.done():
                    answer.set_result(snapshot)

    def _open_order_ids(self, question: FindOpenOrders) -> list[uuid.UUID]:
        return [
            order.terms.order_id
            for order in self._core.open_orders()
            if order.tenant_id == question.tenant_id and order.terms.account_id in question.account_ids
        ]

    def _send(self, requests: list[VenueRequest]) -> None:
        for request in requests:
            match request:
                case SubmitToVenue():
                    self._venue.submit(request.terms)
                case CancelAtVenue():
                    self._venue.cancel(request.order_id, request.symbol)
