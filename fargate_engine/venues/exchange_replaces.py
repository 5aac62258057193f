"""An order at an exchange gets other terms: that is asked once, and done when the exchange shows the order with them.

An answer to the request is believed only when it shows the order with its new terms. Whatever else it says, or where
there is none, the order is asked about: a hop between may have sent the request twice, and then the second is refused
because the first was done. "As it was" is believed from a question that was asked when the request could not arrive any
more, and at once where the exchange has refused and would rename the order: a late replace is seen by its name then.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrdStatus
from fargate_engine.terms import TOO_LATE, Reason, WorkingTerms
from fargate_engine.venues.dialect import ChangedOrder
from fargate_engine.venues.exchange_client import ExchangeClient
from fargate_engine.venues.failures import ClockRefused, NotAtVenue, NotSent, OutcomeUnknown, VenueRefused
from fargate_engine.venues.followed import Followed
from fargate_engine.venues.pending_replace import LOST_IN_REPLACE, NOT_REPLACED, PendingReplace
from fargate_engine.venues.protocol import OrderAtVenue
from fargate_engine.venues.tracked_order import TrackedOrder

_LOG = logging.getLogger(__name__)

LEASE_LOOK_S = 0.2
UNSUPPORTED = "REPLACE_UNSUPPORTED"

type Unfit = Callable[[WorkingTerms, Instrument], Reason | None]  # Why the exchange could not take these terms now.


class ExchangeReplaces:
    """`may_send` is false once the shard is another engine's. A request is under way for `arrives_within_s` at most."""

    def __init__(
        self,
        client: ExchangeClient,
        may_send: Callable[[], bool],
        unfit: Unfit,
        look_later: Callable[[Followed], None],
        arrives_within_s: Callable[[], float],
    ) -> None:
        self._client = client
        self._may_send = may_send
        self._unfit = unfit
        self._look_later = look_later
        self._arrives_within_s = arrives_within_s

    async def decide(self, followed: Followed) -> None:
        """Send it, unless that was done, and ask what came of it where the answer does not say."""
        pending = followed.order.replacing
        if pending is not None and not pending.is_sent:
            await self._send(followed, pending)
        # A cancel that is wanted goes first: what it meets tells of the replace as well.
        is_canceled_next = followed.order.is_cancel_wanted and followed.may_cancel
        if followed.order.replacing is pending and not is_canceled_next:
            await self.ask(followed)

    async def ask(self, followed: Followed) -> None:
        """Which terms the order has. It is asked again later where that cannot be told yet."""
        order, asked_at = followed.order, time.monotonic()
        pending = order.replacing
        if pending is None or not pending.is_sent or order.is_over:
            return
        word = await self._word(order, pending.client_id)
        if word is not None:
            followed.take(order.learn(word, is_answer=True))
        can_arrive = asked_at < pending.never_after
        if order.is_renaming and order.replacing is pending and (pending.refusal is not None or not can_arrive):
            word = await self._word(order, order.client_id)
            if word is not None:
                followed.take(order.learn(word, is_answer=True))  # Asked by its old id, it may tell its new one.
        if order.replacing is not pending:
            return
        if word is not None and self._is_as_it_was(order, pending, word, can_arrive=can_arrive):
            followed.take(order.not_replaced(pending.refusal or NOT_REPLACED))
            followed.take(order.learn(word))
        else:
            if word is None and not can_arrive:
                _LOG.error("%s says it does not know %s any more", self._client.name, order.client_id)
            elif word is not None and not can_arrive:
                shown = f"{word.quantity} at {word.price}"
                _LOG.error("%s has %s as %s, which nobody asked for", self._client.name, order.client_id, shown)
                order.ended_if_beyond(word)
                followed.take([])  # What people are to be told.
            self._look_later(followed)

    def _is_as_it_was(
        self, order: TrackedOrder, pending: PendingReplace, word: OrderAtVenue, *, can_arrive: bool
    ) -> bool:
        """Whether `word`, of the order under the id that it has, is proof that the new terms never come."""
        if can_arrive and (pending.refusal is None or not order.is_renaming):
            # Any code may be of a second copy of the request, whose first one is done and shown late.
            return False
        if not order.is_renaming:
            return order.shows(word, order.terms)  # With neither terms nothing is certain, and the larger stays held.
        if can_arrive and word.status.is_final and word.status is not OrdStatus.FILLED:
            return False  # Cancelled, and perhaps placed anew in a moment.
        is_asked_for = order.is_cancel_wanted or pending.is_less_than(order.terms)
        order.lost = LOST_IN_REPLACE if word.status is OrdStatus.CANCELED and not is_asked_for else None
        return True

    async def _send(self, followed: Followed, pending: PendingReplace) -> None:
        order = followed.order
        change = self._as_changed(order, pending)
        if isinstance(change, Reason):
            return followed.take(order.not_replaced(change))

        def may_send() -> bool:
            """At the last moment before it is signed: all that it waited for is over."""
            pending.never_after = followed.never_after = time.monotonic() + self._arrives_within_s()
            is_wanted = order.replacing is pending and not order.is_cancel_wanted
            # What has traded meanwhile may be as much already, or forbid it at this venue.
            is_possible = is_wanted and not isinstance(self._as_changed(order, pending), Reason)
            pending.is_sent = self._may_send() and is_possible
            return pending.is_sent

        try:
            word = await self._client.replace(change, may_send)
            if word is not None:
                followed.take(order.learn(word, is_answer=True))
        except (OutcomeUnknown, ClockRefused) as error:
            _LOG.warning(
                "%s: whether %s is replaced is not known: %s", self._client.name, order.client_id, error.message
            )
        except NotSent as error:
            if pending.is_sent:
                pending.refusal = Reason(error.code, error.message)
            else:
                await self._give_up(followed, pending, error)
        except NotAtVenue as error:
            pending.refusal = Reason(TOO_LATE.code, error.message)
        except VenueRefused as error:
            pending.refusal = Reason(error.code, error.message)

    async def _give_up(self, followed: Followed, pending: PendingReplace, error: NotSent) -> None:
        """It was kept back here. Without its lease a shard reports nothing; if that stays so, the term ends this."""
        while not self._may_send():
            await asyncio.sleep(LEASE_LOOK_S)
        order = followed.order
        if order.replacing is not pending:
            return
        now = self._as_changed(order, pending)
        if order.is_cancel_wanted:
            reason = TOO_LATE
        elif isinstance(now, Reason):
            reason = now
        else:
            reason = Reason(error.code, error.message)
        followed.take(order.not_replaced(reason))

    def _as_changed(self, order: TrackedOrder, pending: PendingReplace) -> ChangedOrder | Reason:
        """Why it is not even sent, where nothing could come of it."""
        before, after, instrument = order.terms, pending.terms, order.instrument
        filled = max(order.filled, instrument.quantity(order.told_lots))
        quantity = instrument.quantity(after.quantity_lots)
        if order.is_cancel_wanted or order.held or filled >= min(quantity, instrument.quantity(before.quantity_lots)):
            return TOO_LATE
        unfit = self._unfit(after, instrument)
        if unfit is not None:
            return unfit
        change = ChangedOrder(
            client_id=order.client_id,
            next_client_id=pending.client_id,
            symbol=after.symbol,
            side=after.side,
            post_only=after.post_only,
            filled=filled,
            quantity_before=instrument.quantity(before.quantity_lots),
            price_before=instrument.price(before.limit_ticks),
            quantity=quantity,
            price=instrument.price(after.limit_ticks),
        )
        unsupported = self._client.unsupported(change)
        return change if unsupported is None else Reason(UNSUPPORTED, f"{self._client.name}: {unsupported}")

    async def _word(self, order: TrackedOrder, client_id: str) -> OrderAtVenue | None:
        """None where the exchange has no such order, or not yet."""
        try:
            return await self._client.order(client_id, order.terms.symbol)
        except NotAtVenue:
            return None
