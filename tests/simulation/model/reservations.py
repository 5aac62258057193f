"""Reserve, submit, confirm, release, mark unknown, reconcile: some orders against one limit that cannot hold them all.

What may go wrong needs few words here. A saga that takes no further step has died. A message that was sent stays on its
way for ever: it may arrive now, late, twice or never. So loss, delay, doubling, reordering and crashes are all the
same thing, a step that comes at another time or not at all, and every order of steps is tried.

The rules of the code are the methods of `Reservations`; each mutation in reservations_broken.py breaks one of them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.simulation.model.explorer import Step

LIMIT_LOTS = 3
NAMES = ("A", "B", "C")
QUANTITIES_LOTS = (2, 2, 1)  # Any two of them fit but A and B; A and C fill it.

# What the row of an order says. FINAL and OPEN were heard from the engine; NONE: the order was never placed.
NONE, REFUSED, PENDING_NEW, UNKNOWN, OPEN, FINAL = "NONE", "REFUSED", "PENDING_NEW", "UNKNOWN", "OPEN", "FINAL"


class Word(NamedTuple):
    """A snapshot: what the engine says of an order. Its engine_seq is its place among the order's words."""

    status: str
    cum_qty: int

    @property
    def is_final(self) -> bool:
        return self.status != OPEN


class Order(NamedTuple):
    """Row and reservation in the database, then what is under way, then how it stands at the engine (the last word)."""

    row: str = NONE
    open_qty: int = 0
    cum_qty: int = 0
    engine_seq: int = 0
    is_submitted: bool = False
    words: tuple[Word, ...] = ()

    @property
    def filled_qty(self) -> int:
        """At the engine."""
        return self.words[-1].cum_qty if self.words else 0

    @property
    def is_live(self) -> bool:
        return bool(self.words) and not self.words[-1].is_final


class State(NamedTuple):
    """The exposure of the node and the orders, in the order of NAMES."""

    used: int
    reserved: int
    orders: tuple[Order, ...]


type Change = tuple[str, State]


class Reservations:
    """As services/order_saga.py, services/limits.py and services/reconciliation.py do it."""

    name = "reservations"
    bounds = f"limit {LIMIT_LOTS}; orders of {', '.join(map(str, QUANTITIES_LOTS))} lots"

    def start(self) -> State:
        return State(0, 0, (Order(),) * len(QUANTITIES_LOTS))

    def steps(self, state: State) -> Iterator[Step[State]]:
        for index, (name, quantity) in enumerate(zip(NAMES, QUANTITIES_LOTS, strict=True)):
            order = state.orders[index]
            for words, after in (
                *self.reserve_limits(state, index, quantity),
                *self.submit_order(state, index),
                *self.engine_takes_submit(state, index),
                *self.settle_by_any_word(state, index),
                *self.release_limits(state, index),
                *self.mark_unknown(state, index),
            ):
                yield Step(f"{name}: {words}", after)
            for words, after in (*self.market(state, index, quantity), *self.reconcile(state, index)):
                yield Step(f"{name}: {words}", after, is_owed=True)
            # Whoever cancels an order the engine has not heard of has it voided, at any time.
            if order.row in (PENDING_NEW, UNKNOWN):
                yield Step(f"{name}: a cancel finds nothing at the engine and voids it", self.void(state, index))

    # The saga --------------------------------------------------------------------------------------------------

    def reserve_limits(self, state: State, index: int, quantity: int) -> Iterator[Change]:
        """The order's row is written once. Done again it finds the row and changes nothing."""
        if state.orders[index].row == NONE:
            yield self.hold(state, index, quantity)

    def hold(self, state: State, index: int, quantity: int) -> Change:
        if not self.fits(state, quantity):
            return "reserve_limits refuses it", with_order(state, index, row=REFUSED)
        held = with_order(state, index, row=PENDING_NEW, open_qty=quantity)
        return f"reserve_limits holds {quantity}", held._replace(reserved=state.reserved + quantity)

    def fits(self, state: State, quantity: int) -> bool:
        return state.used + state.reserved + quantity <= LIMIT_LOTS

    def submit_order(self, state: State, index: int) -> Iterator[Change]:
        """Once sent it may arrive at any time, so whether the saga waits for the answer makes no difference here."""
        order = state.orders[index]
        if order.row in (PENDING_NEW, UNKNOWN, OPEN, FINAL) and not order.is_submitted:
            yield "submit_order sends it", with_order(state, index, is_submitted=True)

    def settle_by_any_word(self, state: State, index: int) -> Iterator[Change]:
        """confirm_order has the answer to the submit, projections have events; either may be early, late or twice."""
        for place in range(1, len(state.orders[index].words) + 1):
            status, cum_qty = state.orders[index].words[place - 1]
            words = f"confirm_order or an event settles it by word {place} ({status}, {cum_qty} filled)"
            yield words, self.settle(state, index, place)

    def release_limits(self, state: State, index: int) -> Iterator[Change]:
        """After a refusal. The engine is asked once more: only its own word frees a reservation."""
        words = state.orders[index].words
        if words and words[-1].status == "REJECTED":
            yield "release_limits asks the engine and settles", self.settle(state, index, len(words))

    def mark_unknown(self, state: State, index: int) -> Iterator[Change]:
        """Nothing was heard from the engine. The reservation stays held."""
        order = state.orders[index]
        if order.row == PENDING_NEW and order.engine_seq == 0:
            yield "mark_unknown", with_order(state, index, row=UNKNOWN)

    def settle(self, state: State, index: int, engine_seq: int) -> State:
        """Order, reservation and exposure take a newer word, and book the difference to the last one taken."""
        order = state.orders[index]
        if engine_seq <= order.engine_seq:
            return state
        return self.book(state, index, engine_seq)

    def book(self, state: State, index: int, engine_seq: int) -> State:
        order, word = state.orders[index], state.orders[index].words[engine_seq - 1]
        open_qty = 0 if word.is_final else QUANTITIES_LOTS[index] - word.cum_qty
        row = FINAL if word.is_final else OPEN
        after = with_order(state, index, row=row, open_qty=open_qty, cum_qty=word.cum_qty, engine_seq=engine_seq)
        used = state.used + self.newly_used(order, word)
        return after._replace(used=used, reserved=state.reserved + open_qty - order.open_qty)

    def newly_used(self, order: Order, word: Word) -> int:
        return word.cum_qty - order.cum_qty

    # The engine ------------------------------------------------------------------------------------------------

    def engine_takes_submit(self, state: State, index: int) -> Iterator[Change]:
        """An order it has heard of, or that was voided, is answered as it stands."""
        order = state.orders[index]
        if order.is_submitted and not order.words:
            yield "the engine accepts it", told(state, index, OPEN, 0)
            yield "the engine rejects it", told(state, index, "REJECTED", 0)

    def market(self, state: State, index: int, quantity: int) -> Iterator[Change]:
        order = state.orders[index]
        if order.is_live:
            for filled in range(order.filled_qty + 1, quantity + 1):
                status = "FILLED" if filled == quantity else OPEN
                yield f"the engine has filled {filled} of it", told(state, index, status, filled)
            yield "the engine cancels the rest of it", told(state, index, "CANCELED", order.filled_qty)

    def void(self, state: State, index: int) -> State:
        """Refused for ever if the engine never heard of it; no change if it did."""
        return state if state.orders[index].words else told(state, index, "VOIDED", 0)

    # The reconciler --------------------------------------------------------------------------------------------

    def reconcile(self, state: State, index: int) -> Iterator[Change]:
        """It alone must bring every order to its end, when all sagas are dead and all events lost."""
        order = state.orders[index]
        if order.row in (PENDING_NEW, UNKNOWN) and not order.words:
            yield "the reconciler voids it", self.void(state, index)
        if order.row not in (NONE, REFUSED, FINAL) and order.words:
            yield "the reconciler asks the engine and settles", self.settle(state, index, len(order.words))

    # What must hold --------------------------------------------------------------------------------------------

    def rules(self) -> Mapping[str, Callable[[State], bool]]:
        return {
            "used + reserved <= limit": lambda state: state.used + state.reserved <= LIMIT_LOTS,
            "used and reserved are what the reservations add up to": _adds_up,
            "nothing is used that the engine did not fill": _nothing_booked_twice,
            "no order is live or filled whose reservation was released": _released_stays_so,
            "what the engine has filled or may still fill is held for that order": _all_is_covered,
            "all that the engine filled is within the limit": _fills_are_within,
        }

    def step_rules(self) -> Mapping[str, Callable[[State, Step[State]], bool]]:
        return {}

    def goals(self) -> Mapping[str, Callable[[State], bool]]:
        return {"reconciler and market alone bring every order to its end, and nothing stays reserved": _is_settled}


def with_order(state: State, index: int, **changes: Any) -> State:
    orders = list(state.orders)
    orders[index] = orders[index]._replace(**changes)
    return state._replace(orders=tuple(orders))


def told(state: State, index: int, status: str, cum_qty: int) -> State:
    return with_order(state, index, words=(*state.orders[index].words, Word(status, cum_qty)))


def _adds_up(state: State) -> bool:
    open_qty, cum_qty = sum(o.open_qty for o in state.orders), sum(o.cum_qty for o in state.orders)
    return (state.used, state.reserved) == (cum_qty, open_qty)


def _nothing_booked_twice(state: State) -> bool:
    return state.used <= sum(order.filled_qty for order in state.orders)


def _all_is_covered(state: State) -> bool:
    return all(
        (quantity if order.is_live else order.filled_qty) <= order.open_qty + order.cum_qty
        for order, quantity in zip(state.orders, QUANTITIES_LOTS, strict=True)
    )


def _released_stays_so(state: State) -> bool:
    """Live or filled beyond what was booked when it was released."""
    return not any(order.is_live or order.filled_qty > order.cum_qty for order in state.orders if order.row == FINAL)


def _fills_are_within(state: State) -> bool:
    return sum(order.filled_qty for order in state.orders) <= LIMIT_LOTS


def _is_settled(state: State) -> bool:
    is_final = all(order.row in (NONE, REFUSED, FINAL) for order in state.orders)
    return is_final and state.reserved == 0 and state.used == sum(order.filled_qty for order in state.orders)
