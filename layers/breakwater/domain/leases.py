"""A lease as the ledger sees it: what the engine may trade by itself for an account in a symbol.

Granted quantities are sums over all orders of the lease there ever were, so that a message that is lost, doubled, late
or overtaken does no harm (decision 89; its model is tests/simulation/model/leases.py).
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from breakwater.domain.exposure import ZERO
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side

RENEW_EVERY = timedelta(seconds=2)
_NARROW, _WIDE = Decimal("0.25"), Decimal("0.75")  # Shares of a lease's size that its orders left free.


class LeaseState(StrEnum):
    OPEN = "OPEN"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Lease:
    """A row of limits.leases, whose comments say what each field is. Quantities in base units."""

    lease_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    venue: str
    strategy_id: uuid.UUID | None
    api_key_id: str | None
    state: str
    state_reason: str
    changed_by: str
    buy_max: Decimal
    sell_max: Decimal
    orders_wanted: int
    buy_size: Decimal
    sell_size: Decimal
    version: int
    answered_version: int
    buy_granted: Decimal
    sell_granted: Decimal
    price_low: Decimal
    price_high: Decimal
    orders_max: int
    order_qty_max: Decimal
    self_trade: str | None
    expires_at: datetime | None
    buy_held: Decimal
    sell_held: Decimal
    price_held: Decimal
    orders_held: int
    buy_taken: Decimal
    sell_taken: Decimal
    buy_filled: Decimal
    sell_filled: Decimal
    live_orders: int
    buy_used: Decimal
    sell_used: Decimal
    asked_at: datetime
    created_at: datetime

    @property
    def is_answered(self) -> bool:
        return self.answered_version == self.version

    def free(self, side: Side) -> Decimal:
        """What stays held for orders that the ledger has not heard of.

        Never below zero: an order that the engine has cancelled is open here until its event comes.
        """
        held, taken = (self.buy_held, self.buy_taken) if side is Side.BUY else (self.sell_held, self.sell_taken)
        return max(ZERO, EXACT.subtract(held, taken))

    @property
    def free_orders(self) -> int:
        return max(0, self.orders_held - self.live_orders)

    @property
    def is_over(self) -> bool:
        """Stopped, and nothing is held for it any more: its open orders hold what they need by themselves."""
        is_free = self.free(Side.BUY) == ZERO and self.free(Side.SELL) == ZERO and self.free_orders == 0
        return self.state == LeaseState.STOPPED and self.is_answered and is_free

    def is_due(self, at: datetime) -> bool:
        """Whether the engine is owed a question or newer terms. What is not answered is asked again each time."""
        if not self.is_answered:
            return True
        if self.state == LeaseState.STOPPED:
            return not self.is_over and at - self.asked_at >= RENEW_EVERY
        ends_soon = self.expires_at is not None and self.expires_at - at < RENEW_EVERY
        return ends_soon or at - self.asked_at >= RENEW_EVERY


@dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """The engine's journalled word on a lease: its terms as they are, and what its orders have used of them."""

    version: int
    buy_granted: Decimal
    sell_granted: Decimal
    price_high: Decimal
    orders_max: int
    buy_used: Decimal
    sell_used: Decimal
    buy_filled: Decimal
    sell_filled: Decimal


def answered(lease: Lease, answer: LeaseAnswer) -> Lease:
    """The lease after this answer; the same object where it is about older terms than those asked last.

    The engine never takes less than what its orders have used, so what it says stands in the place of what was asked.
    But for a lower price while a fill is on its way here, which may have been at the higher one.
    """
    if answer.version != lease.version or lease.is_answered:
        return lease
    all_heard = (answer.buy_filled, answer.sell_filled) == (lease.buy_filled, lease.sell_filled)
    return replace(
        lease,
        answered_version=answer.version,
        buy_held=answer.buy_granted,
        sell_held=answer.sell_granted,
        price_held=answer.price_high if all_heard else max(lease.price_held, answer.price_high),
        orders_held=answer.orders_max,
        buy_used=answer.buy_used,
        sell_used=answer.sell_used,
    )


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """What the engine shall go by. `buy` and `sell`: what shall be free beyond what the ledger knows is taken."""

    buy: Decimal
    sell: Decimal
    price_low: Decimal
    price_high: Decimal
    orders: int
    order_qty_max: Decimal
    self_trade: str | None
    expires_at: datetime | None


def asked(lease: Lease, terms: LeaseTerms, at: datetime) -> Lease:
    """The lease with a new version. Until it is answered the larger of the old and the new of each term is held."""
    with localcontext(EXACT):
        buy_granted, sell_granted = lease.buy_taken + terms.buy, lease.sell_taken + terms.sell
        orders_max = lease.live_orders + terms.orders
        return replace(
            lease,
            version=lease.version + 1,
            buy_granted=buy_granted,
            sell_granted=sell_granted,
            price_low=terms.price_low,
            price_high=terms.price_high,
            orders_max=orders_max,
            order_qty_max=terms.order_qty_max,
            self_trade=terms.self_trade,
            expires_at=terms.expires_at,
            buy_held=max(lease.buy_held, buy_granted),
            sell_held=max(lease.sell_held, sell_granted),
            price_held=max(lease.price_held, terms.price_high),
            orders_held=max(lease.orders_held, orders_max),
            asked_at=at,
        )


def stopped(lease: Lease, *, reason: str, by: str, at: datetime) -> Lease:
    """It ends: no order passes from the engine's answer on, and what none has taken is given back with it."""
    terms = LeaseTerms(
        ZERO, ZERO, lease.price_low, lease.price_high, 0, lease.order_qty_max, lease.self_trade, expires_at=None
    )
    return replace(asked(lease, terms, at), state=LeaseState.STOPPED, state_reason=reason, changed_by=by)


def sized(lease: Lease, lot: Decimal) -> Lease:
    """With sizes that follow the use: doubled where little was left free, halved where most was, whole lots."""
    with localcontext(EXACT):
        buy = _size(lease.buy_size, lease.buy_held - max(lease.buy_used, lease.buy_taken), lease.buy_max, lot)
        sell = _size(lease.sell_size, lease.sell_held - max(lease.sell_used, lease.sell_taken), lease.sell_max, lot)
    return replace(lease, buy_size=buy, sell_size=sell)


def _size(size: Decimal, free: Decimal, most: Decimal, lot: Decimal) -> Decimal:
    least = first_size(most, lot)
    if free < size * _NARROW:
        return min(most, max(size, least) * 2)
    if free > size * _WIDE:
        return max(least, size / 2 // lot * lot)
    return min(most, size)


def first_size(most: Decimal, lot: Decimal) -> Decimal:
    """An eighth of the most, so that accounts that stand idle do not keep the desk's headroom from the others."""
    with localcontext(EXACT):
        return min(most, max(lot, most / 8 // lot * lot))
