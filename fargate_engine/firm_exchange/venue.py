"""One venue as its clients see it: its market, what it lists, and which of an account's orders are there."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from breakwater.domain.executions import ROUTER_VENUE, Execution
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import SIMULATED_VENUE
from fargate_engine.binance.errors import bad_symbol, unavailable
from fargate_engine.binance.exchange import BoundedInstrument, Bounds, NewOrder
from fargate_engine.gateway.state import EngineState
from fargate_engine.market_data.market import Market
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.protocol import VenueInstrument, misfit
from fargate_engine.venues.simulated_market import FEE_RATE


class ShownVenue:
    """The simulated one, or an exchange that the engine is configured with (decision 134)."""

    def __init__(self, engine: EngineState, name: str) -> None:
        self.name = name
        self._engine = engine
        self._listed_by: Mapping[str, VenueInstrument] | None = None
        self._listed: Sequence[Instrument] = ()

    @property
    def fee_rate(self) -> Decimal:
        """The most that it charges for a trade, of the notional."""
        return FEE_RATE if self.name == SIMULATED_VENUE else self._connection().taker_fee

    def instruments(self) -> Sequence[Instrument]:
        """The same sequence until something changes. BinanceError -1001 while the venue has not been reached."""
        if self.name == SIMULATED_VENUE:
            return self._engine.instruments
        connection = self._connection()
        if not connection.is_ready:
            raise unavailable(1)
        if self._listed_by is not connection.client.markets:
            self._listed_by = connection.client.markets
            self._listed = listed(self._engine.instruments, self._listed_by)
        return self._listed

    def find_market(self, symbol: str) -> Market | None:
        """None where there is none, or where it is another engine's."""
        return self._engine.hub.get(self.name, symbol)

    def market(self, symbol: str) -> Market:
        """-1121 for a symbol that is not traded there, -1001 where its market is not here."""
        market = self.find_market(symbol)
        if market is None:
            raise bad_symbol() if symbol not in {each.symbol for each in self.instruments()} else unavailable(1)
        return market

    def destination(self, order: NewOrder) -> dict[str, Any]:
        """The market that clients are shown is this venue's: there they trade, and their stops too."""
        if order.execution is None:
            return {"venue": self.name}
        return {"execution": order.execution.model_copy(update={"venues": (self.name,)})}

    def _connection(self) -> ExchangeConnection:
        """-1001 while the engine starts."""
        found = next((each for each in self._engine.exchanges if each.name == self.name), None)
        if found is None:
            raise unavailable(1)
        return found


def is_at(here: str, venue: str, execution: Execution | None) -> bool:
    """Whether an order is one of this venue: sent there, or worked there alone by the router."""
    return venue == here or (venue == ROUTER_VENUE and execution is not None and execution.venues == (here,))


def listed(instruments: Sequence[Instrument], at_venue: Mapping[str, VenueInstrument]) -> tuple[Instrument, ...]:
    """What can be traded there, in the venue's steps and bounds: what does not fit them it would refuse."""
    return tuple(
        _as_listed(each, at_venue[each.symbol])
        for each in instruments
        if each.symbol in at_venue and misfit(each, at_venue[each.symbol]) is None
    )


def _as_listed(instrument: Instrument, at_venue: VenueInstrument) -> Instrument:
    return BoundedInstrument(
        symbol=instrument.symbol,
        base_asset=instrument.base_asset,
        quote_asset=instrument.quote_asset,
        tick_size=at_venue.tick_size,
        lot_size=at_venue.lot_size,
        notional_min=max(instrument.notional_min, at_venue.notional_min or Decimal(0)),
        asset_class=instrument.asset_class,
        bounds=Bounds(at_venue.quantity_min, at_venue.quantity_max, at_venue.price_min, at_venue.price_max),
    )
