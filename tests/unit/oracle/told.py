"""Examples told in short: commands into core and oracle alike, and their events as lines of words."""

from collections.abc import Iterable

from tests.oracle.records import Command, Event, EventKind, Reason, Side
from tests.support.core_commands import list_instrument
from tests.support.core_pair import CorePair


class Market:
    """Symbol 1 is listed. The compiled core gets the same commands, and must give the same events and state."""

    def __init__(self, *start: Command, **terms: int) -> None:
        self.pair = CorePair(orders_max=8)
        self.pair.apply_commands(list_instrument(1, **terms), *start)

    def tell(self, *commands: Command) -> list[str]:
        """The events of all these commands, each as `told` puts it."""
        events = self.pair.apply_commands(*commands)
        self.pair.compare_state()
        return told(events)

    def book(self) -> list[str]:
        """Asks, then bids, from the highest price down: `price: order=shown/leaves ...` in the order of their turn."""
        sides = self.pair.oracle.state.instruments[1].levels
        return [
            f"{price}: " + " ".join(f"{order.order_id}={order.shown}/{order.leaves}" for order in sides[side][price])
            for side in (Side.SELL, Side.BUY)
            for price in sorted(sides[side], reverse=True)
        ]

    def position(self, account: int) -> int:
        return self.pair.oracle.state.position(account, 1)


def told(events: Iterable[Event]) -> list[str]:
    return [_line(event) for event in events]


def _line(event: Event) -> str:
    """Such as `2 traded 5@100 with 1` or `2 canceled 3 NO_LIQUIDITY`; numbers that are 0 are left out.

    A lease is `lease_set 7 buy 5/20 sell 0/10`: its version, filled and granted.
    """
    if event.kind is EventKind.LEASE_SET:
        buys, sells = f"{event.leaves}/{event.price}", f"{event.maker_leaves}/{event.quantity}"
        return f"lease_set {event.maker_id} buy {buys} sell {sells}"
    words = [str(event.order_id)] if event.order_id else []
    words.append(event.kind.name.lower())
    if event.quantity or event.price:
        words.append((str(event.quantity) if event.quantity else "") + (f"@{event.price}" if event.price else ""))
    if event.kind is EventKind.TRADED:
        words.append(f"with {event.maker_id}")
    if event.kind is EventKind.REDUCED:
        words.append(f"leaves {event.leaves}")
    if event.reason:
        words.append(Reason(event.reason).name if event.reason in set(Reason) else str(event.reason))
    return " ".join(words)
