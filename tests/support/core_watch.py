"""Follows a compiled core by its events alone, and checks what must hold whatever the rules in between are."""

from dataclasses import dataclass

from matching_core import EventKind, MatchingCore, TradingState
from matching_core import Side as CoreSide

from tests.oracle.records import Command, HoldingTerms, Kind, Side, command_bytes
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


class Watch:
    """`checks_priority` is for limit and market orders without icebergs, venues and auctions."""

    def __init__(self, *, checks_priority: bool = False) -> None:
        self.core = MatchingCore(orders=16)
        self.checks_priority = checks_priority
        self.live: dict[int, Followed] = {}
        self.known_accounts: set[int] = set()
        self.positions: dict[tuple[int, int], int] = {}
        self.states: dict[int, TradingState] = {}

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
                self._lose(event["order_id"], event["quantity"], event["leaves"], is_fill=True)
            case EventKind.REDUCED:
                self._lose(event["order_id"], event["quantity"], event["leaves"], is_fill=False)
            case EventKind.CANCELED | EventKind.EXPIRED:
                assert self.live.pop(event["order_id"]).leaves == event["quantity"]
            case EventKind.REJECTED if command.kind == Kind.VENUE_REJECTED:
                del self.live[event["order_id"]]
            case EventKind.REPLACED:
                self._replace(event)
            case EventKind.UPDATED:
                self._update(command)
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
        )

    def _trade(self, event: dict[str, int]) -> None:
        taker, maker = self.live[event["order_id"]], self.live[event["maker_id"]]
        assert taker.side is not maker.side
        assert event["quantity"] > 0
        if self.checks_priority:
            self._check_priority(taker, maker, event["price"])
        self._lose(event["order_id"], event["quantity"], event["leaves"], is_fill=True)
        self._lose(event["maker_id"], event["quantity"], event["maker_leaves"], is_fill=True)

    def _check_priority(self, taker: Followed, maker: Followed, price: int) -> None:
        assert price == maker.price
        assert taker.price == 0 or taker.side.sign * price <= taker.side.sign * taker.price
        for other in self.live.values():
            if (other.symbol, other.side) == (maker.symbol, maker.side):
                assert (maker.side.sign * -maker.price, maker.turn) <= (other.side.sign * -other.price, other.turn)

    def _lose(self, order_id: int, quantity: int, leaves: int, *, is_fill: bool) -> None:
        order = self.live[order_id]
        order.leaves -= quantity
        assert order.leaves == leaves >= 0
        if order.leaves == 0:
            del self.live[order_id]
        if is_fill and order.account in self.known_accounts:
            key = (order.account, order.symbol)
            self.positions[key] = self.positions.get(key, 0) + order.side.sign * quantity

    def _replace(self, event: dict[str, int]) -> None:
        order = self.live[event["order_id"]]
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
