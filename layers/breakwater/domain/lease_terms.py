"""What a lease may be granted now: every limit above its account is asked, as for an order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from breakwater.domain.exposure import ZERO, Action, Exposure, NodeState, Scope
from breakwater.domain.instruments import Instrument
from breakwater.domain.leases import Lease, LeaseTerms
from breakwater.domain.limit_types import LIMIT_TYPES, OPEN_ORDER_COUNT, STALE_DATA, Leasing, ProposedOrder
from breakwater.domain.limits import Finding, evaluate, propose, refused, self_trade_mode
from breakwater.domain.market import Market, Quote
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderTerms, OrderType, Side
from breakwater.domain.valuation import REFERENCE_AGE_MAX, ReferenceUnavailable


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
                return f"{limit.limit_type} of {scope.node.name} cannot be held by an engine that asks nobody"
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
    return propose(terms, renewal.market, scopes)


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
        exposure._replace(
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
