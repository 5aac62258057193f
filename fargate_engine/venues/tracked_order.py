"""One of our orders at a venue: what the venue has said of it, and what of that has been reported. Pure.

Streams, answers and questions tell the same things in any order, twice, late, or not at all. Each is a word about the
order as a whole or about one fill; whatever is new in it becomes a report, once. The last word is held back until the
fills add up to what it says was filled: after it the engine books nothing more.

A replace is done when the venue shows the order with its new terms. Where it renames the order by them, their client id
anywhere says so. Where it does not, only an answer to a question asked after the replace was sent does, or a last word:
a late word may be of terms that it had before, and these may be the same. So too with no replace pending: a word that
shows other terms than the order has raises a question, and the answer or a last word ends it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal

from matching_core import PRICE_MAX, QUANTITY_MAX

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import DIGITS_MAX, EXACT
from breakwater.domain.orders import OrdStatus, TimeInForce
from fargate_engine.messages import (
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueFilled,
    VenueRejected,
    VenueReplaced,
    VenueReplaceRejected,
    VenueReport,
)
from fargate_engine.orders import EngineOrder
from fargate_engine.terms import FOK_NOT_FILLABLE, NO_LIQUIDITY, TOO_LATE, Reason, WorkingTerms
from fargate_engine.venues.client_ids import client_id_of, replace_no_of
from fargate_engine.venues.pending_replace import REPLACED_AFTER_ALL, PendingReplace
from fargate_engine.venues.protocol import FillAtVenue, OrderAtVenue

WORDS_MAX = 300
_ACCEPTED = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
_FEE_STEP = Decimal(1).scaleb(-DIGITS_MAX)  # The finest that a journal keeps.
REFUSED = Reason("VENUE_REFUSED", "the venue refused it without a word")
NEVER_ARRIVED = Reason("VENUE_NEVER_ARRIVED", "the venue has no such order, and none can arrive any more")


@dataclass(slots=True)
class TrackedOrder:
    """`anomalies` are words of the venue that cannot be, for people."""

    terms: WorkingTerms
    instrument: Instrument
    client_id: str
    venue_order_id: str | None = None
    is_accepted: bool = False  # As reported.
    is_acknowledged: bool = False  # The venue took it; its book may refuse it still.
    is_over: bool = False
    is_cancel_wanted: bool = False
    lost: Reason | None = None  # Why it ends, where a replace of it went wrong.
    is_in_doubt: bool = False  # A word, perhaps a late one, has shown it with other terms than it has.
    replacing: PendingReplace | None = None
    worst_ticks: int = 0  # Of the limits that it may have traded at.
    told_lots: int = 0
    trade_ids: set[str] = field(default_factory=set)
    held: dict[str, FillAtVenue] = field(default_factory=dict)  # Fills that are booked once a replace is decided.
    filled: Decimal = Decimal(0)  # As the venue says.
    unbooked: Decimal = Decimal(0)  # Of its fills: what people were told of, and no engine can book.
    last_word: OrderAtVenue | None = None
    anomalies: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, terms: WorkingTerms, instrument: Instrument) -> "TrackedOrder":
        return cls(terms, instrument, client_id_of(terms.order_id), worst_ticks=terms.limit_ticks)

    @classmethod
    def restored(cls, order: EngineOrder, *, is_renamed: bool) -> "TrackedOrder":
        """As the journal knows it. Of one that is being cancelled nobody knows whether it was ever accepted.

        `is_renamed`: its venue gives it another client id with each replace.
        """
        terms_no = 0 if order.replaced is None or not is_renamed else order.replaced.replace_no
        # No other order is ever replaced.
        was_accepted = order.replaced is not None or order.replacing is not None
        return cls(
            terms=order.terms,
            instrument=order.instrument,
            client_id=client_id_of(order.order_id, terms_no),
            worst_ticks=order.terms.limit_ticks,
            is_accepted=was_accepted or order.status in _ACCEPTED or order.cum_lots > 0,
            is_cancel_wanted=order.is_being_canceled,
            told_lots=order.cum_lots,
            trade_ids=set(order.venue_trade_ids),
            filled=order.instrument.quantity(order.cum_lots),
        )

    @property
    def has_arrived(self) -> bool:
        """The venue has said so: that it does not find the order now means that it shows it late."""
        return self.is_acknowledged or self.is_accepted or self.told_lots > 0

    @property
    def misses_fills(self) -> bool:
        """The venue has filled more than it has told the fills of."""
        # With terms that are not ours there may be fills that can never be booked: it does not wait for these.
        unbooked = self.unbooked if self.lost is not None else Decimal(0)
        return not self.is_over and self.filled > self.instrument.quantity(self.told_lots) + unbooked

    @property
    def is_renaming(self) -> bool:
        """A replace is pending that gives it another client id: its end under the one it has may be a part of that."""
        return self.replacing is not None and self.replacing.client_id != self.client_id

    def shows(self, word: OrderAtVenue, terms: WorkingTerms) -> bool:
        """Whether it is of an order with this quantity and price."""
        instrument = self.instrument
        asked = instrument.quantity(terms.quantity_lots), instrument.price(terms.limit_ticks)
        return (word.quantity, word.price) == asked

    def acknowledged(self, venue_order_id: str) -> None:
        """Nothing is reported: a post-only order that would take is refused after it."""
        self.is_acknowledged = True
        self.venue_order_id = venue_order_id

    def learn(self, word: OrderAtVenue, *, is_answer: bool = False) -> list[VenueReport]:
        """The venue's word on the whole order. An older one than it gave before changes nothing.

        `is_answer`: it was asked for after the replace that is pending was sent.
        """
        if self.is_over:
            return []
        reports = self._learn_of_replace(word, is_answer=is_answer)
        if word.status is not OrdStatus.REJECTED:
            self._recover(word.client_id)
        if self.is_over or word.client_id != self.client_id:
            return reports  # Filled to its end with what was held, or of terms that it has not.
        if word.status is OrdStatus.REJECTED and self.is_renaming:
            return reports  # It was accepted: what is refused is what it was to be.
        self.venue_order_id = word.venue_order_id or self.venue_order_id
        if word.status is OrdStatus.REJECTED and not word.filled and not self.told_lots:
            return [*reports, *self._over(self._rejected(word.reason))]
        reports += self._accept()
        self._compare(word)
        self.filled = max(self.filled, word.filled)
        if word.status.is_final and self.last_word is None and not self.is_renaming:
            self.last_word = word
        for fill in word.fills:
            reports += self._book(fill)
        return reports + self._end_if_complete()

    def learn_fills(self, fills: Iterable[FillAtVenue]) -> list[VenueReport]:
        reports: list[VenueReport] = []
        for fill in fills:
            if not self.is_over:
                reports += [*self._accept(), *self._learn_of_fill(fill)]
                self._recover(fill.client_id)
                reports += self._book(fill)
        return reports + self._end_if_complete()

    def replace(self, pending: PendingReplace) -> None:
        """The order shall have these terms. What was told of it before may be as much already: then it is too late."""
        self.replacing, self.is_in_doubt = pending, False  # Which terms it has is asked now anyway.
        self.worst_ticks = max(
            self.worst_ticks, pending.terms.limit_ticks, key=lambda each: each * self.terms.side.sign
        )

    def not_replaced(self, reason: Reason) -> list[VenueReport]:
        """It has the terms that it had, and will not get those that are pending any more."""
        if self.is_over or self.replacing is None:
            return []
        self.replacing = None
        told = VenueReplaceRejected(order_id=self.terms.order_id, code=reason.code, reason=_plain(reason.text))
        return [told, *self._book_held()]

    def made_after_all(self, word: OrderAtVenue) -> None:
        """`word`, that no request under way can have overtaken, shows terms that nothing is reserved for: it ends."""
        self.is_in_doubt = False
        if not (self.is_over or self._has_terms_of(word)):
            self._end_as_replaced(f"{self.client_id} is there as {_shown(word)}, refused here or asked for by nobody")

    def ended_if_beyond(self, word: OrderAtVenue) -> None:
        """The same while a replace is pending, where it shows more, or a worse price, than is held for both terms."""
        pending, instrument, sign = self.replacing, self.instrument, self.terms.side.sign
        if self.is_over or self.lost is not None or pending is None:
            return
        held_lots = max(self.terms.quantity_lots, pending.terms.quantity_lots)
        worst_ticks = max(self.terms.limit_ticks, pending.terms.limit_ticks, key=lambda each: each * sign)
        is_more = word.quantity > instrument.quantity(held_lots)
        worst = instrument.price(worst_ticks)
        is_worse = ((word.price or worst) - worst) * sign > 0
        if is_more or is_worse:
            self._end_as_replaced(f"{self.client_id} is there as {_shown(word)}, beyond what is held for it")

    def refused(self, reason: Reason) -> list[VenueReport]:
        """It is not there, and never was."""
        return [] if self.is_over else self._over(self._rejected(reason))

    def never_sent(self) -> list[VenueReport]:
        """Its cancel came before it went out."""
        return [] if self.is_over else self._over(VenueCanceled(order_id=self.terms.order_id))

    def _learn_of_replace(self, word: OrderAtVenue, *, is_answer: bool) -> list[VenueReport]:
        pending = self.replacing
        if pending is None:
            return []
        if self.is_renaming:
            if word.status is OrdStatus.REJECTED and not word.filled:
                # Binance tells so of a new order that it did not take when it had cancelled the one before.
                pending.refusal = pending.refusal or word.reason or REFUSED
                return []
            if word.client_id == pending.client_id:
                return self._replaced(pending)
            # Filled to its end it was not cancelled, nor made smaller. Any other end may be the replace itself.
            is_refused = word.client_id == self.client_id and word.status is OrdStatus.FILLED
            return self.not_replaced(TOO_LATE) if is_refused else []
        if self.shows(word, pending.terms) and (is_answer or word.status.is_final):
            return self._replaced(pending)
        return self.not_replaced(TOO_LATE) if word.status.is_final else []

    def _learn_of_fill(self, fill: FillAtVenue) -> list[VenueReport]:
        pending = self.replacing
        if pending is None or not self.is_renaming or fill.client_id != pending.client_id:
            return []
        self.venue_order_id = fill.venue_order_id
        return self._replaced(pending)

    def _recover(self, client_id: str | None) -> None:
        """It goes by the id of a replace that was refused here: with terms that nothing is reserved for it ends."""
        if client_id is None or self.replacing is not None or replace_no_of(client_id) <= replace_no_of(self.client_id):
            return
        self.client_id = client_id
        self._end_as_replaced(f"{client_id} is there, and its replace was refused here")

    def _compare(self, word: OrderAtVenue) -> None:
        if self._has_terms_of(word):
            return
        if word.status.is_final:
            self.made_after_all(word)
        else:
            self.is_in_doubt = True

    def _has_terms_of(self, word: OrderAtVenue) -> bool:
        """As far as it says, and as they must be the same: not while a replace is pending, nor after one got lost."""
        if self.replacing is not None or self.lost is not None or word.client_id != self.client_id:
            return True
        if self.terms.is_market:
            return True  # Its price there is the venue's tick within the band, and it is never replaced.
        limit = self.instrument.price(self.terms.limit_ticks)
        is_same_price = not word.price or word.price == limit
        return is_same_price and word.quantity == self.instrument.quantity(self.terms.quantity_lots)

    def _end_as_replaced(self, words: str) -> None:
        self.lost, self.is_cancel_wanted = REPLACED_AFTER_ALL, True
        self.anomalies.append(f"{words}: it is ended there")

    def _replaced(self, pending: PendingReplace) -> list[VenueReport]:
        self.replacing, self.terms, self.client_id = None, pending.terms, pending.client_id
        quantity_lots, price_ticks = pending.terms.quantity_lots, pending.terms.limit_ticks
        told = VenueReplaced(order_id=self.terms.order_id, quantity_lots=quantity_lots, price_ticks=price_ticks)
        return [told, *self._book_held()]

    def _book_held(self) -> list[VenueReport]:
        held, self.held = self.held, {}
        return [report for fill in held.values() if not self.is_over for report in self._book(fill)]

    def _may_be_last(self, lots: int) -> bool:
        """Whether so much would fill the order by the terms that it has, or by those it may get."""
        if self.replacing is None:
            return False
        return self.told_lots + lots >= min(self.terms.quantity_lots, self.replacing.terms.quantity_lots)

    def _accept(self) -> list[VenueReport]:
        if self.is_accepted:
            return []
        self.is_accepted = True
        return [VenueAccepted(order_id=self.terms.order_id)]

    def _book(self, fill: FillAtVenue) -> list[VenueReport]:
        fill = replace(fill, trade_id=_plain(fill.trade_id), fee_currency=_plain(fill.fee_currency))
        if fill.trade_id in self.trade_ids:
            return []
        # Bounded before it is reckoned with: a quotient may be beyond what a Decimal can be.
        if max(fill.quantity.adjusted(), fill.price.adjusted()) > DIGITS_MAX:
            self.trade_ids.add(fill.trade_id)
            self.anomalies.append(f"fill {fill.trade_id} of {self.client_id} is not booked: it is beyond all amounts")
            return []
        lots, ticks = fill.quantity / self.instrument.lot_size, fill.price / self.instrument.tick_size
        if self._may_be_last(int(lots)):
            # Until it is known which quantity the order has: the engine would end it with this fill, or refuse what is
            # more than the order had.
            self.held[fill.trade_id] = fill
            return []
        problem = self._problem(fill, lots, ticks)
        self.trade_ids.add(fill.trade_id)
        if problem is not None:
            if fill.side == self.terms.side and fill.symbol == self.terms.symbol:
                self.unbooked += fill.quantity
            self.anomalies.append(f"fill {fill.trade_id} of {self.client_id} is not booked: {problem}")
            return []
        if self.terms.side.sign * (int(ticks) - self.worst_ticks) > 0:
            worse = f"{fill.price:f} is worse than its limit"
            self.anomalies.append(f"fill {fill.trade_id} of {self.client_id} is booked although {worse}")
        self.told_lots += int(lots)
        self.filled = max(self.filled, self.instrument.quantity(self.told_lots))
        filled = VenueFilled(
            order_id=self.terms.order_id,
            quantity_lots=int(lots),
            price_ticks=int(ticks),
            liquidity=fill.liquidity,
            fee=self._fee(fill),
            fee_currency=fill.fee_currency,
            trade_id=fill.trade_id,
        )
        if self.told_lots == self.terms.quantity_lots:
            self.is_over = True
        return [filled]

    def _fee(self, fill: FillAtVenue) -> Decimal:
        """What an amount can hold, or the journal could not be read again. Rounded up: never less than was charged."""
        fee = fill.fee
        if fee.adjusted() < DIGITS_MAX and _places(fee) > DIGITS_MAX:
            fee = fee.quantize(_FEE_STEP, ROUND_CEILING, EXACT)
        if fee.adjusted() < DIGITS_MAX:
            return fee
        self.anomalies.append(f"fill {fill.trade_id} of {self.client_id} is booked without its fee: {fill.fee} is none")
        return Decimal(0)

    def _problem(self, fill: FillAtVenue, lots: Decimal, ticks: Decimal) -> str | None:
        if fill.side != self.terms.side or fill.symbol != self.terms.symbol:
            return f"it is a {fill.side} of {fill.symbol}"
        if lots > QUANTITY_MAX or ticks > PRICE_MAX:
            return f"{fill.quantity:.6g} at {fill.price:.6g} is more than anything is traded for"
        if lots != int(lots) or ticks != int(ticks) or lots < 1 or ticks < 1:
            return f"{fill.quantity:f} at {fill.price:f} is not of whole lots and ticks"
        if self.told_lots + int(lots) > self.terms.quantity_lots:
            left = self.terms.quantity_lots - self.told_lots
            return f"{int(lots)} lots are more than the {left} that are left"
        return None

    def _end_if_complete(self) -> list[VenueReport]:
        """The last word, if there was one and nothing that it counts is missing."""
        word = self.last_word
        if self.is_over or word is None or self.misses_fills:
            return []
        if word.status is OrdStatus.FILLED and self.lost is None:
            # All fills are told and they are less than the order: the venue contradicts itself, and a question later on
            # may say more.
            self.anomalies.append(
                f"{self.client_id} is FILLED with {self.told_lots} of {self.terms.quantity_lots} lots"
            )
            self.last_word = None
            return []
        return self._over(self._ended(word))

    def _ended(self, word: OrderAtVenue) -> VenueReport:
        """What is left of an IOC or FOK ends as CANCELED, as FIX has it, whatever the venue calls it."""
        order_id = self.terms.order_id
        if self.lost is not None:
            return VenueCanceled(order_id=order_id, code=self.lost.code, reason=self.lost.text)
        if word.reason is not None:
            return VenueCanceled(order_id=order_id, code=word.reason.code, reason=_plain(word.reason.text))
        may_rest = self.terms.time_in_force is TimeInForce.GTC
        if not may_rest and (word.status is OrdStatus.EXPIRED or not self.is_cancel_wanted):
            reason = FOK_NOT_FILLABLE if self.terms.time_in_force is TimeInForce.FOK else NO_LIQUIDITY
            return VenueCanceled(order_id=order_id, code=reason.code, reason=reason.text)
        if word.status is OrdStatus.EXPIRED:
            return VenueExpired(order_id=order_id)
        if self.is_cancel_wanted:
            return VenueCanceled(order_id=order_id)
        return VenueCanceled(
            order_id=order_id, code="VENUE_CANCELED", reason="the venue cancelled it, or somebody there"
        )

    def _rejected(self, reason: Reason | None) -> VenueReport:
        told = reason or REFUSED
        return VenueRejected(order_id=self.terms.order_id, code=told.code, reason=_plain(told.text))

    def _over(self, report: VenueReport) -> list[VenueReport]:
        self.is_over = True
        return [report]


def _shown(word: OrderAtVenue) -> str:
    return f"{word.quantity:.12g}" + (f" at {word.price:.12g}" if word.price else "")


def _plain(words: str) -> str:
    """Of a venue: nothing that a journal or a database cannot hold, such as NUL or half of a surrogate pair."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:WORDS_MAX]


def _places(number: Decimal) -> int:
    """Behind the point, as it is written."""
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
