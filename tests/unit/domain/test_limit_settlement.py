import uuid
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.orders import OrderSnapshot, OrdStatus, Side
from breakwater.domain.settlement import (
    HeldReservation,
    ReservationState,
    change_between,
    released,
    session_day,
    settled,
)

ORDER_ID = uuid.UUID(int=1)


def held(side: Side = Side.BUY, quantity: str = "10") -> HeldReservation:
    return HeldReservation(
        ORDER_ID, [], "ETH/USDT", side, Decimal(quantity), Decimal(2000), Decimal(quantity), Decimal(0), Decimal(0), 0,
        ReservationState.HELD,
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
    booked = [Decimal(0)] * 6
    for snapshot in [*told, *told]:
        after = settled(reservation, snapshot)
        change = change_between(reservation, after)
        booked = [total + getattr(change, name) for total, name in zip(booked, change.__slots__, strict=True)]
        reservation = after
    assert reservation == settled(start, LIFE[-1])
    whole = change_between(start, reservation)
    assert booked == [getattr(whole, name) for name in whole.__slots__]
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
    assert [getattr(there, name) + getattr(back, name) for name in there.__slots__] == [0] * 6


@pytest.mark.parametrize(
    ("before", "impossible"),
    [(None, word(1, OrdStatus.FILLED, "10.1")), (LIFE[2], word(9, OrdStatus.CANCELED, "3"))],
)
def test_a_word_that_cannot_be_true_is_not_booked(before: OrderSnapshot | None, impossible: OrderSnapshot) -> None:
    reservation = held() if before is None else settled(held(), before)
    with pytest.raises(ValueError, match="engine says"):
        settled(reservation, impossible)


def test_a_fill_belongs_to_its_day_in_utc() -> None:
    midnight_ns = 1_772_409_600 * 1_000_000_000  # 2026-03-02T00:00:00Z
    assert session_day(midnight_ns) == date(2026, 3, 2)
    assert session_day(midnight_ns - 1) == date(2026, 3, 1)
