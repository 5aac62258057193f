"""From one word of the engine to the next: what a reservation turns into and what its scopes' exposures change by."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from enum import StrEnum

from breakwater.domain.exposure import ZERO
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderSnapshot, Side


class ReservationState(StrEnum):
    HELD = "HELD"  # The engine has not answered.
    CONFIRMED = "CONFIRMED"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class HeldReservation:
    """What stands in the ledger for one order; it rests on the engine's word number `engine_seq` (0: none yet).

    Of a lease's two that are of no order, `open_qty` is what none of its orders has taken, and `order_count` may come.
    While a replace (`replace_no`) is not decided, `quantity` and `valuation_price` are each the larger of what the
    order has (`kept_*`) and of what it may get (`asked_*`): however it goes, and whatever fills before, is covered.
    """

    order_id: uuid.UUID
    node_ids: Sequence[uuid.UUID]
    symbol: str
    venue: str
    is_automated: bool
    side: Side
    quantity: Decimal
    valuation_price: Decimal
    open_qty: Decimal
    cum_qty: Decimal
    cum_notional: Decimal
    engine_seq: int
    state: str
    lease_id: uuid.UUID | None = None
    is_of_order: bool = True
    order_count: int = 1
    replace_no: int | None = None
    kept_quantity: Decimal | None = None
    kept_valuation_price: Decimal | None = None
    asked_quantity: Decimal | None = None
    asked_valuation_price: Decimal | None = None

    @property
    def is_open(self) -> bool:
        return self.state != ReservationState.FINAL


@dataclass(frozen=True, slots=True)
class ExposureChange:
    """What every scope above the account books in the reservation's symbol."""

    filled_qty: Decimal
    open_buy_qty: Decimal
    open_sell_qty: Decimal
    open_order_count: int
    open_notional: Decimal
    open_buy_notional: Decimal
    traded_notional: Decimal
    fill_count: int


def replacing(
    reservation: HeldReservation, replace_no: int, quantity: Decimal, valuation_price: Decimal
) -> HeldReservation:
    """The same with the larger of its terms and these held, until it is decided which the order has."""
    with localcontext(EXACT):
        larger = max(reservation.quantity, quantity)
        return replace(
            reservation,
            quantity=larger,
            valuation_price=max(reservation.valuation_price, valuation_price),
            open_qty=larger - reservation.cum_qty,
            replace_no=replace_no,
            kept_quantity=reservation.quantity,
            kept_valuation_price=reservation.valuation_price,
            asked_quantity=quantity,
            asked_valuation_price=valuation_price,
        )


def decided(reservation: HeldReservation, snapshot: OrderSnapshot) -> HeldReservation:
    """The reservation with the terms that the order has, where this word says what became of the replace.

    That is true whether or not anything newer was heard of the order. The same object when it says nothing of it.
    """
    if reservation.replace_no is None or snapshot.replace_no is None or snapshot.replace_no < reservation.replace_no:
        return reservation
    if snapshot.terms_no == reservation.replace_no:
        quantity, valuation_price = reservation.asked_quantity, reservation.asked_valuation_price
    else:
        quantity, valuation_price = reservation.kept_quantity, reservation.kept_valuation_price
    return _with_terms(reservation, quantity or ZERO, valuation_price or ZERO)


def _with_terms(reservation: HeldReservation, quantity: Decimal, valuation_price: Decimal) -> HeldReservation:
    with localcontext(EXACT):
        return replace(
            reservation,
            quantity=quantity,
            valuation_price=valuation_price,
            open_qty=quantity - reservation.cum_qty if reservation.is_open else ZERO,
            replace_no=None,
            kept_quantity=None,
            kept_valuation_price=None,
            asked_quantity=None,
            asked_valuation_price=None,
        )


def settled(reservation: HeldReservation, snapshot: OrderSnapshot) -> HeldReservation:
    """The reservation after this word; the same object when it has heard as much already.

    ValueError for a word that cannot be true: filled beyond the quantity, or less filled than before.
    """
    reservation = decided(reservation, snapshot)
    if snapshot.engine_seq <= reservation.engine_seq:
        return reservation
    if snapshot.status.is_final:  # A replace that was on its way came to nothing, or into the last word.
        reservation = _with_terms(reservation, reservation.quantity, reservation.valuation_price)
    if not reservation.cum_qty <= snapshot.cum_qty <= reservation.quantity:
        raise ValueError(f"order {reservation.order_id}: the engine says {snapshot.cum_qty} is filled")
    if snapshot.cum_notional < reservation.cum_notional:
        raise ValueError(f"order {reservation.order_id}: the engine says less was traded than before")
    with localcontext(EXACT):
        is_final, quantity = snapshot.status.is_final, reservation.quantity
        if not is_final and reservation.replace_no is None:
            # An order that was restated is for less. While a replace is on its way nobody knows whose terms these are.
            quantity = min(quantity, snapshot.cum_qty + snapshot.leaves_qty)
        return replace(
            reservation,
            quantity=quantity,
            open_qty=ZERO if is_final else quantity - snapshot.cum_qty,
            cum_qty=snapshot.cum_qty,
            cum_notional=snapshot.cum_notional,
            engine_seq=snapshot.engine_seq,
            state=ReservationState.FINAL if is_final else ReservationState.CONFIRMED,
        )


def as_last_heard(reservation: HeldReservation, leaves_qty: Decimal) -> HeldReservation:
    """After a word that decided a replace and was older than the one it rests on, which left `leaves_qty`.

    That one was of the terms decided on already, and a self-trade may have restated the order in between.
    """
    with localcontext(EXACT):
        quantity = min(reservation.quantity, reservation.cum_qty + leaves_qty)
        return replace(reservation, quantity=quantity, open_qty=quantity - reservation.cum_qty)


def released(reservation: HeldReservation) -> HeldReservation:
    """The same with nothing held: what a reservation is booked against when it begins."""
    return replace(reservation, open_qty=ZERO, state=ReservationState.FINAL)


def change_between(before: HeldReservation, after: HeldReservation) -> ExposureChange:
    """The difference, so that what is told twice, late or in the wrong order books nothing twice."""
    with localcontext(EXACT):
        opened = after.open_qty - before.open_qty
        opened_notional = after.open_qty * after.valuation_price - before.open_qty * before.valuation_price
        return ExposureChange(
            filled_qty=(after.cum_qty - before.cum_qty) * before.side.sign,
            open_buy_qty=opened if before.side is Side.BUY else ZERO,
            open_sell_qty=opened if before.side is Side.SELL else ZERO,
            open_order_count=after.is_open * after.order_count - before.is_open * before.order_count,
            open_notional=opened_notional,
            open_buy_notional=opened_notional if before.side is Side.BUY else ZERO,
            traded_notional=after.cum_notional - before.cum_notional,
            # Words between may have been lost: several fills then count as one.
            fill_count=int(after.cum_qty > before.cum_qty),
        )
