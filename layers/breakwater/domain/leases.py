"""A lease as the ledger sees it: what the engine may trade by itself for an account in a symbol.

Granted quantities are sums over all orders of the lease there ever were, so that a message that is lost, doubled, late
or overtaken does no harm (decision 89; its model is tests/simulation/model/leases.py).
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from breakwater.domain.exposure import ZERO, Action, Exposure, NodeState, Scope
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import LIMIT_TYPES, OPEN_ORDER_COUNT, STALE_DATA, Leasing, ProposedOrder
from breakwater.domain.limits import Finding, evaluate, propose, refused, self_trade_mode
from breakwater.domain.market import Market, Quote
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderTerms, OrderType, Side
from breakwater.domain.valuation import REFERENCE_AGE_MAX, ReferenceUnavailable

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


def answered(lease: Lease, answer: LeaseAnswer) -> Lease:
    """The lease after this answer; the same object where it is about older terms than those asked last.

    The engine never takes less than what its orders have used, so what it says stands in the place of what was asked.
    """
    if answer.version != lease.version or lease.is_answered:
        return lease
    return replace(
        lease,
        answered_version=answer.version,
        buy_held=answer.buy_granted,
        sell_held=answer.sell_granted,
        price_held=answer.price_high,
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


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a lease is judged by: its scopes, root first, the market, and what its orders hold by themselves.

    `held`: (side, price, quantity) of what its known orders may still trade, by the price at which it is held. A lease
    that takes a higher price raises that too: its sells may trade up to it, and what its buys give up is free again for
    buys up to it.
    """

    scopes: Sequence[Scope]
    market: Market
    held: Sequence[tuple[str, Decimal, Decimal]]
    fee_rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class NotLeased:
    """Why the engine may not trade by itself here."""

    reason: str


def judged(lease: Lease, renewal: Renewal) -> LeaseTerms | NotLeased:
    """What the lease may be renewed with now: as much of its sizes as every limit above it lets pass.

    It is judged as one buy and one sell, at the highest price that any of it may trade at. Raises ReferenceUnavailable:
    then the lease is left to run out by itself.
    """
    quote = renewal.market.quotes[lease.symbol]
    reason = _why_not(lease, renewal.scopes, quote.instrument)
    if reason is not None:
        return NotLeased(reason)
    with localcontext(EXACT):
        lot = quote.instrument.lot_size
        band = _proposed(lease, renewal, renewal.scopes, _Wish(Side.BUY, lot, None)).band
        order = _proposed(lease, renewal, renewal.scopes, _Wish(Side.BUY, lot, band.high))
        findings = [f for f in evaluate(renewal.scopes, order, reduce_only=False) if _is_of(f, Leasing.EACH_ORDER)]
        order_qty_max = _largest(findings)
        if order_qty_max == ZERO or refused(findings):
            return NotLeased(_told(refused(findings) or findings))
        highest = max(band.high, lease.price_held)
        room = _room(lease, renewal, highest)
        may_rise = all(_may_rise(lease, renewal, side, room.of(side), highest) for side in Side)
        return LeaseTerms(
            buy=room.buy,
            sell=room.sell,
            price_low=band.low,
            price_high=band.high if may_rise else min(band.high, lease.price_held),
            orders=room.orders,
            order_qty_max=order_qty_max,
            self_trade=self_trade_mode(renewal.scopes, order),
            expires_at=_fresh_until(quote, renewal.scopes, lease),
        )


@dataclass(frozen=True, slots=True)
class _Room:
    buy: Decimal
    sell: Decimal
    orders: int

    def of(self, side: Side) -> Decimal:
        return self.buy if side is Side.BUY else self.sell


def _may_rise(lease: Lease, renewal: Renewal, side: Side, room: Decimal, price: Decimal) -> bool:
    """Whether what is held of this side may be held at this price.

    What shrinks stays held until the engine has answered, and what known orders hold was judged at it only where more
    passed beside it.
    """
    return room >= lease.free(side) and (room > ZERO or _raised(renewal, side, price) == ZERO)


def _room(lease: Lease, renewal: Renewal, price: Decimal) -> _Room:
    """What may be free of the lease, all of it at this price, which is not below the one it is held at.

    Until the engine has answered the larger of old and new is held of each side, so each is judged beside that.
    """
    free_buy, free_sell = lease.free(Side.BUY), lease.free(Side.SELL)
    raised = {side: _raised(renewal, side, price) for side in Side}
    nothing_free = Opened(
        -free_buy, -free_sell, lease.price_held, -lease.free_orders, raised[Side.BUY], raised[Side.SELL]
    )
    others = opened(renewal.scopes, lease, nothing_free)
    beside_sells = opened(others, lease, Opened(ZERO, free_sell, price))
    buy, buy_orders = _passing(lease, renewal, beside_sells, _Wish(Side.BUY, lease.buy_size, price))
    beside_buys = opened(others, lease, Opened(max(free_buy, buy), ZERO, price))
    sell, sell_orders = _passing(lease, renewal, beside_buys, _Wish(Side.SELL, lease.sell_size, price))
    return _Room(buy, sell, min(buy_orders, sell_orders))


_UNBOUNDED = Decimal(10) ** 15


def _raised(renewal: Renewal, side: Side, price: Decimal) -> Decimal:
    """How much more the known orders of a side are worth at this price."""
    return sum(((price - held) * quantity for of, held, quantity in renewal.held if of == side and held < price), ZERO)


def _is_of(finding: Finding, leasing: Leasing) -> bool:
    return finding.limit.action != Action.WARN and LIMIT_TYPES[finding.limit.limit_type].leasing is leasing


def _largest(findings: Sequence[Finding]) -> Decimal:
    """The largest order that passes all of them."""
    bounds = (finding.verdict.largest_passing_quantity for finding in findings)
    return min((quantity for quantity in bounds if quantity is not None), default=_UNBOUNDED)


def _why_not(lease: Lease, scopes: Sequence[Scope], instrument: Instrument) -> str | None:
    for scope in scopes:
        if scope.node.state != NodeState.ACTIVE:
            return f"{scope.node.name} is {scope.node.state}"
        for limit in scope.limits:
            is_never = LIMIT_TYPES[limit.limit_type].leasing is Leasing.NEVER and limit.action != Action.WARN
            if is_never and limit.matches(instrument, lease.venue):
                return f"{limit.limit_type} of {scope.node.name} judges each order by those before it"
    return None


def _told(findings: Sequence[Finding]) -> str:
    first = findings[0]
    return f"refused by {first.limit.limit_type} of {first.scope.node.name}"


def _fresh_until(quote: Quote, scopes: Sequence[Scope], lease: Lease) -> datetime | None:
    """No order passes by a reference price that is too old for one that the ledger would judge."""
    if quote.observed_at is None:
        raise ReferenceUnavailable(lease.symbol)
    ages = [REFERENCE_AGE_MAX]
    for scope in scopes:
        for limit in scope.limits:
            if limit.limit_type == STALE_DATA and limit.matches(quote.instrument, lease.venue):
                ages.append(timedelta(seconds=float(limit.cap)))
    return quote.observed_at + min(ages)


@dataclass(frozen=True, slots=True)
class _Wish:
    side: Side
    quantity: Decimal
    price: Decimal | None  # None: a market order's.


def _passing(lease: Lease, renewal: Renewal, scopes: Sequence[Scope], wish: _Wish) -> tuple[Decimal, int]:
    """(quantity, open orders) that every limit lets pass, at most what is wished for."""
    quantity, orders = wish.quantity, lease.orders_wanted
    if quantity == ZERO:
        return quantity, orders
    proposed = _proposed(lease, renewal, scopes, wish)
    for finding in evaluate(scopes, proposed, reduce_only=False):
        verdict = finding.verdict
        if not _is_of(finding, Leasing.HELD):
            continue
        if finding.limit.limit_type == OPEN_ORDER_COUNT:
            orders = min(orders, max(0, int(verdict.limit - verdict.in_use)))
        elif not verdict.passes:
            quantity = min(quantity, verdict.largest_passing_quantity or ZERO)
    return quantity, orders


def _proposed(lease: Lease, renewal: Renewal, scopes: Sequence[Scope], wish: _Wish) -> ProposedOrder:
    terms = OrderTerms(
        client_order_id="lease",
        account_id=lease.account_id,
        symbol=lease.symbol,
        side=wish.side,
        type=OrderType.MARKET if wish.price is None else OrderType.LIMIT,
        quantity=wish.quantity,
        price=wish.price,
        venue=lease.venue,
        strategy_id=lease.strategy_id,
    )
    return propose(terms, renewal.market, scopes, fee_rates=renewal.fee_rates)


@dataclass(frozen=True, slots=True)
class Opened:
    """So much more is open at this price, and what is open already is worth so much more."""

    buy: Decimal
    sell: Decimal
    price: Decimal
    orders: int = 0
    raised_buys: Decimal = ZERO
    raised_sells: Decimal = ZERO

    @property
    def buy_notional(self) -> Decimal:
        return self.buy * self.price + self.raised_buys

    @property
    def notional(self) -> Decimal:
        return self.buy_notional + self.sell * self.price + self.raised_sells


def opened(scopes: Sequence[Scope], lease: Lease, more: Opened) -> list[Scope]:
    """The scopes with so much more open in the lease's symbol at its venue."""
    return [replace(scope, exposures=_opened(scope.exposures, lease, more)) for scope in scopes]


def _opened(exposures: Sequence[Exposure], lease: Lease, more: Opened) -> list[Exposure]:
    return [
        replace(
            exposure,
            open_buy_qty=exposure.open_buy_qty + more.buy,
            open_sell_qty=exposure.open_sell_qty + more.sell,
            open_order_count=exposure.open_order_count + more.orders,
            open_notional=exposure.open_notional + more.notional,
            open_buy_notional=exposure.open_buy_notional + more.buy_notional,
        )
        if (exposure.symbol, exposure.venue) == (lease.symbol, lease.venue)
        else exposure
        for exposure in exposures
    ]
