"""What a book or venue needs to know of an order, in whole ticks and lots, and where it may trade."""

import uuid
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

from breakwater.domain.orders import OrderType, Side, SubmitOrder, TimeInForce


class Reach(Enum):
    """What an order may do at an opposite price."""

    TRADE = "trade"
    TOO_DEAR = "worse than its limit"
    OUTSIDE_BAND = "outside the band its reservation was valued for"


@dataclass(frozen=True, slots=True)
class WorkingTerms:
    """An order that passed the risk stage. `limit_ticks` is its price, or for a market order the band's far edge.

    `time_in_force` is GTC of one that ends at a time: its book or venue keeps it, and the engine ends it.
    It trades from `low_ticks` to `high_ticks`; the limit is the upper of the two for a buy, the lower for a sell.
    """

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

    @classmethod
    def of(cls, order: SubmitOrder, *, quantity_lots: int, limit_ticks: int, bound_ticks: int) -> Self:
        """`bound_ticks` is the band's edge on the good side of the limit."""
        is_buy = order.side is Side.BUY
        return cls(
            order_id=order.order_id,
            account_id=order.account_id,
            symbol=order.symbol,
            side=order.side,
            quantity_lots=quantity_lots,
            limit_ticks=limit_ticks,
            low_ticks=bound_ticks if is_buy else limit_ticks,
            high_ticks=limit_ticks if is_buy else bound_ticks,
            time_in_force=TimeInForce.GTC if order.time_in_force.has_end else order.time_in_force,
            post_only=order.post_only,
            is_market=order.type is OrderType.MARKET,
        )

    def replaced(self, *, quantity_lots: int, limit_ticks: int, bound_ticks: int) -> Self:
        """The same order with another quantity and price."""
        is_buy = self.side is Side.BUY
        return replace(
            self,
            quantity_lots=quantity_lots,
            limit_ticks=limit_ticks,
            low_ticks=bound_ticks if is_buy else limit_ticks,
            high_ticks=limit_ticks if is_buy else bound_ticks,
        )

    @property
    def bound_ticks(self) -> int:
        return self.low_ticks if self.side is Side.BUY else self.high_ticks

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


TOO_LATE = Reason("TOO_LATE", "as much of the order has traded, or it has ended")
POST_ONLY_WOULD_TAKE = Reason("POST_ONLY_WOULD_TAKE", "a post-only order would have traded at once")
NO_LIQUIDITY = Reason("NO_LIQUIDITY", "nothing more to trade with at its price")
FOK_NOT_FILLABLE = Reason("FOK_NOT_FILLABLE", "the whole quantity could not be filled at once")
PRICE_BAND = Reason("PRICE_BAND", "the best opposite price lies outside the band the order was reserved for")
