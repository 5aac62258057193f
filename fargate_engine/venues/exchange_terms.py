"""Whether an exchange could take an order with such terms now, and how it is sent."""

from decimal import Decimal

from breakwater.domain.instruments import Instrument
from fargate_engine.terms import Reason, WorkingTerms
from fargate_engine.venues.dialect import NewOrder
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.protocol import VenueInstrument, misfit, refusal, within_venue_ticks
from fargate_engine.venues.tracked_order import TrackedOrder


class ExchangeTerms:
    def __init__(self, connection: ExchangeConnection) -> None:
        self._connection = connection
        self._client = connection.client

    def as_sent(self, order: TrackedOrder) -> NewOrder | Reason:
        """Why it is not even sent, where the venue could not take it."""
        terms, instrument = order.terms, order.instrument
        unfit = self.unfit(terms, instrument)
        if unfit is not None:
            return unfit
        return NewOrder(
            client_id=order.client_id,
            symbol=terms.symbol,
            side=terms.side,
            quantity=instrument.quantity(terms.quantity_lots),
            price=_price(terms, instrument, self._client.markets[terms.symbol]),
            time_in_force=terms.time_in_force,
            post_only=terms.post_only,
        )

    def unfit(self, terms: WorkingTerms, instrument: Instrument) -> Reason | None:
        """Why the venue could not take an order with these terms now; None where it could."""
        name = self._connection.name
        not_given = self._connection.refusal(terms.account_id)
        if not_given is not None:
            return not_given
        at_venue = self._client.markets.get(terms.symbol)
        if not self._connection.is_ready:
            return Reason("VENUE_UNREACHABLE", f"{name} has not been reached yet")
        if at_venue is None:
            return Reason("UNKNOWN_SYMBOL", f"{terms.symbol} is not traded at {name}")
        problem = misfit(instrument, at_venue)
        if problem is not None:
            return Reason("VENUE_MISFIT", f"{terms.symbol} cannot be traded at {name}: {problem}")
        quantity = instrument.quantity(terms.quantity_lots)
        return refusal(terms, _price(terms, instrument, at_venue), quantity, at_venue)


def _price(terms: WorkingTerms, instrument: Instrument, at_venue: VenueInstrument) -> Decimal:
    return within_venue_ticks(terms, instrument.price(terms.limit_ticks), at_venue.tick_size)
