"""What the router knows of the venues of one symbol, as an algorithm sees it."""

import time
import uuid
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from itertools import islice

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import INTERNAL_VENUE, Side
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import Levels
from fargate_engine.market_data.market import Market
from fargate_engine.routing.moves import VenueView
from fargate_engine.shard_state import ShardState
from fargate_engine.terms import Reason
from fargate_engine.venues.protocol import OrderVenue, VenueInstrument

LEVELS_MAX = 50
MARKET_SILENT_S = 10.0  # A book that is older is none: its venue may be long elsewhere.
_OTHER_SIDE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
_PROFILE_SLOTS = 288
_SLOT_MS = 300_000


class VenueViews:
    def __init__(self, state: ShardState, hub: MarketHub, venues: Mapping[str, OrderVenue]) -> None:
        """`venues`: those that orders can be sent to, but for the engine's own book."""
        self._state = state
        self._hub = hub
        self._venues = venues

    def names(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those of `wanted` that there are; all but the engine's own book when none is named.

        That costs least to rest in, and may have nobody who comes: it is for those who ask for it.
        """
        known = tuple(name for name in self._venues if name != ROUTER_VENUE)
        return tuple(name for name in wanted if name in (*known, INTERNAL_VENUE)) if wanted else known

    def market(self, venue: str, symbol: str) -> Market | None:
        """None for the engine's own book, too: who trades there is told, and nobody else.

        Nor one in other steps than the shard's, which keeps its own where they have changed: its lots are none of ours.
        """
        market, ours = self._hub.get(venue, symbol), self._state.instruments.get(symbol)
        return market if market is not None and ours is not None and market.instrument.has_steps_of(ours) else None

    def shown(self, name: str, symbol: str) -> object:
        """Which book it shows; another one when that has changed. None for the engine's own, which is never old."""
        market = self._hub.get(name, symbol)
        return None if market is None else (id(market), market.update_id)

    def mark(self, names: Sequence[str], symbol: str) -> tuple[object, ...]:
        """Another one when anything that a look would show has changed."""
        return tuple(self._mark(name, symbol) for name in names)

    def refusal(self, names: Sequence[str], account_id: uuid.UUID) -> Reason | None:
        """Why none of these takes an order of the account; None where one does."""
        refusals = [self._refusal(name, account_id) for name in names]
        return None if None in refusals else next(iter(refusals), None)

    def views(self, names: Sequence[str], instrument: Instrument, side: Side, account_id: uuid.UUID) -> list[VenueView]:
        """Of those of `names` where an order of the account in the symbol can be sent now."""
        views = [self._view(name, instrument, side) for name in names if self._refusal(name, account_id) is None]
        return [view for view in views if view is not None]

    def volume_profile(self, names: Sequence[str], symbol: str) -> list[int]:
        """The lots of each five minutes of the day, in the 24 hours before."""
        profile = [0] * _PROFILE_SLOTS
        for market in (self.market(name, symbol) for name in names):
            if market is None:
                continue
            since_ms = market.at_ns // 1_000_000 - (_PROFILE_SLOTS - 1) * _SLOT_MS
            for bar in market.bars.since(Interval.MINUTES_5, since_ms):
                profile[bar.open_ms // _SLOT_MS % _PROFILE_SLOTS] += bar.volume_lots
        return profile

    def _refusal(self, name: str, account_id: uuid.UUID) -> Reason | None:
        venue = self._venues.get(name)
        return None if venue is None else venue.refusal(account_id)

    def _mark(self, name: str, symbol: str) -> object:
        if name == INTERNAL_VENUE:
            return self._own_best(symbol)
        market = self._hub.get(name, symbol)
        return None if market is None else (id(market), market.update_id, market.trade_count)

    def _own_best(self, symbol: str) -> object:
        return [self._state.depth(symbol, side, 1) for side in Side]

    def _view(self, name: str, instrument: Instrument, side: Side) -> VenueView | None:
        venue = self._venues.get(name)
        terms = _own_terms(instrument) if venue is None else venue.listed(instrument.symbol)
        if terms is None:
            return None
        market = self.market(name, instrument.symbol)
        return VenueView(
            venue=name,
            opposite=self._levels(name, market, instrument.symbol, _OTHER_SIDE[side]),
            own=self._levels(name, market, instrument.symbol, side),
            trades=() if market is None else market.trades,
            taker_fee=terms.taker_fee,
            maker_fee=terms.maker_fee,
            latency_ms=0.0 if venue is None else venue.latency_ms,
            tick_step=int(EXACT.divide(terms.tick_size, instrument.tick_size)),
            lot_step=int(EXACT.divide(terms.lot_size, instrument.lot_size)),
            lots_min=max(1, _steps_up(terms.quantity_min, instrument.lot_size)),
            notional_min_steps=_steps_up(terms.notional_min, EXACT.multiply(instrument.tick_size, instrument.lot_size)),
        )

    def _levels(self, name: str, market: Market | None, symbol: str, side: Side) -> Levels:
        """Best first; none of a market that has said nothing of its book for long, however much trades there."""
        if name == INTERNAL_VENUE:
            return tuple(self._state.depth(symbol, side, LEVELS_MAX))
        age_s = None if market is None else market.book_age_s(time.monotonic())
        if market is None or age_s is None or age_s > MARKET_SILENT_S:
            return ()
        return tuple(islice(market.book.levels(side), LEVELS_MAX))


def _own_terms(instrument: Instrument) -> VenueInstrument:
    """The book takes each whole tick and lot, and charges nothing."""
    return VenueInstrument(instrument.symbol, instrument.tick_size, instrument.lot_size)


def _steps_up(amount: Decimal | None, step: Decimal) -> int:
    """So many steps that the minimum is surely met."""
    return 0 if amount is None else int(EXACT.divide(amount, step).to_integral_value(rounding=ROUND_CEILING))
