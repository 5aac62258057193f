"""What is asked of a venue, whichever it is. Everything that only one venue knows stays behind this.

    Venue            questions: what is open there, what was filled, what it holds, what it trades
    └── OrderVenue   and the orders that the sequencer sends, after their commit
    MarketVenue      its markets: those of an exchange are the same for every key, and told once for all of them

The engine's own book (BOOK) is none: the core trades its orders before anything is sent anywhere.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrdStatus, Side
from fargate_engine.market_data.market import Market
from fargate_engine.messages import Liquidity
from fargate_engine.orders import EngineOrder
from fargate_engine.terms import Reason, WorkingTerms


@dataclass(frozen=True, slots=True)
class VenueInstrument:
    """What a venue says of a symbol. None: it says nothing of it."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    quantity_min: Decimal | None = None
    quantity_max: Decimal | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    notional_min: Decimal | None = None
    taker_fee: Decimal = Decimal(0)  # Of the notional.
    maker_fee: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class FillAtVenue:
    """`trade_id` is the venue's, and names a fill once in its symbol. `client_id` is None where it is not told."""

    trade_id: str
    venue_order_id: str
    client_id: str | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_currency: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class OrderAtVenue:
    """`status` is one that a venue gives: never PENDING_* or UNKNOWN. `fills` are those it told of by the way.

    `price` is None where nobody needs it.
    """

    client_id: str
    venue_order_id: str | None
    symbol: str
    side: Side
    status: OrdStatus
    quantity: Decimal
    filled: Decimal
    reason: Reason | None = None
    fills: Sequence[FillAtVenue] = ()
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FillsRead:
    """`until_ms` is None when these are all. Else the list was cut: all before that moment are here, others follow."""

    fills: Sequence[FillAtVenue]
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The venue has taken a new order, and what became of it is told or asked afterwards."""

    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Balance:
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


class Venue(Protocol):
    """Each question raises NotSent or OutcomeUnknown (venues/failures.py) when the venue does not answer it."""

    @property
    def name(self) -> str: ...

    async def open_orders(self) -> list[OrderAtVenue]:
        """All that are open there, whoever sent them. ListTooLong rather than a part of them."""
        ...

    async def order(self, client_id: str, symbol: str) -> OrderAtVenue:
        """NotAtVenue when it has no such order."""
        ...

    async def fills_since(self, symbol: str, since_ms: int) -> FillsRead:
        """Oldest first. ListTooLong when so many are of one moment that there is no going on from it."""
        ...

    async def balances(self) -> Mapping[str, Balance]:
        """By asset, those that are not nothing."""
        ...

    async def positions(self) -> Mapping[str, Decimal]:
        """By symbol, signed. A spot venue has balances and no positions."""
        ...

    async def instruments(self) -> Mapping[str, VenueInstrument]: ...


class MarketVenue(Protocol):
    """SIM tells by its replay, an exchange by its streams. Whoever wants a market gives the one to be told."""

    def subscribe(self, market: Market) -> None:
        """From now on its book and trades, beginning with the book of this moment where there is one."""
        ...

    def unsubscribe(self, market: Market) -> None:
        """It stays as it is. What nobody wants any more ends, after a while."""
        ...


class OrderVenue(Venue, Protocol):
    """Its reports come back through the inbox. A request is never refused by raising: that too is a report."""

    def submit(self, terms: WorkingTerms) -> None: ...

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None: ...

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None:
        """These and no other, as `cancel` does each; in one request where the venue has one, and it ends no other."""
        ...

    # And `replace` where it can be done (`Replaces` in sequencer.py): not by the router.

    def restore(self, order: EngineOrder) -> None:
        """Bring back an open order after a replay of the journal."""
        ...

    def refusal(self, account_id: uuid.UUID) -> Reason | None:
        """Why no order of the account can be sent there now; None where one can."""
        ...

    def listed(self, symbol: str) -> VenueInstrument | None:
        """As the venue told it last; None while no order in the symbol can be sent there."""
        ...

    @property
    def latency_ms(self) -> float:
        """Of its answers to orders, as measured lately."""
        ...

    async def opened(self) -> None:
        """Wait until orders can be restored. EngineUnavailable when that takes too long."""
        ...

    async def run(self) -> None:
        """For ever."""
        ...


def misfit(instrument: Instrument, at_venue: VenueInstrument) -> str | None:
    """Why the symbol cannot be traded there at all; None when it can.

    A fill comes in the venue's steps and is booked in ours, so each of its steps must be whole ones of ours.
    """
    if at_venue.tick_size <= 0 or at_venue.tick_size % instrument.tick_size:
        return f"its tick of {at_venue.tick_size:f} is not a multiple of ours, {instrument.tick_size:f}"
    if at_venue.lot_size <= 0 or at_venue.lot_size % instrument.lot_size:
        return f"its lot of {at_venue.lot_size:f} is not a multiple of ours, {instrument.lot_size:f}"
    return None


def refusal(terms: WorkingTerms, price: Decimal, quantity: Decimal, at_venue: VenueInstrument) -> Reason | None:  # noqa: PLR0911 - one guard, one reason
    """Why the venue could not take the order, so that it is not even sent: nothing is rounded on the way."""
    if price % at_venue.tick_size:
        return Reason("INVALID_PRICE", f"the venue's prices are multiples of {at_venue.tick_size:f}")
    if quantity % at_venue.lot_size:
        return Reason("INVALID_QUANTITY", f"the venue's quantities are multiples of {at_venue.lot_size:f}")
    if at_venue.quantity_min is not None and quantity < at_venue.quantity_min:
        return Reason("INVALID_QUANTITY", f"the venue takes at least {at_venue.quantity_min:f}")
    if at_venue.quantity_max is not None and quantity > at_venue.quantity_max:
        return Reason("INVALID_QUANTITY", f"the venue takes at most {at_venue.quantity_max:f}")
    if at_venue.price_min is not None and price < at_venue.price_min:
        return Reason("INVALID_PRICE", f"the venue's prices begin at {at_venue.price_min:f}")
    if at_venue.price_max is not None and price > at_venue.price_max:
        return Reason("INVALID_PRICE", f"the venue's prices end at {at_venue.price_max:f}")
    if at_venue.notional_min is not None and price * quantity < at_venue.notional_min:
        return Reason("INVALID_QUANTITY", f"the venue takes orders from {at_venue.notional_min:f} of its currency on")
    return None


def within_venue_ticks(terms: WorkingTerms, limit: Decimal, tick_size: Decimal) -> Decimal:
    """A market order's far edge, moved inwards to a price that the venue has; a limit order's price as it is."""
    rest = limit % tick_size
    if not terms.is_market or not rest:
        return limit
    return limit - rest if terms.side is Side.BUY else limit - rest + tick_size
