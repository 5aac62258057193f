"""One of our orders at a venue: what the venue has said of it, and what of that has been reported. Pure.

Streams, answers and questions tell the same things in any order, twice, late, or not at all. Each is a word about the
order as a whole or about one fill; whatever is new in it becomes a report, once. The last word is held back until the
fills add up to what it says was filled: after it the engine books nothing more.
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
    VenueReport,
)
from fargate_engine.orders import EngineOrder
from fargate_engine.terms import FOK_NOT_FILLABLE, NO_LIQUIDITY, Reason, WorkingTerms
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.protocol import FillAtVenue, OrderAtVenue

WORDS_MAX = 300
_FEE_STEP = Decimal(1).scaleb(-DIGITS_MAX)  # The finest that a journal keeps.
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
    told_lots: int = 0
    trade_ids: set[str] = field(default_factory=set)
    filled: Decimal = Decimal(0)  # As the venue says.
    last_word: OrderAtVenue | None = None
    anomalies: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, terms: WorkingTerms, instrument: Instrument) -> "TrackedOrder":
        return cls(terms, instrument, client_id_of(terms.order_id))

    @classmethod
    def restored(cls, order: EngineOrder) -> "TrackedOrder":
        """As the journal knows it. Of one that is being cancelled nobody knows whether it was ever accepted."""
        return cls(
            terms=order.terms,
            instrument=order.instrument,
            client_id=client_id_of(order.order_id),
            is_accepted=order.status in {OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED} or order.cum_lots > 0,
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
        return not self.is_over and self.filled > self.instrument.quantity(self.told_lots)

    def acknowledged(self, venue_order_id: str) -> None:
        """Nothing is reported: a post-only order that would take is refused after it."""
        self.is_acknowledged = True
        self.venue_order_id = venue_order_id

    def learn(self, word: OrderAtVenue) -> list[VenueReport]:
        """The venue's word on the whole order. An older one than it gave before changes nothing."""
        if self.is_over:
            return []
        self.venue_order_id = word.venue_order_id or self.venue_order_id
        if word.status is OrdStatus.REJECTED and not word.filled and not self.told_lots:
            return self._over(self._rejected(word.reason))
        reports = self._accept()
        self.filled = max(self.filled, word.filled)
        if word.status.is_final and self.last_word is None:
            self.last_word = word
        for fill in word.fills:
            reports += self._book(fill)
        return reports + self._end_if_complete()

    def learn_fills(self, fills: Iterable[FillAtVenue]) -> list[VenueReport]:
        reports: list[VenueReport] = []
        for fill in fills:
            if not self.is_over:
                reports += [*self._accept(), *self._book(fill)]
        return reports + self._end_if_complete()

    def refused(self, reason: Reason) -> list[VenueReport]:
        """It is not there, and never was."""
        return [] if self.is_over else self._over(self._rejected(reason))

    def never_sent(self) -> list[VenueReport]:
        """Its cancel came before it went out."""
        return [] if self.is_over else self._over(VenueCanceled(order_id=self.terms.order_id))

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
        problem = self._problem(fill, lots, ticks)
        self.trade_ids.add(fill.trade_id)
        if problem is not None:
            self.anomalies.append(f"fill {fill.trade_id} of {self.client_id} is not booked: {problem}")
            return []
        if self.terms.side.sign * (int(ticks) - self.terms.limit_ticks) > 0:
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
        if word.status is OrdStatus.FILLED:
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
        told = reason or Reason("VENUE_REFUSED", "the venue refused it without a word")
        return VenueRejected(order_id=self.terms.order_id, code=told.code, reason=_plain(told.text))

    def _over(self, report: VenueReport) -> list[VenueReport]:
        self.is_over = True
        return [report]


def _plain(words: str) -> str:
    """Of a venue: nothing that a journal or a database cannot hold, such as NUL or half of a surrogate pair."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:WORDS_MAX]


def _places(number: Decimal) -> int:
    """Behind the point, as it is written."""
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
