"""The rules of reservations, broken one at a time: the explorer must find out each time."""

from collections.abc import Iterator

from tests.simulation.model.reservations import (
    FINAL,
    LIMIT_LOTS,
    NONE,
    OPEN,
    PENDING_NEW,
    REFUSED,
    UNKNOWN,
    Change,
    Order,
    Reservations,
    State,
    Word,
    told,
    with_order,
)


class ReleaseWithoutAsking(Reservations):
    """a saga that gives up releases the reservation instead of marking it unknown"""

    def mark_unknown(self, state: State, index: int) -> Iterator[Change]:
        order = state.orders[index]
        if order.row == PENDING_NEW and order.engine_seq == 0:
            after = with_order(state, index, row=FINAL, open_qty=0)
            yield "the saga gives up and releases", after._replace(reserved=state.reserved - order.open_qty)


class ReleaseWhatIsNotFound(Reservations):
    """the reconciler releases an order that the engine does not know, without voiding it there first"""

    def reconcile(self, state: State, index: int) -> Iterator[Change]:
        order = state.orders[index]
        if order.row in (PENDING_NEW, UNKNOWN) and not order.words:
            after = with_order(state, index, row=REFUSED, open_qty=0)
            yield "not found at the engine: released", after._replace(reserved=state.reserved - order.open_qty)
        yield from super().reconcile(state, index)


class FreeOnAClock(Reservations):
    """a reservation expires by itself"""

    def reconcile(self, state: State, index: int) -> Iterator[Change]:
        order = state.orders[index]
        if order.open_qty > 0:
            after = with_order(state, index, row=FINAL, open_qty=0)
            yield "the reservation is too old and expires", after._replace(reserved=state.reserved - order.open_qty)
        yield from super().reconcile(state, index)


class TakeWordsAsTheyArrive(Reservations):
    """the last word to arrive is taken, not the one with the highest engine_seq"""

    def settle(self, state: State, index: int, engine_seq: int) -> State:
        return self.book(state, index, engine_seq)


class AddFills(Reservations):
    """a word's fills are added to what is used, not their difference to the last word"""

    def newly_used(self, order: Order, word: Word) -> int:
        return word.cum_qty


class HoldAfterSubmit(Reservations):
    """the order is sent to the engine before it is held"""

    def submit_order(self, state: State, index: int) -> Iterator[Change]:
        if not state.orders[index].is_submitted:
            yield "submit_order sends it", with_order(state, index, is_submitted=True)


class ForgetTheVoid(Reservations):
    """an order that was voided is accepted when its submit comes after all"""

    def engine_takes_submit(self, state: State, index: int) -> Iterator[Change]:
        order = state.orders[index]
        if order.is_submitted and [word.status for word in order.words] == ["VOIDED"]:
            yield "the engine accepts it, though it was voided", told(state, index, OPEN, 0)
        yield from super().engine_takes_submit(state, index)


class AcceptTwice(Reservations):
    """the engine takes a submit that comes twice as a second order"""

    def engine_takes_submit(self, state: State, index: int) -> Iterator[Change]:
        order = state.orders[index]
        if [word.status for word in order.words[-1:]] == ["FILLED"] and len(order.words) < 4:
            yield "the engine fills it again", told(state, index, "FILLED", 2 * order.filled_qty)
        yield from super().engine_takes_submit(state, index)


class CountOnlyWhatIsUsed(Reservations):
    """an order fits when what is used leaves room for it, whatever is reserved"""

    def fits(self, state: State, quantity: int) -> bool:
        return state.used + quantity <= LIMIT_LOTS


class JudgeThenHold(Reservations):
    """limits are read in one transaction and held in the next, the node not locked in between"""

    def reserve_limits(self, state: State, index: int, quantity: int) -> Iterator[Change]:
        if state.orders[index].row == NONE and self.fits(state, quantity):
            yield "reserve_limits finds that it fits", with_order(state, index, row="JUDGED")
        if state.orders[index].row == "JUDGED":
            after = with_order(state, index, row=PENDING_NEW, open_qty=quantity)
            yield f"reserve_limits holds {quantity}", after._replace(reserved=state.reserved + quantity)


class HoldAgain(Reservations):
    """reserve_limits that is repeated holds again"""

    def reserve_limits(self, state: State, index: int, quantity: int) -> Iterator[Change]:
        if state.orders[index].row in (NONE, PENDING_NEW):
            yield self.hold(state, index, quantity)


class ForgetWhatIsKnown(Reservations):
    """mark_unknown takes back a state that the engine has told"""

    def mark_unknown(self, state: State, index: int) -> Iterator[Change]:
        if state.orders[index].row in (PENDING_NEW, OPEN, FINAL):
            yield "mark_unknown", with_order(state, index, row=UNKNOWN)


class NeverReconcile(Reservations):
    """nobody asks about an order whose saga died"""

    def reconcile(self, state: State, index: int) -> Iterator[Change]:
        yield from ()


class NeverVoid(Reservations):
    """the reconciler asks, and leaves an order alone that the engine does not know"""

    def reconcile(self, state: State, index: int) -> Iterator[Change]:
        if state.orders[index].words:
            yield from super().reconcile(state, index)


MUTATIONS: tuple[Reservations, ...] = (
    ReleaseWithoutAsking(),
    ReleaseWhatIsNotFound(),
    FreeOnAClock(),
    TakeWordsAsTheyArrive(),
    AddFills(),
    HoldAfterSubmit(),
    ForgetTheVoid(),
    AcceptTwice(),
    CountOnlyWhatIsUsed(),
    JudgeThenHold(),
    HoldAgain(),
    ForgetWhatIsKnown(),
    NeverReconcile(),
    NeverVoid(),
)
