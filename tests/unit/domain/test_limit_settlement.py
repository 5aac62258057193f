import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.orders import OrderSnapshot, OrdStatus, Side
from breakwater.domain.settlement import (
    ExposureChange,
    HeldReservation,
    ReservationState,
    as_last_heard,
    change_between,
    released,
    replacing,
    settled,
)

ORDER_ID = uuid.UUID(int=1)


def held(side: Side = Side.BUY, quantity: str = "10") -> HeldReservation:
    return HeldReservation(
        ORDER_ID, [], "ETH/USDT", "SIM", False, side, Decimal(quantity), Decimal(2000), Decimal(quantity), Decimal(0),
        Decimal(0), 0, ReservationState.HELD,
    )  # fmt: skip


def word(engine_seq: int, status: OrdStatus, cum_qty: str | Decimal = "0") -> OrderSnapshot:
    filled = Decimal(cum_qty)
    leaves = Decimal(0) if status.is_final else 10 - filled
    return OrderSnapshot(
        order_id=ORDER_ID, status=status, quantity=Decimal(10), cum_qty=filled, leaves_qty=leaves,
        cum_notional=filled * 1999, engine_seq=engine_seq, transact_time_ns=0,
    )  # fmt: skip


LIFE = [
    word(1, OrdStatus.NEW),
    word(2, OrdStatus.PARTIALLY_FILLED, "0.5"),
    word(3, OrdStatus.PARTIALLY_FILLED, "4"),
    word(4, OrdStatus.CANCELED, "4"),
]


@given(told=st.lists(st.sampled_from(LIFE)).map(lambda words: [*words, LIFE[-1]]), side=st.sampled_from(Side))
def test_however_often_and_in_whichever_order_it_is_told_the_last_word_decides(
    told: list[OrderSnapshot], side: Side
) -> None:
    reservation = start = held(side)
    booked = [Decimal(0)] * len(ExposureChange.__slots__)
    for snapshot in [*told, *told]:
        after = settled(reservation, snapshot)
        change = change_between(reservation, after)
        booked = [total + getattr(change, name) for total, name in zip(booked, change.__slots__, strict=True)]
        reservation = after
    assert reservation == settled(start, LIFE[-1])
    whole = change_between(start, reservation)
    # How many fills it came in is not known where words were lost.
    sums = whole.__slots__[: whole.__slots__.index("fill_count")]
    assert booked[: len(sums)] == [getattr(whole, name) for name in sums]
    assert whole.filled_qty == 4 * side.sign
    assert (whole.open_notional, whole.open_order_count, whole.traded_notional) == (
        Decimal(-20000),
        -1,
        Decimal(4 * 1999),
    )


def still(engine_seq: int, leaves_qty: int, **told: int) -> OrderSnapshot:
    return word(engine_seq, OrdStatus.NEW).model_copy(update={"leaves_qty": Decimal(leaves_qty), **told})


def test_an_order_that_was_restated_holds_what_is_left_of_it() -> None:
    restated = settled(held(), still(2, 6))
    assert (restated.quantity, restated.open_qty) == (6, 6)
    assert change_between(held(), restated).open_notional == -4 * 2000
    assert settled(restated, still(1, 10)) is restated  # What it has heard later stands.
    assert settled(restated, word(3, OrdStatus.FILLED, "6")).open_qty == 0


def test_while_a_replace_is_on_its_way_a_restated_order_holds_what_it_may_still_get() -> None:
    pending = settled(replacing(held(), 1, Decimal(12), Decimal(2000)), still(2, 6))
    assert pending.open_qty == 12
    assert settled(pending, still(3, 6, replace_no=1, terms_no=0)).open_qty == 6
    assert settled(pending, still(3, 12, replace_no=1, terms_no=1)).open_qty == 12


@pytest.mark.parametrize(("terms_no", "leaves"), [(1, 8), (0, 6)])
def test_a_replace_decided_before_what_was_heard_holds_what_the_newer_word_left(terms_no: int, leaves: int) -> None:
    pending = settled(replacing(held(), 1, Decimal(12), Decimal(2000)), still(3, leaves))
    late = settled(pending, still(2, leaves + 4, replace_no=1, terms_no=terms_no))
    assert late.open_qty == leaves + 4
    heard = as_last_heard(late, Decimal(leaves))
    assert (heard.quantity, heard.open_qty, heard.engine_seq) == (leaves, leaves, 3)
    assert as_last_heard(heard, Decimal(leaves)) == heard


def test_releasing_books_back_exactly_what_holding_booked() -> None:
    nothing, reservation = released(held()), held()
    there, back = change_between(nothing, reservation), change_between(reservation, nothing)
    assert there.open_buy_qty == 10
    assert [getattr(there, name) + getattr(back, name) for name in there.__slots__] == [0] * 8


@pytest.mark.parametrize(
    ("before", "impossible"),
    [(None, word(1, OrdStatus.FILLED, "10.1")), (LIFE[2], word(9, OrdStatus.CANCELED, "3"))],
)
def test_a_word_that_cannot_be_true_is_not_booked(before: OrderSnapshot | None, impossible: OrderSnapshot) -> None:
    reservation = held() if before is None else settled(held(), before)
    with pytest.raises(ValueError, match="engine says"):
        settled(reservation, impossible)
