"""Orders at an outside exchange.

    ExchangeConnection   one in the process for each venue: client, private stream, and the poll that reconciles it
    └── ExchangeVenue    one for each shard that is served: its orders, each followed by a task until its last word

Who tells what first does not matter: all words meet in TrackedOrder, and what is new there is reported. Nothing is
remembered beyond the process: a restart asks the venue by the ids that follow from ours.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from fargate_engine import metrics
from fargate_engine.inbox import Inbox
from fargate_engine.messages import VenueFilled, VenueReport
from fargate_engine.orders import EngineOrder
from fargate_engine.terms import TOO_LATE, Reason, WorkingTerms
from fargate_engine.venues.ccxt_loading import RECV_WINDOW_MS
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.exchange_cancel_all import ExchangeCancelAll
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.exchange_replaces import ExchangeReplaces
from fargate_engine.venues.exchange_terms import ExchangeTerms
from fargate_engine.venues.failures import ClockRefused, NotAtVenue, NotSent, OutcomeUnknown, VenueRefused
from fargate_engine.venues.followed import LOOK_PAUSE_S, Followed
from fargate_engine.venues.pending_replace import PendingReplace
from fargate_engine.venues.protocol import (
    Acknowledged,
    Balance,
    FillsRead,
    OrderAtVenue,
    VenueInstrument,
    misfit,
)
from fargate_engine.venues.tracked_order import NEVER_ARRIVED, TrackedOrder

_LOG = logging.getLogger(__name__)

# A request is good for its window by the venue's clock, which it may think a second behind ours.
ARRIVES_WITHIN_S = RECV_WINDOW_MS / 1000 + 1.0
LOOK_PAUSE_MAX_S = 5.0
LEASE_LOOK_S = 0.2
HELD_BACK_S = 2.0  # A new order, while the end of all in its symbol may still arrive.
CANCELS_ALL = Reason("VENUE_BUSY", "all open orders of the symbol are being cancelled there")
FILLS_GRACE_S = 0.2  # The stream tells of an order and of its fills one after the other.


class ExchangeVenue:
    """`may_send` is false once the shard is another engine's: then that one follows the orders."""

    def __init__(
        self,
        connection: ExchangeConnection,
        inbox: Inbox,
        instruments: Mapping[str, Instrument],
        may_send: Callable[[], bool],
    ) -> None:
        self.name = connection.name
        self._connection = connection
        self._client = connection.client
        self._inbox = inbox
        self._instruments = instruments
        self._may_send = may_send
        self._followed: dict[uuid.UUID, Followed] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._running = asyncio.Event()
        self._terms = ExchangeTerms(connection)
        self._replaces = ExchangeReplaces(
            self._client, may_send, self._terms.unfit, self._look_later, lambda: ARRIVES_WITHIN_S
        )

        self._cancel_all = ExchangeCancelAll(
            self._client,
            self._followed,
            connection.cancel_alls,
            may_send,
            look_later=self._look_later,
            arrives_within_s=lambda: ARRIVES_WITHIN_S,
        )

    async def opened(self) -> None:
        """At once: a venue that is away must not keep a shard from its other orders. Its own are refused meanwhile."""
        await self._running.wait()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._running.set()
                await asyncio.get_running_loop().create_future()  # Until the term ends, or an invariant is broken.
        finally:
            for followed in self._followed.values():
                self._connection.forget(followed.order.terms.order_id)

    def submit(self, terms: WorkingTerms) -> None:
        order = TrackedOrder.new(terms, self._instruments[terms.symbol])
        self._follow(Followed(order, self.take, never_after=0.0, is_sent=False))

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None:
        """Nothing when its last word is on its way already."""
        followed = self._followed.get(order_id)
        if followed is None or followed.order.is_cancel_wanted:
            return
        followed.order.is_cancel_wanted = True
        followed.wants_look.set()
        if followed.look is not None and followed.may_cancel:
            followed.look.reschedule(asyncio.get_running_loop().time())

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None:
        """In one request where that is possible, and each by itself where it is not, or fails."""
        if self._tasks is not None:
            self._cancel_all.take(order_ids, symbol, self._tasks)
        for order_id in order_ids:
            self.cancel(order_id, symbol)

    def replace(self, terms: WorkingTerms, replace_no: int) -> None:
        """Nothing when its last word is on its way already."""
        followed = self._followed.get(terms.order_id)
        if followed is None or followed.order.is_over:
            return
        followed.order.replace(PendingReplace(terms, self._next_client_id(terms.order_id, replace_no)))
        followed.wants_look.set()
        if followed.look is not None:
            # As for a cancel: a price is of now, and does not wait behind a question.
            followed.look.reschedule(asyncio.get_running_loop().time())

    def _next_client_id(self, order_id: uuid.UUID, replace_no: int) -> str:
        return client_id_of(order_id, replace_no if self._client.renames else 0)

    def restore(self, order: EngineOrder) -> None:
        """Never sent again: the engine before this one may have sent it. What became of it is asked."""
        never_after = time.monotonic() + ARRIVES_WITHIN_S
        tracked = TrackedOrder.restored(order, is_renamed=self._client.renames)
        followed = Followed(tracked, self.take, never_after=never_after, is_sent=True)
        followed.wants_look.set()
        if order.replacing is not None and order.replacing.terms is not None:
            client_id = self._next_client_id(order.order_id, order.replacing.asked.replace_no)
            terms = order.replacing.terms
            tracked.replace(PendingReplace(terms, client_id, is_sent=True, never_after=never_after))
            if tracked.told_lots >= terms.quantity_lots:
                followed.take(tracked.not_replaced(TOO_LATE))  # So it was not sent before either.
        for trade_id in order.venue_trade_ids:
            self._connection.book(order.terms.symbol, trade_id)
        self._follow(followed)

    def take(self, followed: Followed, reports: Sequence[VenueReport]) -> None:
        """What the venue did becomes true through the sequencer."""
        order = followed.order
        for report in reports:
            self._inbox.report(report)
            if isinstance(report, VenueFilled) and report.trade_id is not None:
                self._connection.book(order.terms.symbol, report.trade_id)
        for anomaly in order.anomalies:
            metrics.VENUE_FILLS_REFUSED.inc()
            _LOG.critical("%s: %s", self.name, anomaly)
        order.anomalies.clear()
        if reports:
            followed.pause_s = LOOK_PAUSE_S
        was_settled = followed.is_settled
        followed.is_settled = was_settled or order.is_accepted or order.is_over
        has_waited = order.is_cancel_wanted and followed.is_asking and not was_settled
        if has_waited and followed.may_cancel and followed.look is not None:
            # Somebody else has told what the question is for, and its cancel has waited for that alone.
            followed.look.reschedule(asyncio.get_running_loop().time())
        is_unsure = bool(order.held) or order.is_in_doubt
        if order.is_over or order.misses_fills or (is_unsure and followed.look is None):
            followed.wants_look.set()

    # What is asked of it as of any venue --------------------------------------------------------------------------

    async def open_orders(self) -> list[OrderAtVenue]:
        return await self._client.open_orders()

    async def order(self, client_id: str, symbol: str) -> OrderAtVenue:
        return await self._client.order(client_id, symbol)

    async def fills_since(self, symbol: str, since_ms: int) -> FillsRead:
        return await self._client.fills_since(symbol, since_ms)

    async def balances(self) -> dict[str, Balance]:
        return await self._client.balances()

    async def positions(self) -> dict[str, Decimal]:
        """Spot alone is traded so far."""
        return {}

    async def instruments(self) -> Mapping[str, VenueInstrument]:
        return self._client.markets

    def refusal(self, account_id: uuid.UUID) -> Reason | None:
        return self._connection.refusal(account_id)

    def listed(self, symbol: str) -> VenueInstrument | None:
        at_venue, instrument = self._client.markets.get(symbol), self._instruments.get(symbol)
        is_reachable = self._connection.is_ready and self._client.breaker.opened_at is None
        if at_venue is None or instrument is None or not is_reachable or misfit(instrument, at_venue):
            return None
        return at_venue

    @property
    def latency_ms(self) -> float:
        return self._client.order_latency_ms

    # One order ------------------------------------------------------------------------------------------------------

    def _follow(self, followed: Followed) -> None:
        if self._tasks is None:
            raise AssertionError(f"{self.name} was given an order before it ran")
        order = followed.order
        self._followed[order.terms.order_id] = followed
        self._connection.remember(followed)
        self._tasks.create_task(self._until_over(followed))

    async def _until_over(self, followed: Followed) -> None:
        order = followed.order
        if not followed.is_sent:
            await self._send(followed)
        while not order.is_over:
            await followed.wants_look.wait()
            followed.wants_look.clear()
            if order.is_over:
                break
            try:
                async with asyncio.timeout(None) as followed.look:
                    await self._look(followed)
            except TimeoutError:
                # Its cancel was wanted: that does not wait behind a question, which waits for room perhaps.
                followed.wants_look.set()
            except (NotSent, OutcomeUnknown, VenueRefused) as error:
                _LOG.info("%s: %s is asked about again: %s", self.name, order.client_id, error.message)
                self._look_later(followed)
            finally:
                followed.look = None
        self._followed.pop(order.terms.order_id, None)
        self._connection.forget(order.terms.order_id)

    async def _send(self, followed: Followed) -> None:
        order = followed.order
        new = self._terms.as_sent(order)
        if isinstance(new, Reason):
            return followed.take(order.refused(new))
        symbol = order.terms.symbol
        await self._cancel_all.until_free(symbol, HELD_BACK_S)

        def may_send() -> bool:
            """At the last moment before it is signed: all that it waited for is over."""
            followed.never_after = time.monotonic() + ARRIVES_WITHIN_S
            is_free = not self._cancel_all.holds_back(symbol)
            followed.is_sent = self._may_send() and is_free and not order.is_cancel_wanted
            return followed.is_sent

        try:
            word = await self._client.place(new, may_send)
            if isinstance(word, Acknowledged):
                order.acknowledged(word.venue_order_id)
                followed.wants_look.set()
            else:
                followed.take(order.learn(word))
        except VenueRefused as error:
            followed.take(order.refused(Reason(error.code, error.message)))
        except (OutcomeUnknown, NotAtVenue, ClockRefused) as error:
            _LOG.warning("%s: whether %s has arrived is not known: %s", self.name, order.client_id, error.message)
            followed.wants_look.set()
        except NotSent as error:
            # Without its lease a shard reports nothing. It may be back in a moment; if not, the term ends this task.
            while not self._may_send():
                await asyncio.sleep(LEASE_LOOK_S)
            if order.is_cancel_wanted and not followed.is_sent:
                followed.take(order.never_sent())
            elif not followed.is_sent and self._cancel_all.holds_back(symbol):
                followed.take(order.refused(CANCELS_ALL))
            else:
                followed.take(order.refused(Reason(error.code, error.message)))

    async def _look(self, followed: Followed) -> None:
        """Whatever is open about it: its outcome, its replace, its cancel, its fills."""
        order = followed.order
        is_replaced = order.replacing is not None
        if is_replaced:
            await self._replaces.decide(followed)
        if order.is_over:
            return
        if order.is_cancel_wanted and followed.may_cancel:
            await self._cancel(followed)
        elif order.is_in_doubt or not (is_replaced or order.misses_fills):
            await self._ask(followed)
            if order.is_cancel_wanted and order.is_accepted and not order.is_over:
                await self._cancel(followed)
        if order.misses_fills:
            await asyncio.sleep(FILLS_GRACE_S)
        if order.replacing is not None:
            return self._look_later(followed)  # Its fills are read when it is known whose they are.
        if order.misses_fills and order.venue_order_id is None:
            await self._ask(followed)
        if order.misses_fills and order.venue_order_id is not None:
            symbol = order.terms.symbol
            # Page by page: what was read of a long list is booked, also when the rest of it cannot be had.
            async for fills in self._client.fills_of(symbol, order.client_id, order.venue_order_id):
                followed.take(order.learn_fills(fills))
                if not order.misses_fills:
                    break
        if order.misses_fills or order.is_in_doubt:
            self._look_later(followed)

    async def _ask(self, followed: Followed) -> None:
        """Of the order itself. "Not found" is believed only from a question that was asked after the last moment."""
        order, asked_at = followed.order, time.monotonic()
        if order.replacing is not None:
            return await self._replaces.ask(followed)
        followed.is_asking = True
        order.is_in_doubt = False  # What is told from now on may be newer than the answer.
        try:
            word = await self._client.order(order.client_id, order.terms.symbol)
            followed.is_asking = False  # What comes of it is dealt with in the look that asked.
            followed.take(order.learn(word))
            if order.is_in_doubt and asked_at >= followed.never_after:
                order.made_after_all(word)
                followed.take([])  # What people are to be told.
        except NotAtVenue:
            if order.has_arrived:
                # The venue has lost it, or shows it late. Nothing is certain enough to end it.
                _LOG.error("%s says it does not know %s any more", self.name, order.client_id)
                self._look_later(followed)
            elif asked_at >= followed.never_after:
                followed.take(order.refused(NEVER_ARRIVED))
            else:
                self._look_later(followed)
        finally:
            followed.is_asking = False

    async def _cancel(self, followed: Followed) -> None:
        """What comes of it is asked for where the venue does not say.

        "Not found" says little: aiohttp repeats a DELETE by itself, so an earlier one may have done it.
        """
        order = followed.order
        if order.lost is not None and not self._may_send():
            return self._look_later(followed)  # The replace that this engine knows nothing of may be the next one's.
        try:
            word = await self._client.cancel(order.client_id, order.terms.symbol)
        except NotAtVenue:
            word = None
        if word is not None:
            followed.take(order.learn(word))
        else:
            await self._ask(followed)
        if not order.is_over and not order.misses_fills:
            self._look_later(followed)

    def _look_later(self, followed: Followed) -> None:
        """One look is due at a time, however many reasons there are for it."""
        if followed.timer is not None:
            followed.timer.cancel()
        followed.timer = asyncio.get_running_loop().call_later(followed.pause_s, followed.wants_look.set)
        followed.pause_s = min(followed.pause_s * 2, LOOK_PAUSE_MAX_S)
