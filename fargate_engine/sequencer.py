"""The engine's stages in their order. The only birthplace of time."""

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from breakwater.db.journal import JournalRow
from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from breakwater.errors import Conflict, Rejection
from events.envelope import EnvelopeDocument
from events.orders import TradeExecuted
from fargate_engine import metrics
from fargate_engine.inbox import Answer, AskedRecords, Batch, FindOpenOrders, FindOrder, Inbox, abandon
from fargate_engine.messages import Command, ListInstrument, VenueReport, VoidOrder
from fargate_engine.orders import ForgottenOrder
from fargate_engine.outcomes import CancelAtVenue, Outcomes, ReplaceAtVenue, SubmitToVenue, VenueRequest
from fargate_engine.shard_state import Applied, ShardState
from fargate_engine.terms import WorkingTerms

_LOG = logging.getLogger(__name__)


class BatchJournal(Protocol):
    """`epoch` and `digest` are what the next row is sealed with."""

    epoch: int
    digest: bytes

    async def append(
        self, row: JournalRow, events: Sequence[EnvelopeDocument], *, second: JournalRow | None = None
    ) -> None: ...


class TakesOrders(Protocol):
    """What is needed here of a venue (venues/protocol.py)."""

    def submit(self, terms: WorkingTerms) -> None: ...

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None: ...

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None: ...


@runtime_checkable
class AnswersAtOnce(Protocol):
    """A venue of this process, which remembers nothing beyond it: nothing it does is true before the journal has it.

    So what it is asked needs no commit before, and its answers are committed together with the question.
    """

    def submitted(self, terms: WorkingTerms) -> list[VenueReport]: ...

    def canceled(self, order_id: uuid.UUID, symbol: str) -> list[VenueReport]: ...


@runtime_checkable
class Replaces(TakesOrders, Protocol):
    """A venue at which an order can get other terms. No other is asked: the encoder refuses it before."""

    def replace(self, terms: WorkingTerms, replace_no: int) -> None: ...


@runtime_checkable
class ReplacesAtOnce(AnswersAtOnce, Protocol):
    def replaced(self, terms: WorkingTerms) -> list[VenueReport]: ...


class Hears(Protocol):
    """The router: it is told of the orders that it works, once what changed is in the journal."""

    def heard(self, parent_ids: Collection[uuid.UUID]) -> None: ...


class Sequencer:
    """After anything it raises, the state may be ahead of the journal: throw it away, only a replay is true."""

    def __init__(
        self,
        state: ShardState,
        inbox: Inbox,
        journal: BatchJournal,
        venues: Mapping[str, TakesOrders],
        *,
        events_written: Callable[[], None],
        router: Hears | None = None,
    ) -> None:
        self._state = state
        self._inbox = inbox
        self._journal = journal
        self._venues = venues
        self._at_once = {name: venue for name, venue in venues.items() if isinstance(venue, AnswersAtOnce)}
        self._events_written = events_written
        self._router = router
        self.commit_latency_s = 0.0
        self._waiting: defaultdict[uuid.UUID, list[asyncio.Future[Answer]]] = defaultdict(list)
        self._watched_fills: dict[uuid.UUID, list[EnvelopeDocument]] = {}

    @property
    def last_seq(self) -> int:
        return self._state.last_seq

    async def run_batch(self) -> None:
        """Wait for input or for an order's end, and take one batch through every stage.

        While it only waits it may be cancelled.
        """
        batch = await self._inbox.next_batch(self._state.next_end_ns)
        try:
            # Not before the open orders are back at their venues: who is to cancel one must know it.
            ends_orders = self._inbox.is_open
            applied = self._state.apply(batch.inputs, self._stamp(), batch.published, ends_orders=ends_orders)
            answered = self._answered_at_once(applied)
            await self._commit(applied, answered)  # Durable before anyone hears of it.
        except BaseException:
            for asked in batch.asked:
                abandon(asked.answer)
            raise
        outcomes = [each.outcomes for each in (applied, answered) if each is not None]
        self._collect_fills(outcomes)  # First: whoever is answered looks for them.
        self._answer(batch, applied)
        self._answer_waiting(outcomes)
        self._send(applied.outcomes.venue_requests)
        if self._router is not None:
            self._router.heard({parent_id for each in outcomes for parent_id in each.changed_parent_ids})
        for fill in (fill for each in outcomes for fill in each.refused_fills):
            metrics.VENUE_FILLS_REFUSED.inc()
            _LOG.critical("a fill that cannot be is not booked, look at the venue's own list: %s", fill)

    def _answered_at_once(self, applied: Applied) -> Applied | None:
        """The answers of venues that give them at once, taken as a batch of their own; what they answered is done.

        None while reports of these venues wait, which are older than any answer would be.
        """
        requests = applied.outcomes.venue_requests
        if not requests or not self._at_once or self._inbox.has_reports:
            return None
        reports: list[VenueReport] = []
        for request in requests:
            venue = self._at_once.get(request.venue)
            if venue is None:
                continue
            match request:
                case SubmitToVenue():
                    reports += venue.submitted(request.terms)
                case CancelAtVenue():
                    reports += venue.canceled(request.order_id, request.symbol)
                case ReplaceAtVenue():
                    assert isinstance(venue, ReplacesAtOnce)  # noqa: S101 - a broken invariant stops the engine
                    reports += venue.replaced(request.terms)
        applied.outcomes.venue_requests = [each for each in requests if each.venue not in self._at_once]
        answered = self._state.apply(reports, applied.at_ns)
        return answered if answered.count else None  # What changes nothing leaves no row.

    async def list_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Tell the state of what is traded. What it knows already leaves no row; what it refuses stays as it was."""
        applied = self._state.apply([ListInstrument.of(each) for each in instruments], self._stamp())
        for refusal in filter(None, applied.refusals):
            _LOG.error("%s", refusal)
        await self._commit(applied)

    async def checkpoint(self) -> None:
        """Have the journal say the state's hash, so that a snapshot of it can be held against the journal."""
        applied = self._state.checkpoint(self._stamp())
        if applied is not None:
            await self._commit(applied)

    def abandon_waiting(self) -> None:
        for answers in self._waiting.values():
            for answer in answers:
                abandon(answer)
        self._waiting.clear()

    @contextmanager
    def watching_fills(self, order_id: uuid.UUID) -> Iterator[list[EnvelopeDocument]]:
        """The TradeExecuted events of an order that are committed while the block runs."""
        fills = self._watched_fills[order_id] = []
        try:
            yield fills
        finally:
            self._watched_fills.pop(order_id, None)

    def _stamp(self) -> int:
        """Now, and never before what was stamped last: the clock may have been set back."""
        return max(time.time_ns(), self._state.last_at_ns)

    async def _commit(self, applied: Applied, answered: Applied | None = None) -> None:
        if applied.count == 0:
            return
        started = time.perf_counter()
        row = applied.row(self._state.shard, self._journal.epoch, self._journal.digest)
        envelopes, second = applied.outcomes.envelopes, None
        if answered is not None:
            second = answered.row(self._state.shard, self._journal.epoch, row.digest)
            envelopes = envelopes + answered.outcomes.envelopes
        await self._journal.append(row, envelopes, second=second)
        self.commit_latency_s = time.perf_counter() - started
        metrics.COMMIT_SECONDS.observe(self.commit_latency_s)
        metrics.BATCH_COMMANDS.observe(applied.count + (answered.count if answered is not None else 0))
        if envelopes:
            self._events_written()

    def _answer(self, batch: Batch, applied: Applied) -> None:
        refusals, record_events = iter(applied.refusals[len(batch.reports) :]), iter(applied.record_events)
        for asked in batch.asked:
            if isinstance(asked, AskedRecords):
                self._resolve(asked.answer, next(record_events))
            elif isinstance(asked.message, FindOpenOrders):
                self._resolve(asked.answer, self._open_order_ids(asked.message))
            elif isinstance(asked.message, SetLease):
                self._answer_lease(asked.message, asked.answer, next(refusals))
            elif isinstance(asked.message, FindOrder):
                self._answer_question(asked.message, asked.answer)
            else:
                self._answer_command(asked.message, asked.answer, next(refusals))

    def _collect_fills(self, outcomes: Sequence[Outcomes]) -> None:
        if not self._watched_fills:
            return
        for envelope in (envelope for each in outcomes for envelope in each.envelopes):
            if envelope["topic"] == TradeExecuted.topic:
                watched = self._watched_fills.get(envelope["aggregate_id"])
                if watched is not None:
                    watched.append(envelope)

    def _answer_command(self, command: Command, answer: asyncio.Future[Answer], refused: Rejection | None) -> None:
        if answer.done():
            return  # Whoever asked has given up waiting.
        if refused is not None:
            answer.set_exception(refused)
            return
        order = self._state.order(command.order_id)
        if isinstance(order, ForgottenOrder) and isinstance(command, VoidOrder) and order.is_rejected:
            answer.set_result(order.rejected(command.tenant_id, self._state.last_at_ns))
        elif isinstance(order, ForgottenOrder):
            answer.set_exception(order.refusal())  # By the very row that the command is in.
        elif order.awaits_venue:
            # Without those who have given up: at a venue that is silent a client asks again and again.
            still = [each for each in self._waiting[command.order_id] if not each.done()]
            self._waiting[command.order_id] = [*still, answer]
        else:
            answer.set_result(order.answer())

    def _answer_question(self, question: FindOrder, answer: asyncio.Future[Answer]) -> None:
        order = self._state.find(question.order_id, question.tenant_id)
        if not isinstance(order, ForgottenOrder):
            self._resolve(answer, None if order is None else order.answer())
        elif not answer.done():
            answer.set_exception(order.refusal())

    def _answer_lease(self, asked: SetLease, answer: asyncio.Future[Answer], refused: Rejection | None) -> None:
        words = None if refused else self._state.lease_words(asked.account_id, asked.symbol)
        if words is None and refused is None:
            refused = Conflict("the account has open orders from before there were leases: try when they ended")
        if answer.done():
            return
        if refused is not None:
            answer.set_exception(refused)
        else:
            answer.set_result(words)

    def _answer_waiting(self, outcomes: Sequence[Outcomes]) -> None:
        """Those who waited for a venue's word on an order that it has now given."""
        if not self._waiting:
            return
        for order_id in (order_id for each in outcomes for order_id in each.changed_order_ids):
            if order_id not in self._waiting:
                continue
            order = self._state.order(order_id)
            if isinstance(order, ForgottenOrder) or order.awaits_venue:
                continue  # Nothing that changed just now is forgotten.
            said = order.answer()
            for answer in self._waiting.pop(order_id):
                self._resolve(answer, said)

    def _open_order_ids(self, question: FindOpenOrders) -> list[uuid.UUID]:
        return [
            order.order_id
            for order in self._state.open_orders()
            if order.tenant_id == question.tenant_id
            and order.terms.account_id in question.account_ids
            and order.parent_id is None  # They end with their parent.
        ]

    def _resolve[Result](self, answer: asyncio.Future[Result], result: Result) -> None:
        if not answer.done():  # Else whoever asked has given up waiting.
            answer.set_result(result)

    def _send(self, requests: list[VenueRequest]) -> None:
        """In their order; cancels that follow each other go to their venue together: a kill is many of them."""
        cancels: defaultdict[tuple[str, str], list[uuid.UUID]] = defaultdict(list)
        for request in requests:
            venue = self._venues.get(request.venue)
            if venue is None:
                # An order from when it was configured. It stays open, and its cancel wanted, until it is so again.
                _LOG.error("%s is not a venue of this engine now: %s is not sent", request.venue, request)
                continue
            if isinstance(request, CancelAtVenue):
                cancels[request.venue, request.symbol].append(request.order_id)
                continue
            self._cancel(cancels)
            match request:
                case SubmitToVenue():
                    venue.submit(request.terms)
                case ReplaceAtVenue():
                    assert isinstance(venue, Replaces)  # noqa: S101 - a broken invariant stops the engine
                    venue.replace(request.terms, request.replace_no)
        self._cancel(cancels)

    def _cancel(self, cancels: defaultdict[tuple[str, str], list[uuid.UUID]]) -> None:
        """By venue and symbol; none are left."""
        for (venue, symbol), order_ids in cancels.items():
            if len(order_ids) == 1:
                self._venues[venue].cancel(order_ids[0], symbol)
            else:
                self._venues[venue].cancel_all(order_ids, symbol)
        cancels.clear()
