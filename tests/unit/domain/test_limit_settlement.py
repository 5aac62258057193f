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
    change_between,
    released,
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
