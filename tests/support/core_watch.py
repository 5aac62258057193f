"""Follows a compiled core by its events alone, and checks what must hold whatever the rules in between are."""

from dataclasses import dataclass

from matching_core import EventKind, MatchingCore, TradingState
from matching_core import Side as CoreSide

from tests.oracle.records import LEASED, Command, HoldingTerms, Kind, Side, command_bytes
from tests.support.core_pair import batch_of


@dataclass
class Followed:
    """An order as its events tell it. `turn` is the event that gave it its place in time."""

    side: Side
    account: int
    symbol: int
    price: int
    leaves: int
    turn: int
    is_leased: bool
    is_of_venue: bool = False  # Its terms are what a venue has made of it.


class Watch:
    """`checks_priority` is for limit and market orders without icebergs, venues and auctions."""

    def __init__(self, *, checks_priority: bool = False) -> None:
        self.core = MatchingCore(orders=16)
        self.checks_priority = checks_priority
        self.live: dict[int, Followed] = {}
        self.known_accounts: set[int] = set()
        self.positions: dict[tuple[int, int], int] = {}
        self.states: dict[int, TradingState] = {}
        self.filled: dict[tuple[int, int, Side], int] = {}  # By leased orders.
        self.notional: dict[tuple[int, int, Side], int] = {}
        self.added: dict[tuple[int, int, Side], int] = {}  # What venues added to leased orders, whatever was granted.
        self.leases: set[tuple[int, int]] = set()

    def apply(self, command: Command) -> None:
        for event in self.core.apply(batch_of([command_bytes(command)])):
            numbers = {name: int(event[name]) for name in event.dtype.names}
            self._follow(command, EventKind(numbers["kind"]), numbers)

    def check_quantities(self) -> None:
        assert self.core.live_orders == len(self.live)
        for order_id, followed in self.live.items():
            order = self.core.order(order_id)
            assert order is not None
            assert order.leaves == followed.leaves > 0

    def check_positions(self) -> None:
        for (account, symbol), position in self.positions.items():
            assert self.core.position(account, symbol) == position

    def check_leases(self) -> None:
        """What each lease says of itself is what its orders did, and is within what it grants."""
        for account, symbol in self.leases:
            lease = self.core.lease(account, symbol)
            assert lease is not None
            orders = [
                order
                for order in self.live.values()
                if order.is_leased and (order.account, order.symbol) == (account, symbol)
            ]
            assert lease.live_orders == len(orders) <= lease.orders_max
            assert all(order.price <= lease.price_high for order in orders if not order.is_of_venue)
            for side, filled, notional, opened, granted in (
                (Side.BUY, lease.buy_filled, lease.buy_notional, lease.buy_open, lease.buy_granted),
                (Side.SELL, lease.sell_filled, lease.sell_notional, lease.sell_open, lease.sell_granted),
            ):
                assert filled == self.filled.get((account, symbol, side), 0)
                assert notional == self.notional.get((account, symbol, side), 0)
                assert opened == sum(order.leaves for order in orders if order.side is side)
                assert filled + opened <= granted + self.added.get((account, symbol, side), 0)

    def check_not_crossed(self) -> None:
        for symbol, state in self.states.items():
            bids, asks = (self.core.depth(symbol, side, 1) for side in (CoreSide.BUY, CoreSide.SELL))
            if state is TradingState.CONTINUOUS and bids and asks:
                assert bids[0][0] < asks[0][0]

    def _follow(self, command: Command, kind: EventKind, event: dict[str, int]) -> None:
        match kind:
            case EventKind.ACCEPTED | EventKind.ROUTED if command.kind == Kind.SUBMIT:
                self._begin(command, event)
            case EventKind.TRADED:
                self._trade(event)
            case EventKind.VENUE_FILLED:
                self._lose(event["order_id"], event["quantity"], event["leaves"], fill_price=event["price"])
            case EventKind.REDUCED:
                self._lose(event["order_id"], event["quantity"], event["leaves"])
            case EventKind.CANCELED | EventKind.EXPIRED:
                assert self.live.pop(event["order_id"]).leaves == event["quantity"]
            case EventKind.REJECTED if command.kind == Kind.VENUE_REJECTED:
                del self.live[event["order_id"]]
            case EventKind.REPLACED:
                self._replace(command, event)
            case EventKind.UPDATED:
                self._update(command)
            case EventKind.LEASE_SET:
                self.leases.add((command.account, command.symbol))
            case _:
                self._change_state(kind, event["symbol"])

    def _begin(self, command: Command, event: dict[str, int]) -> None:
        assert event["leaves"] == event["quantity"] == command.quantity
        assert event["order_id"] not in self.live
        self.live[event["order_id"]] = Followed(
            side=Side(command.side),
            account=command.account,
            symbol=command.symbol,
            price=command.price,
            leaves=command.quantity,
            turn=event["seq"],
            is_leased=bool(command.flags & LEASED),
        )

    def _trade(self, event: dict[str, int]) -> None:
        taker, maker = self.live[event["order_id"]], self.live[event["maker_id"]]
        assert taker.side is not maker.side
        assert event["quantity"] > 0
        if self.checks_priority:
            self._check_priority(taker, maker, event["price"])
        for order in (taker, maker):
            lease = self.core.lease(order.account, order.symbol)  # A command that trades does not change its terms.
            assert not order.is_leased or (lease is not None and event["price"] <= lease.price_high)
        self._lose(event["order_id"], event["quantity"], event["leaves"], fill_price=event["price"])
        self._lose(event["maker_id"], event["quantity"], event["maker_leaves"], fill_price=event["price"])

    def _check_priority(self, taker: Followed, maker: Followed, price: int) -> None:
        assert price == maker.price
        assert taker.price == 0 or taker.side.sign * price <= taker.side.sign * taker.price
        for other in self.live.values():
            if (other.symbol, other.side) == (maker.symbol, maker.side):
                assert (maker.side.sign * -maker.price, maker.turn) <= (other.side.sign * -other.price, other.turn)

    def _lose(self, order_id: int, quantity: int, leaves: int, *, fill_price: int = 0) -> None:
        order = self.live[order_id]
        order.leaves -= quantity
        assert order.leaves == leaves >= 0
        if order.leaves == 0:
            del self.live[order_id]
        if fill_price and order.account in self.known_accounts:
            key = (order.account, order.symbol)
            self.positions[key] = self.positions.get(key, 0) + order.side.sign * quantity
            if order.is_leased:
                self.filled[*key, order.side] = self.filled.get((*key, order.side), 0) + quantity
                self.notional[*key, order.side] = self.notional.get((*key, order.side), 0) + quantity * fill_price

    def _replace(self, command: Command, event: dict[str, int]) -> None:
        order = self.live[event["order_id"]]
        if command.kind == Kind.VENUE_REPLACED:
            order.is_of_venue = True
            key = (order.account, order.symbol, order.side)
            self.added[key] = self.added.get(key, 0) + max(0, event["leaves"] - order.leaves)
        keeps_place = event["price"] == order.price and event["leaves"] <= order.leaves
        order.price, order.leaves = event["price"], event["leaves"]
        order.turn = order.turn if keeps_place else event["seq"]

    def _update(self, command: Command) -> None:
        if command.kind == Kind.SET_ACCOUNT:
            self.known_accounts.add(command.account)
        elif command.kind == Kind.LIST_INSTRUMENT:
            self.states.setdefault(command.symbol, TradingState.CONTINUOUS)
        elif command.kind == Kind.SET_HOLDING and isinstance(command.terms, HoldingTerms):
            self.positions[command.account, command.symbol] = command.terms.position

    def _change_state(self, kind: EventKind, symbol: int) -> None:
        states = {
            EventKind.HALTED: TradingState.HALTED,
            EventKind.RESUMED: TradingState.CONTINUOUS,
            EventKind.UNCROSSED: TradingState.CONTINUOUS,
            EventKind.AUCTION_STARTED: TradingState.AUCTION,
        }
        if kind in states:
            self.states[symbol] = states[kind]
