"""What an algorithm sees of a parent order and its markets, and what it may do: the words between it and the router.

An algorithm is a pure function of a View. It is asked again after everything that changed: a child, a market, a time.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.market_data.l2_book import Levels
from fargate_engine.market_data.updates import Trade
from fargate_engine.terms import Reason


@dataclass(frozen=True, slots=True)
class VenueView:
    """One venue in the parent's symbol. Levels are (price_ticks, lots), best first; empty where it shows no book.

    `opposite` is what the parent could take, `own` the side it would rest on. `latency_ms` is that of its answers, as
    measured. Steps and minimum are the venue's, in our ticks and lots: prices and quantities sent there are multiples.
    `trades` are its last ones, oldest first.
    """

    venue: str
    opposite: Levels
    own: Levels
    trades: Sequence[Trade]
    taker_fee: Decimal  # Of the notional.
    maker_fee: Decimal
    latency_ms: float
    tick_step: int
    lot_step: int
    lots_min: int
    notional_min_steps: int  # In ticks times lots.


@dataclass(frozen=True, slots=True)
class Child:
    """A child that is not final. `rests`: it was sent to rest (GTC), not to take.

    `is_working`: its venue has it; before, its outcome is not known yet.
    """

    order_id: uuid.UUID
    venue: str
    leaves_lots: int
    cum_lots: int
    limit_ticks: int
    rests: bool
    is_working: bool
    is_being_canceled: bool
    sent_at_ns: int


@dataclass(frozen=True, slots=True)
class Entry:
    """The order that an exit comes after, and what its other exits make of what it has filled.

    `exited_lots`: they have traded so much of it. `under_way_lots`: their children may trade so much more.
    """

    cum_lots: int
    is_final: bool
    exited_lots: int = 0
    under_way_lots: int = 0

    @property
    def left_lots(self) -> int:
        """For this exit, with what it has traded itself."""
        return self.cum_lots - self.exited_lots

    @property
    def may_leave_more(self) -> bool:
        """It may fill more, or another exit give up what it has under way."""
        return not self.is_final or self.under_way_lots > 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A child that its venue refused, or that took nothing and ended: the newest of each venue, since `began_at_ns`."""

    code: str
    at_ns: int
    count: int  # In a row.


@dataclass(frozen=True, slots=True)
class View:
    """`limit_ticks`: the parent's price, or for a market order the far edge of its band. `low_ticks` to `high_ticks` is
    its band: nothing is sent outside.

    `unsent_lots`: what is left of it and in no open child. `note` is what the algorithm noted last, in an earlier
    process, too. `market_lots`: what has traded at its venues since `began_at_ns`, the parent's own fills included.
    `volume_profile`: the lots of each five minutes of the day (UTC) in the 24 hours before, 288 of them; 0 where
    nothing is known.
    """

    now_ns: int
    began_at_ns: int
    side: Side
    quantity_lots: int
    leaves_lots: int
    unsent_lots: int
    limit_ticks: int
    low_ticks: int
    high_ticks: int
    tick_size: Decimal
    lot_size: Decimal
    is_market: bool
    time_in_force: TimeInForce
    post_only: bool
    children: Sequence[Child]
    venues: Sequence[VenueView]
    refused: dict[str, Refused]
    market_lots: int
    volume_profile: Sequence[int]
    note: str
    entry: Entry | None = None

    @property
    def cum_lots(self) -> int:
        return self.quantity_lots - self.leaves_lots

    def less(self, lots: int) -> "View":
        """The same after so many lots were sent."""
        return replace(self, unsent_lots=self.unsent_lots - lots)


@dataclass(frozen=True, slots=True)
class Send:
    """A new child: a limit order at `limit_ticks`."""

    venue: str
    lots: int
    limit_ticks: int
    time_in_force: TimeInForce
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class Moves:
    """What to do now. The router sends nothing beyond `unsent_lots` or the band, whatever stands here.

    `look_at_ns`: ask again then, although nothing has changed. `note`: kept in the journal, a text of 500 bytes at
    most; None leaves it. `ends`: the parent is over once its children are; those that are open are cancelled, and its
    rest with this reason.
    """

    send: tuple[Send, ...] = ()
    cancel: tuple[uuid.UUID, ...] = ()
    look_at_ns: int | None = None
    note: str | None = None
    ends: Reason | None = None


class Algorithm(Protocol):
    def __call__(self, view: View) -> Moves: ...


NOTHING = Moves()
