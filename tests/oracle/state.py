"""What the oracle remembers: orders, instruments with their two sides, accounts, holdings and leases.

Everything that can be counted from the live orders is counted when it is asked for, never kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from tests.oracle.records import (
    LEASED,
    POST_ONLY,
    PRICE_MAX,
    REDUCE_ONLY,
    AccountTerms,
    Event,
    EventKind,
    InstrumentTerms,
    LeaseTerms,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
    TradingState,
    Trigger,
    Type,
)


class Place(Enum):
    INCOMING = "incoming"
    RESTING = "resting"
    DORMANT = "dormant"
    ROUTED = "routed"


@dataclass(slots=True, eq=False)
class Order:
    order_id: int
    symbol: int
    account: int
    session: int
    side: Side
    type: Type
    time_in_force: TimeInForce
    flags: int  # Without kExtended.
    self_trade: SelfTrade
    trigger: Trigger
    venue: int
    price: int
    leaves: int
    stop_price: int
    display_quantity: int
    min_quantity: int  # Asked for only when the order comes in.
    expire_at_ns: int
    price_bound: int
    place: Place = Place.INCOMING
    entry: int = 0
    traded: int = 0
    shown: int = 0  # 0 unless it rests.
    trailing_price: int = 0  # 0: none yet.
    venue_accepted: bool = False

    @property
    def quantity(self) -> int:
        return self.traded + self.leaves

    @property
    def is_post_only(self) -> bool:
        return bool(self.flags & POST_ONLY)

    @property
    def is_reduce_only(self) -> bool:
        return bool(self.flags & REDUCE_ONLY)

    @property
    def is_leased(self) -> bool:
        return bool(self.flags & LEASED)


type Levels = dict[int, list[Order]]  # Price to orders, the next to trade first; no empty level.


@dataclass(slots=True)
class Instrument:
    symbol: int
    terms: InstrumentTerms
    trading: TradingState = TradingState.CONTINUOUS
    last_price: int = 0  # 0: none.
    mark_price: int = 0
    levels: dict[Side, Levels] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})

    @property
    def valuation_price(self) -> int:
        return self.mark_price or self.last_price

    def prices(self, side: Side) -> list[int]:
        """From the best down (bids) or up (asks)."""
        return sorted(self.levels[side], reverse=side is Side.BUY)

    def front(self, side: Side) -> Order | None:
        """The order of this side that trades next."""
        levels = self.levels[side]
        if not levels:
            return None
        return levels[max(levels) if side is Side.BUY else min(levels)][0]

    @property
    def is_crossed(self) -> bool:
        bid, ask = self.front(Side.BUY), self.front(Side.SELL)
        return bid is not None and ask is not None and bid.price >= ask.price


@dataclass(slots=True)
class Account:
    terms: AccountTerms
    rate_window: int = 0  # The number of the last window in which something was counted.
    rate_count: int = 0


@dataclass(slots=True)
class Holding:
    position: int = 0
    position_max: int = 0


@dataclass(slots=True)
class Lease:
    terms: LeaseTerms = field(default_factory=LeaseTerms)  # Version 0: none was taken yet.
    filled: dict[Side, int] = field(default_factory=lambda: {Side.BUY: 0, Side.SELL: 0})
    notional: dict[Side, int] = field(default_factory=lambda: {Side.BUY: 0, Side.SELL: 0})  # Of what was filled.

    def granted(self, side: Side) -> int:
        return self.terms.buy_granted if side is Side.BUY else self.terms.sell_granted


@dataclass(slots=True)
class State:
    orders_max: int
    now_ns: int = 0
    next_seq: int = 1
    next_entry: int = 1
    orders: dict[int, Order] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)  # The known ones.
    holdings: dict[tuple[int, int], Holding] = field(default_factory=dict)  # By account and symbol.
    leases: dict[tuple[int, int], Lease] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)  # Of the command being applied.
    command_index: int = 0

    # Accounts -------------------------------------------------------------------------------------------------------

    def holding(self, account: int, symbol: int) -> Holding:
        return self.holdings.setdefault((account, symbol), Holding())

    def position(self, account: int, symbol: int) -> int:
        held = self.holdings.get((account, symbol))
        return held.position if held else 0

    def fill(self, order: Order, quantity: int, price: int) -> None:
        """Moves everything that a trade or a venue's fill moves, but for books and the last price."""
        order.traded += quantity
        order.leaves -= quantity
        if order.account in self.accounts:
            self.holding(order.account, order.symbol).position += order.side.sign * quantity
        if order.is_leased:
            lease = self.leases[order.account, order.symbol]
            lease.filled[order.side] += quantity
            lease.notional[order.side] += quantity * price

    def leased_orders(self, account: int, symbol: int) -> list[Order]:
        return [
            order
            for order in self.orders.values()
            if order.is_leased and (order.account, order.symbol) == (account, symbol)
        ]

    def used(self, account: int, symbol: int, side: Side) -> int:
        """Filled and open of a lease."""
        leaves = sum(order.leaves for order in self.leased_orders(account, symbol) if order.side is side)
        return self.leases[account, symbol].filled[side] + leaves

    def open_quantity(self, account: int, symbol: int, side: Side) -> int:
        return sum(
            order.leaves
            for order in self.orders.values()
            if (order.account, order.symbol, order.side) == (account, symbol, side) and not order.is_reduce_only
        )

    def fits(self, account: int, symbol: int, position: int, more_buys: int = 0, more_sells: int = 0) -> bool:
        """Whether position and open orders, with these, are within the numbers that the core counts in."""
        buys = self.open_quantity(account, symbol, Side.BUY) + more_buys
        sells = self.open_quantity(account, symbol, Side.SELL) + more_sells
        return max(position, 0) + buys <= PRICE_MAX and max(-position, 0) + sells <= PRICE_MAX

    def reducible(self, order: Order) -> int:
        """How much a reduce-only order may trade now: what brings its account's position to 0."""
        return max(0, -order.side.sign * self.position(order.account, order.symbol))

    # Orders ---------------------------------------------------------------------------------------------------------

    def take_entry(self, order: Order) -> None:
        order.entry = self.next_entry
        self.next_entry += 1

    def rest(self, order: Order) -> None:
        """At the end of its level."""
        order.place = Place.RESTING
        order.shown = min(order.display_quantity, order.leaves) if order.display_quantity else order.leaves
        self.instruments[order.symbol].levels[order.side].setdefault(order.price, []).append(order)

    def leave_book(self, order: Order) -> None:
        """Out of its level, if it rests in one; it stays alive."""
        if order.place is not Place.RESTING:
            return
        levels = self.instruments[order.symbol].levels[order.side]
        levels[order.price].remove(order)
        if not levels[order.price]:
            del levels[order.price]
        order.place, order.shown = Place.INCOMING, 0

    def forget(self, order: Order) -> None:
        self.leave_book(order)
        del self.orders[order.order_id]

    def end(self, order: Order, kind: EventKind, reason: int = Reason.NONE) -> None:
        """kCanceled or kExpired with what was left."""
        self.forget(order)
        self.emit_for(order, kind, quantity=order.leaves, reason=reason)
        order.leaves = 0

    def cancel(self, order: Order, reason: int) -> None:
        self.end(order, EventKind.CANCELED, reason)

    def in_place(self, symbol: int, place: Place) -> list[Order]:
        """By entry."""
        found = [order for order in self.orders.values() if order.symbol == symbol and order.place is place]
        return sorted(found, key=lambda order: order.entry)

    # Events ---------------------------------------------------------------------------------------------------------

    def emit(
        self,
        kind: EventKind,
        *,
        order_id: int = 0,
        symbol: int = 0,
        maker_id: int = 0,
        price: int = 0,
        quantity: int = 0,
        leaves: int = 0,
        maker_leaves: int = 0,
        reason: int = Reason.NONE,
    ) -> None:
        event = Event(
            seq=self.next_seq,
            order_id=order_id,
            maker_id=maker_id,
            price=price,
            quantity=quantity,
            leaves=leaves,
            maker_leaves=maker_leaves,
            command=self.command_index,
            symbol=symbol,
            kind=kind,
            reason=reason,
        )
        self.events.append(event)
        self.next_seq += 2 if kind is EventKind.TRADED else 1

    def emit_for(
        self,
        order: Order,
        kind: EventKind,
        *,
        price: int = 0,
        quantity: int = 0,
        leaves: int = 0,
        reason: int = Reason.NONE,
    ) -> None:
        self.emit(
            kind,
            order_id=order.order_id,
            symbol=order.symbol,
            price=price,
            quantity=quantity,
            leaves=leaves,
            reason=reason,
        )

    # Questions ------------------------------------------------------------------------------------------------------

    def resting(self, symbol: int, side: Side) -> Iterator[Order]:
        """In the order in which they would trade."""
        instrument = self.instruments[symbol]
        for price in instrument.prices(side):
            yield from instrument.levels[side][price]
