"""What a reservation holds while an order is replaced, in whatever order fills, cancels, answers and events come."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from breakwater.domain.exposure import ZERO
from breakwater.domain.orders import OrderSnapshot, OrdStatus, Side
from breakwater.domain.settlement import HeldReservation, ReservationState, change_between, replacing, settled

ORDER = uuid.UUID(int=7)


def held(quantity: str = "10", price: str = "100", *, cum: str = "0", side: Side = Side.BUY) -> HeldReservation:
    return HeldReservation(
        order_id=ORDER,
        node_ids=(),
        symbol="ETH/USDT",
        venue="BOOK",
        is_automated=False,
        side=side,
        quantity=Decimal(quantity),
        valuation_price=Decimal(price),
        open_qty=Decimal(quantity) - Decimal(cum),
        cum_qty=Decimal(cum),
        cum_notional=Decimal(cum) * Decimal(price),
        engine_seq=1,
        state=ReservationState.CONFIRMED,
    )


def word(seq: int, quantity: str, cum: str = "0", **told: Any) -> OrderSnapshot:
    """`told`: what it says of replaces, or another status."""
    status = OrdStatus(told.pop("status", "NEW"))
    whole, filled = Decimal(quantity), Decimal(cum)
    leaves = ZERO if status.is_final else whole - filled
    return OrderSnapshot(
        order_id=ORDER,
        status=status,
        quantity=whole,
        cum_qty=filled,
        leaves_qty=leaves,
        cum_notional=filled * 100,
        engine_seq=seq,
        transact_time_ns=1,
        **told,
    )


def holds(reservation: HeldReservation) -> tuple[Decimal, Decimal, Decimal]:
    return reservation.quantity, reservation.valuation_price, reservation.open_qty


def test_the_larger_of_each_is_held_until_it_is_decided() -> None:
    smaller_and_dearer = replacing(held(cum="2"), 1, Decimal(6), Decimal(120))
    assert holds(smaller_and_dearer) == (10, 120, 8)
    larger_and_cheaper = replacing(held(cum="2"), 1, Decimal(16), Decimal(80))
    assert holds(larger_and_cheaper) == (16, 100, 14)


def test_what_is_decided_leaves_the_right_one_of_both() -> None:
    asked = replacing(held(cum="2"), 3, Decimal(6), Decimal(120))
    assert holds(settled(asked, word(2, "6", "2", replace_no=3, terms_no=3))) == (6, 120, 4)
    refused = settled(asked, word(2, "10", "2", replace_no=3, terms_no=2))
    assert holds(refused) == (10, 100, 8)
    assert refused.replace_no is refused.kept_quantity is refused.asked_valuation_price is None


def test_words_that_do_not_tell_of_it_keep_the_larger() -> None:
    asked = replacing(held(), 2, Decimal(16), Decimal(100))
    assert holds(settled(asked, word(2, "10", "4"))) == (16, 100, 12)
    assert holds(settled(asked, word(2, "10", "4", replace_no=1, terms_no=1))) == (16, 100, 12)


def test_a_fill_that_overtook_the_answer_keeps_what_it_booked() -> None:
    """The fill of the larger quantity is heard of first, the answer, with a lower number, after it."""
    asked = replacing(held(), 1, Decimal(16), Decimal(90))
    filled = settled(asked, word(3, "16", "12"))
    assert (filled.cum_qty, filled.open_qty) == (12, 4)
    answered = settled(filled, word(2, "16", "0", replace_no=1, terms_no=1))
    assert (*holds(answered), answered.cum_qty, answered.engine_seq) == (16, 90, 4, 12, 3)


def test_the_end_of_the_order_ends_its_replace() -> None:
    asked = replacing(held(cum="2"), 1, Decimal(16), Decimal(100))
    ended = settled(asked, word(2, "10", "2", status="CANCELED"))
    assert (ended.open_qty, ended.replace_no, ended.state) == (0, None, ReservationState.FINAL)
    again = settled(ended, word(2, "10", "2", status="CANCELED", replace_no=1, terms_no=1))
    assert again is ended


def test_an_order_that_ends_with_the_larger_quantity_filled_is_believed() -> None:
    asked = replacing(held(), 1, Decimal(16), Decimal(100))
    ended = settled(asked, word(4, "16", "16", status="FILLED"))
    assert (ended.cum_qty, ended.open_qty, ended.quantity) == (16, 0, 16)


@dataclass
class Engine:
    """An order as the engine has it. What it says is kept, and heard at any time, twice, or never."""

    quantity: int = 10
    price: int = 100
    cum: int = 0
    notional: int = 0
    seq: int = 1
    replace_no: int = 0
    terms_no: int = 0
    status: OrdStatus = OrdStatus.NEW
    said: list[OrderSnapshot] = field(default_factory=list)

    @property
    def leaves(self) -> int:
        return 0 if self.status.is_final else self.quantity - self.cum

    def say(self, *, is_event: bool = False) -> None:
        """An event of a fill or an end does not tell of replaces; its answers, and the events of replaces, do."""
        self.seq += 1
        self.said.append(
            OrderSnapshot(
                order_id=ORDER,
                status=self.status,
                quantity=Decimal(self.quantity),
                cum_qty=Decimal(self.cum),
                leaves_qty=Decimal(self.leaves),
                cum_notional=Decimal(self.notional),
                engine_seq=self.seq,
                transact_time_ns=1,
                replace_no=None if is_event else self.replace_no,
                terms_no=None if is_event else self.terms_no,
            )
        )

    def replace(self, number: int, quantity: int, price: int, *, venue_says_no: bool) -> None:
        """Once each: a late one, or one that was voided, changes nothing."""
        if self.status.is_final or number <= self.replace_no:
            return
        self.replace_no = number
        if not venue_says_no and quantity > self.cum:
            self.quantity, self.price, self.terms_no = quantity, price, number
        self.say()

    def fill(self, lots: int) -> None:
        lots = min(lots, self.leaves)
        if lots:
            self.cum += lots
            self.notional += lots * self.price
            self.status = OrdStatus.PARTIALLY_FILLED if self.quantity > self.cum else OrdStatus.FILLED
            self.say(is_event=True)

    def cancel(self) -> None:
        if not self.status.is_final:
            self.status = OrdStatus.CANCELED
            self.say(is_event=True)


@dataclass
class Ledger:
    reservation: HeldReservation = field(default_factory=held)
    open_qty: Decimal = Decimal(10)
    open_notional: Decimal = Decimal(1000)
    traded: Decimal = ZERO
    next_no: int = 1

    def ask(self, quantity: int, price: int) -> tuple[int, int, int] | None:
        """The replace that is sent then; None where another one is not decided, or nothing can be replaced."""
        known = self.reservation
        if known.replace_no is not None or not known.is_open or quantity <= known.cum_qty:
            return None
        self.next_no += 1
        self._take(replacing(known, self.next_no - 1, Decimal(quantity), Decimal(price)))
        return self.next_no - 1, quantity, price

    def hear(self, snapshot: OrderSnapshot) -> None:
        self._take(settled(self.reservation, snapshot))

    def _take(self, after: HeldReservation) -> None:
        change = change_between(self.reservation, after)
        self.open_qty += change.open_buy_qty
        self.open_notional += change.open_buy_notional
        self.traded += change.traded_notional
        self.reservation = after


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 20), st.integers(50, 150)),
        st.tuples(st.just("arrive"), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("void"), st.just(0), st.just(0)),
        st.tuples(st.just("fill"), st.integers(1, 6), st.just(0)),
        st.tuples(st.just("cancel"), st.just(0), st.just(0)),
        st.tuples(st.just("hear"), st.integers(0, 40), st.just(0)),
    ),
    max_size=60,
)


def _run(steps: list[tuple[str, int, int]]) -> Iterator[tuple[Engine, Ledger]]:
    """Each step, and the state after it. What was sent may arrive at any time later, twice, or never."""
    engine, ledger = Engine(), Ledger()
    sent: list[tuple[int, int, int]] = []
    for step, first, second in steps:
        match step:
            case "ask":
                asked = ledger.ask(first, second)
                sent += [] if asked is None else [asked]
            case "arrive" if sent:
                engine.replace(*sent[first % len(sent)], venue_says_no=bool(second))
            case "void" if ledger.reservation.replace_no is not None:
                engine.replace(ledger.reservation.replace_no, 0, 0, venue_says_no=True)
            case "fill":
                engine.fill(first)
            case "cancel":
                engine.cancel()
            case "hear" if engine.said:
                ledger.hear(engine.said[first % len(engine.said)])
        yield engine, ledger
    engine.say()  # The reconciler's question, whatever was lost before.
    ledger.hear(engine.said[-1])
    yield engine, ledger


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_what_is_held_covers_what_can_fill_in_every_order_of_events(steps: list[tuple[str, int, int]]) -> None:
    for engine, ledger in _run(steps):
        known = ledger.reservation
        unheard_qty = engine.cum - known.cum_qty
        unheard_notional = engine.notional - known.cum_notional
        assert ledger.open_qty == known.open_qty >= engine.leaves + unheard_qty
        assert ledger.open_notional == known.open_qty * known.valuation_price
        assert ledger.open_notional >= engine.leaves * engine.price + unheard_notional
        assert ledger.traded == known.cum_notional
    assert ledger.reservation.cum_qty == engine.cum
    if ledger.reservation.replace_no is None:  # Else its request may still arrive.
        assert ledger.open_qty == engine.leaves
        assert ledger.open_notional == engine.leaves * engine.price
