"""What a book or venue needs to know of an order, in whole ticks and lots, and where it may trade."""

import uuid
from dataclasses import dataclass
from enum import Enum

from breakwater.domain.orders import Side, TimeInForce


class Reach(Enum):
    """What an order may do at an opposite price."""

    TRADE = "trade"
    TOO_DEAR = "worse than its limit"
    OUTSIDE_BAND = "outside the band its reservation was valued for"


@dataclass(frozen=True, slots=True)
class WorkingTerms:
    """An order that passed the risk stage. `limit_ticks` is its price, or for a market order the band's far edge."""

    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    side: Side
    quantity_lots: int
    limit_ticks: int
    low_ticks: int
    high_ticks: int
    time_in_force: TimeInForce
    post_only: bool
    is_market: bool

    def reach(self, price_ticks: int) -> Reach:
        """A price on the good side of the band is out of bounds too: the reservation was not valued for it."""
        if self.side.sign * (price_ticks - self.limit_ticks) > 0:
            return Reach.OUTSIDE_BAND if self.is_market else Reach.TOO_DEAR
        return Reach.TRADE if self.low_ticks <= price_ticks <= self.high_ticks else Reach.OUTSIDE_BAND


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order was refused or its rest cancelled. `code` is stable and for programs (docs/engine.md lists them)."""

    code: str
    text: str


POST_ONLY_WOULD_TAKE = Reason("POST_ONLY_WOULD_TAKE", "a post-only order would have traded at once")
NO_LIQUIDITY = Reason("NO_LIQUIDITY", "nothing more to trade with at its price")
FOK_NOT_FILLABLE = Reason("FOK_NOT_FILLABLE", "the whole quantity could not be filled at once")
PRICE_BAND = Reason("PRICE_BAND", "the best opposite price lies outside the band the order was reserved for")
SELF_TRADE = Reason("SELF_TRADE", "it would have traded with an order of the same account")
